"""Atoms that are too close to each other, or too many on one position."""

from collections.abc import Sequence

import numpy as np

#: Atoms closer than this (angstrom) are an error: no two nuclei are. Partly occupied ones share a
#: position.
MIN_DISTANCE = 0.1
#: How far above 1 the occupancies of a position may add up, for files that round them: three of
#: 0.335.
OCCUPANCY_EXCESS = 0.005
#: The largest occupancy, of an atom or a position; numbers in single precision count as written.
MAX_OCCUPANCY = 1 + OCCUPANCY_EXCESS + 1e-6
#: Up to so many points all distances are computed.
_FEW = 256


def check_distances(
    matrix: np.ndarray,
    frac: np.ndarray,
    occupancy: np.ndarray,
    names: Sequence[str] | None = None,
    minimum: float = MIN_DISTANCE,
) -> None:
    """Raise if two atoms, periodic images included, are closer than `minimum` (angstrom).

    Atoms that share a position are allowed as long as the occupancies of all of them add up to at
    most 1 + `OCCUPANCY_EXCESS`.

    Raises:
        ValueError: names the atoms and their distance, or the sum of their occupancies.
    """
    pairs, distances = close_pairs(matrix, frac, minimum)
    if not len(pairs):
        return
    # Everything near an atom excludes it, and is excluded by it.
    near: dict[int, dict[int, float]] = {}
    own = np.zeros(len(frac))
    for (a, b), distance in zip(pairs.tolist(), distances.tolist(), strict=True):
        if a == b:  # its own image
            own[a] += occupancy[a]
            near.setdefault(a, {}).setdefault(a, distance)
            continue
        for i, j in ((a, b), (b, a)):
            known = near.setdefault(i, {})
            known[j] = min(known.get(j, distance), distance)
    for i, others in near.items():
        together = sorted({i, *others})
        total = float(occupancy[together].sum() + own[i])
        if total > MAX_OCCUPANCY:
            raise ValueError(_complaint(i, others, together, occupancy, total, names, minimum))


def close_pairs(
    matrix: np.ndarray, frac: np.ndarray, minimum: float
) -> tuple[np.ndarray, np.ndarray]:
    """Atoms closer than `minimum`, each pair once for each image, (n, 2), and distances, (n,)."""
    reciprocal = np.linalg.inv(matrix).T
    wrapped = frac - np.floor(frac)
    # Images of atoms near a face: a slab of thickness `minimum` needs this fractional margin.
    margin = np.minimum(minimum * np.linalg.norm(reciprocal, axis=1), 1.0)
    points, owners = [wrapped], [np.arange(len(frac))]
    for axis in range(3):
        all_points, all_owners = np.concatenate(points), np.concatenate(owners)
        for side in (1, -1):
            x = all_points[:, axis]
            near = x < margin[axis] if side == 1 else x > 1 - margin[axis]
            points.append(all_points[near] + side * np.eye(3)[axis])
            owners.append(all_owners[near])
    cart, owner = np.concatenate(points) @ matrix, np.concatenate(owners)
    if len(cart) <= _FEW:
        squared = np.sum(np.square(cart[:, None] - cart[None]), axis=2)
        pairs = np.argwhere(np.triu(squared <= minimum * minimum, 1))
    else:
        from scipy.spatial import KDTree  # half a second, which few atoms save

        pairs = KDTree(cart).query_pairs(minimum, output_type="ndarray")
    return owner[pairs], np.linalg.norm(cart[pairs[:, 0]] - cart[pairs[:, 1]], axis=1)


def _complaint(
    i: int,
    others: dict[int, float],
    together: list[int],
    occupancy: np.ndarray,
    total: float,
    names: Sequence[str] | None,
    minimum: float,
) -> str:
    def name(atom: int) -> str:
        return f"atom {atom}" if names is None else names[atom]

    j = min(others, key=lambda one: others[one])
    if np.all(occupancy[together] > 1 - OCCUPANCY_EXCESS):
        pair = f"atoms {i} and {j}" if names is None else f"{name(i)} and {name(j)}"
        return f"{pair}: expected a distance of at least {minimum:g} A, got {others[j]:.4f} A"
    shown = list(dict.fromkeys(f"{name(k)} ({occupancy[k]:g})" for k in together))
    listed = ", ".join(shown[:6]) + (", ..." if len(shown) > 6 else "")
    return (
        f"{listed}: within {minimum:g} A of each other they share one position, whose occupancies "
        f"are expected to add up to at most 1 (to {1 + OCCUPANCY_EXCESS:g} where they are rounded),"
        f" got {total:.6g}"
    )
