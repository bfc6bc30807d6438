"""`Crystal`: checks, padding, ASE in and out."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from jaxtal.crystal import Crystal, WyckoffCrystal, prototype

CUBE = np.eye(3) * 4.0
TWO = [[0, 0, 0], [0.5, 0.5, 0.5]]


def test_defaults_and_types(x32):
    crystal = Crystal.from_arrays(CUBE, TWO, [55, 17])
    assert crystal.frac_coords.dtype == jnp.float32
    np.testing.assert_array_equal(crystal.occupancies, [1, 1])
    np.testing.assert_array_equal(crystal.u_iso, [0, 0])
    np.testing.assert_array_equal(crystal.charges, [0, 0])
    assert crystal.u_aniso is None
    assert crystal.mask.all()
    np.testing.assert_allclose(crystal.volume, 64, rtol=1e-6)


def test_six_cell_parameters_make_the_lattice(x64):
    crystal = Crystal.from_arrays((3, 4, 5, 90, 100, 90), [[0, 0, 0]], [6])
    np.testing.assert_allclose(crystal.lattice.cell, (3, 4, 5, 90, 100, 90), rtol=1e-12)


def test_padding_is_never_seen():
    crystal = Crystal.from_arrays(
        CUBE, TWO, [55, 17], pad_to=5, u_aniso=np.zeros((2, 3, 3)), u_iso=[0.01, 0.02]
    )
    assert crystal.frac_coords.shape == (5, 3)
    assert crystal.u_aniso is not None
    assert crystal.u_aniso.shape == (5, 3, 3)
    wild = eqx.tree_at(
        lambda c: (c.frac_coords, c.occupancies),
        crystal,
        (crystal.frac_coords.at[2:].set(1e10), crystal.occupancies.at[2:].set(jnp.nan)),
    )
    np.testing.assert_array_equal(wild.weights, [1, 1, 0, 0, 0])
    np.testing.assert_array_equal(wild.safe_frac_coords[2:], 0)
    back = WyckoffCrystal.from_crystal(wild, symmetry=False).expand()
    np.testing.assert_allclose(back.frac_coords, TWO, atol=1e-6)
    np.testing.assert_allclose(back.u_iso, [0.01, 0.02])


def test_gradients_through_padding_are_finite():
    crystal = Crystal.from_arrays(CUBE, TWO, [55, 17], pad_to=4)
    wild = eqx.tree_at(lambda c: c.frac_coords, crystal, crystal.frac_coords.at[2:].set(jnp.inf))
    grads = eqx.filter_grad(lambda c: jnp.sum(jnp.sin(c.safe_frac_coords)) + jnp.sum(c.weights))(
        wild
    )
    assert np.isfinite(grads.frac_coords).all()
    np.testing.assert_array_equal(grads.occupancies, [1, 1, 0, 0])


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"frac_coords": np.zeros((0, 3)), "atomic_numbers": []}, "at least one atom"),
        ({"frac_coords": [[0, 0]]}, r"shape \(N, 3\)"),
        ({"frac_coords": [[0, 0, np.nan], [0, 0, 0.5]]}, r"frac_coords\[0, 2\]"),
        ({"atomic_numbers": [6, 119]}, r"atomic_numbers\[1\]: expected 1\.\.118"),
        ({"atomic_numbers": [6, 0]}, r"atomic_numbers\[1\]"),
        ({"atomic_numbers": [6]}, r"shape \(2,\)"),
        ({"atomic_numbers": [6, 7.5]}, "integers"),
        ({"occupancies": [1, 1.2]}, r"occupancies\[1\]"),
        ({"occupancies": [-0.1, 1]}, r"occupancies\[0\]"),
        ({"u_iso": [np.inf, 0]}, r"u_iso\[0\]"),
        ({"u_aniso": np.zeros((2, 3))}, "u_aniso"),
        ({"frac_coords": [[0.001, 0, 0], [0.999, 1, 0]]}, "atoms 0 and 1.*0.0080 A"),
        ({"matrix": np.zeros((3, 3))}, "independent lattice vectors"),
        ({"pad_to": 1}, "pad_to"),
    ],
)
def test_bad_input(kwargs, message):
    good = {"matrix": CUBE, "frac_coords": TWO, "atomic_numbers": [6, 6]}
    with pytest.raises(ValueError, match=message):
        Crystal.from_arrays(**{**good, **kwargs})


def test_atoms_may_share_a_site_if_it_holds_them():
    same = [[0, 0, 0], [0, 0, 0]]
    Crystal.from_arrays(CUBE, same, [12, 26], occupancies=[0.4, 0.6])
    with pytest.raises(ValueError, match=r"atom 0 \(0.5\), atom 1 \(0.6\): .* got 1.1"):
        Crystal.from_arrays(CUBE, same, [12, 26], occupancies=[0.5, 0.6])
    three = [[0, 0, 0]] * 3
    Crystal.from_arrays(CUBE, three, [12, 26, 27], occupancies=[0.335] * 3)
    with pytest.raises(ValueError, match=r"share one position.* at most 1 .* got 1.5"):
        Crystal.from_arrays(CUBE, three, [12, 26, 27], occupancies=[0.5] * 3)


def test_an_atom_close_to_its_own_image_is_refused():
    with pytest.raises(ValueError, match="atoms 0 and 0"):
        Crystal.from_arrays(np.diag([0.05, 4, 4]), [[0, 0, 0]], [6])


def test_builders_refuse_tracers():
    with pytest.raises(ValueError, match="static shape"):
        jax.jit(lambda x: Crystal.from_arrays(CUBE, x, [6, 6]).frac_coords)(jnp.asarray(TWO))


# --- ASE ------------------------------------------------------------------------------------------


def test_ase_round_trip_keeps_everything(x64, rng):
    frac = rng.uniform(size=(4, 3))
    aniso = rng.standard_normal((4, 3, 3)) * 0.001
    aniso = aniso + aniso.transpose(0, 2, 1)
    crystal = Crystal.from_arrays(
        (5, 6, 7, 80, 95, 110),
        frac,
        [14, 8, 1, 1],
        occupancies=[1, 0.7, 1, 0.5],
        u_iso=[0.01, 0.02, 0.03, 0.04],
        u_aniso=aniso,
        charges=[4, -2, 0, 1],
        isotopes=[0, 18, 2, 0],
    )
    back = Crystal.from_ase(crystal.to_ase())
    same = jax.tree.map(lambda a, b: bool(np.allclose(a, b, atol=1e-12)), crystal, back)
    assert all(jax.tree.leaves(same)), same


def test_ase_mixed_sites_and_left_handed_axes(x64):
    crystal = Crystal.from_arrays(
        -CUBE + 0.3 * np.eye(3, k=1),
        [[0, 0, 0], [0, 0, 0], [0.5, 0.5, 0.25]],
        [12, 26, 8],
        occupancies=[0.4, 0.6, 1],
    )
    atoms = crystal.to_ase()
    assert atoms.get_chemical_formula() == "FeO"
    assert atoms.info["occupancy"]["0"] == {"Mg": 0.4, "Fe": 0.6}
    np.testing.assert_allclose(atoms.cell.array, crystal.lattice.matrix)
    back = Crystal.from_ase(atoms)
    np.testing.assert_array_equal(back.atomic_numbers, crystal.atomic_numbers)
    np.testing.assert_allclose(back.occupancies, crystal.occupancies)
    np.testing.assert_allclose(back.frac_coords, crystal.frac_coords, atol=1e-12)


def test_ase_charges_tell_mixed_ions_apart(x64):
    crystal = Crystal.from_arrays(
        CUBE, [[0, 0, 0]] * 2, [26, 26], occupancies=[0.3, 0.7], charges=[2, 3]
    )
    atoms = crystal.to_ase()
    assert atoms.info["occupancy"]["0"] == {"Fe2+": 0.3, "Fe3+": 0.7}
    np.testing.assert_array_equal(Crystal.from_ase(atoms).charges, [2, 3])


def test_ase_distances_survive():
    atoms = bulk("ZnO", "wurtzite", a=3.25, c=5.2)
    atoms.rotate(30, "x", rotate_cell=True)
    back = Crystal.from_ase(atoms).to_ase()
    np.testing.assert_allclose(
        back.get_all_distances(mic=True), atoms.get_all_distances(mic=True), atol=1e-5
    )


def test_ase_without_a_cell_or_with_bad_occupancy():
    with pytest.raises(ValueError, match="three independent vectors"):
        Crystal.from_ase(Atoms("H2", positions=[[0, 0, 0], [0, 0, 1]]))
    atoms = bulk("Cu")
    atoms.info["occupancy"] = {"0": {"Cu": 0.5}}
    with pytest.raises(ValueError, match="spacegroup_kinds"):
        Crystal.from_ase(atoms)
    atoms.set_array("spacegroup_kinds", np.array([3]))
    with pytest.raises(ValueError, match=r"atom 0.*kind 3"):
        Crystal.from_ase(atoms)
    with pytest.raises(ValueError, match="atomic_numbers"):
        Crystal.from_ase(Atoms("X", cell=[3, 3, 3], pbc=True))


def test_ase_space_group_of_a_wyckoff_crystal():
    for name in ("diamond", "alpha-quartz", "coesite"):
        crystal = prototype(name)
        atoms = crystal.to_ase()
        assert atoms.info["spacegroup"].no == crystal.group.number
        np.testing.assert_array_equal(atoms.arrays["spacegroup_kinds"], crystal.plan.site)
    unusual = WyckoffCrystal.build("P 1 1 21/b", (5, 6, 7, 100), [("C", "4e", (0.1, 0.2, 0.3))])
    assert "spacegroup" not in unusual.to_ase().info


def test_arrays_are_copies():
    """JAX keeps the memory of small arrays that it is given."""
    frac, occupancies = np.zeros((1, 3), np.float32), np.ones(1, np.float32)
    crystal = Crystal.from_arrays(np.eye(3) * 3, frac, [6], occupancies=occupancies)
    occupancies[:] = frac[:] = 0.5
    assert not np.any(np.asarray(crystal.frac_coords))
    assert np.all(np.asarray(crystal.occupancies) == 1)
