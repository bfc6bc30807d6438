"""Lattice basis reduction in any metric (Lenstra, Lenstra, Lovasz)."""

from typing import Any

import numpy as np
from jaxtyping import Int


def lll(basis: Any, metric: Any, *, delta: float = 0.99) -> Int[np.ndarray, "r N"]:
    """LLL-reduced basis of the lattice that the rows generate, under x G x^T.

    Every size coefficient is at most 1/2 and |b*_i|^2 >= (delta - mu^2) |b*_(i-1)|^2.

    Args:
        basis: linearly independent integer rows, (r, N).
        metric: G, symmetric positive definite, (N, N).
        delta: Lovasz's constant, in (1/4, 1].

    Returns:
        Reduced basis of the same lattice, exact integers, (r, N).

    Raises:
        ValueError: dependent rows or shapes that do not fit.

    References:
        Lenstra, Lenstra & Lovasz, Math. Ann. 261, 515 (1982).
    """
    B = np.array(basis, dtype=np.int64)
    G = np.asarray(metric, dtype=np.float64)
    if B.ndim != 2 or G.shape != (B.shape[1], B.shape[1]) or not 0.25 < delta <= 1:
        raise ValueError(
            f"expected a basis (r, N), a metric (N, N) and delta in (1/4, 1], "
            f"got {B.shape}, {G.shape}, {delta}"
        )
    if np.linalg.matrix_rank(B) < len(B):
        raise ValueError(f"expected linearly independent rows, got {B.tolist()}")
    root = np.linalg.cholesky(G)
    i = 1
    while i < len(B):
        for j in range(i - 1, -1, -1):
            _, R = np.linalg.qr((B[: i + 1] @ root).T)
            B[i] -= round(float(R[j, i] / R[j, j])) * B[j]
        _, R = np.linalg.qr((B[: i + 1] @ root).T)
        if R[i, i] ** 2 >= (delta - (R[i - 1, i] / R[i - 1, i - 1]) ** 2) * R[i - 1, i - 1] ** 2:
            i += 1
        else:
            B[[i - 1, i]] = B[[i, i - 1]]
            i = max(i - 1, 1)
    return B
