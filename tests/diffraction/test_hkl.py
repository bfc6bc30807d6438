"""Reflection lists: complete for every cell, one of each Friedel pair."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cells import SHEAR

from jaxtal.diffraction import hkl_sphere
from jaxtal.diffraction.sums._hkl import count_in_sphere, hkl_bounds

CELLS = [
    np.diag([3.0, 4.5, 7.1]),
    np.array([[4.9, 0, 0], [-2.45, 4.24, 0], [0, 0, 5.4]]),
    np.array([[3.2, 0.1, -0.4], [1.5, 4.0, 0.3], [-0.7, 1.9, 5.2]]),
    np.array([[0, 1.8, 1.8], [1.8, 0, 1.8], [1.8, 1.8, 0]]),
]
SHEARS = [np.eye(3, dtype=int), SHEAR, np.array([[1, 0, 0], [-5, 1, 0], [2, 7, 1]])]


def brute_force(matrix: np.ndarray, shear: np.ndarray, q_max: float) -> set[tuple[int, ...]]:
    """All indices in the cell `shear @ matrix`, found in the compact cell `matrix`.

    q = h B, and the sheared cell's B is S^-T B, so its indices are h S^T.
    """
    reciprocal = 2 * np.pi * np.linalg.inv(matrix).T
    reach = np.arange(-15, 16)
    hkl = np.stack(np.meshgrid(reach, reach, reach, indexing="ij"), -1).reshape(-1, 3)
    size = np.linalg.norm(hkl @ reciprocal, axis=1)
    inside = hkl[(size <= q_max) & (size > 0)]
    assert np.abs(inside).max() < 15
    return {tuple(int(i) for i in h) for h in inside @ shear.T}


def as_set(hkl: np.ndarray) -> set[tuple[int, ...]]:
    found = {tuple(int(i) for i in h) for h in hkl}
    assert len(found) == len(hkl)
    return found


@pytest.mark.parametrize("shear", SHEARS, ids=["compact", "sheared", "very-sheared"])
@pytest.mark.parametrize("matrix", CELLS, ids=["ortho", "hex", "triclinic", "fcc"])
def test_sphere_is_complete(matrix, shear):
    expected = brute_force(matrix, shear, 6.0)
    full = as_set(hkl_sphere(shear @ matrix, 6.0, half=False))
    assert full == expected
    bounds = hkl_bounds(shear @ matrix, 6.0)
    assert all(abs(i) <= b for h in expected for i, b in zip(h, bounds, strict=True))
    half = as_set(hkl_sphere(shear @ matrix, 6.0))
    mates = {tuple(-i for i in h) for h in half}
    assert half | mates == full
    assert not half & mates
    assert all(next(i for i in h if i) > 0 for h in half)
    assert count_in_sphere(shear @ matrix, 6.0) == len(half)


def test_sphere_without_reflections():
    assert hkl_sphere(np.eye(3), 1.0).shape == (0, 3)
    assert count_in_sphere(np.eye(3), 1.0) == 0


@pytest.mark.parametrize("q_max", [0.0, -1.0, float("nan"), float("inf")])
def test_q_max_must_be_positive(q_max):
    with pytest.raises(ValueError, match="q_max: expected a positive number"):
        hkl_sphere(np.eye(3), q_max)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.eye(2), "shape"),
        (np.full((3, 3), np.nan), "finite"),
        (np.zeros((3, 3)), "independent"),
    ],
)
def test_matrix_must_be_a_lattice(matrix, message):
    with pytest.raises(ValueError, match=f"lattice matrix.*{message}"):
        hkl_sphere(matrix, 5.0)


def test_lists_are_made_on_the_host():
    with pytest.raises(ValueError, match="static shape"):
        jax.jit(lambda m: jnp.asarray(hkl_sphere(m, 5.0)))(jnp.eye(3))
