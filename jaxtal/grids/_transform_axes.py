"""Quotient groups laid out as axes of a multi-dimensional transform."""

import itertools
from collections.abc import Sequence

import numpy as np

from ._grid import Grid


def factorise(n: int, primes: Sequence[int]) -> dict[int, int] | None:
    """Exponents of n in the given primes; None where another prime divides n."""
    exponents: dict[int, int] = {}
    for p in primes:
        while n % p == 0:
            n //= p
            exponents[p] = exponents.get(p, 0) + 1
    return exponents if n == 1 else None


def primary_parts(
    characters: np.ndarray, moduli: Sequence[int], primes: Sequence[int]
) -> dict[int, list[tuple[int, np.ndarray]]]:
    """Characters of prime-power order that together have the same kernel, by prime.

    Raises:
        ValueError: a modulus has a prime factor that is not listed.
    """
    parts: dict[int, list[tuple[int, np.ndarray]]] = {p: [] for p in primes}
    for m, column in zip(moduli, np.asarray(characters).T, strict=True):
        exponents = factorise(int(m), primes)
        if exponents is None:
            raise ValueError(f"expected moduli made of the primes {tuple(primes)}, got {m}")
        for p, e in exponents.items():
            parts[p].append((p**e, column % p**e))
    return {p: sorted(found, key=lambda part: part[0]) for p, found in parts.items() if found}


def rank_of(parts: dict[int, list[tuple[int, np.ndarray]]]) -> int:
    """Fewest cyclic axes of the group: a prime allows one factor per axis."""
    return max((len(found) for found in parts.values()), default=1)


def join(parts: dict[int, list[tuple[int, np.ndarray]]]) -> tuple[np.ndarray, list[int]]:
    """Characters and moduli of the fewest axes, the longest factors together."""
    rank = rank_of(parts)
    axes = []
    for i in range(rank):
        content = {p: len(f) - rank + i for p, f in parts.items() if len(f) - rank + i >= 0}
        axes.append(_join(parts, content))
    return np.stack([column for _, column in axes], axis=1), [m for m, _ in axes]


def lay_out(
    parts: dict[int, list[tuple[int, np.ndarray]]],
    dimension: int,
    max_axes: int,
    max_length: int,
) -> Grid | None:
    """The grid whose axes are as equal as the Chinese remainder theorem allows.

    Factors of one axis must be coprime, so every prime sends its factors to different axes;
    among all such assignments the one whose longest axis is shortest is taken, with as few axes
    as that needs, an even axis last. None where the group needs more than `max_axes` axes
    or longer ones than `max_length`.
    """
    rank = rank_of(parts)
    if rank > max_axes:
        return None
    best: tuple[tuple[int, int], list[dict[int, int]]] | None = None
    for axes in range(rank, max_axes + 1):
        choices = [itertools.permutations(range(axes), len(found)) for found in parts.values()]
        for choice in itertools.product(*choices):
            lengths = [1] * axes
            content: list[dict[int, int]] = [{} for _ in range(axes)]
            for (p, found), where in zip(parts.items(), choice, strict=True):
                for i, axis in enumerate(where):
                    lengths[axis] *= found[i][0]
                    content[axis][p] = i
            score = (max(lengths), axes)
            if min(lengths) > 1 and (best is None or score < best[0]):
                best = score, content
    if best is None:  # the trivial group
        return Grid(np.zeros((dimension, 1), dtype=np.int64), (1,))
    if best[0][0] > max_length:
        return None
    axes_found = [_join(parts, content) for content in best[1]]
    # Real transforms halve the last axis, which costs least when it is even and long.
    axes_found.sort(key=lambda axis: (axis[0] % 2 == 0, axis[0]))
    columns = np.stack([column for _, column in axes_found], axis=1)
    return Grid(columns, [m for m, _ in axes_found])


def _join(parts, content: dict[int, int]) -> tuple[int, np.ndarray]:
    """One character modulo the product of coprime factors (Chinese remainder theorem)."""
    modulus, column = 1, np.zeros_like(next(iter(parts.values()))[0][1])
    for p, i in content.items():
        q, part = parts[p][i]
        column = column + modulus * ((part - column) * pow(modulus, -1, q) % q)
        modulus *= q
    return modulus, column
