"""Cell parameters <-> lattice matrix in one, two and three dimensions."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._core import check_finite, host_array, safe_norm, safe_sqrt

#: Number of cell parameters by dimension: (a), (a, b, gamma), (a, b, c, alpha, beta, gamma).
N_PARAMETERS = {1: 1, 2: 3, 3: 6}


@jax.jit
def cell_to_matrix(cell: Float[Array, " p"]) -> Float[Array, "d d"]:
    """Lattice matrix of a cell, a along x and b in the xy plane (ASE's orientation).

    In three dimensions, with ca = cos(alpha) and so on,

        a = a (1, 0, 0)
        b = b (cg, sg, 0)
        c = c (cb, (ca - cb cg) / sg, sqrt(1 - cb^2 - ((ca - cb cg) / sg)^2))

    Args:
        cell: (a,), (a, b, gamma) or (a, b, c, alpha, beta, gamma); lengths in angstrom, angles
            in degrees.

    Returns:
        Matrix of shape (D, D), rows are the basis vectors in angstrom. Angles that no cell can
        have give a zero third component rather than NaN (see `check_cell`).

    References:
        International Tables for Crystallography, Vol. B (2008), section 3.3.1.
    """
    if cell.shape[0] == 1:
        return cell[:, None]
    if cell.shape[0] == 3:
        cg, sg = _cos_sin(cell[2])
        zero = jnp.zeros_like(cg)
        unit = jnp.stack([jnp.stack([zero + 1, zero]), jnp.stack([cg, sg])])
        return cell[:2, None] * unit
    if cell.shape[0] != 6:
        raise ValueError(f"cell: expected 1, 3 or 6 parameters, got {cell.shape[0]}")
    (ca, _), (cb, _), (cg, sg) = (_cos_sin(angle) for angle in (cell[3], cell[4], cell[5]))
    zero = jnp.zeros_like(ca)
    cy = (ca - cb * cg) / sg
    cz = safe_sqrt(1 - cb * cb - cy * cy)
    unit = jnp.stack(
        [
            jnp.stack([zero + 1, zero, zero]),
            jnp.stack([cg, sg, zero]),
            jnp.stack([cb, cy, cz]),
        ]
    )
    return cell[:3, None] * unit


def _cos_sin(degrees: Float[Array, ""]) -> tuple[Array, Array]:
    # Through the complement, so that 90 degrees gives exactly cos = 0 in any precision.
    complement = jnp.deg2rad(90 - degrees)
    return jnp.sin(complement), jnp.cos(complement)


@jax.jit
def matrix_to_cell(matrix: Float[Array, "d d"]) -> Float[Array, " p"]:
    """Cell parameters of a lattice matrix: lengths in angstrom, then angles in degrees.

    cos(alpha) = b . c / (|b| |c|) and cyclically; the orientation of the matrix is lost. Angles
    come from `atan2(|b x c|, b . c)`, which has a finite gradient at every angle of a real cell.
    """
    dimension = matrix.shape[0]
    lengths = safe_norm(matrix)
    if dimension == 1:
        return lengths
    pairs = {2: [(0, 1)], 3: [(1, 2), (0, 2), (0, 1)]}[dimension]
    angles = []
    for i, j in pairs:
        dot = jnp.sum(matrix[i] * matrix[j])
        gram = jnp.square(lengths[i] * lengths[j]) - dot * dot
        angles.append(jnp.rad2deg(jnp.arctan2(safe_sqrt(gram), dot)))
    return jnp.concatenate([lengths, jnp.stack(angles)])


def host_matrix(cell: np.ndarray) -> Float[np.ndarray, "d d"]:
    """`cell_to_matrix` in NumPy float64, for builders (which then compile nothing)."""
    if cell.size == 1:
        return cell[:, None]
    # Through the complement, as above: 90 degrees gives exactly 0.
    n_lengths = 2 if cell.size == 3 else 3
    complement = np.deg2rad(90 - cell[n_lengths:])
    cosine, sine = np.sin(complement), np.cos(complement)
    if cell.size == 3:
        return cell[:2, None] * np.array([[1, 0], [cosine[0], sine[0]]])
    (ca, cb, cg), sg = cosine, sine[2]
    cy = (ca - cb * cg) / sg
    cz = np.sqrt(max(1 - cb * cb - cy * cy, 0.0))
    return cell[:3, None] * np.array([[1, 0, 0], [cg, sg, 0], [cb, cy, cz]])


def host_cell(matrix: np.ndarray) -> Float[np.ndarray, " p"]:
    """`matrix_to_cell` in NumPy float64, for builders."""
    lengths = np.linalg.norm(matrix, axis=1)
    pairs = {1: [], 2: [(0, 1)], 3: [(1, 2), (0, 2), (0, 1)]}[len(matrix)]
    angles = []
    for i, j in pairs:
        dot = matrix[i] @ matrix[j]
        gram = (lengths[i] * lengths[j]) ** 2 - dot**2
        angles.append(np.rad2deg(np.arctan2(np.sqrt(max(gram, 0.0)), dot)))
    return np.concatenate([lengths, angles])


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
