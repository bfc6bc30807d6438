"""Spectral derivatives: analytic functions, ties at the zone boundary, gradients, precision."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxtal.fields import Mesh, Waves, gradient, laplacian
from jaxtal.lattice import BravaisLattice, Lattice

TAU = 2 * np.pi
SKEW = np.array([[1.3, 0.0], [0.6, 0.9]])


def cosines(mesh, matrix, k, phase):
    """cos(2 pi (k.x + phase)) on the nodes, its Cartesian gradient and Laplacian, for each k."""
    G = k @ (TAU * np.linalg.inv(matrix).T)
    angle = TAU * (mesh.points() @ k.T + phase)
    values, slopes = np.cos(angle), -np.sin(angle)[..., None] * G
    return values, slopes, -values * (G * G).sum(axis=1)


def analytic(mesh, matrix):
    """exp(g) with g = cos u + 0.5 sin v + 0.3 cos v, its gradient and Laplacian."""
    k, weight = np.array([[1, 0], [-1, 1], [-1, 1]]), np.array([1.0, 0.5, 0.3])
    g, dg, ddg = cosines(mesh, matrix, k, np.array([0.0, -0.25, 0.0]))
    f = np.exp(g @ weight)
    slope = np.einsum("...wd,w->...d", dg, weight)
    bend = ddg @ weight + (slope * slope).sum(axis=-1)
    return f, f[..., None] * slope, f * bend


def test_errors_fall_exponentially_with_the_mesh(x64):
    first, second = [], []
    for n in (8, 17, 26, 35):
        mesh, lattice = Mesh((n, n)), Lattice.from_matrix(SKEW)
        values, slopes, bends = analytic(mesh, SKEW)
        f, waves = jnp.asarray(values), Waves.build(mesh, SKEW)
        first.append(np.abs(gradient(f, lattice, waves) - slopes).max() / np.abs(slopes).max())
        second.append(np.abs(laplacian(f, lattice, waves) - bends).max() / np.abs(bends).max())
    # An entire function: nine more nodes gain more than a digit, and more each time.
    for errors in (np.log10(first), np.log10(second)):
        gains = -np.diff(errors)
        assert (gains > 1.0).all()
        assert (np.diff(gains) > 0).all()
        assert errors[-1] < -10


@pytest.mark.parametrize("sizes", [(7,), (8, 5), (5, 6, 4), (5, 4, 4, 6)])
def test_band_limited_fields_are_exact_in_any_dimension(x64, rng, sizes):
    D = len(sizes)
    mesh, matrix = Mesh(sizes), np.eye(D) + 0.2 * rng.normal(size=(D, D))
    waves, lattice = Waves.build(mesh, matrix), Lattice.from_matrix(matrix)
    # Any waves but those on the zone boundary, whose aliases are other functions.
    inner = np.asarray(waves.aliases)[np.asarray(waves.share) == 1.0]
    k, weight = inner[rng.integers(0, len(inner), 5)], rng.normal(size=5)
    values, slopes, bends = cosines(mesh, matrix, k, rng.random(5))
    values, slopes = jnp.asarray(values @ weight), np.einsum("...wd,w->...d", slopes, weight)
    bends = bends @ weight
    scale = np.abs(bends).max()
    np.testing.assert_allclose(gradient(values, lattice, waves), slopes, atol=1e-12 * scale)
    np.testing.assert_allclose(laplacian(values, lattice, waves), bends, atol=1e-12 * scale)


def test_tied_waves_have_no_odd_derivative(x64):
    # Nyquist waves of an even hexagonal mesh, and its corner, where three aliases tie.
    mesh, matrix = Mesh((6, 6)), BravaisLattice.find("hexagonal", 2).host_matrix([1.0])
    waves, lattice = Waves.build(mesh, matrix), Lattice.from_matrix(matrix)
    x = mesh.points()
    for k in ([3, 0], [0, 3], [3, 3]):
        values = jnp.asarray(np.cos(TAU * x @ np.array(k)))
        np.testing.assert_allclose(gradient(values, lattice, waves), 0.0, atol=1e-12)
        G = np.array([3, 0]) @ np.asarray(lattice.reciprocal)
        expected = -(G @ G) * np.asarray(values)
        np.testing.assert_allclose(laplacian(values, lattice, waves), expected, atol=1e-10)
    corner = jnp.asarray(np.sin(TAU * x @ np.array([2, 2])))
    tied = np.asarray(waves.aliases)[np.asarray(waves.share) < 0.4]
    assert (tied == [2, 2]).all(axis=1).any()
    np.testing.assert_allclose(gradient(corner, lattice, waves), 0.0, atol=1e-12)


def test_gradients_against_differences(x64, rng):
    mesh, bravais = Mesh((6, 5, 4)), BravaisLattice.find("triclinic", 3)
    parameters = jnp.array([1.1, 1.3, 1.6, 40.0, 12.0, 83.0])
    waves = Waves.build(mesh, bravais.host_matrix(np.asarray(parameters)))
    values, weight = jnp.asarray(rng.normal(size=(2, *mesh.sizes)))

    @jax.jit
    def scalar(values, parameters):
        lattice = bravais.lattice(parameters)
        slopes = gradient(values, lattice, waves)
        bends = laplacian(values, lattice, waves)
        return jnp.sum(weight * (jnp.sum(slopes * slopes, axis=-1) + jnp.tanh(bends / 100)))

    slopes = jax.grad(scalar, argnums=(0, 1))(values, parameters)
    for direction in (
        (rng.normal(size=values.shape), np.zeros(6)),
        *((np.zeros(values.shape), e) for e in np.eye(6)),
    ):
        step = [1e-4 * d for d in direction]

        def moved(t, step=step):
            return float(scalar(values + t * step[0], parameters + t * step[1]))

        # Five points: the rule of fourth order.
        change = (8 * (moved(1) - moved(-1)) - (moved(2) - moved(-2))) / 12 / 1e-4
        expected = sum(float(jnp.sum(s * d)) for s, d in zip(slopes, direction, strict=True))
        assert change == pytest.approx(expected, rel=1e-7)


def test_float32_agrees_with_float64(x64, rng):
    mesh, matrix = Mesh((16, 12, 10)), BravaisLattice.find("hexagonal", 3).host_matrix([3.0, 5.0])
    values = np.zeros(mesh.sizes)
    for _ in range(6):
        k = rng.integers(-3, 4, 3)
        values += rng.normal() * np.cos(TAU * (mesh.points() @ k + rng.random()))
    results = {}
    for dtype in (jnp.float32, jnp.float64):
        waves = Waves.build(mesh, matrix, dtype)
        lattice = Lattice(jnp.asarray(matrix, dtype))
        f = jnp.asarray(values, dtype)
        results[dtype] = gradient(f, lattice, waves), laplacian(f, lattice, waves)
    for low, high in zip(results[jnp.float32], results[jnp.float64], strict=True):
        assert low.dtype == jnp.float32
        np.testing.assert_allclose(low, high, atol=1e-5 * float(jnp.abs(high).max()))


def test_vmap_is_a_loop_and_shapes_are_checked(rng):
    mesh, matrix = Mesh((6, 5)), SKEW
    waves, lattice = Waves.build(mesh, matrix), Lattice.from_matrix(matrix)
    fields = jnp.asarray(rng.normal(size=(3, 6, 5)), jnp.float32)
    mapped = jax.vmap(lambda f: gradient(f, lattice, waves))(fields)
    np.testing.assert_allclose(mapped[2], gradient(fields[2], lattice, waves), atol=1e-4)
    with pytest.raises(ValueError, match=r"expected shape \(6, 5\)"):
        laplacian(fields[0].T, lattice, waves)
