"""Linear algebra over the field of p elements, for small matrices."""

import numpy as np


def row_echelon(matrix: np.ndarray, p: int) -> tuple[np.ndarray, list[int]]:
    """Reduced row echelon form modulo p without zero rows, and its pivot columns."""
    A = np.array(matrix, dtype=np.int64) % p
    pivots: list[int] = []
    for column in range(A.shape[1]):
        r = len(pivots)
        if r == len(A):
            break
        below = np.flatnonzero(A[r:, column])
        if not below.size:
            continue
        A[[r, r + below[0]]] = A[[r + below[0], r]]
        A[r] = A[r] * pow(int(A[r, column]), -1, p) % p
        factors = A[:, column].copy()
        factors[r] = 0
        A = (A - factors[:, None] * A[r]) % p
        pivots.append(column)
    return A[: len(pivots)], pivots


def null_space(matrix: np.ndarray, p: int) -> np.ndarray:
    """Rows x with A x = 0 modulo p, a basis, (n - rank, n)."""
    R, pivots = row_echelon(matrix, p)
    n = R.shape[1]
    free = [j for j in range(n) if j not in pivots]
    rows = np.zeros((len(free), n), dtype=np.int64)
    for i, j in enumerate(free):
        rows[i, j] = 1
        rows[i, pivots] = -R[:, j] % p
    return rows


def span(vectors: np.ndarray, actions: np.ndarray, p: int) -> np.ndarray:
    """Smallest space modulo p that holds the rows and is closed under w -> A w for each A."""
    space, _ = row_echelon(vectors, p)
    while True:
        larger, _ = row_echelon(np.vstack([space, *(space @ np.swapaxes(actions, 1, 2))]), p)
        if len(larger) == len(space):
            return space
        space = larger
