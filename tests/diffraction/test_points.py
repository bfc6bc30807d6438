"""Plans and points: completeness, normalisation, symmetry-thinned lists, bad input."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cells import SHEAR, finite, in_cell, relative, stored
from jaxtyping import TypeCheckError
from providers import listing
from variants import slow_but

from jaxtal.crystal import Crystal, CrystalBatch, WyckoffCrystal, prototype
from jaxtal.diffraction import ReciprocalSpace, hkl_sphere
from jaxtal.diffraction._found_reflections import FoundReflections
from jaxtal.diffraction._laue_group import cartesian_rotations, frame_axes, laue_frame
from jaxtal.diffraction._listed_reflections import ListedReflections
from jaxtal.lattice import Lattice
from jaxtal.symmetry import SpaceGroup

SPACE = ReciprocalSpace(q_max=5.0)
covers = eqx.filter_jit(lambda plan, crystal: plan.covers(crystal))


def with_matrix(crystal: Crystal, matrix) -> Crystal:
    new = jnp.asarray(matrix, crystal.lattice.matrix.dtype)
    return eqx.tree_at(lambda c: c.lattice, crystal, Lattice(new))


def listed(hkl) -> set[tuple[int, ...]]:
    return {tuple(int(i) for i in h) for h in np.asarray(hkl)}


def strains(rng, n: int):
    for _ in range(n):
        yield np.eye(3) + rng.uniform(0.005, 0.06) * rng.standard_normal((3, 3))


def test_covers_only_what_it_holds(x64, rng):
    crystal = stored("alpha-quartz")
    matrix = np.asarray(crystal.lattice.matrix)
    seen = []
    for skewed in (matrix, SHEAR @ matrix):
        plan = SPACE.plan(with_matrix(crystal, skewed), max_stretch=1.08)
        held = listed(listing(plan).hkl)
        for strain in strains(rng, 60):
            strained = skewed @ strain
            says = bool(covers(plan, with_matrix(crystal, strained)))
            stretch = np.linalg.norm(strain.T, 2)
            complete = listed(hkl_sphere(strained, 5.0)) <= held
            assert says == (stretch <= 1.08 * 1.0005)
            assert complete or not says
            seen.append((says, complete))
    # Both answers occur, and a "no" mostly means that reflections are lacking.
    assert seen.count((True, True)) > 20
    assert seen.count((False, False)) > 5
    assert seen.count((False, False)) > seen.count((False, True))


def test_isotropic_expansion_is_covered_to_the_margin(x64):
    crystal = stored("alpha-quartz")
    matrix = crystal.lattice.matrix
    plan = SPACE.plan(crystal, max_stretch=1.1)
    assert bool(covers(plan, with_matrix(crystal, 1.1 * matrix)))
    assert bool(covers(plan, with_matrix(crystal, 0.5 * matrix)))
    assert not bool(covers(plan, with_matrix(crystal, 1.102 * matrix)))
    # Turning the crystal changes nothing.
    turn, _ = np.linalg.qr(np.random.default_rng(1).standard_normal((3, 3)))
    assert bool(covers(plan, with_matrix(crystal, matrix @ turn)))


def test_one_plan_for_several_crystals(x64):
    crystals = [stored("alpha-quartz"), prototype("rutile"), stored("diamond")]
    plan = SPACE.plan(crystals)
    expanded = [c.expand() if isinstance(c, WyckoffCrystal) else c for c in crystals]
    for crystal in expanded:
        points = plan(crystal)
        alone = SPACE.plan(crystal)(crystal)
        assert bool(points.complete)
        total, expected = (jnp.sum(p.intensity * p.multiplicity) for p in (points, alone))
        assert relative(total, expected) < 1e-12


@pytest.mark.parametrize("shear", [np.eye(3, dtype=int), SHEAR @ SHEAR], ids=["plain", "skewed"])
def test_float32_crystals_fit_their_own_plan(x32, shear):
    crystal = in_cell(stored("h-diamond"), shear)
    assert crystal.lattice.matrix.dtype == jnp.float32
    assert bool(covers(SPACE.plan(crystal, max_stretch=1.0), crystal))


def test_what_makes_points_incomplete(x64):
    crystal = stored("rutile")
    plan = SPACE.plan(crystal)
    other = eqx.tree_at(lambda c: c.atomic_numbers, crystal, crystal.atomic_numbers + 1)
    assert not bool(plan(other).complete)
    points = plan(with_matrix(crystal, 1.2 * crystal.lattice.matrix))
    assert not bool(points.complete)
    with pytest.raises(eqx.EquinoxRuntimeError, match="outgrown its plan"):
        points.checked()
    checked = plan(crystal).checked()
    assert bool(checked.complete)
    # A lattice without the symmetry of the plan.
    group = SpaceGroup.from_number(136)
    thinned = SPACE.plan(crystal, laue=group.laue_rotations)
    assert bool(covers(thinned, crystal))
    broken = crystal.lattice.matrix * jnp.asarray([[1.0], [0.99], [1.0]])
    assert not bool(covers(thinned, with_matrix(crystal, broken)))


def test_box_and_direct_sum_give_the_same_points(x64):
    crystal = stored("alpha-quartz-rattled")
    plan = SPACE.plan(crystal)
    assert listing(plan).box_index is not None
    direct = eqx.tree_at(lambda p: p.box_index, plan, None)
    one, other = plan(crystal), direct(crystal)
    assert relative(one.intensity, other.intensity) < 1e-12
    assert np.array_equal(one.q, other.q)


def test_intensity_is_normalised(x64):
    # A simple cubic crystal of one atom: I = f(q)^2 / f(0)^2 t(q / q_max).
    crystal = Crystal.from_arrays(3 * np.eye(3), [[0.1, 0.2, 0.3]], [14])
    for kind, shape in (("constant", "smooth"), ("it92", "none")):
        space = ReciprocalSpace(q_max=5.0, kind=kind, taper=shape)
        plan = space.plan(crystal)
        points = plan(crystal)
        q = np.linalg.norm(np.asarray(points.q), axis=1)
        f = np.asarray(plan.form_factors(jnp.asarray((q / 4 / np.pi) ** 2)))[0]
        f0 = np.asarray(plan.form_factors(jnp.zeros(1)))[0, 0]
        x = q / 5.0
        window = {"smooth": (1 - x**2) ** 3, "none": 1 + 0 * x}
        expected = np.where((x < 1) & (q > 0), (f / f0) ** 2 * window[shape], 0)
        assert np.allclose(points.intensity, expected, rtol=1e-12, atol=0)
        assert np.sum(np.asarray(points.multiplicity)) == 2 * len(hkl_sphere(3 * np.eye(3), 5.26))


def test_neutrons_are_normalised_without_the_forward_beam(x64):
    # Ti and Mn scatter neutrons with negative lengths, so I(0) may vanish.
    space = ReciprocalSpace(q_max=5.0, kind="neutron")
    small = Crystal.from_arrays(3 * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5]], [22, 25])
    large = in_cell(small, np.diag([2, 1, 1]))
    sums = []
    for crystal in (small, large):
        points = space.plan(crystal)(crystal)
        sums.append(jnp.sum(points.intensity * points.multiplicity))
    assert relative(sums[0], sums[1]) < 1e-12
    plan = space.plan(small)
    b = np.asarray(plan.form_factors(jnp.zeros(1)))[:, 0]
    points = plan(small)
    h = np.asarray(listing(plan).hkl).sum(axis=1) % 2
    F2 = np.where(h == 0, (b[0] + b[1]) ** 2, (b[0] - b[1]) ** 2) / (2 * np.sum(b**2))
    x = np.linalg.norm(np.asarray(points.q), axis=1) / 5
    expected = np.where((x < 1) & (x > 0), F2 * (1 - x**2) ** 3, 0)
    assert np.allclose(points.intensity, expected, rtol=1e-11, atol=1e-15)


def test_displacements_are_optional(x64):
    crystal = Crystal.from_arrays(3 * np.eye(3), [[0, 0, 0]], [6], u_iso=[0.02])
    still, moving = SPACE, ReciprocalSpace(q_max=5.0, displacements=True)
    one, other = (s.plan(crystal)(crystal) for s in (still, moving))
    q2 = np.sum(np.asarray(one.q) ** 2, axis=1)
    assert np.allclose(other.intensity, one.intensity * np.exp(-q2 * 0.02), rtol=1e-12)


def test_dispersion_takes_the_full_sphere(x64):
    crystal = prototype("wurtzite").expand()
    space = ReciprocalSpace(q_max=5.0, wavelength=1.54)
    plan = space.plan(crystal)
    assert not plan.friedel
    held = listed(listing(plan).hkl) - {(0, 0, 0)}
    assert {tuple(-i for i in h) for h in held} == held
    points = plan(crystal)
    value = {
        tuple(int(i) for i in h): float(I)
        for h, I in zip(listing(plan).hkl, points.intensity, strict=True)
    }
    assert abs(value[1, 0, 1] / value[-1, 0, -1] - 1) > 1e-3


@pytest.mark.parametrize("setting", ["R -3 c :H", "R -3 c :R"])
def test_axes_follow_rhombohedral_cells(x64, setting):
    group = SpaceGroup.find(setting)
    hexagonal = prototype("corundum").expand()
    crystal = in_cell(hexagonal, np.eye(3, dtype=int))
    if setting.endswith("R"):
        # Obverse rhombohedral vectors in terms of the hexagonal ones, in thirds.
        rows = np.array([[2, 1, 1], [-1, 1, 1], [-1, -2, 1]]) / 3
        matrix = rows @ np.asarray(hexagonal.lattice.matrix)
        frac = np.asarray(hexagonal.frac_coords) @ np.linalg.inv(rows)
        frac, numbers = frac - np.floor(frac + 1e-9), np.asarray(hexagonal.atomic_numbers)
        _, first = np.unique(np.round(frac, 6) % 1, axis=0, return_index=True)
        crystal = Crystal.from_arrays(matrix, frac[first], numbers[first])
        assert len(first) == 10
    assert (laue_frame(group.laue_rotations)[0] == 1).all() == setting.endswith("R")
    plan = SPACE.plan(crystal, max_stretch=1.3, laue=group.laue_rotations)
    full = SPACE.plan(crystal, max_stretch=1.3)
    assert len(listing(plan).hkl) <= len(listing(full).hkl) / 4
    metric = np.asarray(crystal.lattice.metric)
    R = cartesian_rotations(group.laue_rotations, np.asarray(listing(plan).frame))
    for change in (0.0, 0.08):
        # A metric of the same symmetry, and another angle or c/a.
        added = np.ones((3, 3)) if setting.endswith("R") else np.diag([0, 0, 1])
        other = metric + change * metric.mean() * added
        turn, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))
        moved = with_matrix(crystal, np.linalg.cholesky(other) @ turn)
        points, whole = plan(moved), full(moved)
        assert bool(points.complete)
        # The equivalents h W of a point at q are at q R^T, R the same for every cell.
        axes = frame_axes(moved.lattice.matrix, listing(plan).frame)
        equivalent = np.asarray(listing(plan).hkl) @ group.laue_rotations
        q = equivalent @ np.asarray(moved.lattice.reciprocal @ axes.T)
        expected = np.asarray(points.q) @ R.transpose(0, 2, 1)
        assert np.allclose(q, expected, rtol=0, atol=1e-12)
        total, expected = (jnp.sum(x.intensity * x.multiplicity) for x in (points, whole))
        assert relative(total, expected) < 1e-12


def test_frames_of_every_group():
    seen = {}
    for number in range(1, 231):
        laue = SpaceGroup.from_number(number).laue_rotations
        seen[np.sort(laue.reshape(len(laue), -1), axis=0).tobytes()] = laue
    for laue in seen.values():
        assert np.array_equal(laue_frame(laue), np.eye(3))
        R = cartesian_rotations(laue, np.eye(3))
        assert np.allclose(R @ R.transpose(0, 2, 1), np.eye(3), atol=1e-12)


def test_frames_of_primitive_cells():
    # Rows of the primitive cells of C-centred monoclinic and I-centred tetragonal lattices.
    c_centred = np.array([[1, 1, 0], [-1, 1, 0], [0, 0, 2]]) / 2
    i_centred = np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]]) / 2
    for number, rows in ((12, c_centred), (139, i_centred), (225, i_centred)):
        W = SpaceGroup.from_number(number).laue_rotations
        # Columns of coordinates change with the inverse transpose of the rows.
        primitive = np.linalg.inv(rows.T) @ W @ rows.T
        assert np.allclose(primitive, np.rint(primitive))
        laue_frame(np.rint(primitive).astype(int))


def test_gradients_are_finite_with_padding_and_thinned_lists(x64):
    crystal = stored("rutile", pad_to=8)
    spoiled = eqx.tree_at(lambda c: c.frac_coords, crystal, crystal.frac_coords.at[6:].set(jnp.nan))
    group = SpaceGroup.from_number(136)
    for laue in (None, group.laue_rotations):
        plan = SPACE.plan(crystal, laue=laue)

        def loss(one, plan=plan):
            points = plan(one)
            return jnp.sum(points.intensity * jnp.sum(jnp.abs(points.q), axis=1))

        value, slope = eqx.filter_jit(eqx.filter_value_and_grad(loss))(spoiled)
        assert finite((value, slope))
    empty = eqx.tree_at(lambda c: c.mask, spoiled, jnp.zeros(8, bool))
    value, slope = eqx.filter_jit(eqx.filter_value_and_grad(loss))(empty)
    assert float(value) == 0
    assert finite(slope)


def test_taper_ends_smoothly(x64):
    for kind, order in (("smooth", 3), ("none", 0)):
        function = ReciprocalSpace(taper=kind).window
        derivatives = []
        for _ in range(4):
            derivatives.append(abs(float(function(jnp.asarray(1.0)))))
            function = jax.grad(lambda x, f=function: jnp.sum(f(x)))
        assert np.max(derivatives[:order], initial=0) < 1e-12
        assert derivatives[order] > 0.5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"q_max": 0.0}, "q_max: expected a positive"),
        ({"q_max": -3.0}, "q_max: expected a positive"),
        ({"q_max": float("nan")}, "q_max: expected a positive"),
        ({"kind": "gamma rays"}, "kind: expected one of"),
        ({"kind": "neutron", "wavelength": 1.5}, "wavelength"),
    ],
)
def test_bad_specifications(options, message):
    with pytest.raises(ValueError, match=message):
        ReciprocalSpace(**options)


def test_bad_plans():
    crystal = stored("rutile")
    laue = SpaceGroup.from_number(136).laue_rotations
    with pytest.raises(ValueError, match="crystals: expected at least one"):
        SPACE.plan([])
    with pytest.raises(ValueError, match="max_stretch: expected"):
        SPACE.plan(crystal, max_stretch=0.9)
    with pytest.raises(ValueError, match="inversion"):
        SPACE.plan(crystal, laue=laue[:1])
    with pytest.raises(ValueError, match="integer matrices"):
        SPACE.plan(crystal, laue=0.5 * laue)
    with pytest.raises(ValueError, match="metric"):
        SPACE.plan(stored("alpha-quartz"), laue=laue)
    with pytest.raises(ValueError, match="laue: f''"):
        ReciprocalSpace(wavelength=1.54).plan(crystal, laue=laue)
    with pytest.raises(ValueError, match="static shape"):
        jax.jit(lambda m: listing(SPACE.plan(with_matrix(crystal, m))).hkl)(crystal.lattice.matrix)


def test_without_a_plan():
    quartz = prototype("alpha-quartz")
    points = SPACE(quartz)
    assert bool(points.complete)
    assert points.specification == SPACE
    planned = SPACE.plan(quartz, max_stretch=1.0)(quartz)
    total, expected = (jnp.sum(p.intensity * p.multiplicity) for p in (points, planned))
    assert relative(total, expected) < 1e-5
    several = SPACE([quartz, prototype("rutile").expand(), prototype("diamond").to_ase()])
    assert several.q.shape[0] == 3
    assert bool(jnp.all(several.complete))
    total = jnp.sum(several.intensity * several.multiplicity, axis=1)
    assert relative(total[0], expected) < 1e-5
    with pytest.raises(ValueError, match=r"plan on the host first, `plan = specification\.plan"):
        eqx.filter_jit(SPACE)(quartz)
    with pytest.raises(ValueError, match="crystals: expected a Crystal"):
        SPACE(3)


def by_length(q, intensity) -> np.ndarray:
    """Length and intensity of every point that has one, sorted."""
    key = np.round(np.linalg.norm(np.asarray(q), axis=1), 9)
    strong = np.asarray(intensity) > 1e-9
    rows = np.stack([np.asarray(intensity)[strong], key[strong]])
    return rows[:, np.lexsort(rows)]


def test_listed_and_found_reflections_are_the_same_points(x64):
    crystals = [stored("alpha-quartz"), stored("rutile")]
    batch = CrystalBatch.from_crystals(crystals, dtype="float64")
    listed, found = (SPACE.plan(crystals, reflections=r) for r in ("listed", "found"))
    assert isinstance(SPACE.plan(crystals), ListedReflections)
    assert isinstance(SPACE.plan(batch), FoundReflections)
    assert isinstance(SPACE.plan(crystals * 3), FoundReflections)
    lists = []
    for plan in (listed, found):
        together = plan(batch)
        alone = [plan(crystal) for crystal in crystals]
        assert all(bool(points.complete) for points in alone)
        lists.append([by_length(together.q[i], together.intensity[i]) for i in (0, 1)])
        lists.append([by_length(points.q, points.intensity) for points in alone])
    for other in lists[1:]:
        for one, expected in zip(other, lists[0], strict=True):
            np.testing.assert_allclose(one, expected, rtol=1e-8)
    # Partly occupied sites too, but neither ions nor displacement factors.
    partly = eqx.tree_at(lambda c: c.occupancies, crystals[0], 0.5 * crystals[0].occupancies)
    one, other = listed(partly), found(partly)
    assert bool(other.complete)
    assert relative(*(jnp.sum(p.intensity * p.multiplicity) for p in (other, one))) < 1e-12
    ion = eqx.tree_at(lambda c: c.charges, crystals[0], crystals[0].charges + 1)
    assert not bool(found(ion).complete)
    with pytest.raises(ValueError, match='reflections: expected "listed" for ions'):
        SPACE.plan(stored("rutile", charges=[4, 4, -2, -2, -2, -2]), reflections="found")
    with pytest.raises(ValueError, match='reflections: expected "listed" for displacement'):
        ReciprocalSpace(displacements=True).plan(crystals, reflections="found")
    with pytest.raises((ValueError, TypeCheckError), match="reflections"):
        SPACE.plan(crystals, reflections="guessed")
    with pytest.raises(ValueError, match="max_species, elements: expected none"):
        SPACE.plan(crystals, elements=[14])


@pytest.mark.parametrize("half", slow_but(["bfloat16"], ["bfloat16", "float16"]))
def test_half_precision_is_computed_in_float32(half):
    crystal = stored("alpha-quartz")
    plan = SPACE.plan(crystal)
    small = jax.tree.map(
        lambda x: x.astype(half) if jnp.issubdtype(x.dtype, jnp.floating) else x, crystal
    )

    def total(one):
        points = plan(one)
        return jnp.sum(points.intensity * jnp.sum(jnp.abs(points.q), axis=1))

    value, slope = eqx.filter_value_and_grad(total)(small)
    assert value.dtype == jnp.float32
    assert slope.frac_coords.dtype == slope.lattice.matrix.dtype == half
    assert finite(jax.tree.map(lambda x: x.astype("float32"), slope))


def test_an_ion_without_form_factor_is_told_once_and_found(x64):
    cell, x = np.eye(3) * 4.5, [[0, 0, 0], [0.5, 0.5, 0.5]]
    charged = Crystal.from_arrays(cell, x, [21, 7], charges=[3, -3])
    mixed = Crystal.from_arrays(cell, x, [21, 7], charges=[3, 0])
    with pytest.warns(UserWarning, match="N for N3-") as told:
        found = ReciprocalSpace(q_max=6.0)(charged)
    assert len(told) == 1
    assert found.complete
    np.testing.assert_allclose(
        found.intensity, ReciprocalSpace(q_max=6.0)(mixed).intensity, rtol=1e-12
    )
    for kind in ("waasmaier-kirfel", "electron"):
        with pytest.raises(ValueError, match=r"N3-|Sc3\+"):
            ReciprocalSpace(q_max=6.0, kind=kind, charges="exact")(charged)
