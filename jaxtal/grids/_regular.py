"""Regular meshes in any dimension, and the smallest that is alias-free for a set of reflections."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._core import smooth_sizes
from ._collisions import check_indices
from ._grid import Grid

_LONGEST = 1 << 20


def mesh_grid(sizes: Sequence[int]) -> Grid:
    """Make the regular mesh x_j = (j_1 / n_1, ..., j_N / n_N).

    Args:
        sizes: n, points along each axis of the cell.

    Returns:
        Grid with one axis of the transform per axis of the cell.

    Raises:
        ValueError: sizes below 1 or not integers.
    """
    return Grid(np.eye(len(sizes), dtype=np.int64), sizes)


def mesh_for(
    k: Any,
    *,
    parity: str | None = None,
    primes: Sequence[int] = (2, 3, 5),
) -> Grid:
    """Find the smallest regular mesh that is alias-free, with small prime factors on every axis.

    2 max |k_i| + 1 points along each axis always suffice; axes, longest first, are then shortened
    as long as all reflections keep slots of their own (a skewed set of indices leaves room).

    Args:
        k: all reflections, Friedel mates included, (refl, N).
        parity: "even" or "odd" sizes only; None for both.
        primes: allowed factors of each size.

    Returns:
        Grid with N axes, origin at zero.

    Raises:
        ValueError: K not closed under negation, or an unknown parity.
    """
    k = check_indices(k)
    if parity not in (None, "even", "odd"):
        raise ValueError(f'expected parity "even", "odd" or None, got {parity!r}')
    allowed = [
        s
        for s in smooth_sizes(_LONGEST, tuple(primes))
        if parity is None or s % 2 == (parity == "odd")
    ]
    needed = 2 * np.abs(k).max(axis=0) + 1
    if not allowed or allowed[-1] < needed.max():
        raise ValueError(f"no {parity or ''} size of the primes {tuple(primes)} for {needed}")
    place = np.searchsorted(allowed, needed)
    for axis in np.argsort(-needed, kind="stable"):
        while place[axis] > 0:
            place[axis] -= 1
            if not _distinct(k, [allowed[i] for i in place]):
                place[axis] += 1
                break
    return mesh_grid([allowed[i] for i in place])


def _distinct(k: np.ndarray, sizes: list[int]) -> bool:
    """As Grid.is_alias_free, without a table of the size of the mesh (which grows as n^N)."""
    residues = k % np.array(sizes)
    code = residues[:, 0]
    for i in range(1, k.shape[1]):
        # Ranks keep the numbers small: the product of the sizes may exceed 64 bits.
        _, code = np.unique(code, return_inverse=True)
        code = code * sizes[i] + residues[:, i]
    return len(np.unique(code)) == len(k)
