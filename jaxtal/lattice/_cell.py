"""Cell parameters <-> lattice matrix in one, two and three dimensions."""

import functools
from collections.abc import Sequence
from types import ModuleType
from typing import Any, overload

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._core import check_finite, host_array, safe_sqrt

#: Number of cell parameters by dimension: (a), (a, b, gamma), (a, b, c, alpha, beta, gamma).
N_PARAMETERS = {1: 1, 2: 3, 3: 6}


@overload
def cell_to_matrix(cell: np.ndarray | Sequence[float | int]) -> np.ndarray: ...
@overload
def cell_to_matrix(cell: Array) -> Array: ...
def cell_to_matrix(
    cell: Float[Array | np.ndarray, " p"] | Sequence[float | int],
) -> Float[Array | np.ndarray, "d d"]:
    """Return the lattice matrix of a cell, a along x and b in the xy plane (ASE's orientation).

    In three dimensions, with ca = cos(alpha) and so on,

        a = a (1, 0, 0)
        b = b (cg, sg, 0)
        c = c (cb, (ca - cb cg) / sg, sqrt(1 - cb^2 - ((ca - cb cg) / sg)^2))

    Args:
        cell: (a,), (a, b, gamma) or (a, b, c, alpha, beta, gamma); lengths in angstrom, angles
            in degrees. A NumPy array or a list is computed in NumPy float64 and compiles nothing.

    Returns:
        Matrix of shape (D, D), rows are the basis vectors in angstrom. Angles that no cell can
        have give a zero third component rather than NaN (see `check_cell`).

    Raises:
        ValueError: neither 1, 3 nor 6 parameters.

    References:
        International Tables for Crystallography, Vol. B (2008), section 3.3.1.
    """
    if not isinstance(cell, jax.Array):
        return _matrix(np, np.asarray(cell, np.float64))
    return _compiled_matrix(cell)


@overload
def matrix_to_cell(matrix: np.ndarray | Sequence[Sequence[float | int]]) -> np.ndarray: ...
@overload
def matrix_to_cell(matrix: Array) -> Array: ...
def matrix_to_cell(
    matrix: Float[Array | np.ndarray, "d d"] | Sequence[Sequence[float | int]],
) -> Float[Array | np.ndarray, " p"]:
    """Return the cell parameters of a lattice matrix; its orientation is lost.

    cos(alpha) = b . c / (|b| |c|) and cyclically. Angles come from `atan2(|b x c|, b . c)`, which
    has a finite gradient at every angle of a real cell.

    Args:
        matrix: basis vectors as rows, shape (D, D), angstrom. A NumPy array or a list is computed
            in NumPy float64 and compiles nothing.

    Returns:
        (a,), (a, b, gamma) or (a, b, c, alpha, beta, gamma), angstrom and degrees.
    """
    if not isinstance(matrix, jax.Array):
        return _parameters(np, np.asarray(matrix, np.float64))
    return _compiled_parameters(matrix)


def _matrix(xp: ModuleType, cell: Any) -> Any:
    """`cell_to_matrix` in NumPy or `jax.numpy`."""
    if cell.shape[0] == 1:
        return cell[:, None]
    if cell.shape[0] == 3:
        cg, sg = _cos_sin(xp, cell[2])
        zero = xp.zeros_like(cg)
        unit = xp.stack([xp.stack([zero + 1, zero]), xp.stack([cg, sg])])
        return cell[:2, None] * unit
    if cell.shape[0] != 6:
        raise ValueError(f"cell: expected 1, 3 or 6 parameters, got {cell.shape[0]}")
    (ca, _), (cb, _), (cg, sg) = (_cos_sin(xp, angle) for angle in (cell[3], cell[4], cell[5]))
    zero = xp.zeros_like(ca)
    cy = (ca - cb * cg) / sg
    cz = _root(xp, 1 - cb * cb - cy * cy)
    unit = xp.stack(
        [
            xp.stack([zero + 1, zero, zero]),
            xp.stack([cg, sg, zero]),
            xp.stack([cb, cy, cz]),
        ]
    )
    return cell[:3, None] * unit


