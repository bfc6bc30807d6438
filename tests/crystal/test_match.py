"""Superposition of crystals: disguises undone, noise measured, hands told apart."""

import ase
import ase.build
import numpy as np
import pytest

from jaxtal.crystal import CrystalBatch, HostAtoms, match_crystals, prototype
from jaxtal.crystal._match_cells import lattice_maps, supercell_points


def superpose(*arrays, **options):
    """Match of two crystals by matrix, coordinates and atomic numbers."""
    a, b = (HostAtoms.from_arrays(*arrays[i : i + 3]) for i in (0, 3))
    return match_crystals(a, b, **options)


def quartz():
    """alpha-quartz, P 32 2 1 with the origin that puts Si at z = 0."""
    a, c = 4.9134, 5.4052
    u, (x, y, z) = 0.4697, (0.4135, 0.2669, 0.1191)
    cell = np.array([[a, 0, 0], [-a / 2, a * np.sqrt(3) / 2, 0], [0, 0, c]])
    silicon = [[u, 0, 0], [0, u, 2 / 3], [-u, -u, 1 / 3]]
    oxygen = [
        [x, y, z],
        [-y, x - y, z + 2 / 3],
        [y - x, -x, z + 1 / 3],
        [y, x, 2 / 3 - z],
        [x - y, -y, -z],
        [-x, y - x, 1 / 3 - z],
    ]
    return cell, np.array(silicon + oxygen), np.array([14] * 3 + [8] * 6)


def rutile():
    u = 0.3053
    frac = [
        [0, 0, 0],
        [0.5, 0.5, 0.5],
        [u, u, 0],
        [-u, -u, 0],
        [0.5 + u, 0.5 - u, 0.5],
        [0.5 - u, 0.5 + u, 0.5],
    ]
    return np.diag([4.594, 4.594, 2.959]), np.array(frac), np.array([22] * 2 + [8] * 4)


def lonsdaleite():
    """Hexagonal diamond, P 63/m m c."""
    a, c = 2.522, 4.119
    cell = np.array([[a, 0, 0], [-a / 2, a * np.sqrt(3) / 2, 0], [0, 0, c]])
    z = 0.0629
    third = [[1 / 3, 2 / 3], [2 / 3, 1 / 3]]
    frac = [[*third[0], z], [*third[1], -z], [*third[1], 0.5 + z], [*third[0], 0.5 - z]]
    return cell, np.array(frac), np.array([6] * 4)


def diamond():
    atoms = ase.build.bulk("C", "diamond", a=3.567, cubic=True)
    return atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers


CRYSTALS = {"quartz": quartz, "rutile": rutile, "lonsdaleite": lonsdaleite, "diamond": diamond}


def random_rotation(rng):
    q = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    return q * np.sign(np.linalg.det(q))


def random_unimodular(rng):
    rows = np.eye(3, dtype=int)
    for _ in range(6):
        i, j = rng.choice(3, 2, replace=False)
        rows[i] += rng.integers(-1, 2) * rows[j]
    return rows if rng.uniform() < 0.5 else -rows


def disguise(crystal, rng, noise=0.0, invert=False, repeats=(1, 1, 1)):
    """Another description of the same crystal, each atom displaced by Gaussian noise (angstrom)."""
    cell, frac, numbers = crystal
    atoms = ase.Atoms(numbers, scaled_positions=frac, cell=cell, pbc=True).repeat(repeats)
    cell, frac, numbers = atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers
    shift = rng.normal(scale=noise, size=frac.shape) if noise else np.zeros(frac.shape)
    frac = frac + shift @ np.linalg.inv(cell)
    rows = random_unimodular(rng)
    order = rng.permutation(len(numbers))
    frac = ((-frac if invert else frac) @ np.linalg.inv(rows) + rng.uniform(size=3))[order] % 1.0
    return (rows @ cell @ random_rotation(rng), frac, numbers[order]), shift


