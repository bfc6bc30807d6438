"""Small alias-free grids with friendly axes: a search over reciprocal sublattices."""

import dataclasses
import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Int

from .._core import smooth_sizes
from ..symmetry import smith_normal_form
from ._collisions import Collisions, check_indices
from ._cyclic import random_rotations
from ._ellipsoid import check_form, ellipsoid_volume, inertia_ellipsoid, loewner_ellipsoid
from ._grid import Grid
from ._packings import packing_basis, packing_density
from ._search_budget import Budget
from ._sublattices import Parts, SublatticePool, subgroup_classes
from ._transform_axes import join, lay_out, primary_parts, rank_of

# New sizes are drawn between this share of the best one so far and the best one.
_WINDOW = 0.7
_PATIENCE = 3  # rounds without progress at the end
_LARGEST = 24  # points per reflection that are still called a grid


@dataclasses.dataclass
class _Search:
    """What both searches share: the constraints, the budget and the best grid so far."""

    collisions: Collisions
    dimension: int
    primes: tuple[int, ...]
    max_axes: int
    max_length: int
    even: bool
    smallest: int
    size: int  # of the best grid; candidates must be smaller
    best: Grid | None = None

    def admits(self, size: int) -> bool:
        return self.smallest <= size < self.size and not (self.even and size % 2)

    def try_parts(self, parts: dict[int, Parts]) -> bool:
        """Keep the sublattice if nothing collides."""
        if rank_of(parts) > self.max_axes or not self.collisions.free(*join(parts)):
            return False
        grid = lay_out(parts, self.dimension, self.max_axes, self.max_length)
        if grid is not None:
            self.size, self.best = grid.size, grid
        return grid is not None


def search_grid(
    k: Any,
    *,
    rotations: Any = None,
    ellipsoid: Any = None,
    primes: Sequence[int] = (2, 3, 5, 7),
    max_axes: int = 3,
    max_length: int = 2048,
    even: bool = True,
    seed: int = 0,
    max_trials: int = 8000,
    max_seconds: float | None = 60.0,
) -> Grid:
    """Search a small alias-free grid of small prime factors, laid out as up to three axes.

    A grid is alias-free when its reciprocal sublattice avoids the differences K - K. Two kinds of
    sublattice are tried:

    1. Dense ball packings, rotated at random and rounded as in `cyclic_grid`, but scaled down
       until nearly all fail, and moved by one entry to a determinant that is a product of `primes`.
    2. With `rotations`: random sublattices that a subgroup of them leaves invariant. Differences
       come in orbits of the subgroup, and one test settles an orbit; a random lattice of index M
       misses D of them with a chance of about exp(-D / 2M), an invariant one with
       exp(-D / 2 g M), g the order of the subgroup. Subgroups compete, the better half goes on.

    The quotient may be any Abelian group; the Chinese remainder theorem makes its axes.

    Args:
        k: all reflections, Friedel mates included, (refl, N).
        rotations: symmetry of K (k W in K for every k), for instance `group.rotations`.
        ellipsoid: Q around K for the packings; the one of least volume unless given.
        primes: allowed factors of the size.
        max_axes: of the transform.
        max_length: of an axis.
        even: ask for an even axis (it is put last).
        seed: of all random choices.
        max_trials: candidates to test; the same number gives the same grid for the same seed.
        max_seconds: safety net; a search that it ends is not reproducible.

    Returns:
        The smallest grid found, with its origin at zero: move it with `Grid.with_origin`.

    Raises:
        ValueError: K not closed under negation, bad rotations or bounds, no grid found.
    """
    k = check_indices(k)
    n = k.shape[1]
    if not primes or any(p < 2 or any(p % d == 0 for d in range(2, p)) for p in primes):
        raise ValueError(f"expected prime numbers, got {tuple(primes)}")
    if max_axes < 1 or (even and 2 not in primes):
        raise ValueError(
            f"expected at least one axis, and 2 among the primes of an even grid: "
            f"{max_axes}, {tuple(primes)}"
        )
    operations = None if rotations is None else _check_rotations(rotations, k)
    rng = np.random.default_rng(seed)
    collisions = Collisions(k, rng)
    limit = _LARGEST * len(k) + 8
    search = _Search(collisions, n, tuple(primes), max_axes, max_length, even, len(k), limit)
    budget = Budget(max_trials, max_seconds)
    classes = [] if operations is None else subgroup_classes(operations, rng)
    if classes:
        # Sizes that a ball packing reaches anyway need not be tried.
        search.size = min(limit, math.ceil(1.2 * _packing_size(inertia_ellipsoid(k))))
        _invariant(search, classes, budget, rng)
    if search.best is None:
        search.size = limit
        Q = loewner_ellipsoid(k) if ellipsoid is None else check_form(ellipsoid, n)
        _packed(search, Q, Budget(max_trials, max_seconds), rng)
    if search.best is None:
        raise ValueError(
            f"no alias-free grid found in {max_trials} trials for {len(k)} reflections: allow more "
            "trials, seconds, primes, axes, or longer axes"
        )
    return search.best


def _packing_size(Q: np.ndarray) -> float:
    """Points of the grid whose sublattice packs the ellipsoid as densely as balls can be."""
    return ellipsoid_volume(Q) / packing_density(len(Q))


