"""Which atoms are alike, and which share a point."""

import numpy as np
from jaxtyping import Int

from ._close_atoms import close_pairs
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
    rows, first, which = np.unique(table, axis=0, return_index=True, return_inverse=True)
    seen, count = np.empty_like(rows), 0
    kinds = np.empty(len(rows), int)
    for i in np.argsort(first):
        alike = np.flatnonzero(np.abs(seen[:count] - rows[i]).max(axis=1) <= 1)
        kinds[i] = alike[0] if alike.size else count
        if not alike.size:
            seen[count] = rows[i]
            count += 1
    return kinds[which.reshape(-1)]


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
    near: dict[int, list[int]] = {}
    for i, j in close_pairs(matrix, frac[partial], distance)[0].tolist() if len(partial) else ():
        near.setdefault(max(i, j), []).append(min(i, j))
    place: dict[int, int] = {}  # of the first atom of each group
    for i, atom in enumerate(partial.tolist()):
        known = [place[j] for j in near.get(i, ()) if j in place]
        if known:
            groups[min(known)].append(atom)
        else:
            place[i] = len(groups)
            groups.append([atom])
    full = sorted(set(range(len(frac))) - set(partial.tolist()))
    every = [[i] for i in full] + [sorted(group, key=lambda j: kinds[j]) for group in groups]
    return sorted(every, key=min)
