"""The symmetrised transform against direct summation, in 2, 3, 4 and 6 dimensions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from variants import slow_but

from jaxtal.grids import Grid
from jaxtal.phasing import Transform
from jaxtal.symmetry import Orbits, SpaceGroup, SymOp, absent, laue_unique

#: Each with a glide, a screw, a centring or none of them; the largest index in each direction.
GROUPS = {
    "p4g": (
        SpaceGroup.from_generators([SymOp([[0, -1], [1, 0]]), SymOp([[-1, 0], [0, 1]], [1, 1], 2)]),
        5,
    ),
    "P 21/c": (SpaceGroup.find("P 1 21/c 1"), 3),
    "P 61": (SpaceGroup.find("P 61"), 3),
    "F d d 2": (SpaceGroup.find("F d d 2"), 4),
    "superspace": (
        SpaceGroup.from_generators([SymOp(np.diag([-1, 1, -1, 1]), [0, 1, 0, 0], 2)]),
        2,
    ),
    "icosahedral": (SpaceGroup.find("icosahedral P235"), 1),
}


def orbits_of(name: str) -> Orbits:
    group, reach = GROUPS[name]
    axes = [np.arange(-reach, reach + 1)] * group.dimension
    k = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, group.dimension)
    k = k[(np.abs(k).sum(axis=1) <= 2 * reach) & k.any(axis=1)]
    k = np.unique(laue_unique(k[~absent(k, group)], group.laue_rotations)[0], axis=0)
    return Orbits.build(group, k)


def random_amplitudes(orbits: Orbits, rng) -> np.ndarray:
    f = rng.standard_normal(len(orbits.k)) + 1j * rng.standard_normal(len(orbits.k))
    return np.where(orbits.real, f.real, f)


def direct_sum(orbits: Orbits, f: np.ndarray, x: np.ndarray) -> np.ndarray:
    """rho(x) = sum F(k) exp(-2 pi i k.x), every reflection by itself."""
    turns = orbits.angle[orbits.orbit] + orbits.phase
    F = f[orbits.orbit] * np.exp(2j * np.pi * turns)
    pairs = np.where(orbits.members.any(axis=1), 2.0, 1.0)
    return np.real((pairs * F) @ np.exp(-2j * np.pi * orbits.members @ x.T))


def some_grids(dimension: int, rng) -> list[Grid]:
    mesh = Grid(np.eye(dimension, dtype=int), (5, 6, 4, 3, 2, 2)[:dimension])
    cyclic = Grid(rng.integers(0, 90, (dimension, 1)), (90,), rng.random(dimension))
    folded = Grid(rng.integers(0, 8, (dimension, 2)), (7, 8), rng.random(dimension))
    return [mesh, cyclic, folded]


@pytest.mark.parametrize("name", slow_but(["p4g", "P 61", "superspace"], GROUPS))
def test_density_is_the_direct_sum_at_the_points_of_any_grid(name, x64, rng):
    orbits = orbits_of(name)
    f = random_amplitudes(orbits, rng)
    for grid in some_grids(orbits.group.dimension, rng):
        transform = Transform.build(orbits, grid, dtype=np.float64)
        density = np.asarray(transform.to_density(jnp.asarray(f)))
        j = np.argwhere(np.ones(grid.moduli, dtype=bool))
        expected = direct_sum(orbits, f, grid.points(j))
        np.testing.assert_allclose(density.ravel(), expected, atol=1e-9 * np.abs(expected).max())


@pytest.mark.parametrize(
    "name", slow_but(["P 61", "superspace"], ["p4g", "P 61", "F d d 2", "superspace"])
)
def test_round_trip_and_parseval_on_an_alias_free_grid(name, x64, rng):
    orbits = orbits_of(name)
    size = 2 * int(np.abs(orbits.all_indices).max()) + 2
    D = orbits.group.dimension
    grid = Grid(np.eye(D, dtype=int), (size,) * D, rng.random(D))
    assert grid.is_alias_free(orbits.all_indices)
    transform = Transform.build(orbits, grid, dtype=np.float64)
    f = random_amplitudes(orbits, rng)
    density = transform.to_density(jnp.asarray(f))
    np.testing.assert_allclose(np.asarray(transform.to_amplitudes(density)), f, atol=1e-12)
    power = np.sum(orbits.multiplicity * np.abs(f) ** 2)
    np.testing.assert_allclose(np.mean(np.asarray(density) ** 2), power, rtol=1e-12)


def test_reading_is_the_adjoint_of_filling_weighted_by_multiplicity(x64, rng):
    """<rho(f), g> / M = sum m Re(conj(f) back(g)): folded grids keep the pairing exactly."""
    orbits = orbits_of("icosahedral")
    grid = some_grids(6, rng)[2]
    transform = Transform.build(orbits, grid, dtype=np.float64)
    f, g = random_amplitudes(orbits, rng), rng.standard_normal(grid.moduli)
    left = np.mean(np.asarray(transform.to_density(jnp.asarray(f))) * g)
    back = np.asarray(transform.to_amplitudes(jnp.asarray(g)))
    right = np.sum(orbits.multiplicity * np.real(np.conj(f) * back))
    np.testing.assert_allclose(left, right, rtol=1e-10)


def test_gradient_against_finite_differences(x64, rng):
    orbits = orbits_of("P 61")
    transform = Transform.build(orbits, some_grids(3, rng)[1], dtype=np.float64)
    f, direction = (random_amplitudes(orbits, rng) for _ in range(2))

    def energy(t):
        return jnp.sum(transform.to_density(jnp.asarray(f) + t * jnp.asarray(direction)) ** 4)

    slope, eps = float(jax.grad(energy)(0.0)), 1e-5
    expected = (float(energy(eps)) - float(energy(-eps))) / (2 * eps)
    np.testing.assert_allclose(slope, expected, rtol=1e-7)


def test_jit_vmap_and_padding_change_nothing(rng):
    orbits = orbits_of("p4g")
    transform = Transform.build(orbits, some_grids(2, rng)[2])
    f = jnp.asarray([random_amplitudes(orbits, rng) for _ in range(3)], jnp.complex64)
    eager = jnp.stack([transform.to_density(one) for one in f])
    mapped = jax.jit(jax.vmap(transform.to_density))(f)
    np.testing.assert_allclose(mapped, eager, rtol=1e-5, atol=1e-5)
    padded = transform.padded(len(transform.slot) + 7)
    np.testing.assert_array_equal(padded.to_density(f[0]), transform.to_density(f[0]))
    np.testing.assert_array_equal(padded.to_amplitudes(eager[0]), transform.to_amplitudes(eager[0]))


def test_real_orbits_come_back_real(rng):
    orbits = orbits_of("P 21/c")
    transform = Transform.build(orbits, some_grids(3, rng)[0])
    back = transform.to_amplitudes(jnp.asarray(rng.standard_normal((5, 6, 4)), jnp.float32))
    assert orbits.real.all()
    assert not np.imag(np.asarray(back)).any()
