"""Reflection lists: counts of a measured quasicrystal, merge rules, cuts, and every error."""

import numpy as np
import pytest

from jaxtal.lattice import Superspace
from jaxtal.reflections import Reflections, ReflectionTable
from jaxtal.symmetry import SpaceGroup, SymOp

CUBE = Superspace.periodic([4.0, 4.0, 4.0, 90, 90, 90])
HEXAGON = Superspace.periodic([3.0, 3.0, 120.0])
SIXFOLD = SymOp([[1, -1], [1, 0]], [0, 0])


def icosahedral_group() -> SpaceGroup:
    r3 = np.eye(6, dtype=int)[[2, 0, 1, 5, 3, 4]]
    r5 = np.zeros((6, 6), dtype=int)
    r5[[0, 1, 2, 3], [0, 4, 1, 2]], r5[[4, 5], [5, 3]] = 1, -1
    return SpaceGroup.from_generators([SymOp(r3), SymOp(r5)])


@pytest.fixture(scope="module")
def cdyb(data_dir):
    return np.loadtxt(data_dir / "quasicrystal/cdyb/cdyb_integrated_bck", skiprows=8)


def test_cadmium_ytterbium_counts(cdyb):
    space, group = Superspace.icosahedral(5.689), icosahedral_group()
    assert group.order == 60
    assert 1e-17 < space.metric_inconsistency(group.rotations) < 2e-17
    refl = Reflections.from_arrays(
        space, group, cdyb[:, 8:14], cdyb[:, 17], sigma=cdyb[:, 18], min_i_over_sigma=1
    )
    report = refl.report
    assert (report.rows, report.excluded_weak, report.merged, report.extinct) == (5381, 292, 11, 0)
    assert (report.kept, report.real, report.complex) == (5078, 1380, 3698)
    assert report.reflections == refl.n_reflections == len(refl.orbits.all_indices) == 522866
    assert report.worst is not None
    assert report.worst.intensities == (13.948, 1.6725)
    assert refl.intensity[1] == 13.948  # the first of the pair counts
    assert "292 left out: I <= 0 or I <= 1 sigma" in report.text()
    assert "1380 real, 3698 complex; 522866 reflections" in report.text()
    # The file's own lengths, in units of 2 pi / 8.045 A, printed with two decimals.
    first = {tuple(k): row for row, k in reversed(list(enumerate(cdyb[:, 8:14].astype(int))))}
    rows = [first[tuple(k)] for k in refl.k]
    np.testing.assert_allclose(refl.q_parallel / (2 * np.pi / 8.045), cdyb[rows, 14], atol=0.007)
    np.testing.assert_allclose(
        refl.q_perpendicular / (2 * np.pi / 8.045), cdyb[rows, 15], atol=0.007
    )
    np.testing.assert_array_equal(refl.real.sum(), 1380)
    whole = Reflections.from_arrays(space, group, cdyb[:, 8:14], cdyb[:, 17], merge="mean")
    assert (whole.report.kept, whole.n_reflections) == (5370, 554686)


def test_equivalents_in_a_basis_that_is_not_orthogonal():
    group = SpaceGroup.from_generators([SIXFOLD])
    h = np.array([2, 1])
    images = []
    for _ in range(6):
        images.append(h)
        h = h @ np.array(SIXFOLD.rotation)
    assert len({tuple(i) for i in images}) == 6
    k = np.array([*images, [1, 2], [3, 0]])
    lengths = np.linalg.norm(HEXAGON.q_parallel(k), axis=1)
    np.testing.assert_allclose(lengths[:7], lengths[0], rtol=1e-14)
    refl = Reflections.from_arrays(HEXAGON, group, k, np.arange(8) + 1.0)
    np.testing.assert_array_equal(refl.k, [[2, 1], [1, 2], [3, 0]])
    np.testing.assert_array_equal(refl.intensity, [1, 7, 8])
    assert (refl.report.merged, refl.report.real, refl.n_reflections) == (5, 3, 18)
    np.testing.assert_array_equal(refl.epsilon, 1)
    np.testing.assert_allclose(refl.stol2, (lengths[[0, 6, 7]] / (4 * np.pi)) ** 2)
    with pytest.raises(ValueError, match="does not fit the group"):
        Reflections.from_arrays(Superspace.periodic([3.0, 3.0, 60.0]), group, k, np.arange(8) + 1.0)


