"""Do all reflections have slots of their own? A fast answer for thousands of candidate grids."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Int

# Most candidates fail on a few thousand reflections: two that differ by a vector of the
# sublattice are then already among them.
_PREFIXES = (3_000, 12_000, 50_000)


def check_indices(k: Any) -> Int[np.ndarray, "refl N"]:
    """The set K as int64, (refl, N).

    Raises:
        ValueError: no integers, no rows, a row twice, or an index without its Friedel mate.
    """
    k = np.asarray(k)
    if k.ndim != 2 or k.shape[0] == 0 or k.shape[1] == 0 or k.dtype.kind not in "iu":
        raise ValueError(f"expected integer indices (refl, N), got {k.dtype} {k.shape}")
    k = k.astype(np.int64)
    reach = np.abs(k).max(axis=0)
    width = 2 * reach + 1
    if math.prod(width.tolist()) >= 2**62:
        raise ValueError(f"expected indices whose box has fewer than 2^62 points, got +-{reach}")
    # One number per index, that of -k being the negative of that of k.
    code = np.sort(k @ np.append(np.cumprod(width[:0:-1])[::-1], 1))
    twice = np.flatnonzero(code[1:] == code[:-1])
    if twice.size:
        raise ValueError(f"expected distinct indices, got {_decode(code[twice[0]], width)} twice")
    odd = np.flatnonzero(code != -code[::-1])
    if odd.size:
        alone = np.setdiff1d(code, -code)[0]
        raise ValueError(
            "expected a set closed under negation (Friedel mates included), but the mate of "
            f"{_decode(alone, width)} is not in it"
        )
    return k


def _decode(code: Any, width: np.ndarray) -> list[int]:
    index = []
    rest = int(code)
    for w in width[::-1].tolist():
        index.append((rest + w // 2) % w - w // 2)
        rest = (rest - index[-1]) // w
    return index[::-1]


class Collisions:
    """Tests whether k V mod m are distinct over a fixed set K, small random samples first."""

    def __init__(self, k: Int[np.ndarray, "refl N"], rng: np.random.Generator):
        """Shuffle K once; the tables are allocated when first needed."""
        # Float64 products of small integers are exact, and BLAS has no integer matrix product.
        self._k = rng.permutation(k, axis=0).astype(np.float64)
        self._rank = np.arange(len(k), dtype=np.int32)
        self._table = np.zeros(0, dtype=np.int32)

    def free(self, characters: np.ndarray, moduli: Sequence[int]) -> bool:
        """True where no two reflections share a slot."""
        size = math.prod(int(m) for m in moduli)
        if size < len(self._k):
            return False
        if size > len(self._table):
            self._table = np.zeros(size, dtype=np.int32)
        V = np.asarray(characters, dtype=np.float64)
        m = np.asarray(moduli, dtype=np.float64)
        strides = np.append(np.cumprod(m[:0:-1])[::-1], 1.0)
        for stop in (*_PREFIXES, len(self._k)):
            slot = self._k[:stop] @ V
            slot -= np.floor(slot / m) * m
            flat = (slot @ strides).astype(np.int64)
            rank = self._rank[: len(flat)]
            # What is written last stays: a reflection that does not read itself back met another.
            self._table[flat] = rank
            if not np.array_equal(self._table[flat], rank):
                return False
            if stop >= len(self._k):
                break
        return True
