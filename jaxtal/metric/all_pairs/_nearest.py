"""The k nearest vectors of each of many."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..._core import count
from ._blocks import (
    UNIT,
    Block,
    centre_of,
    checked,
    exact_distances,
    make_block,
    rounding,
    spans,
    squared_distances,
    whole_units,
)

#: Candidates kept beyond k, among which differences decide.
_SPARE = 16
#: Vectors compared with one block of queries at a time, as multiples of that block.
_WIDTH = 4


def nearest(
    query: Float[np.ndarray, "m _"] | Float[Array, "m _"],
    vectors: Float[np.ndarray, "n D"] | Float[Array, "n D"],
    k: int = 10,
    *,
    block: int = 1024,
    skip_self: bool = False,
) -> tuple[Int[np.ndarray, "m K"], Float[np.ndarray, "m K"]]:
    """The k nearest vectors of each query, nearest first.

    Candidates are found in single precision and compared in double precision by their
    differences; rows whose candidates could be wrong after all (very many vectors at nearly one
    distance) are worked out again in double precision throughout. Only the order of neighbours
    nearer than 1e-7 of the vectors' lengths may still suffer from rounding.

    Args:
        query: shape (m, D), in the unit of the vectors.
        vectors: shape (n, D); may be mapped from a file, of which blocks are read.
        k: how many to find; K = min(k, n), or min(k, n - 1) with `skip_self`.
        block: queries at a time; memory is about 16 `block`^2 bytes and a few times `block` D.
        skip_self: `query` is `vectors`, and no vector is its own neighbour.

    Returns:
        Indices into `vectors` and distances, shape (m, K) each.

    Raises:
        ValueError: shapes that do not fit, numbers that are not finite or not real, k or block
            below 1.
    """
    query, vectors = checked(query, "query"), checked(vectors, "vectors")
    if query.shape[1] != vectors.shape[1]:
        raise ValueError(
            f"query: expected vectors of length {vectors.shape[1]}, got {query.shape[1]}"
        )
    if skip_self and len(query) != len(vectors):
        raise ValueError(
            f"skip_self: expected {len(vectors)} queries, the vectors themselves, got {len(query)}"
        )
    k, block = count(k, "k", 1), whole_units(count(block, "block", 1))
    size = min(block, whole_units(len(query)))
    width = min(_WIDTH * block, whole_units(len(vectors)))
    k = min(k, len(vectors) - skip_self)
    indices = np.zeros((len(query), max(k, 0)), np.int64)
    distances = np.zeros((len(query), max(k, 0)))
    if k < 1:
        return indices, distances
    centre = centre_of(vectors)
    if k > width:
        # More neighbours than a block has vectors: nothing would be gained by candidates.
        for rows in spans(len(query), max(1, size * width // (k + width))):
            part = _in_double(query, vectors, rows, centre, k, width, skip_self)
            indices[rows], distances[rows] = part
        return indices, distances
    wanted = min(k + _SPARE, width)
    for rows in spans(len(query), size):
        one = make_block(query, rows, centre, size, "query")
        squared, found = _candidates(one, vectors, centre, width, wanted, skip_self)
        part = _compared(query, vectors, rows, found, k)
        unsure = _unsure(one, squared, part[1], len(vectors) - skip_self, query.shape[1])
        if unsure.size:
            again = _in_double(query, vectors, rows[unsure], centre, k, width, skip_self)
            for all_values, values in zip(part, again, strict=True):
                all_values[unsure] = values
        indices[rows], distances[rows] = part
    return indices, distances


def _candidates(
    one: Block, vectors: np.ndarray, centre: np.ndarray, width: int, wanted: int, skip_self: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Squared distances in single precision, ascending, and indices; -1 where there is none."""
    size = one.values.shape[0]
    best = jnp.full((size, wanted), jnp.inf, jnp.float32)
    index = jnp.full((size, wanted), -1, jnp.int32)
    # Padding compares with no vector.
    own = np.full(size, -1, np.int32)
    if skip_self:
        own[: len(one.rows)] = one.rows
    for columns in spans(len(vectors), width):
        other = make_block(vectors, columns, centre, width)
        offset = jnp.asarray(np.int32(columns[0]))
        best, index = _merge(
            (one.values, one.squares, jnp.asarray(own)),
            (other.values, other.squares, offset),
            (best, index),
        )
    n = len(one.rows)
    return np.asarray(best)[:n], np.asarray(index)[:n]


