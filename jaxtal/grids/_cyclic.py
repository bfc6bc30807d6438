"""Cyclic grids from dense ball packings: the published search."""

import itertools
import math
from typing import Any

import numpy as np
from jaxtyping import Float

from .._core import lll, next_smooth
from ..symmetry import smith_normal_form
from ._collisions import Collisions, check_indices
from ._ellipsoid import check_form, inertia_ellipsoid
from ._grid import Grid
from ._packings import packing_basis
from ._search_budget import Budget

_GROWTH = 1.01


def random_rotations(count: int, n: int, rng: np.random.Generator) -> Float[np.ndarray, "c n n"]:
    """Orthogonal matrices, Haar distributed."""
    q, r = np.linalg.qr(rng.normal(size=(count, n, n)))
    return q * np.sign(np.diagonal(r, axis1=1, axis2=2))[:, None, :]


def cyclic_grid(
    k: Any,
    *,
    ellipsoid: Any = None,
    reduced: bool = False,
    distinct: str = "modulo",
    scale: float = 1.0,
    seed: int = 0,
    max_trials: int = 1000,
    max_seconds: float | None = 60.0,
) -> Grid:
    """Find the first alias-free cyclic grid among randomly rotated, rounded ball packings.

    The ellipsoid is mapped to the unit ball, the densest lattice packing of balls is rotated at
    random, mapped back and rounded to integers; the quotient must be cyclic (all but one
    invariant factor equal to 1) and all k.v must differ.

    Args:
        k: all reflections, Friedel mates included, (refl, N).
        ellipsoid: symmetric positive definite Q with k Q k^T <= 1 around K; the scaled inertia
            ellipsoid unless given (`loewner_ellipsoid` is the smallest one).
        reduced: round in a basis LLL-reduced under Q, not in the basis of the indices.
        distinct: "modulo": k.v differ modulo M, the determinant, which is the size. "integers":
            k.v differ as integers, for the multiple of v with the smallest range, and the size is
            the next product of 2, 3, 5 and 7 above the range (the published code).
        scale: of the packing; below 1 gives smaller grids that alias more often. It grows by 1 %
            after every 20 trials.
        seed: of the rotations.
        max_trials: rotations to try.
        max_seconds: safety net; a search that it ends is not reproducible.

    Returns:
        Grid with one axis.

    Raises:
        ValueError: K not closed under negation, a bad ellipsoid, no grid found.

    References:
        Sections 3.2 and 3.3 of the dual-space phasing toolkit's paper; Conway & Sloane, Sphere
        Packings, Lattices and Groups, chapter 1.
    """
    k = check_indices(k)
    n = k.shape[1]
    if distinct not in ("modulo", "integers") or not scale > 0:
        raise ValueError(f'expected "modulo" or "integers", scale > 0, got {distinct!r}, {scale}')
    Q = inertia_ellipsoid(k) if ellipsoid is None else check_form(ellipsoid, n)
    rng = np.random.default_rng(seed)
    collisions, budget = Collisions(k, rng), Budget(max_trials, max_seconds)
    frame = lll(np.eye(n, dtype=np.int64), Q) if reduced else np.eye(n, dtype=np.int64)
    to_frame = np.linalg.inv(frame @ np.linalg.cholesky(Q))
    while budget.take():
        # Balls that just touch share a lattice point when nothing is rounded up: give way slowly.
        slack = _GROWTH ** ((max_trials - budget.left) // 20)
        real = slack * scale * packing_basis(n) @ random_rotations(1, n, rng)[0] @ to_frame
        M = np.rint(real).astype(np.int64) @ frame
        if round(abs(float(np.linalg.det(M)))) < len(k):
            continue
        _, d, V = smith_normal_form(M.tolist())
        if len(d) < n or any(factor != 1 for factor in d[:-1]):
            continue
        size = d[-1]
        v = np.array([row[-1] % size for row in V], dtype=np.int64)
        if not collisions.free(v[:, None], [size]):
            continue
        if distinct == "integers":
            v, size = _integer_range(k, M, size, Q)
        return Grid(v[:, None], [size])
    raise ValueError(
        f"no alias-free cyclic grid in {max_trials - budget.left} trials: "
        "allow more trials or seconds, or a scale above 1"
    )


def _integer_range(k, M: np.ndarray, size: int, Q: np.ndarray) -> tuple[np.ndarray, int]:
    """The generator v with the smallest range of k.v, and a smooth size above that range.

    Generators are the primitive vectors of the dual lattice `size` M^-T, short ones in the dual
    metric: |k.v| is at most sqrt(v Q^-1 v).
    """
    n = len(M)
    dual = np.linalg.inv(Q)
    basis = lll(np.rint(size * np.linalg.inv(M).T).astype(np.int64), dual)
    signs = np.array(list(itertools.product((-1, 0, 1), repeat=n)))
    vectors = signs @ basis
    norms = np.einsum("ij,jk,ik->i", vectors, dual, vectors)
    best: tuple[int, np.ndarray] | None = None
    for w in vectors[np.argsort(norms)]:
        if math.gcd(int(np.gcd.reduce(w)), size) != 1:
            continue
        bound = math.sqrt(float(w @ dual @ w))
        if best is not None and bound > 2 * best[0]:
            break
        reach = int(np.abs(k @ w).max())
        if best is None or reach < best[0]:
            best = reach, w
    if best is None:
        raise ValueError(f"no short generator of the cyclic group of order {size}")
    return best[1], next_smooth(2 * best[0] + 1, (2, 3, 5, 7))
