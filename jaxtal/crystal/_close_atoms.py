"""Atoms that are too close to each other."""

from collections.abc import Sequence

import numpy as np

#: Atoms closer than this (angstrom) are an error: no two nuclei are.
MIN_DISTANCE = 0.1


def check_distances(
    matrix: np.ndarray,
    frac: np.ndarray,
    occupancy: np.ndarray,
    names: Sequence[str] | None = None,
    minimum: float = MIN_DISTANCE,
) -> None:
    """Raise if two atoms, periodic images included, are closer than `minimum` (angstrom).

    Atoms that share a site are allowed as long as their occupancies add up to at most one.

    Raises:
        ValueError: names the two atoms and their distance.
    """
    from scipy.spatial import KDTree

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
    pairs = KDTree(cart).query_pairs(minimum, output_type="ndarray")
    for i, j in pairs:
        a, b = sorted((int(owner[i]), int(owner[j])))
        if a != b and occupancy[a] + occupancy[b] <= 1 + 1e-3:
            continue
        distance = np.linalg.norm(cart[i] - cart[j])
        which = f"atoms {a} and {b}" if names is None else f"{names[a]} and {names[b]}"
        raise ValueError(
            f"{which}: expected a distance of at least {minimum:g} A, got {distance:.4f} A"
        )
