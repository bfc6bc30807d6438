"""Reduction of skewed cells to compact ones (host only)."""

from typing import Any

import numpy as np
from jaxtyping import Float, Int

from .._core import call_spglib, check_finite, host_array


def niggli_reduce(
    matrix: Any, tolerance: float = 1e-5
) -> tuple[Float[np.ndarray, "3 3"], Int[np.ndarray, "3 3"]]:
    """Find the Niggli-reduced cell of a lattice, and the unimodular matrix that makes it.

    Args:
        matrix: rows a, b, c in angstrom.
        tolerance: relative tolerance with which lengths and angles are compared.

    Returns:
        `(reduced, transform)` with `reduced = transform @ matrix`, in the orientation of the
        input, and `transform` an integer matrix of determinant +1.

    Raises:
        ValueError: the matrix is not a 3 x 3 matrix of independent finite rows, or the reduction
            does not converge.

    References:
        I. Krivy and B. Gruber, Acta Cryst. A32 (1976) 297; the implementation is spglib's.
    """
    values = host_array(matrix, "lattice matrix")
    if values.shape != (3, 3):
        raise ValueError(f"lattice matrix: expected shape (3, 3), got {values.shape}")
    check_finite(values, "lattice matrix")
    if abs(np.linalg.det(values)) <= 1e-9 * np.prod(np.linalg.norm(values, axis=1)):
        raise ValueError("lattice matrix: expected independent rows, got a singular matrix")
    import spglib

    # spglib compares squared lengths with an absolute eps: unit volume makes it relative.
    unit = abs(np.linalg.det(values)) ** (1 / 3)
    rotated = unit * call_spglib(spglib.niggli_reduce, values / unit, eps=tolerance)
    transform = np.rint(np.linalg.solve(values.T, rotated.T).T).astype(np.int64)
    if round(np.linalg.det(transform)) < 0:
        transform = -transform
    if round(np.linalg.det(transform)) != 1:
        raise ValueError("lattice matrix: the Niggli reduction changed the cell's volume")
    return transform @ values, transform