K = np.array([[1, 2, 3], [1, 0, 0], [-1, -2, -3], [0, 1, 0], [1, 2, 3], [0, 0, 0]])
I = np.array([10.0, 4.0, 16.0, 0.0, 40.0, 999.0])
SIGMA = np.array([1.0, 0.5, 2.0, 0.5, 4.0, 1.0])


def test_first_keeps_the_first_row():
    refl = Reflections.from_arrays(CUBE, "P 1", K, I, sigma=SIGMA)
    np.testing.assert_array_equal(refl.k, [[1, 2, 3], [1, 0, 0], [0, 1, 0]])
    np.testing.assert_array_equal(refl.intensity, [10, 4, 0])
    np.testing.assert_array_equal(refl.sigma, [1, 0.5, 0.5])
    np.testing.assert_array_equal(refl.amplitude, [10**0.5, 2, 0])
    assert len(refl) == 3
    report = refl.report
    assert (report.rows, report.origin, report.merged, report.kept) == (6, 1, 2, 3)
    mean = (10 + 16 + 40) / 3
    assert report.r_int == pytest.approx((abs(10 - mean) + abs(16 - mean) + 40 - mean) / 66)
    assert report.worst.rows == (0, 4)
    assert report.worst.deviation == pytest.approx(30 / 17**0.5)
    text = report.text()
    assert "row 0 with I = 10 and row 4 with I = 40, 7.28 sigma apart" in text
    assert "1 left out: the origin" in text


def test_mean_is_weighted_with_the_inverse_variance():
    refl = Reflections.from_arrays(CUBE, "P 1", K, I, sigma=SIGMA, merge="mean")
    weight = 1 / SIGMA[[0, 2, 4]] ** 2
    assert refl.intensity[0] == pytest.approx((weight * I[[0, 2, 4]]).sum() / weight.sum())
    assert refl.sigma[0] == pytest.approx(weight.sum() ** -0.5)
    np.testing.assert_array_equal(refl.intensity[1:], [4, 0])
    np.testing.assert_array_equal(refl.sigma[1:], [0.5, 0.5])
    plain = Reflections.from_arrays(CUBE, "P 1", K, I, merge="mean")
    assert plain.intensity[0] == pytest.approx(22)
    assert plain.sigma is None
    assert plain.report.worst.deviation == pytest.approx(30 / 50)
    assert "of their sum apart" in plain.report.text()
    sigma = np.where(np.arange(6) == 4, 0.0, SIGMA)  # no weight for one: the plain mean
    unknown = Reflections.from_arrays(CUBE, "P 1", K, I, sigma=sigma, merge="mean")
    assert unknown.intensity[0] == pytest.approx(22)
    assert unknown.sigma[0] == pytest.approx(5**0.5 / 3)


def test_cuts_and_limits():
    cut = Reflections.from_arrays(CUBE, "P 1", K, I, sigma=4 * SIGMA, min_i_over_sigma=2)
    # 16 = 2 x 8 is cut: at the limit is weak.
    assert (cut.report.excluded_weak, cut.report.merged, len(cut)) == (3, 1, 1)
    positive = Reflections.from_arrays(CUBE, "P 1", K, I, min_i_over_sigma=0)
    assert positive.report.excluded_weak == 1
    near = Reflections.from_arrays(CUBE, "P 1", K, I, d_min=4.0)
    assert (near.report.beyond_limit, len(near)) == (3, 2)
    assert "3 left out: beyond the resolution limit" in near.report.text()


