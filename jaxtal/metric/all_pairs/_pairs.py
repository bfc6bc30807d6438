"""All pairs of vectors within a distance."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..._core import count
from ._blocks import (
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

#: Vectors that decide along which axis all are sorted.
_SAMPLE = 1024
_NEAR, _UNSURE = 2, 1
#: No two vectors that blocks take are so far apart, and its square is finite.
_FURTHEST = 1e19


def pairs_within(
    vectors: Float[np.ndarray, "n D"] | Float[Array, "n D"],
    threshold: float | int,
    *,
    block: int = 2048,
) -> tuple[Int[np.ndarray, "P 2"], Float[np.ndarray, " P"]]:
    """All pairs i < j with a distance of at most the threshold.

    The vectors are sorted along one axis first; blocks that lie further apart along it than the
    threshold are passed over.

    Args:
        vectors: shape (n, D); may be mapped from a file, of which blocks are read.
        threshold: in the unit of the vectors.
        block: vectors at a time; memory is about 8 `block`^2 bytes, besides the pairs found.

    Returns:
        Pairs in ascending order, shape (P, 2), and their distances, shape (P,).

    Raises:
        ValueError: a negative threshold, or as `nearest`.
    """
    vectors = checked(vectors, "vectors")
    pairs, distances = [np.zeros((0, 2), np.int64)], [np.zeros(0)]
    for near, unsure in close_pairs(vectors, threshold, block):
        both = np.concatenate([near, unsure])
        exact = exact_distances(vectors, both[:, 0], vectors, both[:, 1])
        kept = exact <= threshold
        pairs.append(both[kept])
        distances.append(exact[kept])
    every, exact = np.concatenate(pairs), np.concatenate(distances)
    order = np.lexsort((every[:, 1], every[:, 0]))
    return every[order], exact[order]


def close_pairs(
    vectors: np.ndarray, threshold: float | int, block: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs i < j in portions: those within the threshold, and those too close to it to tell.

    The vectors are `checked`.

    Yields:
        Two arrays of indices, shapes (a, 2) and (b, 2).
    """
    if not 0 <= threshold < np.inf:
        raise ValueError(f"threshold: expected a number >= 0, got {threshold}")
    threshold = min(float(threshold), _FURTHEST)
    size = min(whole_units(count(block, "block", 1)), whole_units(len(vectors)))
    centre = centre_of(vectors)
    along = _coordinate(vectors, centre)
    order = np.argsort(along, kind="stable")
    along = along[order]
    # The coordinate is a projection, so it differs by no more than the distance does.
    reach = threshold + 1e-9 * max(float(np.abs(along).max(initial=0.0)), threshold)
    limits = jnp.asarray(np.array([threshold**2, rounding(vectors.shape[1])], np.float32))
    for rows in spans(len(order), size):
        one = make_block(vectors, order[rows], centre, size)
        for columns in spans(len(order), size):
            if columns[0] < rows[0] or along[columns[0]] - along[rows[-1]] > reach:
                continue
            same = columns[0] == rows[0]
            other = one if same else make_block(vectors, order[columns], centre, size)
            yield _found(one, other, limits, bool(same))


def _found(
    one: Block, other: Block, limits: Float[Array, " 2"], same: bool
) -> tuple[np.ndarray, np.ndarray]:
    classes, count = _classes(
        (one.values, one.squares), (other.values, other.squares), limits, jnp.asarray(same)
    )
    if int(count) == 0:
        empty = np.zeros((0, 2), np.int64)
        return empty, empty
    at, to = np.nonzero(np.asarray(classes))
    kind = np.asarray(classes)[at, to]
    pairs = np.sort(np.stack([one.rows[at], other.rows[to]], axis=1), axis=1)
    return pairs[kind == _NEAR], pairs[kind == _UNSURE]


@jax.jit
def _classes(
    one: tuple[Float[Array, "m D"], Float[Array, " m"]],
    other: tuple[Float[Array, "n D"], Float[Array, " n"]],
    limits: Float[Array, " 2"],
    same: Array,
) -> tuple[Int[Array, "m n"], Int[Array, ""]]:
    """For each pair: near, unsure or 0, and how many are not 0; each pair of a block once."""
    squared = squared_distances(*one, *other)
    sizes = one[1][:, None] + other[1][None, :]
    real = jnp.isfinite(sizes)
    error = jnp.where(real, limits[1] * sizes, 0.0)
    kind = jnp.where(squared <= limits[0] - error, _NEAR, _UNSURE)
    kind = jnp.where(real & (squared <= limits[0] + error), kind, 0)
    upper = jnp.arange(one[1].shape[0])[:, None] < jnp.arange(other[1].shape[0])[None, :]
    kind = jnp.where(upper | ~same, kind, 0).astype(jnp.int8)
    return kind, jnp.count_nonzero(kind)


def _coordinate(vectors: np.ndarray, centre: np.ndarray) -> Float[np.ndarray, " n"]:
    """Component of every vector along an axis on which a sample of them spreads the most."""
    step = max(1, len(vectors) // _SAMPLE)
    sample = vectors[::step].astype(np.float64) - centre
    axis = np.zeros(vectors.shape[1])
    if len(sample):
        axis[np.argmax(np.sum(sample**2, axis=0))] = 1.0
    for _ in range(10):
        turned = sample.T @ (sample @ axis)
        length = np.linalg.norm(turned)
        if length == 0:
            break
        axis = turned / length
    along = np.empty(len(vectors))
    for rows in spans(len(vectors), 4096):
        along[rows] = (vectors[rows].astype(np.float64) - centre) @ axis
    return along