def check_is_a_superposition(match, a, b):
    """The returned cells and atoms are the given crystals, and lie on each other as stated."""
    for cell, frac, transform, atoms, given in (
        (match.cell_a, match.frac_a, match.transform_a, match.atoms_a, a),
        (match.cell_b, match.frac_b - match.translation, match.transform_b, match.atoms_b, b),
    ):
        np.testing.assert_allclose(transform @ given[0], cell, atol=1e-9)
        np.testing.assert_array_equal(given[2][atoms], match.atomic_numbers)
        # Each matched atom sits on its given one, up to a translation of the given crystal.
        moved = frac @ transform
        for place, z in zip(moved, match.atomic_numbers, strict=True):
            same = given[1][given[2] == z]
            gap = place - same
            distance = np.linalg.norm((gap - np.rint(gap)) @ given[0], axis=1)
            assert distance.min() < 1e-3
    gap = match.frac_b - match.frac_a
    vectors = gap @ (0.5 * (match.cell_a + match.cell_b @ match.rotation))
    assert np.sqrt(np.mean(np.sum(vectors**2, axis=1))) == pytest.approx(match.rmsd, abs=1e-3)
    np.testing.assert_allclose(match.rotation @ match.rotation.T, np.eye(3), atol=1e-9)
    assert (np.linalg.det(match.rotation) < 0) == match.improper


@pytest.mark.parametrize("name", CRYSTALS)
@pytest.mark.parametrize("repeats", [(1, 1, 1), (2, 1, 1), (1, 3, 2)])
@pytest.mark.parametrize("invert", [False, True])
def test_a_disguised_crystal_is_found_again(name, repeats, invert, rng):
    crystal = CRYSTALS[name]()
    other, _ = disguise(crystal, rng, invert=invert, repeats=repeats)
    match = superpose(*crystal, *other)
    assert match is not None
    assert match.rmsd < 1e-7
    assert match.max_distance < 1e-7
    assert match.cell_error < 1e-8
    # Of these, quartz alone has a hand.
    assert match.improper is (invert and name == "quartz")
    check_is_a_superposition(match, crystal, other)


@pytest.mark.parametrize("name", CRYSTALS)
def test_noise_is_measured(name, rng):
    crystal = CRYSTALS[name]()
    for noise in (0.003, 0.1):
        other, shift = disguise(crystal, rng, noise=noise)
        match = superpose(*crystal, *other)
        assert match is not None
        expected = np.sqrt(np.mean(np.sum((shift - shift.mean(axis=0)) ** 2, axis=1)))
        # The noise makes all eight atoms of diamond's cell the primitive cell, and the two of the
        # ideal crystal are repeated to meet them.
        assert len(match.atomic_numbers) == len(crystal[2])
        # Another pairing may be better than the one that the noise came from, never worse.
        assert match.rmsd <= expected + 1e-9
        assert match.rmsd > 0.9 * expected
        check_is_a_superposition(match, crystal, other)
        back = superpose(*other, *crystal)
        assert back is not None
        assert back.rmsd == pytest.approx(match.rmsd, rel=1e-6)
        check_is_a_superposition(back, other, crystal)


def test_strain_is_reported(rng):
    cell, frac, numbers = quartz()
    strain = np.diag([1.0, 1.0, 1.02])
    other, _ = disguise((cell @ strain, frac, numbers), rng)
    match = superpose(cell, frac, numbers, *other)
    assert match is not None
    assert match.rmsd < 1e-7
    assert match.cell_error == pytest.approx(0.02, rel=1e-6)
    assert superpose(cell, frac, numbers, *other, length_tol=0.01) is None
    scaled = superpose(cell, frac, numbers, cell * 1.03, frac, numbers)
    assert scaled is not None
    assert scaled.cell_error == pytest.approx(0.03, rel=1e-9)
    assert scaled.rmsd < 1e-9


def test_left_and_right_quartz():
    cell, frac, numbers = quartz()
    match = superpose(cell, frac, numbers, cell, -frac, numbers)
    assert match is not None
    assert match.improper
    assert match.rmsd < 1e-9
    same = superpose(cell, frac, numbers, cell, frac[::-1], numbers[::-1])
    assert same is not None
    assert not same.improper
    np.testing.assert_array_equal(same.atoms_b[np.argsort(same.atoms_a)].sum(), 36)


