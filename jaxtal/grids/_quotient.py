"""The grid of any sublattice of the reciprocal lattice."""

from typing import Any

import numpy as np

from ..symmetry import smith_normal_form
from ._grid import Grid


def quotient_grid(matrix: Any) -> Grid:
    """Make the grid whose slots are the cosets of the sublattice that rows generate.

    With the Smith normal form U M W = diag(d), a row k lies in the sublattice exactly where
    (k W)_i = 0 mod d_i: V = W and m = d, without the d_i = 1. The grid has |det M| points and its
    superlattice is the dual of the sublattice.

    Args:
        matrix: M, rows in the basis of the indices, integers, (N, N).

    Returns:
        Grid with as few axes as the group needs, each length a divisor of the next.

    Raises:
        ValueError: not a non-singular square matrix of integers.

    References:
        Equation 3 and section 3.3 of the dual-space phasing toolkit's paper.
    """
    M = np.asarray(matrix)
    if M.ndim != 2 or M.shape[0] != M.shape[1] or not M.size:
        raise ValueError(f"expected a square integer matrix, got {M.dtype} {M.shape}")
    _, d, W = smith_normal_form(M.tolist())
    if len(d) < len(M):
        raise ValueError(f"expected independent rows, got rank {len(d)} in {M.tolist()}")
    axes = [i for i, modulus in enumerate(d) if modulus > 1] or [len(d) - 1]
    # Python integers until they are reduced: the entries of W may be long.
    columns = [[row[i] % d[i] for i in axes] for row in W]
    return Grid(np.array(columns, dtype=np.int64), [d[i] for i in axes])
