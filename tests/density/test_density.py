"""Densities by summation in tiles: against the plain sum, by every route, with derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxtal.density import Density
from jaxtal.density import _fourier_series as series
from jaxtal.grids import Grid
from jaxtal.symmetry import Orbits, SpaceGroup, SymOp


def plain(k, F, x, volume=1.0):
    """Sum over both mates, as the formula stands."""
    both = np.concatenate([k, -k[k.any(axis=1)]])
    values = np.concatenate([F, np.conj(F[k.any(axis=1)])])
    return (values @ np.exp(-2j * np.pi * both @ x.T)).real / volume


@pytest.fixture
def reflections(rng):
    """Ten of a Friedel half in four dimensions, F(0) among them."""
    k = np.array([[0, 0, 0, 0], [1, 0, 0, 0], [2, -1, 0, 3], [0, 4, 1, -2], [5, 0, 0, 1]])
    k = np.concatenate([k, [[1, 1, 1, 1], [0, 0, 3, 0], [0, 0, 0, 2], [3, 3, -1, 0], [4, 1, 0, 0]]])
    F = rng.normal(size=10) + 1j * rng.normal(size=10)
    F[0] = 3.0
    return k, F


@pytest.fixture
def p4gm_like(rng):
    """Two deltas of a plane group with glide operations, and the orbits of a disc."""
    group = SpaceGroup.from_generators(
        [SymOp([[0, -1], [1, 0]]), SymOp([[-1, 0], [0, 1]], [1, 1], 2)]
    )
    k = np.array([(h, l) for h in range(7) for l in range(h + 1)])
    orbits = Orbits.build(group, k)
    orbits = Orbits.build(group, k[orbits.kind < 2])
    sites = np.concatenate(
        [(group.rotations @ x + group.translations / 2) % 1 for x in ([0.1, 0.23], [0.4, 0.31])]
    )
    F = np.exp(2j * np.pi * orbits.k @ sites.T).sum(axis=1)
    return orbits, F * np.exp(-2j * np.pi * orbits.angle), sites


def test_points_against_the_formula(x64, reflections, rng):
    k, F = reflections
    x = rng.normal(size=(3, 7, 4)) * 3
    density = Density.from_reflections(k, F, 2.5)
    expected = plain(k, F, x.reshape(-1, 4), 2.5).reshape(3, 7)
    np.testing.assert_allclose(density(x), expected, atol=1e-12)
    assert density(x[0, 0]).shape == ()


def test_tiles_do_not_show(x64, monkeypatch, reflections, rng):
    k, F = reflections
    x = rng.random((11, 4))  # sizes that no other test compiles
    monkeypatch.setattr(series, "WAVES", 3)
    monkeypatch.setattr(series, "POINTS", 4)
    density = Density.from_reflections(k, F)
    np.testing.assert_allclose(density(x), plain(k, F, x), atol=1e-12)
    gradient = jax.jit(jax.grad(lambda x: density(x).sum()))(x)
    np.testing.assert_allclose(gradient, density.taylor(x)[1], atol=1e-10)
    box = density.in_box(np.zeros(4), np.eye(4)[:2], (3, 5))
    np.testing.assert_allclose(box[2, 3], plain(k, F, np.array([[2 / 3, 3 / 5, 0, 0]]))[0])


def test_float32_follows_the_coefficients(reflections, rng):
    k, F = reflections
    x = rng.random((20, 4)) + 7
    density = Density.from_reflections(k, F.astype(np.complex64))
    assert density(x).dtype == jnp.float32
    np.testing.assert_allclose(density(x), plain(k, F, x), atol=2e-5 * np.abs(F).sum())


@pytest.mark.parametrize("r", [1, 2, 3])
def test_boxes_against_points(x64, reflections, rng, r):
    density = Density.from_reflections(*reflections)
    origin, edges = rng.normal(size=4), rng.normal(size=(r, 4)) * 2
    shape = (5, 1, 3)[:r]
    j = np.stack(np.meshgrid(*[np.arange(n) / n for n in shape], indexing="ij"), axis=-1)
    box = density.in_box(origin, edges, shape)
    np.testing.assert_allclose(box, density(origin + j @ edges), atol=1e-12)


@pytest.mark.parametrize("moduli", [(12, 10, 9, 8), (2310,), (5, 4), (3, 7)])
def test_grids_against_points_even_where_slots_are_shared(x64, reflections, rng, moduli):
    density = Density.from_reflections(*reflections)
    regular = len(moduli) == 4
    V = np.eye(4, dtype=int) if regular else rng.integers(0, 99, (4, len(moduli)))
    grid = Grid(V, moduli, rng.random(4))
    values = density.on_grid(grid)
    assert values.shape == moduli
    j = np.stack([rng.integers(0, m, 40) for m in moduli], axis=-1)
    np.testing.assert_allclose(values[tuple(j.T)], density(grid.points(j)), atol=1e-12)


def test_orbits_give_the_symmetric_density_of_their_atoms(x64, p4gm_like, rng):
    orbits, f, sites = p4gm_like
    density = Density.from_orbits(orbits, f)
    x = rng.random((6, 2))
    k = orbits.all_indices
    direct = np.exp(2j * np.pi * (k @ sites.T)).sum(axis=1)
    expected = (direct @ np.exp(-2j * np.pi * k @ x.T)).real
    np.testing.assert_allclose(density(x), expected, atol=1e-9)
    W, w = orbits.group.rotations, orbits.group.translations / orbits.group.denominator
    np.testing.assert_allclose(density(x @ W[3].T + w[3]), density(x), atol=1e-9)


def test_derivatives(x64, p4gm_like, rng):
    orbits, f, _ = p4gm_like
    x = rng.random((3, 2))
    density = Density.from_orbits(orbits, f)
    value, gradient, curvature = density.taylor(x)
    np.testing.assert_allclose(value, density(x), atol=1e-10)
    by_jax = jax.jit(jax.vmap(jax.grad(density.__call__)))(x)
    np.testing.assert_allclose(gradient, by_jax, atol=1e-8)
    eps = 1e-6
    for i, e in enumerate(np.eye(2) * eps):
        slope = (density(x + e) - density(x - e)) / (2 * eps)
        np.testing.assert_allclose(gradient[:, i], slope, atol=1e-4)
        bend = (density.taylor(x + e)[1] - density.taylor(x - e)[1]) / (2 * eps)
        np.testing.assert_allclose(curvature[:, i], bend, atol=1e-2)

    @jax.jit
    @jax.value_and_grad
    def squared(f):
        return jnp.sum(Density.from_orbits(orbits, f)(x) ** 2)

    step = rng.normal(size=f.shape) * 1e-6 + 0j
    change = float(squared(f + step)[0] - squared(f - step)[0]) / 2
    slope = np.asarray(squared(f)[1])
    assert change == pytest.approx(float(np.sum((slope * step).real)), rel=1e-6)
    mapped = jax.jit(jax.vmap(lambda f: Density.from_orbits(orbits, f)(x)))(np.stack([f, 2 * f]))
    np.testing.assert_allclose(mapped[1], 2 * density(x), atol=1e-9)


def test_bad_input(reflections):
    k, F = reflections
    with pytest.raises(ValueError, match="some twice"):
        Density.from_reflections(np.concatenate([k, -k[1:2]]), np.append(F, 1))
    with pytest.raises(ValueError, match="integer indices"):
        Density.from_reflections(k + 0.5, F)
    with pytest.raises(ValueError, match="10 structure factors"):
        Density.from_reflections(k, F[1:])
    density = Density.from_reflections(k, F)
    with pytest.raises(ValueError, match=r"expected points \(..., 4\)"):
        density(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="positive size"):
        density.in_box(np.zeros(4), np.eye(4)[:2], (3,))
    with pytest.raises(ValueError, match="host"):
        jax.jit(lambda d: d.on_grid(Grid(np.eye(4, dtype=int), (4,) * 4)))(density)