def _parameters(xp: ModuleType, matrix: Any) -> Any:
    """`matrix_to_cell` in NumPy or `jax.numpy`."""
    dimension = matrix.shape[0]
    lengths = _root(xp, xp.sum(matrix * matrix, axis=-1))
    if dimension == 1:
        return lengths
    pairs = {2: [(0, 1)], 3: [(1, 2), (0, 2), (0, 1)]}[dimension]
    angles = []
    for i, j in pairs:
        dot = xp.sum(matrix[i] * matrix[j])
        gram = xp.square(lengths[i] * lengths[j]) - dot * dot
        angles.append(xp.rad2deg(xp.arctan2(_root(xp, gram), dot)))
    return xp.concatenate([lengths, xp.stack(angles)])


_compiled_matrix = jax.jit(functools.partial(_matrix, jnp))
_compiled_parameters = jax.jit(functools.partial(_parameters, jnp))


def _cos_sin(xp: ModuleType, degrees: Any) -> tuple[Any, Any]:
    # Through the complement, so that 90 degrees gives exactly cos = 0 in any precision.
    complement = xp.deg2rad(90 - degrees)
    return xp.sin(complement), xp.cos(complement)


def _root(xp: ModuleType, x: Any) -> Any:
    """Square root, 0 where there is none."""
    return safe_sqrt(x) if xp is jnp else np.sqrt(np.maximum(x, 0.0))


def check_cell(cell: Any, name: str = "cell") -> np.ndarray:
    """Validate cell parameters on the host.

    Returns:
        The parameters as a float64 array.

    Raises:
        ValueError: wrong number of parameters, a length that is not positive, an angle outside
            (0, 180), or three angles that enclose no volume.
    """
    values = host_array(cell, name)
    if values.shape not in {(1,), (3,), (6,)}:
        raise ValueError(f"{name}: expected 1, 3 or 6 parameters, got shape {values.shape}")
    check_finite(values, name)
    n_lengths = {1: 1, 3: 2, 6: 3}[values.size]
    for label, length in zip("abc", values[:n_lengths], strict=False):
        if length <= 0:
            raise ValueError(f"{name}: expected a positive length {label}, got {length:g} A")
    labels = ("gamma",) if values.size == 3 else ("alpha", "beta", "gamma")
    for label, angle in zip(labels, values[n_lengths:], strict=False):
        if not 0 < angle < 180:
            raise ValueError(f"{name}: expected 0 < {label} < 180 degrees, got {angle:g}")
    if values.size == 6:
        ca, cb, cg = np.cos(np.deg2rad(values[3:]))
        if 1 - ca**2 - cb**2 - cg**2 + 2 * ca * cb * cg <= 1e-12:
            raise ValueError(
                f"{name}: angles {values[3]:g}, {values[4]:g}, {values[5]:g} degrees enclose "
                "no volume"
            )
    return values


def check_matrix(matrix: Any, name: str = "lattice matrix") -> Float[np.ndarray, "d d"]:
    """Check a matrix of lattice vectors on the host and return it in float64.

    Args:
        matrix: rows, shape (D, D), angstrom.
        name: what messages call it.

    Raises:
        ValueError: not square, not finite, or rows that are not independent.
    """
    values = host_array(matrix, name)
    if values.ndim != 2 or values.shape[0] != values.shape[1]:
        raise ValueError(f"{name}: expected shape (D, D), got {values.shape}")
    check_finite(values, name)
    lengths = np.linalg.norm(values, axis=1)
    volume = abs(np.linalg.det(values))
    if volume <= 1e-9 * np.prod(lengths):
        raise ValueError(
            f"{name}: expected independent lattice vectors, got volume {volume:.3g} A^{len(values)}"
            f" with lengths {np.round(lengths, 4).tolist()} A"
        )
    return values
