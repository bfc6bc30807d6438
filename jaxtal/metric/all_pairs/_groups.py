"""Groups of vectors that are close: single linkage at a threshold."""

import numpy as np
from jaxtyping import Array, Float, Int

from ._blocks import checked, exact_distances
from ._pairs import close_pairs


def groups(
    vectors: Float[np.ndarray, "n D"] | Float[Array, "n D"],
    threshold: float | int,
    *,
    block: int = 2048,
) -> Int[np.ndarray, " n"]:
    """Label vectors that a chain of distances within the threshold joins.

    Two members of a group may lie further apart than the threshold, each step of the chain
    between them does not. The pairs are never held all at once.

    Args:
        vectors: shape (n, D); may be mapped from a file, of which blocks are read.
        threshold: in the unit of the vectors.
        block: vectors at a time; memory is about 8 `block`^2 bytes.

    Returns:
        Group of each vector, shape (n,), numbered in the order in which they first occur.

    Raises:
        ValueError: as `pairs_within`.
    """
    vectors = checked(vectors, "vectors")
    labels = np.arange(len(vectors))
    for near, unsure in close_pairs(vectors, threshold, block):
        labels = _joined(labels, near)
        # Differences are only needed where they would join two groups.
        apart = unsure[labels[unsure[:, 0]] != labels[unsure[:, 1]]]
        exact = exact_distances(vectors, apart[:, 0], vectors, apart[:, 1])
        labels = _joined(labels, apart[exact <= threshold])
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]


def _joined(labels: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Labels after joining the groups of some pairs."""
    ends = labels[pairs]
    ends = ends[ends[:, 0] != ends[:, 1]]
    if not len(ends):
        return labels
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(labels)
    edges = coo_array((np.ones(len(ends), bool), (ends[:, 0], ends[:, 1])), shape=(n, n))
    _, component = connected_components(edges, directed=False)
    return component[labels].astype(np.int64)
