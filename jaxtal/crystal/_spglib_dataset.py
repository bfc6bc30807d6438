"""spglib's view of a cell in the standard setting, tensors on the atoms included."""

from typing import TYPE_CHECKING

import numpy as np

from .._core import call_spglib
from ..symmetry._identify import standard_hall_numbers
from ._nearest_points import NearestPoints

if TYPE_CHECKING:
    from spglib import SpglibDataset

#: Type of the points that `with_probe` adds.
PROBE = -1

Cell = tuple[np.ndarray, np.ndarray, list[int]]


def standard_dataset(cell: Cell, symprec: float, angle_tolerance: float) -> "SpglibDataset":
    """spglib's dataset in the standard setting of the group it finds.

    Args:
        cell: lattice rows (angstrom), fractional coordinates, types.
        symprec: distance tolerance, angstrom.
        angle_tolerance: degrees, negative for one that follows from `symprec`.

    Raises:
        ValueError: spglib finds no group.
    """
    found = _search(cell, symprec, angle_tolerance)
    standard = standard_hall_numbers()[found.number]
    # spglib's own choice is the standard one but for the groups of two origins.
    if found.hall_number == standard:
        return found
    return _search(cell, symprec, angle_tolerance, standard)


def with_probe(
    cell: Cell, u_star: np.ndarray, symprec: float, angle_tolerance: float, u_tolerance: float
) -> Cell:
    """A cell whose symmetry is that of the atoms together with their displacement tensors.

    The operations that keep the tensors are a subgroup. Where it is a proper one, a generic orbit
    of it joins the cell, as points of type `PROBE`, so that spglib sees this group and no other.

    Args:
        cell: lattice rows (angstrom), fractional coordinates, types.
        u_star: displacement tensor of each point (of its first atom), (N, 3, 3).
        symprec: distance tolerance, angstrom.
        angle_tolerance: degrees.
        u_tolerance: differences of tensors that don't count, angstrom^2.
    """
    matrix, frac, types = cell
    found = _search(cell, symprec, angle_tolerance)
    W, w = found.rotations, found.translations
    cartesian = np.einsum("nij,ik,jl->nkl", u_star, matrix, matrix)
    kept, points = [], NearestPoints(frac, matrix)
    for k in range(len(W)):
        image = points(frac @ W[k].T + w[k])[0]
        R = matrix.T @ W[k] @ np.linalg.inv(matrix.T)
        kept.append(np.abs(R @ cartesian @ R.T - cartesian[image]).max() <= u_tolerance)
    if all(kept):
        return cell
    W, w = W[kept], w[kept]
    best, room = np.zeros((0, 3)), -1.0
    rng = np.random.default_rng(0)
    for x in rng.uniform(size=(50, 3)):
        orbit = W @ x + w
        gap = np.concatenate([orbit[1:], frac]) - orbit[0]
        nearest = np.linalg.norm((gap - np.round(gap)) @ matrix, axis=1).min()
        if nearest > room:
            best, room = orbit, nearest
    return matrix, np.concatenate([frac, best]), [*types, *[PROBE] * len(best)]


def _search(
    cell: Cell, symprec: float, angle_tolerance: float, hall_number: int = 0
) -> "SpglibDataset":
    import spglib

    try:
        return call_spglib(
            spglib.get_symmetry_dataset,
            cell,
            symprec=symprec,
            angle_tolerance=angle_tolerance,
            hall_number=hall_number,
        )
    except ValueError as error:
        raise ValueError(
            f"no space group found with symprec = {symprec:g} A ({error}); try another tolerance"
        ) from error
