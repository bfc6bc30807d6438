"""Which wave vectors a superspace has inside a ball of each of its two spaces (host only)."""

import numpy as np
from jaxtyping import Bool, Int

from ..lattice import Superspace
from ..symmetry import SpaceGroup

#: Numbers below this are exact in float64 whatever their sum and order.
_EXACT = 2.0**53
#: Images of indices held at once.
_BLOCK = 1 << 22


def wave_vectors_within(
    space: Superspace, q_parallel: float, q_perpendicular: float | None = None
) -> Int[np.ndarray, "n N"]:
    """All wave vectors k with |q| <= q_parallel and |q_perp| <= q_perpendicular.

    Both limits are met inside the ellipsoid |q|^2 / q_parallel^2 + |q_perp|^2 / q_perpendicular^2
    <= 2. Its points are found coordinate by coordinate: with a triangular factor R of the basis,
    the last coordinates y of a point bound the next one, since |R y|^2 is a sum of squares. Pairs
    of basis vectors are reduced first, which keeps the number of partial points small.

    Args:
        space: reciprocal basis of N vectors.
        q_parallel: limit in physical space, 1/angstrom.
        q_perpendicular: limit in internal space, in its unit; not given where there is none.

    Returns:
        Indices, (n, N), Friedel mates and the zero vector included, in lexicographic order.

    Raises:
        ValueError: limits that are not positive, one too many or too few, or an aperiodic space
            without an internal part (its wave vectors are dense).
    """
    limits = [q_parallel] if q_perpendicular is None else [q_parallel, q_perpendicular]
    if (space.n_internal > 0) != (q_perpendicular is not None):
        raise ValueError(
            f"q_perpendicular: expected a limit for each of {space.n_internal} internal dimensions "
            f"taken together, got {q_perpendicular}"
        )
    if not all(np.isfinite(limit) and limit > 0 for limit in limits):
        raise ValueError(f"expected positive limits of |q| and |q_perp|, got {limits}")
    if space.n_physical + space.n_internal != space.dimension:
        raise ValueError(
            f"expected an internal space of {space.dimension - space.n_physical} dimensions: "
            "without one, wave vectors are dense"
        )
    scaled = np.concatenate([space.parallel / limits[0], space.perpendicular / limits[-1]], axis=1)
    k = points_of_ball(scaled, np.sqrt(len(limits)))
    inside = np.linalg.norm(space.q_parallel(k), axis=1) <= q_parallel * (1 + 1e-12)
    if q_perpendicular is not None:
        inside &= np.linalg.norm(space.q_perpendicular(k), axis=1) <= q_perpendicular * (1 + 1e-12)
    k = k[inside]
    return k[np.lexsort(k.T[::-1])]


def representatives(k: Int[np.ndarray, "n N"], group: SpaceGroup) -> Bool[np.ndarray, " n"]:
    """True for one member of each orbit of a set that is closed under the group and Friedel's law.

    The member with the largest product k.c, where c is a fixed vector of large random integers, so
    that only equal members have equal products. These are exact: all numbers stay below 2^53.

    Args:
        k: distinct indices, (n, N), with every image k W and -k W among them.
        group: the group.
    """
    W = group.laue_rotations
    largest = max(int(np.abs(k).max(initial=0)), 1) * int(np.abs(W).max()) * W.shape[1] ** 2
    c = np.random.default_rng(1).integers(0, int(_EXACT / largest), size=W.shape[1])
    images = (W @ c).T.astype(float)
    chosen = np.empty(len(k), dtype=bool)
    rows = max(_BLOCK // len(W), 1)
    for start in range(0, len(k), rows):
        block = k[start : start + rows].astype(float)
        chosen[start : start + rows] = block @ c >= (block @ images).max(axis=1)
    return chosen


def points_of_ball(basis: np.ndarray, radius: float) -> np.ndarray:
    """Integers y with |y @ basis| <= radius, (n, N).

    References:
        U. Fincke and M. Pohst, Math. Comp. 44 (1985) 463.
    """
    transform = _pair_reduced(basis)
    # Columns of R are the reduced vectors: |R y|^2 = sum_i (R_ii y_i + sum_{j > i} R_ij y_j)^2.
    R = np.linalg.qr((transform @ basis).T).R
    N = len(basis)
    y, left = np.zeros((1, 0), dtype=np.int64), np.array([radius**2 * (1 + 1e-9)])
    for i in reversed(range(N)):
        centre = -(y @ R[i, i + 1 :]) / R[i, i]
        reach = np.sqrt(left) / abs(R[i, i])
        low = np.ceil(centre - reach).astype(np.int64)
        count = np.maximum(np.floor(centre + reach).astype(np.int64) - low + 1, 0)
        parent = np.repeat(np.arange(len(y)), count)
        step = np.arange(len(parent)) - np.repeat(np.cumsum(count) - count, count)
        value = low[parent] + step
        left = left[parent] - (R[i, i] * (value - centre[parent])) ** 2
        y = np.concatenate([value[:, None], y[parent]], axis=1)
        y, left = y[left >= 0], left[left >= 0]
    return y @ transform


def _pair_reduced(basis: np.ndarray) -> np.ndarray:
    """Unimodular integers T such that no row of T @ basis shortens another by being added."""
    T = np.eye(len(basis), dtype=np.int64)
    metric = basis @ basis.T
    changed = True
    while changed:
        changed = False
        for i in range(len(T)):
            for j in range(len(T)):
                gram = T @ metric @ T.T
                times = np.rint(gram[i, j] / gram[j, j]) if i != j else 0.0
                # An exact half would be moved to and fro for ever.
                if abs(gram[i, j]) > (0.5 + 1e-9) * gram[j, j] and times:
                    T[i] -= int(times) * T[j]
                    changed = True
    return T