def test_distinct_structures_do_not_match():
    # Their shortest cells hold 2 and 4 atoms; neither supercell of diamond fits lonsdaleite.
    assert superpose(*diamond(), *lonsdaleite(), max_rmsd=0.2) is None
    cell, frac, numbers = quartz()
    other = frac.copy()
    other[3:] += 0.05 * np.random.default_rng(0).normal(size=(6, 3))
    match = superpose(cell, frac, numbers, cell, other, numbers)
    assert match is not None
    assert match.rmsd > 0.1
    assert superpose(cell, frac, numbers, cell, other, numbers, max_rmsd=0.1) is None


def test_different_compositions_do_not_match():
    cell, frac, numbers = quartz()
    assert superpose(cell, frac, numbers, cell, frac, numbers + 1) is None
    assert superpose(cell, frac, numbers, cell, frac[:6], numbers[:6]) is None
    assert superpose(cell, frac, numbers, *rutile()) is None


def test_fifty_atoms(rng):
    frac = rng.uniform(size=(50, 3))
    numbers = np.repeat([8, 14, 13], [30, 12, 8])
    cell = np.array([[9.0, 0, 0], [0.5, 9.1, 0], [-0.3, 0.2, 9.05]])
    other, shift = disguise((cell, frac, numbers), rng, noise=0.05, invert=True)
    match = superpose(cell, frac, numbers, *other)
    assert match is not None
    expected = np.sqrt(np.mean(np.sum((shift - shift.mean(axis=0)) ** 2, axis=1)))
    assert match.rmsd <= expected + 1e-9
    assert match.improper


def test_optimal_pairing_when_greedy_fails():
    # Two atoms whose nearest partner is the same one.
    cell = np.eye(3) * 10.0
    a = np.array([[0, 0, 0], [0.30, 0, 0], [0.38, 0, 0], [0.3, 0.4, 0.45]])
    b = np.array([[0, 0, 0], [0.34, 0, 0], [0.46, 0, 0], [0.3, 0.4, 0.45]])
    numbers = np.array([8, 6, 6, 14])
    match = superpose(cell, a, numbers, cell, b, numbers)
    assert match is not None
    shifts = (b - a) * 10.0
    expected = np.sqrt(np.mean(np.sum((shifts - shifts.mean(axis=0)) ** 2, axis=1)))
    assert match.rmsd == pytest.approx(expected, rel=1e-9)


def test_lattice_maps_of_cubic_and_hexagonal_cells():
    cubic = lattice_maps(np.eye(3) * 3, np.eye(3) * 3.1, 1, 0.1, 0.05)
    assert len(cubic) == 48
    hexagonal = lattice_maps(quartz()[0], quartz()[0], 1, 0.05, 0.05)
    assert len(hexagonal) == 24
    doubled = lattice_maps(np.diag([6.0, 3.0, 3.0]), np.eye(3) * 3, 2, 0.05, 0.05)
    assert len(doubled) == 48
    assert len(lattice_maps(np.eye(3) * 3, np.eye(3) * 4, 1, 0.1, 0.05)) == 0


def test_supercell_points_are_one_per_class(rng):
    for _ in range(20):
        rows = rng.integers(-3, 4, (3, 3))
        size = abs(round(np.linalg.det(rows)))
        if size == 0:
            continue
        points = supercell_points(rows)
        assert len(points) == size
        inside = points @ np.linalg.inv(rows)
        assert (inside > -1e-9).all()
        assert (inside < 1 - 1e-9).all()


@pytest.mark.parametrize(
    "options", [{"length_tol": 0.0}, {"angle_tol": -1.0}, {"max_rmsd": np.nan}], ids=str
)
def test_tolerances_are_positive(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        superpose(*quartz(), *quartz(), **options)


def test_crystals_of_every_kind_match():
    rutile = prototype("rutile")
    for a in (rutile, rutile.expand(), rutile.to_ase(), rutile.to_host()):
        for b in (rutile, rutile.to_ase()):
            match = match_crystals(a, b)
            assert match is not None
            assert match.rmsd < 1e-5
    with pytest.raises(ValueError, match=r"b: expected a Crystal, .* got 'rutile'; a built-in"):
        match_crystals(rutile, "rutile")
    with pytest.raises(ValueError, match=r"a: expected a Crystal, .* got CrystalBatch"):
        match_crystals(CrystalBatch.from_crystals(rutile), rutile)