def test_observed_amplitudes_become_intensities():
    refl = Reflections.from_arrays(
        CUBE, 1, [[1, 0, 0], [0, 1, 0]], amplitude=[3, 0], sigma=[0.5, 1]
    )
    np.testing.assert_array_equal(refl.intensity, [9, 0])
    np.testing.assert_array_equal(refl.sigma, [3, 0])
    negative = Reflections.from_arrays(CUBE, 1, [[1, 0, 0]], [-4.0])
    assert negative.intensity[0] == -4
    assert negative.amplitude[0] == 0


def test_index_matrix_acts_on_columns():
    matrix = np.array([[0, 0, 1], [1, 0, 0], [0, -1, 1]])
    raw = np.array([[1, 2, 3], [4, 0, -2]])
    refl = Reflections.from_arrays(CUBE, "P 1", raw, [1.0, 2.0], index_matrix=matrix)
    np.testing.assert_array_equal(refl.k, [matrix @ row for row in raw])
    # From more columns than dimensions, as four-index notations have them.
    four = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
    bravais = Reflections.from_arrays(CUBE, 1, [[1, 2, -3, 4]], [1.0], index_matrix=four)
    np.testing.assert_array_equal(bravais.k, [[1, 2, 4]])


def test_extinct_reflections_are_named_or_dropped():
    k = np.array([[1, 0, 0], [0, 3, 0], [0, 2, 0], [1, 1, 1], [0, 5, 0]])
    box = Superspace.periodic([4.0, 5.0, 6.0, 90, 90, 90])
    group = "P 21 21 21"
    with pytest.raises(
        ValueError, match=r"extinguishes, got 3: \[1, 0, 0\] \(row 0\), \[0, 3, 0\]"
    ):
        Reflections.from_arrays(box, group, k, np.ones(5))
    refl = Reflections.from_arrays(box, group, k, np.ones(5), extinct="drop")
    assert (refl.report.extinct, len(refl)) == (3, 2)
    assert "3 left out: systematically absent" in refl.report.text()
    weak = Reflections.from_arrays(box, group, k, [0, 0, 1, 1, 0], min_i_over_sigma=0)
    assert weak.report.extinct == 0  # what the cut takes is no contradiction
    many = np.stack([2 * np.arange(9) + 1, np.zeros(9), np.zeros(9)], axis=1)
    with pytest.raises(ValueError, match=r"\[9, 0, 0\] \(row 4\) and 4 more"):
        Reflections.from_arrays(box, group, many, np.ones(9))
    with pytest.raises(ValueError, match=r"none of which is left: 9 rows, 9 extinct"):
        Reflections.from_arrays(box, group, many, np.ones(9), extinct="drop")


def test_absences_are_judged_with_the_weak_rows_that_a_cut_leaves_out():
    k = np.array([[0, n, 0] for n in range(1, 81)])
    absent = k[:, 1] % 2 == 1
    # A few are there by multiple diffraction; most of them are not, and a cut takes those away.
    intensity = np.where(absent, 0.2, 50.0)
    intensity[:12:2] = 6.0
    refl = Reflections.from_arrays(
        [5, 90, 7, 90, 90, 90],
        "P 21",
        k,
        intensity,
        sigma=np.ones(80),
        min_i_over_sigma=1.0,
        extinct="drop",
    )
    assert len(refl) == 40
    assert refl.report.extinct == 6


