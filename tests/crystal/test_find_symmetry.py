"""Symmetry found by spglib: the same crystal, in the standard setting, with everything kept."""

import json
import pathlib

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
import spglib

from jaxtal._core import call_spglib
from jaxtal.crystal import Crystal, HostAtoms, WyckoffCrystal, prototype, prototype_names
from jaxtal.symmetry import SpaceGroup
from jaxtal.symmetry._identify import standard_hall_numbers

CRYSTALS = json.loads(
    (pathlib.Path(__file__).parent.parent / "reference" / "crystals.json").read_text()
)
PRIMITIVE = {
    "rock-salt": np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2,
    "anatase": np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]]) / 2,
    "corundum": np.array([[2, 1, 1], [-1, 1, 1], [-1, -2, 1]]) / 3,
    "coesite": np.array([[1, 1, 0], [-1, 1, 0], [0, 0, 2]]) / 2,
}


def recell(crystal: Crystal, basis: np.ndarray) -> Crystal:
    """The same crystal on other axes: rows of `basis` in terms of the old ones."""
    matrix = basis @ np.asarray(crystal.lattice.matrix)
    to_new = np.linalg.inv(basis)
    shifts = np.stack(np.meshgrid(*[np.arange(-4, 5)] * 3, indexing="ij"), -1).reshape(-1, 3)
    frac, index = np.zeros((0, 3)), np.zeros(0, int)
    for i, x in enumerate(np.asarray(crystal.frac_coords, dtype=float)):
        new = np.unique(np.round(((x[None] + shifts) @ to_new) % 1.0, 9) % 1.0, axis=0)
        frac, index = np.concatenate([frac, new]), np.concatenate([index, np.full(len(new), i)])
    # In a smaller cell several of the old atoms are the same one.
    kinds = np.stack([crystal.atomic_numbers, crystal.charges, crystal.isotopes], axis=1)[index]
    _, once = np.unique(np.concatenate([frac, kinds], axis=1), axis=0, return_index=True)
    frac, index = frac[once], index[once]
    columns = ("occupancies", "u_iso", "charges", "isotopes")
    tensors = None
    if crystal.u_aniso is not None:
        star = np.linalg.norm(np.linalg.inv(np.asarray(crystal.lattice.matrix)), axis=0)
        P = to_new.T
        new_star = np.linalg.norm(np.linalg.inv(matrix), axis=0)
        U = P @ (np.asarray(crystal.u_aniso) * np.outer(star, star)) @ P.T
        tensors = (U / np.outer(new_star, new_star))[index]
    return Crystal.from_arrays(
        matrix,
        frac,
        np.asarray(crystal.atomic_numbers)[index],
        u_aniso=tensors,
        **{name: np.asarray(getattr(crystal, name))[index] for name in columns},
    )


