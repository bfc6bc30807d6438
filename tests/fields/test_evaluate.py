"""A field between its nodes: exact on them, real, smooth, symmetric."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxtal.density import Plane
from jaxtal.fields import Mesh, Waves, evaluate, gradient, laplacian
from jaxtal.fields._evaluate import mesh_density
from jaxtal.lattice import BravaisLattice, Lattice
from jaxtal.symmetry import SpaceGroup, SymOp

CELLS = [
    ("lamellar", (6,), [1.2]),
    ("hexagonal", (6, 6), [1.2]),
    ("oblique", (5, 8), [1.2, 0.8, 71.0]),
    ("hexagonal", (6, 6, 4), [1.2, 1.5]),
    ("triclinic", (4, 5, 6), [1.1, 1.3, 1.6, 40.0, 12.0, 83.0]),
]


def made(name, sizes, parameters, rng):
    mesh = Mesh(sizes)
    matrix = BravaisLattice.find(name, len(sizes)).host_matrix(parameters)
    values = jnp.asarray(rng.normal(size=sizes))
    return mesh, matrix, values, Waves.build(mesh, matrix)


@pytest.mark.parametrize("cell", [CELLS[0], CELLS[1], CELLS[2], CELLS[4]])
def test_nodes_and_derivatives_there(x64, rng, cell):
    mesh, matrix, values, waves = made(*cell, rng=rng)
    D, lattice = mesh.dimension, Lattice.from_matrix(matrix)
    np.testing.assert_allclose(evaluate(values, mesh.points(), waves), values, atol=1e-12)
    density = mesh_density(values, waves)
    value, slope, bend = density.taylor(mesh.points().reshape(-1, D) + 3)
    np.testing.assert_allclose(value, np.ravel(values), atol=1e-12)
    inverse = np.linalg.inv(matrix)
    expected = gradient(values, lattice, waves).reshape(-1, D)
    np.testing.assert_allclose(slope @ inverse.T, expected, atol=1e-10)
    trace = np.einsum("nij,ki,kj->n", bend, inverse, inverse)
    expected = laplacian(values, lattice, waves).reshape(-1)
    np.testing.assert_allclose(trace, expected, atol=1e-8)


def test_against_the_sum_over_all_waves(x64, rng):
    mesh, _, values, waves = made(*CELLS[3], rng=rng)
    x = rng.normal(size=(5, 3))
    # All tied aliases of all waves, mates too; one alias alone would not be real.
    full = np.fft.fftn(values, norm="forward")
    n = np.indices(mesh.sizes).reshape(3, -1).T
    shifts = np.indices((5, 5, 5)).reshape(3, -1).T - 2
    images = n[:, None] + shifts * np.array(mesh.sizes)
    B = 2 * np.pi * np.linalg.inv(BravaisLattice.find("hexagonal", 3).host_matrix([1.2, 1.5])).T
    length = np.linalg.norm(images @ B, axis=-1)
    tied = length < length.min(axis=1, keepdims=True) + 1e-6
    turns = np.exp(2j * np.pi * np.einsum("mtd,pd->pmt", images, x))
    expected = np.einsum("m,pmt,mt->p", full.ravel(), turns, tied / tied.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(expected.imag, 0, atol=1e-12)
    np.testing.assert_allclose(evaluate(values, x, waves), expected.real, atol=1e-12)


def test_symmetry_holds_between_the_nodes(x64, rng):
    # A sixfold axis on an even hexagonal mesh, whose zone boundary is full of ties.
    group = SpaceGroup.from_generators([SymOp([[1, -1], [1, 0]])])
    assert group.order == 6
    mesh, _, values, waves = made(*CELLS[1], rng=rng)
    nodes = mesh.points().reshape(-1, 2)
    images = [np.rint(op(nodes) * 6).astype(int) % 6 for op in group.operations]
    values = np.sum([np.asarray(values)[tuple(i.T)] for i in images], axis=0).reshape(mesh.sizes)
    x = rng.random((7, 2))
    found = evaluate(jnp.asarray(values), np.stack([op(x) for op in group.operations]), waves)
    np.testing.assert_allclose(found, np.tile(found[0], (6, 1)), atol=1e-13)


def test_gradients_jit_and_vmap(x64, rng):
    mesh, _, values, waves = made(*CELLS[4], rng=rng)
    x, weight = rng.random((2, 4, 3))

    @jax.jit
    def scalar(values, x, waves):
        return jnp.sum(jnp.sin(evaluate(values, x, waves)) * weight[:, 0])

    slopes = jax.grad(scalar, argnums=(0, 1))(values, jnp.asarray(x), waves)
    steps = [1e-4 * rng.normal(size=mesh.sizes), 1e-4 * rng.normal(size=x.shape)]
    for i in range(2):

        def moved(t, i=i):
            return float(
                scalar(values + t * steps[0] * (i == 0), x + t * steps[1] * (i == 1), waves)
            )

        change = (8 * (moved(1) - moved(-1)) - (moved(2) - moved(-2))) / 12
        assert change == pytest.approx(float(jnp.sum(slopes[i] * steps[i])), rel=1e-7)
    each = jax.vmap(lambda one: evaluate(values, one, waves))(jnp.asarray(x))
    np.testing.assert_allclose(each, evaluate(values, x, waves), atol=1e-13)


def test_float32_agrees_with_float64(x64, rng):
    mesh, matrix, values, waves = made(*CELLS[3], rng=rng)
    x = rng.random((9, 3)) + 2
    low = evaluate(values.astype(jnp.float32), x, Waves.build(mesh, matrix, jnp.float32))
    assert low.dtype == jnp.float32
    np.testing.assert_allclose(low, evaluate(values, x, waves), atol=1e-5 * np.abs(values).max())


def test_planes_and_boxes_follow(x64, rng):
    mesh, _, values, waves = made(*CELLS[4], rng=rng)
    density = mesh_density(values, waves)
    # The plane of the first two axes at the height of the third node.
    plane = Plane.rational([1, 0, 0], [0, 1, 0], point=[0, 0, 0.5])
    shown = density.section(plane, mesh.sizes[:2])
    np.testing.assert_allclose(shown.values, values[:, :, 3], atol=1e-12)
    np.testing.assert_allclose(density.on_grid(mesh.grid()), values, atol=1e-12)


def test_bad_points(rng):
    mesh, _, values, waves = made(*CELLS[2], rng=rng)
    with pytest.raises(ValueError, match=r"expected points \(..., 2\)"):
        evaluate(values, np.zeros((3, 3)), waves)
    with pytest.raises(ValueError, match=r"expected shape \(5, 8\)"):
        evaluate(values.T, np.zeros((3, 2)), waves)
    assert mesh.dimension == 2
