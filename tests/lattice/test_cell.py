"""Cell parameters and matrices: ASE as independent route, round trips, gradients, bad input."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase.geometry import cell_to_cellpar, cellpar_to_cell

from jaxtal.lattice import (
    Lattice,
    cell_to_matrix,
    check_cell,
    matrix_to_cell,
)

CELLS = [
    (3.567, 3.567, 3.567, 90, 90, 90),
    (4.916, 4.916, 5.4054, 90, 90, 120),
    (7.126, 7.852, 5.572, 89.99, 101.11, 106.03),
    (5.0, 6.0, 7.0, 60, 60, 60),
    (5.0, 6.0, 7.0, 118, 118, 118),
    (7.1356, 12.3692, 7.1736, 90, 120.34, 90),
    (3.0, 30.0, 4.0, 35, 40, 50),
]

FORWARD = jax.jit(jax.jacfwd(cell_to_matrix))
BACKWARD = jax.jit(jax.jacrev(matrix_to_cell))


@pytest.mark.parametrize("cell", CELLS)
def test_matrix_agrees_with_ase(x64, cell):
    ours = np.asarray(cell_to_matrix(jnp.asarray(cell, float)))
    np.testing.assert_allclose(ours, cellpar_to_cell(cell), atol=1e-12)
    np.testing.assert_allclose(cell_to_matrix(np.asarray(cell, float)), ours, atol=1e-12)


@pytest.mark.parametrize("cell", CELLS)
def test_round_trip_and_ase_parameters(x64, cell, rng):
    rotation = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    matrix = cellpar_to_cell(cell) @ rotation
    back = np.asarray(matrix_to_cell(jnp.asarray(matrix)))
    np.testing.assert_allclose(back, cell, rtol=1e-12)
    np.testing.assert_allclose(back, cell_to_cellpar(matrix), rtol=1e-12)
    np.testing.assert_allclose(matrix_to_cell(matrix), back, rtol=1e-12)


def test_lists_are_cells_and_matrices_too():
    matrix = cell_to_matrix([3, 4, 5, 90, 90, 120])
    np.testing.assert_allclose(matrix_to_cell(matrix.tolist()), [3, 4, 5, 90, 90, 120])


def test_right_angles_are_exact_in_float32():
    matrix = np.asarray(cell_to_matrix(jnp.asarray((3.0, 4.0, 5.0, 90, 90, 90), jnp.float32)))
    assert matrix.dtype == np.float32
    np.testing.assert_array_equal(matrix, np.diag([3.0, 4.0, 5.0]).astype(np.float32))


@pytest.mark.parametrize(("cell", "area"), [((2.5,), 2.5), ((2.0, 3.0, 120.0), 3 * np.sqrt(3))])
def test_one_and_two_dimensions(x64, cell, area):
    lattice = Lattice.from_parameters(*cell)
    assert lattice.dimension == {1: 1, 3: 2}[len(cell)]
    np.testing.assert_allclose(lattice.cell, cell, rtol=1e-12)
    np.testing.assert_allclose(lattice.volume, area, rtol=1e-12)
    np.testing.assert_allclose(matrix_to_cell(np.asarray(lattice.matrix)), cell, rtol=1e-12)


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_against_finite_differences(x64, cell):
    x = np.asarray(cell, float)
    eps = 1e-5
    analytic = np.asarray(FORWARD(x))
    steps = [eps * np.eye(6)[i] for i in range(6)]
    numeric = np.stack(
        [np.subtract(*(cell_to_matrix(x + s * step) for s in (1, -1))) for step in steps], axis=-1
    ) / (2 * eps)
    np.testing.assert_allclose(analytic, numeric, atol=1e-6 * np.abs(numeric).max())
    # The inverse function's Jacobian is the inverse on the cell parameters.
    chain = np.einsum("pij,ijq->pq", np.asarray(BACKWARD(cell_to_matrix(x))), analytic)
    np.testing.assert_allclose(chain, np.eye(6), atol=1e-10)


def test_lattice_identities(x64, rng):
    matrix = rng.standard_normal((3, 3)) + 4 * np.eye(3)
    lattice = Lattice.from_matrix(matrix)
    np.testing.assert_allclose(
        lattice.matrix @ lattice.reciprocal.T, 2 * np.pi * np.eye(3), atol=1e-12
    )
    np.testing.assert_allclose(lattice.metric, matrix @ matrix.T, rtol=1e-12)
    frac = jnp.asarray(rng.standard_normal((5, 3)))
    np.testing.assert_allclose(lattice.to_fractional(lattice.to_cartesian(frac)), frac, atol=1e-12)
    np.testing.assert_allclose(
        lattice.q(frac), 2 * np.pi * np.asarray(frac) @ np.linalg.inv(matrix).T
    )
    np.testing.assert_allclose(lattice.volume, abs(np.linalg.det(matrix)))


def test_jit_vmap_and_float32(rng):
    cells = np.array([c for c in CELLS if c[1] < 20], np.float32)
    batch = jax.jit(jax.vmap(cell_to_matrix))(jnp.asarray(cells))
    assert batch.dtype == jnp.float32
    for one, cell in zip(batch, cells, strict=True):
        np.testing.assert_allclose(one, cellpar_to_cell(cell), atol=2e-5)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ((1, 2), "1, 3 or 6 parameters"),
        ((0, 1, 1, 90, 90, 90), "positive length a"),
        ((1, 1, -2, 90, 90, 90), "positive length c"),
        ((1, 1, 1, 90, 180, 90), "0 < beta < 180"),
        ((1, 1, 1, 60, 60, 130), "enclose no volume"),
        ((1, 1, np.nan, 90, 90, 90), "finite"),
    ],
)
def test_bad_cells(cell, message):
    with pytest.raises(ValueError, match=message):
        check_cell(cell)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.ones((3, 3)), "independent lattice vectors"),
        (np.ones((2, 3)), "shape"),
        (np.full((3, 3), np.nan), "finite"),
        ([["a", 0], [0, 1]], "numbers"),
    ],
)
def test_bad_matrices(matrix, message):
    with pytest.raises(ValueError, match=message):
        Lattice.from_matrix(matrix)


def test_builders_refuse_tracers():
    with pytest.raises(ValueError, match="static shape"):
        jax.jit(lambda a: Lattice.from_parameters(a).matrix)(3.0)