def test_standard_hall_numbers_have_our_operations():
    numbers = standard_hall_numbers()
    assert len(set(numbers.values())) == 230
    for number in (3, 15, 48, 70, 88, 141, 146, 155, 166, 167, 203, 227, 228, 230):
        data = call_spglib(spglib.get_symmetry_from_database, numbers[number])
        group = SpaceGroup.from_number(number)
        theirs = {
            (tuple(W.ravel()), tuple(np.rint(24 * w).astype(int) % 24))
            for W, w in zip(data["rotations"], data["translations"], strict=True)
        }
        ours = {
            (tuple(W.ravel()), tuple(24 * w // group.denominator % 24))
            for W, w in zip(group.rotations, group.translations, strict=True)
        }
        assert ours == theirs


@pytest.mark.parametrize("entry", CRYSTALS, ids=lambda e: e["name"])
def test_reference_crystals_are_identified(x64, powder, entry):
    crystal = Crystal.from_arrays(entry["matrix"], entry["frac"], entry["numbers"])
    found = WyckoffCrystal.from_crystal(crystal)
    assert found.group.number == entry["spacegroup"]
    assert found.group == SpaceGroup.from_number(found.group.number)
    np.testing.assert_allclose(powder(found.expand()), powder(crystal), rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("name", PRIMITIVE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_primitive_rotated_shifted_and_super_cells(x64, powder, rng, name, dtype):
    reference = prototype(name).expand()
    rotation = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    for basis in (PRIMITIVE[name], np.diag([2, 1, 1]), np.array([[1, 2, 0], [0, 1, 1], [0, 0, 1]])):
        moved = recell(reference, basis)
        moved = Crystal.from_arrays(
            np.asarray(moved.lattice.matrix) @ rotation,
            np.asarray(moved.frac_coords) + np.array([0.123, 0.456, 0.789]),
            moved.atomic_numbers,
            dtype=dtype,
        )
        found = WyckoffCrystal.from_crystal(moved)
        assert found.site_parameters.dtype == dtype
        assert found.group.number == prototype(name).group.number
        np.testing.assert_allclose(powder(found.expand()), powder(reference), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", prototype_names())
def test_letters_are_those_of_spglib(x64, name):
    """The multiset of letters agrees up to the normaliser; multiplicities always."""
    crystal = prototype(name)
    found = WyckoffCrystal.from_crystal(crystal.expand())
    assert found.group == crystal.group
    assert sorted(found.plan.multiplicities) == sorted(crystal.plan.multiplicities)
    cell = found.expand()
    species = np.asarray(cell.atomic_numbers)
    dataset = call_spglib(
        spglib.get_symmetry_dataset,
        (np.asarray(cell.lattice.matrix), np.asarray(cell.frac_coords), species),
        symprec=1e-4,
        hall_number=standard_hall_numbers()[crystal.group.number],
    )
    if np.allclose(dataset.origin_shift % 1, 0, atol=1e-6) and np.allclose(
        dataset.transformation_matrix, np.eye(3), atol=1e-6
    ):
        letters = [found.plan.letters[s][-1] for s in np.asarray(found.plan.site)]
        assert letters == list(dataset.wyckoffs)


def mixed_rutile() -> Crystal:
    """Ti/Nb on one site, two oxygens made different by their tensors' size, charges, isotopes."""
    tensors = np.zeros((3, 3, 3))
    tensors[:2] = [[0.007, 0.001, 0], [0.001, 0.007, 0], [0, 0, 0.005]]
    tensors[2] = [[0.006, -0.002, 0], [-0.002, 0.006, 0], [0, 0, 0.004]]
    return WyckoffCrystal.build(
        136,
        (4.593, 2.959),
        [
            ("Ti4+", "2a", (0, 0, 0)),
            ("Nb5+", "2a", (0, 0, 0)),
            ("18O2-", "4f", (0.3051,) * 2 + (0,)),
        ],
        occupancies=[0.8, 0.2, 0.95],
        u_iso=[0.0, 0.0, 0.0],
        u_aniso=tensors,
    ).expand()


@pytest.mark.parametrize(
    "basis", [np.eye(3), [[1, 1, 0], [-1, 1, 0], [0, 0, 1]], [[0, 1, 0], [0, 0, 1], [1, 0, 0]]]
)
def test_occupancies_ions_isotopes_and_tensors_are_kept(x64, powder, basis):
    reference = mixed_rutile()
    moved = recell(reference, np.array(basis, float))
    found = WyckoffCrystal.from_crystal(moved)
    assert found.group.number == 136
    assert sorted(found.species) == ["18O2-", "Nb5+", "Ti4+"]
    order = np.argsort(found.atomic_numbers)
    np.testing.assert_allclose(np.asarray(found.occupancies)[order], [0.95, 0.8, 0.2])
    np.testing.assert_allclose(powder(found.expand()), powder(reference), rtol=1e-6, atol=1e-9)


def test_isotropic_displacements_decide_equivalence(x64, powder):
    """CsCl's arrangement of one element is body-centred unless the displacements differ."""
    frac = [[0, 0, 0], [0.5, 0.5, 0.5]]
    cell = 3.2 * np.eye(3)
    same = Crystal.from_arrays(cell, frac, [26, 26], u_iso=[0.01, 0.01])
    assert WyckoffCrystal.from_crystal(same).group.number == 229
    other = Crystal.from_arrays(cell, frac, [26, 26], u_iso=[0.01, 0.03])
    found = WyckoffCrystal.from_crystal(other)
    assert found.group.number == 221
    np.testing.assert_allclose(np.sort(found.u_iso), [0.01, 0.03])
    np.testing.assert_allclose(powder(found.expand()), powder(other), rtol=1e-8)


def test_charges_and_occupancies_decide_equivalence(x64):
    frac = [[0, 0, 0], [0.5, 0.5, 0.5]]
    for kwargs in ({"charges": [2, 3]}, {"occupancies": [1, 0.5]}, {"isotopes": [0, 57]}):
        crystal = Crystal.from_arrays(3.2 * np.eye(3), frac, [26, 26], **kwargs)
        assert WyckoffCrystal.from_crystal(crystal).group.number == 221


def test_tensors_that_break_the_symmetry_lower_it_or_are_averaged(x64, powder):
    tensor = np.diag([0.01, 0.013, 0.01])
    crystal = Crystal.from_arrays((4, 4, 4, 90, 90, 90), [[0, 0, 0]], [26], u_aniso=tensor[None])
    found = WyckoffCrystal.from_crystal(crystal)
    assert found.group.number == 123
    assert found.u_aniso is not None
    np.testing.assert_allclose(found.u_aniso[0], np.diag([0.01, 0.01, 0.013]), atol=1e-12)
    np.testing.assert_allclose(powder(found.expand()), powder(crystal), rtol=1e-9)
    found = WyckoffCrystal.from_crystal(crystal, u_tolerance=0.004)
    assert found.group.number == 221
    assert found.u_aniso is not None
    np.testing.assert_allclose(found.u_aniso[0], 0.011 * np.eye(3), atol=1e-12)
    kept = WyckoffCrystal.from_crystal(crystal, symmetry=False)
    assert kept.u_aniso is not None
    np.testing.assert_allclose(kept.u_aniso[0], tensor)


@pytest.mark.parametrize("tilt", [0.0, 0.004])
def test_tilted_tensors_lower_the_group_of_a_supercell(x64, powder, tilt):
    """Equal principal values, other directions: only the tensors tell the atoms' symmetry."""
    tensor = np.array([[0.007, tilt, 0], [tilt, 0.007, 0], [0, 0, 0.005]])
    reference = WyckoffCrystal.build(
        99, (4, 5), [("Fe", "1a", (0, 0, 0)), ("O", "1b", (0.5, 0.5, 0.2))]
    ).expand()
    crystal = recell(
        Crystal.from_arrays(
            reference.lattice.matrix,
            reference.frac_coords,
            reference.atomic_numbers,
            u_aniso=np.stack([tensor, tensor]),
        ),
        np.diag([2, 1, 1]),
    )
    found = WyckoffCrystal.from_crystal(crystal)
    assert found.group.number == (99 if tilt == 0 else 35)
    np.testing.assert_allclose(powder(found.expand()), powder(crystal), rtol=1e-7, atol=1e-10)


def test_tolerance_decides(x64, rng):
    cell = prototype("rutile").expand()
    noise = 0.02 * rng.uniform(-1, 1, cell.frac_coords.shape) / np.asarray(cell.lattice.cell[:3])
    rattled = eqx.tree_at(lambda c: c.frac_coords, cell, cell.frac_coords + jnp.asarray(noise))
    assert WyckoffCrystal.from_crystal(rattled, symprec=1e-3).group.number == 1
    found = WyckoffCrystal.from_crystal(rattled, symprec=0.1)
    assert found.group.number == 136
    np.testing.assert_allclose(found.lattice_parameters, (4.593, 2.959), rtol=1e-6)
    assert abs(float(found.site_parameters[0]) - 0.3051) < 0.01


@pytest.mark.parametrize("hand", [1, -1])
def test_handedness_survives(x64, hand):
    """alpha-quartz is P 32 2 1 with our parameters; its mirror image P 31 2 1."""
    cell = prototype("alpha-quartz").expand()
    matrix = np.asarray(cell.lattice.matrix) * [1, 1, hand]
    mirrored = Crystal.from_arrays(matrix, cell.frac_coords, cell.atomic_numbers)
    assert WyckoffCrystal.from_crystal(mirrored).group.number == {1: 154, -1: 152}[hand]


def test_without_symmetry_every_atom_is_free(x64, powder):
    cell = prototype("h-diamond").expand()
    free = WyckoffCrystal.from_crystal(cell, symmetry=False)
    assert free.plan.letters == ("1a",) * 4
    assert free.n_free == 6 + 3 * 4
    np.testing.assert_allclose(powder(free.expand()), powder(cell), rtol=1e-9, atol=1e-12)


def test_without_symmetry_left_handed_axes_keep_the_hand(x64):
    cell = prototype("alpha-quartz").expand()
    swap = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1]])
    left = Crystal.from_arrays(
        swap @ np.asarray(cell.lattice.matrix),
        np.asarray(cell.frac_coords) @ swap,
        cell.atomic_numbers,
    )
    free = WyckoffCrystal.from_crystal(left, symmetry=False)
    assert WyckoffCrystal.from_crystal(free.expand()).group.number == 154


def test_bad_input(x64):
    cell = prototype("rutile").expand()
    with pytest.raises(ValueError, match="symprec"):
        WyckoffCrystal.from_crystal(cell, symprec=-1.0)
    with pytest.raises(ValueError, match="no space group found with symprec = 3 A"):
        WyckoffCrystal.from_crystal(cell, symprec=3.0)
    empty = eqx.tree_at(lambda c: c.mask, cell, jnp.zeros_like(cell.mask))
    with pytest.raises(ValueError, match="at least one atom"):
        WyckoffCrystal.from_crystal(empty)
    # spglib itself would crash.
    for leaf in (lambda c: c.frac_coords, lambda c: c.lattice.matrix, lambda c: c.occupancies):
        broken = eqx.tree_at(leaf, cell, leaf(cell) * jnp.nan)
        with pytest.raises(ValueError, match="expected a finite number, got nan"):
            WyckoffCrystal.from_crystal(broken)
        with pytest.raises(ValueError, match="expected a finite number, got nan"):
            broken.to_ase()
    rutile = prototype("rutile")
    broken = eqx.tree_at(lambda c: c.site_parameters, rutile, rutile.site_parameters * jnp.nan)
    with pytest.raises(ValueError, match=r"site_parameters\[0\]: expected a finite number"):
        broken.check()


def test_nearest_points_are_the_nearest():
    from jaxtal.crystal._nearest_points import NearestPoints

    rng = np.random.default_rng(3)
    matrix = np.array([[6.0, 0, 0], [2.5, 7, 0], [-1, 2, 5]])
    frac = rng.uniform(-1, 2, (200, 3))
    x = frac[rng.permutation(200)] + rng.integers(-2, 3, (200, 3)) + rng.normal(0, 1e-3, (200, 3))
    found, distance = NearestPoints(frac, matrix)(x)
    gap = x[:, None] - frac[None]
    every = np.linalg.norm((gap - np.round(gap)) @ matrix, axis=-1)
    np.testing.assert_array_equal(found, every.argmin(axis=1))
    np.testing.assert_allclose(distance, every.min(axis=1), atol=1e-12)
    one = NearestPoints(np.array([[1.0, -1e-17, 0.0]]), matrix)
    assert one(np.zeros((2, 3)))[1].max() < 1e-12


def test_many_partly_occupied_atoms(x64):
    """Mixed sites in a large cell, every displacement another: found as fast as it is right."""
    n = 12
    grid = np.stack(np.meshgrid(*[np.arange(n)] * 3, indexing="ij"), axis=-1).reshape(-1, 3) / n
    frac = np.concatenate([grid, grid])
    numbers = np.repeat([28, 46], len(grid))
    occupancies = np.repeat([0.25, 0.75], len(grid))
    atoms = HostAtoms.from_arrays(
        3.0 * n * np.eye(3), frac, numbers, occupancies=occupancies, u_iso=np.full(len(frac), 0.01)
    )
    crystal = WyckoffCrystal.from_crystal(atoms)
    assert crystal.group.number == 221
    assert crystal.plan.letters == ("1a", "1a")
    assert sorted(crystal.occupancies.tolist()) == [0.25, 0.75]
