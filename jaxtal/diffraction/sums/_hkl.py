"""Which reflections a cell has inside a sphere of reciprocal space (host only)."""

from typing import Any

import numpy as np
from jaxtyping import Float, Int

from ..._core import check_finite, host_array


def hkl_bounds(matrix: Any, q_max: float) -> tuple[int, int, int]:
    """Largest |h|, |k|, |l| that a reflection with |q| <= q_max may have.

    Since h_i = q . a_i / (2 pi), Cauchy's inequality gives |h_i| <= q_max |a_i| / (2 pi). The
    bound holds for every cell, however skewed; bounding by the lengths of b_i does not.

    Args:
        matrix: lattice vectors as rows, shape (3, 3), angstrom.
        q_max: radius of the sphere, 1/angstrom.

    Raises:
        ValueError: `q_max` is not positive and finite, or the matrix is not a lattice.
    """
    values = _checked(matrix, q_max)
    bounds = np.floor(q_max * np.linalg.norm(values, axis=1) / (2 * np.pi) + 1e-9)
    h, k, l = bounds.astype(int)
    return int(h), int(k), int(l)


def hkl_sphere(matrix: Any, q_max: float, *, half: bool = True) -> Int[np.ndarray, "P 3"]:
    """List all reflections with 0 < |q| <= q_max, the origin excluded.

    Args:
        matrix: lattice vectors as rows, shape (3, 3), angstrom.
        q_max: radius of the sphere, 1/angstrom.
        half: keep one of each Friedel pair: the one whose first non-zero index is positive.

    Returns:
        Indices of shape (P, 3), ordered by h, then k, then l.

    Raises:
        ValueError: `q_max` is not positive and finite, or the matrix is not a lattice.
    """
    h_max, k_max, l_max = hkl_bounds(matrix, q_max)
    reciprocal: Float[np.ndarray, "3 3"] = 2 * np.pi * np.linalg.inv(_checked(matrix, q_max)).T
    k, l = np.meshgrid(np.arange(-k_max, k_max + 1), np.arange(-l_max, l_max + 1), indexing="ij")
    plane = np.stack([np.zeros_like(k), k, l], axis=-1).reshape(-1, 3)
    kept = []
    # One plane of constant h at a time keeps the memory of long thin cells small.
    for h in range(0 if half else -h_max, h_max + 1):
        hkl = plane + np.array([h, 0, 0])
        inside = np.sum((hkl @ reciprocal) ** 2, axis=1) <= q_max**2 * (1 + 1e-12)
        if h == 0:
            positive = (hkl[:, 1] > 0) | ((hkl[:, 1] == 0) & (hkl[:, 2] > 0))
            nonzero = np.any(hkl != 0, axis=1)
            inside &= positive if half else nonzero
        kept.append(hkl[inside])
    return np.concatenate(kept).astype(np.int32)


def count_in_sphere(matrix: Any, q_max: float) -> int:
    """Count one of each pair of reflections with 0 < |q| <= q_max without listing them.

    On the line h, k the index l runs between the roots of |h b1 + k b2 + l b3|^2 = q_max^2.

    Args:
        matrix: lattice vectors as rows, shape (3, 3), angstrom.
        q_max: radius of the sphere, 1/angstrom.

    Raises:
        ValueError: as `hkl_sphere`.
    """
    values = _checked(matrix, q_max)
    # The lines run along the axis that has most of the reflections.
    values = values[np.argsort(np.linalg.norm(values, axis=1))]
    h_max, k_max, _ = hkl_bounds(values, q_max)
    reciprocal: Float[np.ndarray, "3 3"] = 2 * np.pi * np.linalg.inv(values).T
    h, k = np.meshgrid(np.arange(h_max + 1), np.arange(-k_max, k_max + 1), indexing="ij")
    foot = np.stack([h.ravel(), k.ravel()], axis=1) @ reciprocal[:2]
    square = reciprocal[2] @ reciprocal[2]
    middle = -(foot @ reciprocal[2]) / square
    room = middle**2 - (np.sum(foot**2, axis=1) - q_max**2) / square
    half = np.sqrt(np.maximum(room, 0.0))
    on_line = np.floor(middle + half) - np.ceil(middle - half) + 1
    on_plane = np.where(room >= 0, on_line, 0.0).reshape(h.shape).sum(axis=1)
    # Planes h > 0 hold one of each pair; the plane h = 0 holds both, and the origin.
    return int(on_plane[1:].sum()) + (int(on_plane[0]) - 1) // 2


def _checked(matrix: Any, q_max: float) -> Float[np.ndarray, "3 3"]:
    values = host_array(matrix, "lattice matrix")
    if values.shape != (3, 3):
        raise ValueError(f"lattice matrix: expected shape (3, 3), got {values.shape}")
    check_finite(values, "lattice matrix")
    if np.linalg.det(values) == 0:
        raise ValueError(f"lattice matrix: expected independent rows, got {values.tolist()}")
    if not (np.isfinite(q_max) and q_max > 0):
        raise ValueError(f"q_max: expected a positive number of 1/angstrom, got {q_max}")
    return values
