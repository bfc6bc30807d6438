"""Which atoms are alike, and which share a point."""

import numpy as np
from jaxtyping import Int

from ._host_atoms import HostAtoms

#: Occupancies that differ by less are the same.
OCCUPANCY_TOLERANCE = 1e-3


def kinds_of_atoms(atoms: HostAtoms, u_tolerance: float) -> Int[np.ndarray, " N"]:
    """Equal numbers for atoms alike in species, occupancy and size of displacement, (N,)."""
    features = [atoms.occupancies[:, None] / OCCUPANCY_TOLERANCE, atoms.u_iso[:, None]]
    features[1] = features[1] / u_tolerance
    if (star := atoms.u_star) is not None:
        M = atoms.matrix
        cartesian = np.einsum("nij,ik,jl->nkl", star, M, M)
        features.append(np.linalg.eigvalsh(cartesian) / u_tolerance)
    # Species differ by whole numbers, the rest is alike within 1.
    table = np.concatenate([10.0 * atoms.keys, *features], axis=1)
    seen: list[np.ndarray] = []
    kinds = np.empty(len(table), int)
    for i, row in enumerate(table):
        alike = [k for k, other in enumerate(seen) if np.abs(row - other).max() <= 1]
        kinds[i] = alike[0] if alike else len(seen)
        if not alike:
            seen.append(row)
    return kinds


def shared_points(
    atoms: HostAtoms, distance: float, kinds: Int[np.ndarray, " N"]
) -> list[list[int]]:
    """Atoms grouped by point; partly occupied atoms within a distance (angstrom) share one.

    Returns:
        for each point its atoms, in the order of their kinds.
    """
    frac, matrix = atoms.frac_coords, atoms.matrix
    partial = np.flatnonzero(atoms.occupancies < 1 - OCCUPANCY_TOLERANCE)
    groups: list[list[int]] = []
    for i in partial:
        for group in groups:
            gap = frac[group[0]] - frac[i]
            if np.linalg.norm((gap - np.round(gap)) @ matrix) <= distance:
                group.append(int(i))
                break
        else:
            groups.append([int(i)])
    full = sorted(set(range(len(frac))) - set(partial.tolist()))
    every = [[i] for i in full] + [sorted(group, key=lambda j: kinds[j]) for group in groups]
    return sorted(every, key=min)
