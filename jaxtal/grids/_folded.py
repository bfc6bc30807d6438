"""Folded grids (small, aliased on purpose) and random origins."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from ._grid import Grid
from ._modular import row_echelon


def random_origin(dimension: int, seed: int = 0) -> Float[np.ndarray, " N"]:
    """Draw a generic point of the unit cell: uniform in [0, 1)^N, on no symmetry element.

    Raises:
        ValueError: a dimension below 1.
    """
    if int(dimension) != dimension or dimension < 1:
        raise ValueError(f"expected a dimension of at least 1, got {dimension}")
    return np.random.default_rng(seed).random(int(dimension))


def folded_grids(
    moduli: Sequence[int], dimension: int, *, count: int = 1, seed: int = 0
) -> tuple[Grid, ...]:
    """Draw grids with random characters and generic origins, far smaller than alias-free.

    Reflections that share a slot add up there and all read the sum back; averaged over an orbit
    the errors mostly cancel, if the points are no symmetric set. Every subgroup of slots is met
    (the map k -> k V mod m is onto), so that no two of the points coincide.

    Args:
        moduli: lengths of the axes, at most N of them.
        dimension: N.
        count: how many grids; the first n of a seed do not depend on it.
        seed: of the random numbers.

    Returns:
        The grids.

    Raises:
        ValueError: moduli below 1, more axes than dimensions, no grid asked for.
    """
    sizes = [int(m) for m in moduli]
    if not sizes or any(m < 1 for m in sizes) or any(int(m) != m for m in moduli):
        raise ValueError(f"expected positive integer moduli, got {tuple(moduli)}")
    if len(sizes) > dimension:
        raise ValueError(f"expected at most {dimension} axes in {dimension} dimensions: {sizes}")
    if int(count) != count or count < 1:
        raise ValueError(f"expected at least one grid, got {count}")
    rng = np.random.default_rng(seed)
    grids = []
    while len(grids) < count:
        V = rng.integers(0, np.array(sizes), size=(dimension, len(sizes)))
        if _is_onto(V, sizes):
            grids.append(Grid(V, sizes, rng.random(dimension)))
    return tuple(grids)


def _is_onto(V: np.ndarray, sizes: list[int]) -> bool:
    """True where the columns are independent modulo every prime that divides their moduli."""
    primes: set[int] = set()
    for m in sizes:
        d = 2
        while d * d <= m:
            while m % d == 0:
                primes.add(d)
                m //= d
            d += 1
        if m > 1:
            primes.add(m)
    return all(
        len(row_echelon(V[:, [m % p == 0 for m in sizes]].T, p)[0])
        == sum(m % p == 0 for m in sizes)
        for p in primes
    )
