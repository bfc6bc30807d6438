"""Constraints of every space group in every tabulated setting."""

import functools

import gemmi
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxtal.lattice import LatticeSystem, cell_to_matrix

EXPECTED = {
    "triclinic": {("a", "b", "c", "alpha", "beta", "gamma")},
    "monoclinic": {("a", "b", "c", angle) for angle in ("alpha", "beta", "gamma")},
    "orthorhombic": {("a", "b", "c")},
    "tetragonal": {("a", "c")},
    "trigonal": {("a", "c"), ("a", "alpha")},
    "hexagonal": {("a", "c")},
    "cubic": {("a",)},
}


def rotations_of(entry) -> np.ndarray:
    ops = entry.operations().sym_ops
    return np.array([[[v // op.DEN for v in row] for row in op.rot] for op in ops])


@functools.cache
def systems() -> dict:
    """Every setting's system, with gemmi's crystal system and rotations."""
    found = {}
    for entry in gemmi.spacegroup_table():
        W = rotations_of(entry)
        found[entry.xhm()] = entry, W, LatticeSystem.from_rotations(W)
    return found


def distinct() -> list[LatticeSystem]:
    return sorted({s for _, _, s in systems().values()}, key=str)


def generic(system: LatticeSystem) -> np.ndarray:
    lengths = np.array([5.1, 6.3, 7.7])[: system.n_lengths]
    angles = np.array([81.0, 97.0, 106.0])[: system.n_angles]
    return np.concatenate([lengths, angles])


def test_all_settings_have_the_free_parameters_of_their_crystal_system():
    assert len(systems()) == len(list(gemmi.spacegroup_table())) >= 530
    for entry, _, system in systems().values():
        assert system.names in EXPECTED[entry.crystal_system_str()], entry.xhm()
        assert ("alpha" in system.names and system.n_lengths == 1) == (entry.ext == "R")


def test_every_cell_of_a_setting_is_kept_by_its_operations():
    for entry, W, system in systems().values():
        matrix = cell_to_matrix(system.cell(generic(system)))
        metric = matrix @ matrix.T
        moved = np.einsum("nji,jk,nkl->nil", W, metric, W)
        np.testing.assert_allclose(moved, np.broadcast_to(metric, moved.shape), atol=1e-9)
        assert gemmi.UnitCell(*system.cell(generic(system))).is_compatible_with_spacegroup(entry)


def test_unique_axes_of_monoclinic_groups():
    for symbol, axis in (("P 1 21/n 1", "beta"), ("P 1 1 21/b", "gamma"), ("P 21/c 1 1", "alpha")):
        assert systems()[symbol][2].names == ("a", "b", "c", axis)


def test_both_rhombohedral_settings():
    assert systems()["R -3 m:H"][2].names == ("a", "c")
    assert systems()["R -3 m:R"][2].names == ("a", "alpha")


@pytest.mark.parametrize("system", distinct(), ids=lambda s: "-".join(s.names))
def test_parameters_and_variables_round_trip(x64, system):
    x = generic(system)
    cell = np.asarray(system.cell(jnp.asarray(x)))
    np.testing.assert_allclose(cell, system.cell(x), rtol=1e-15)
    np.testing.assert_allclose(system.parameters(cell), x, rtol=1e-12)
    variables = system.unconstrain(jnp.asarray(x))
    np.testing.assert_allclose(system.constrain(variables), x, rtol=1e-10)
    assert system.n_free == len(system.names) == x.size


@pytest.mark.parametrize("system", distinct(), ids=lambda s: "-".join(s.names))
def test_every_real_vector_is_a_cell(x64, system, rng):
    for v in 2 * rng.standard_normal((20, system.n_free)):
        x = system.constrain(jnp.asarray(v))
        matrix = np.asarray(system.matrix(x))
        assert np.linalg.det(matrix) > 0
        np.testing.assert_allclose(system.unconstrain(x), v, atol=1e-6 * np.exp(np.abs(v).max()))


@pytest.mark.parametrize("system", distinct(), ids=lambda s: "-".join(s.names))
def test_gradients_against_finite_differences(x64, system):
    def matrix(v):
        return system.matrix(system.constrain(v))

    v = system.unconstrain(jnp.asarray(generic(system)))
    eps = 1e-5
    analytic = np.asarray(jax.jacrev(matrix)(v))
    for i in range(v.size):
        step = jnp.zeros_like(v).at[i].set(eps)
        numeric = np.asarray((matrix(v + step) - matrix(v - step)) / (2 * eps))
        np.testing.assert_allclose(analytic[..., i], numeric, atol=1e-6 * np.abs(analytic).max())


@pytest.mark.parametrize("system", distinct(), ids=lambda s: "-".join(s.names))
def test_gradients_are_finite_at_right_angles(x64, system):
    lengths = np.full(system.n_lengths, 4.0)
    x = jnp.asarray(np.concatenate([lengths, np.full(system.n_angles, 90.0)]))
    gradient = jax.grad(lambda x: jnp.sum(system.constrain(system.unconstrain(x)) ** 2))(x)
    np.testing.assert_allclose(gradient, 2 * x, rtol=1e-9)


def test_jit_vmap_float32():
    system = systems()["P 1 21/c 1"][2]
    v = jnp.asarray(np.linspace(-0.5, 1.5, 12).reshape(3, 4), jnp.float32)
    batch = jax.jit(jax.vmap(lambda v: system.matrix(system.constrain(v))))(v)
    assert batch.dtype == jnp.float32
    for one, row in zip(batch, v, strict=True):
        np.testing.assert_allclose(one, system.matrix(system.constrain(row)), rtol=1e-5, atol=1e-6)


def test_measured_cells_are_averaged_or_refused():
    system = systems()["P 4/n m m:2"][2]
    np.testing.assert_allclose(system.parameters((5.000, 5.002, 7, 90, 90, 90)), (5.001, 7))
    with pytest.raises(ValueError, match=r"symmetry expects a = 5\.05"):
        system.parameters((5.0, 5.1, 7, 90, 90, 90))
    with pytest.raises(ValueError, match="symmetry expects gamma = 120"):
        systems()["P 3"][2].parameters((5.0, 5.0, 7, 90, 90, 119))


def test_axes_that_lengths_and_angles_cannot_describe():
    # The primitive cell of body-centred tetragonal: a . b, a . c, b . c tie without equal angles.
    W = rotations_of(gemmi.SpaceGroup("I 4/m m m"))
    P = np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]]) / 2
    primitive = np.rint(np.linalg.inv(P) @ W @ P).astype(int)
    with pytest.raises(ValueError, match="conventional"):
        LatticeSystem.from_rotations(primitive)
