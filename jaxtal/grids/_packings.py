"""Densest known lattice packings of equal balls: A1, A2, A3, D4, D5, E6, E7, E8, then D_n."""

import math

import numpy as np
from jaxtyping import Float


def packing_basis(dimension: int) -> Float[np.ndarray, "N N"]:
    """Return rows that generate the densest known lattice packing of balls of radius 1.

    Root lattices: A1, A2 (hexagonal), A3 = D3 (face-centred cubic), D4, D5, E6, E7, E8 - proven
    the densest lattices - and D_n beyond. Shortest vectors have length 2.

    Args:
        dimension: N, at least 1.

    Returns:
        Basis, lower triangular, in radii, (N, N).

    Raises:
        ValueError: a dimension below 1.

    References:
        Conway & Sloane, Sphere Packings, Lattices and Groups, table 1.2 and chapter 4.
    """
    if int(dimension) != dimension or dimension < 1:
        raise ValueError(f"expected a dimension of at least 1, got {dimension}")
    n = int(dimension)
    # Nodes of the Dynkin diagram form a chain; the last one hangs on node 0, ..., of D_n or E_n.
    cartan = 2 * np.eye(n)
    branch = {1: None, 2: 0, 3: 1}.get(n, 2 if 6 <= n <= 8 else n - 3)
    for i in range(n - 2):
        cartan[i, i + 1] = cartan[i + 1, i] = -1
    if branch is not None:
        cartan[n - 1, branch] = cartan[branch, n - 1] = -1
    return math.sqrt(2) * np.linalg.cholesky(cartan)


def packing_density(dimension: int) -> float:
    """Compute the share of space that balls of `packing_basis` fill: pi^3/(48 sqrt 3) in N = 6."""
    ball = math.pi ** (dimension / 2) / math.gamma(dimension / 2 + 1)
    return ball / float(np.prod(np.diag(packing_basis(dimension))))
