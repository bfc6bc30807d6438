"""Blocks of vectors for all-pairs work: centred, in single precision, of one shape."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

#: Rows that are converted to double precision at a time.
_ROWS = 4096
#: Blocks are multiples of this, so that rows divide into groups of it.
UNIT = 64
#: The square of four times this is finite in single precision.
_LONGEST = 1e18


def checked(vectors: Any, name: str) -> np.ndarray:
    """Vectors that distances can be taken of, as a NumPy array; one mapped from a file stays so.

    Raises:
        ValueError: not a matrix of finite real numbers; the message names the row.
    """
    try:
        vectors = np.asarray(vectors)
    except ValueError as error:
        raise ValueError(f"{name}: expected vectors of shape (n, D), got {error}") from error
    if vectors.dtype.kind not in "fiu":
        raise ValueError(f"{name}: expected real numbers, got {vectors.dtype}")
    if vectors.ndim != 2 or vectors.shape[1] == 0:
        raise ValueError(f"{name}: expected vectors of shape (n, D), got {vectors.shape}")
    for start in range(0, len(vectors), _ROWS):
        good = np.isfinite(vectors[start : start + _ROWS]).all(axis=1)
        if not good.all():
            raise ValueError(f"{name}[{start + int(np.argmin(good))}]: expected finite numbers")
    return vectors


def whole_units(size: int) -> int:
    """A size of blocks, rounded up."""
    return -(-max(size, 1) // UNIT) * UNIT


def centre_of(vectors: np.ndarray) -> Float[np.ndarray, " D"]:
    """Mean of all vectors; distances between centred vectors lose the fewest digits."""
    total = np.zeros(vectors.shape[1])
    for start in range(0, len(vectors), _ROWS):
        total += vectors[start : start + _ROWS].sum(axis=0, dtype=np.float64)
    return total / max(len(vectors), 1)


@dataclasses.dataclass(frozen=True, eq=False)
class Block:
    """Some vectors on the device, padded to the size of all blocks.

    Attributes:
        rows: which vectors they are, (n,), on the host.
        values: centred, (size, D), zeros for padding.
        squares: |v|^2, (size,), infinite for padding.
    """

    rows: np.ndarray
    values: Float[Array, "size D"]
    squares: Float[Array, " size"]


def make_block(
    vectors: np.ndarray, rows: np.ndarray, centre: np.ndarray, size: int, name: str = "vectors"
) -> Block:
    """The block of the given rows.

    Raises:
        ValueError: a vector whose square is too large for single precision.
    """
    centred = vectors[rows].astype(np.float64) - centre
    length = np.sqrt(np.sum(centred**2, axis=1))
    if length.max(initial=0.0) > _LONGEST:
        row = int(rows[np.argmax(length)])
        raise ValueError(
            f"{name}[{row}]: expected a distance of at most {_LONGEST:g} from the mean, "
            f"got {length.max():.3g}"
        )
    values = np.zeros((size, vectors.shape[1]), np.float32)
    values[: len(rows)] = centred
    squares = np.full(size, np.inf, np.float32)
    squares[: len(rows)] = np.sum(values[: len(rows)].astype(np.float64) ** 2, axis=1)
    return Block(rows, jnp.asarray(values), jnp.asarray(squares))


def squared_distances(
    a: Float[Array, "m D"],
    a_squares: Float[Array, " m"],
    b: Float[Array, "n D"],
    b_squares: Float[Array, " n"],
) -> Float[Array, "m n"]:
    """|a|^2 + |b|^2 - 2 a.b, good to `rounding`; infinite for padding."""
    # Accelerators multiply float32 matrices in fewer bits unless told otherwise.
    product = jnp.matmul(a, b.T, precision=jax.lax.Precision.HIGHEST)
    return a_squares[:, None] + b_squares[None, :] - 2 * product


def rounding(dimension: int) -> float:
    """Error of a squared distance in single precision, relative to |a|^2 + |b|^2.

    Roundings of a scalar product of D terms add up to about sqrt(D) eps |a| |b|; four times that
    is allowed for.
    """
    return 4 * float(np.finfo(np.float32).eps) * max(dimension, 16) ** 0.5


def exact_distances(
    a: np.ndarray, rows: np.ndarray, b: np.ndarray, columns: np.ndarray
) -> Float[np.ndarray, " P"]:
    """|a[rows] - b[columns]| from differences in double precision, pair by pair."""
    found = np.empty(len(rows))
    step = max(1, 2**22 // a.shape[1])
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        gap = a[rows[part]].astype(np.float64) - b[columns[part]]
        found[part] = np.sqrt(np.einsum("pd,pd->p", gap, gap))
    return found


def spans(n: int, size: int) -> Iterator[np.ndarray]:
    """Consecutive indices below n, at most `size` at a time."""
    for start in range(0, n, size):
        yield np.arange(start, min(start + size, n))