def _check_rotations(rotations: np.ndarray, k: np.ndarray) -> Int[np.ndarray, "ops N N"]:
    W = np.asarray(rotations)
    n = k.shape[1]
    if W.ndim != 3 or W.shape[1:] != (n, n) or W.dtype.kind not in "iu" or not len(W):
        raise ValueError(f"expected integer rotations (ops, {n}, {n}), got {W.dtype} {W.shape}")
    determinants = np.abs(np.linalg.det(W))
    if np.abs(determinants - 1).max() > 1e-6:
        i = int(np.abs(determinants - 1).argmax())
        raise ValueError(f"expected rotations of determinant +-1, got {W[i].tolist()} (row {i})")
    return W.astype(np.int64)


def _packed(
    search: _Search, Q: np.ndarray, budget: Budget, rng: np.random.Generator, batch: int = 64
) -> None:
    """Rounded ball packings, moved by at most one entry to a determinant that is allowed."""
    n = search.dimension
    packing = packing_basis(n)
    back = np.linalg.inv(np.linalg.cholesky(Q))
    full = abs(float(np.linalg.det(packing @ back)))
    allowed = np.array(
        [s for s in smooth_sizes(search.size, search.primes) if search.admits(s)], dtype=np.int64
    )
    while not budget.spent and len(allowed):
        # Below the best grid known; before there is one, around the packing's own density.
        low, high, aim = (_WINDOW, 1.0, search.size) if search.best else (_WINDOW, 1.5, full)
        target = aim * rng.uniform(low, high, size=batch)
        scale = (target / full) ** (1.0 / n)
        real = scale[:, None, None] * (packing @ random_rotations(batch, n, rng) @ back)
        M = np.rint(real)
        det = np.linalg.det(M)
        M, real, det = (x[np.abs(det) > 0.5] for x in (M, real, det))
        # Changing entry (i, j) by t changes the determinant by t times the cofactor.
        cofactor = det[:, None, None] * np.swapaxes(np.linalg.inv(M), 1, 2)
        towards = np.where(real >= M, 1.0, -1.0)
        size = np.abs(np.rint(det[:, None, None] + towards * cofactor)).astype(np.int64)
        good = np.isin(size, allowed)
        for i in np.flatnonzero(good.any(axis=(1, 2))):
            if not budget.take():
                return
            # `allowed` may have shrunk within the batch.
            entries = np.argwhere(good[i] & (size[i] < search.size))
            if not len(entries):
                continue
            a, b = entries[rng.integers(len(entries))]
            lattice = M[i].astype(np.int64)
            lattice[a, b] += int(towards[i, a, b])
            _, d, V = smith_normal_form(lattice.tolist())
            axes = [axis for axis, factor in enumerate(d) if factor > 1]
            if len(d) < n or not axes:
                continue
            columns = np.array([[row[axis] % d[axis] for axis in axes] for row in V])
            if search.try_parts(primary_parts(columns, [d[a] for a in axes], search.primes)):
                allowed = allowed[allowed < search.size]
        if not good.any():
            budget.left -= 1


class _Run:
    """The search among sublattices invariant under one subgroup."""

    def __init__(self, search: _Search, group: np.ndarray):
        self.search = search
        self.pools = [SublatticePool(p, group, search.size) for p in search.primes]
        self._sized: list[tuple[int, tuple[int, ...]]] = []

    def extend(self, rng: np.random.Generator) -> None:
        """More sublattices to combine."""
        for pool in self.pools:
            pool.extend(max(6, 36 // pool.prime), self.search.max_axes, rng)
        known = (sorted(pool.by_exponent) for pool in self.pools)
        self._sized = [
            (math.prod(p**e for p, e in zip(self.search.primes, exponents, strict=True)), exponents)
            for exponents in itertools.product(*known)
        ]

    def draw(self, rng: np.random.Generator) -> bool:
        """Test a random combination of an allowed size; False where there is none."""
        self._sized = [item for item in self._sized if self.search.admits(item[0])]
        near = [item for item in self._sized if item[0] >= _WINDOW * self.search.size]
        if not self._sized:
            return False
        _, exponents = (near or self._sized)[rng.integers(len(near or self._sized))]
        parts: dict[int, Parts] = {}
        for pool, exponent in zip(self.pools, exponents, strict=True):
            choice = pool.by_exponent[exponent]
            if exponent:
                parts[pool.prime] = choice[rng.integers(len(choice))]
        self.search.try_parts(parts)
        return True


def _invariant(
    search: _Search, classes: list[np.ndarray], budget: Budget, rng: np.random.Generator
) -> None:
    """Sublattices invariant under subgroups, those of high order first.

    A round gives every subgroup the same trials below the best size so far; those that improved it
    go on, with more sublattices to combine.
    """
    runs = [_Run(search, group) for group in sorted(classes, key=len, reverse=True)]
    idle, share = 0, max(budget.left // (2 * len(runs)), 1)
    while not budget.spent and idle < _PATIENCE:
        improved = []
        for run in runs:
            before = search.size
            run.extend(rng)
            for _ in range(share):
                if not budget.take() or not run.draw(rng):
                    break
            if search.size < before:
                improved.append(run)
        idle = 0 if improved else idle + 1
        runs = improved or runs