@jax.jit
def _merge(
    queries: tuple[Float[Array, "m D"], Float[Array, " m"], Int[Array, " m"]],
    others: tuple[Float[Array, "n D"], Float[Array, " n"], Int[Array, ""]],
    best: tuple[Float[Array, "m K"], Int[Array, "m K"]],
) -> tuple[Float[Array, "m K"], Int[Array, "m K"]]:
    """The best K of those known and a block more."""
    values, squares, own = queries
    block, block_squares, offset = others
    wanted = best[0].shape[1]
    squared = squared_distances(values, squares, block, block_squares)
    place = offset + jnp.arange(block.shape[0], dtype=jnp.int32)
    squared = jnp.where(own[:, None] == place[None, :], jnp.inf, squared)
    new, column = _smallest(squared, wanted)
    both = jnp.concatenate([best[0], new], axis=1)
    found = jnp.concatenate([best[1], place[column]], axis=1)
    smallest, chosen = jax.lax.top_k(-both, wanted)
    kept = jnp.take_along_axis(found, chosen, axis=1)
    return -smallest, jnp.where(jnp.isinf(smallest), -1, kept)


def _smallest(x: Float[Array, "m n"], k: int) -> tuple[Float[Array, "m k"], Int[Array, "m k"]]:
    """The k smallest of each row, ascending, and their columns.

    They lie in the k groups of columns with the smallest minima, which saves most of the sorting.
    """
    m, n = x.shape
    n_groups = n // UNIT
    if n_groups <= 2 * k:
        smallest, column = jax.lax.top_k(-x, k)
        return -smallest, column
    grouped = x.reshape(m, n_groups, UNIT)
    _, group = jax.lax.top_k(-jnp.min(grouped, axis=2), k)
    inside = jnp.take_along_axis(grouped, group[:, :, None], axis=1).reshape(m, k * UNIT)
    smallest, chosen = jax.lax.top_k(-inside, k)
    column = jnp.take_along_axis(group, chosen // UNIT, axis=1) * UNIT + chosen % UNIT
    return -smallest, column


def _compared(
    query: np.ndarray, vectors: np.ndarray, rows: np.ndarray, found: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest of the candidates, by differences in double precision."""
    distances = np.full(found.shape, np.inf)
    at, slot = np.nonzero(found >= 0)
    distances[at, slot] = exact_distances(query, rows[at], vectors, found[at, slot])
    order = np.lexsort((found, distances), axis=1)[:, :k]
    pick = np.take_along_axis
    return pick(found, order, axis=1).astype(np.int64), pick(distances, order, axis=1)


def _unsure(
    one: Block, squared: np.ndarray, distances: np.ndarray, n: int, dimension: int
) -> np.ndarray:
    """Rows where a vector that is no candidate could be nearer than the k-th found."""
    if squared.shape[1] >= n:
        return np.zeros(0, int)
    own = np.asarray(one.squares)[: len(one.rows)].astype(np.float64)
    last = squared[:, -1].astype(np.float64)
    kth = distances[:, -1] ** 2
    # A vector left out has |v| <= |q| + d; if d is the k-th distance, that bounds the rounding.
    error = rounding(dimension) * (own + (np.sqrt(own) + np.sqrt(kth)) ** 2)
    return np.flatnonzero((kth > 0) & (kth > last - error))


def _in_double(
    query: np.ndarray,
    vectors: np.ndarray,
    rows: np.ndarray,
    centre: np.ndarray,
    k: int,
    width: int,
    skip_self: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest, in double precision throughout, for rows that need it."""
    wanted = k + _SPARE
    own = query[rows].astype(np.float64) - centre
    best = np.full((len(rows), 0), np.inf)
    index = np.zeros((len(rows), 0), np.int64)
    for columns in spans(len(vectors), width):
        block = vectors[columns].astype(np.float64) - centre
        squared = np.sum(own**2, axis=1)[:, None] + np.sum(block**2, axis=1)[None, :]
        squared -= 2 * own @ block.T
        if skip_self:
            squared[rows[:, None] == columns[None, :]] = np.inf
        best = np.concatenate([best, squared], axis=1)
        index = np.concatenate([index, np.broadcast_to(columns, squared.shape)], axis=1)
        if best.shape[1] > wanted:
            kept = np.argpartition(best, wanted - 1, axis=1)[:, :wanted]
            best = np.take_along_axis(best, kept, axis=1)
            index = np.take_along_axis(index, kept, axis=1)
    return _compared(query, vectors, rows, np.where(np.isinf(best), -1, index), k)