def make(k=K, intensity=I, space=CUBE, group="P 1", **options):
    return Reflections.from_arrays(space, group, k, intensity, **options)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: make(k=K[:, :2]), "expected 3 columns, got 2"),
        (lambda: make(k=K[0]), r"shape \(n, N\), got \(3,\)"),
        (lambda: make(k=K[:0], intensity=I[:0]), "at least one reflection, got none"),
        (lambda: make(k=K + 0.25), "expected integers, got .*1.25.* in row 0"),
        (lambda: make(k=np.where(K == 3, np.nan, K)), "nan.* in row 0"),
        (lambda: make(k=K * 2**40), "in row 0"),
        (lambda: make(k=[["a", "b", "c"]]), "indices: expected numbers"),
        (lambda: make(intensity=I[:4]), r"intensity: expected shape \(6,\)"),
        (lambda: make(intensity=np.where(I == 16, np.nan, I)), "intensity: .* nan in row 2"),
        (lambda: make(sigma=SIGMA[:2]), r"sigma: expected shape \(6,\)"),
        (lambda: make(sigma=-SIGMA), "sigma: expected sigma >= 0, got -1.0 in row 0"),
        (lambda: make(sigma=SIGMA + np.inf), "sigma: expected a finite number"),
        (lambda: make(intensity=None), "got neither"),
        (lambda: make(amplitude=I), "got both"),
        (lambda: make(intensity=None, amplitude=I - 5), r"\|F\| >= 0, got -1.0 in row 1"),
        (lambda: make(min_i_over_sigma=1), "min_i_over_sigma = 1: expected sigma, got none"),
        (lambda: make(min_i_over_sigma=-1), "expected a number >= 0, got -1"),
        (lambda: make(min_i_over_sigma=1e6, sigma=SIGMA), "none of which is left: .*excluded_weak"),
        (lambda: make(k=0 * K), "none of which is left: 6 rows, 6 origin"),
        (lambda: make(d_min=0.0), "d_min: expected a positive"),
        (lambda: make(d_min=100.0), "5 beyond_limit"),
        (lambda: make(index_matrix=np.eye(2)), r"index_matrix: expected shape \(3, 3\)"),
        (lambda: make(index_matrix=np.eye(3) / 2), "index_matrix: expected integers"),
        (lambda: make(index_matrix=np.ones((3, 3))), "index_matrix: expected rank 3"),
        (lambda: make(space=HEXAGON), "group in 2 dimensions like the basis, got 3"),
        (lambda: make(group="P 4 4"), "P 4 4"),
        (lambda: make(group="P 6"), "does not fit the group"),
    ],
)
def test_bad_input_is_one_clear_error(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_tables_name_their_lines():
    table = ReflectionTable(
        indices=K, intensity=np.where(I == 4, np.nan, I), lines=np.arange(6) + 8, source="a.hkl"
    )
    assert len(table) == 6
    assert "6 rows, 3 indices, intensity, 'a.hkl'" in repr(table)
    with pytest.raises(
        ValueError, match=r"a\.hkl: intensity: expected a finite number.* in line 9"
    ):
        Reflections.from_table(CUBE, "P 1", table)
    good = ReflectionTable(indices=K, amplitude=I, sigma=SIGMA)
    refl = Reflections.from_table(CUBE, "P 1", good, merge="mean", d_min=1.0)
    np.testing.assert_array_equal(refl.k, [[1, 2, 3], [1, 0, 0], [0, 1, 0]])
    assert refl.intensity[1] == 16
    with pytest.raises(ValueError, match="expected either intensities or amplitudes"):
        Reflections.from_table(CUBE, "P 1", ReflectionTable(indices=K))


def test_modulated_crystal():
    space = Superspace.modulated([5.1, 7.3, 6.2, 90, 90, 90], [0, 0.41, 0])
    group = SpaceGroup.from_generators([SymOp(np.diag([1, -1, 1, -1]), [0, 0, 0, 1], 2)])
    k = np.array([[1, 0, 2, 0], [1, 1, 0, 1], [1, -1, 0, -1], [0, 0, 1, 2]])
    refl = Reflections.from_arrays(space, group, k, np.ones(4))
    assert (len(refl), refl.report.merged) == (3, 1)
    np.testing.assert_array_equal(refl.q_perpendicular, [0, 1, 2])
