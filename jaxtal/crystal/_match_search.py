"""Search over cell choices, shifts and pairings of the atoms of two reduced cells."""

import dataclasses
import math
from collections.abc import Iterator

import numpy as np

from ._match_cells import cell_differences, lattice_maps, supercell_points

# The mirror image must be better by this (angstrom) before the match is called improper.
_HAND_TOLERANCE = 1e-6


@dataclasses.dataclass(frozen=True)
class Content:
    """A reduced cell: lattice, fractional coordinates, atomic numbers, indices among the given."""

    cell: np.ndarray
    x: np.ndarray
    z: np.ndarray
    atoms: np.ndarray


@dataclasses.dataclass
class Trial:
    """A superposition of the source on the target; atoms in the order of the target."""

    score: float
    rmsd: float
    max_distance: float
    cell: np.ndarray
    x: np.ndarray
    shift: np.ndarray
    atoms: np.ndarray


def search(
    target: Content, source: Content, length_tol: float, angle_tol: float, max_rmsd: float
) -> Trial | None:
    """The superposition of the smallest RMSD + (V / n)^(1/3) * cell_error; angles in radians."""
    cell = target.cell
    index = len(target.z) // len(source.z)
    maps = lattice_maps(cell, source.cell, index, length_tol, angle_tol)
    if len(maps) == 0:
        return None
    cells = maps @ source.cell
    strain = cell_differences(cell, cells) * (abs(np.linalg.det(cell)) / len(target.z)) ** (1 / 3)
    improper = np.linalg.det(cells) * np.linalg.det(cell) < 0
    best: Trial | None = None
    for hand in (False, True):
        # What beats the proper match must beat it clearly; numerical noise does not.
        limit = math.inf if best is None else best.score - _HAND_TOLERANCE
        members = np.flatnonzero(improper == hand)
        for m in members[np.argsort(strain[members], kind="stable")]:
            if strain[m] >= limit:
                break
            for trial in _superpose(target, source, maps[m], strain[m], limit, max_rmsd):
                best, limit = trial, trial.score
    return best


def _superpose(
    target: Content,
    source: Content,
    rows: np.ndarray,
    strain: float,
    limit: float,
    max_rmsd: float,
) -> Iterator[Trial]:
    """Ever better superpositions for one change of basis."""
    x, z = target.x, target.z
    points = supercell_points(rows)
    y = (source.x[:, None] + points[None]).reshape(-1, 3) @ np.linalg.inv(rows)
    zy, atoms = np.repeat(source.z, len(points)), np.repeat(source.atoms, len(points))
    matched = rows @ source.cell
    # The average lattice, through its metric: orientations play no part.
    metric = 0.5 * (target.cell @ target.cell.T + matched @ matched.T)
    average = np.linalg.cholesky(metric)
    offsets = _offsets(average, max_rmsd)

    species, counts = np.unique(z, return_counts=True)
    rare = species[np.argmin(counts)]
    blocks = [(np.flatnonzero(z == s), np.flatnonzero(zy == s)) for s in species]
    shifts = x[z == rare] - y[np.flatnonzero(zy == rare)[0]]
    nearest = np.zeros(len(shifts))
    for left, right in blocks:
        difference = y[right][None, None] + shifts[:, None, None] - x[left][None, :, None]
        nearest += _squares(difference, average, offsets)[0].min(axis=2).sum(axis=1)
    # The pinned atom lies at distance 0, hence the best shift is within sqrt(n) RMSD of this one,
    # and the RMSD is at least this: worse starts cannot win.
    bound = np.sqrt(nearest / len(z)) / (1.0 + math.sqrt(len(z)))
    for k in np.argsort(bound, kind="stable"):
        if bound[k] > max_rmsd or bound[k] + strain >= limit:
            break
        shift, order, squares = _refined(x, y, blocks, shifts[k], average, offsets)
        rmsd = math.sqrt(float(np.mean(squares)))
        if rmsd <= max_rmsd and rmsd + strain < limit:
            limit = rmsd + strain
            largest = math.sqrt(float(squares.max()))
            yield Trial(limit, rmsd, largest, matched, y[order], shift, atoms[order])


def _offsets(average: np.ndarray, reach: float) -> np.ndarray:
    """Lattice offsets to add to a rounded difference so that the nearest image is among them."""
    spacing = 1.0 / np.linalg.norm(np.linalg.inv(average), axis=0).max()
    # Half the smallest plane spacing: below that, rounding alone finds the nearest image.
    size = 0 if 0.5 * spacing > 2.0 * reach else 1
    axes = [np.arange(-size, size + 1)] * 3
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3).astype(float)


def _squares(
    difference: np.ndarray, average: np.ndarray, offsets: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Squared length (A^2) of the nearest image of each difference, and that image."""
    wrapped = difference - np.rint(difference)
    vectors = wrapped @ average
    squares = np.einsum("...i,...i->...", vectors, vectors)
    nearest = vectors
    for offset in offsets:
        if offset.any():
            other = vectors + offset @ average
            length = np.einsum("...i,...i->...", other, other)
            better = length < squares
            squares = np.where(better, length, squares)
            nearest = np.where(better[..., None], other, nearest)
    return squares, nearest


def _refined(
    x: np.ndarray,
    y: np.ndarray,
    blocks: list[tuple[np.ndarray, np.ndarray]],
    shift: np.ndarray,
    average: np.ndarray,
    offsets: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shift, pairing and squared distances: pairing and mean displacement in turn."""
    order = np.full(len(x), -1)
    inverse = np.linalg.inv(average)
    squares = np.zeros(len(x))
    for _ in range(6):
        previous = order.copy()
        for left, right in blocks:
            distance = _squares(y[right][None] + shift - x[left][:, None], average, offsets)[0]
            order[left] = right[_assign(distance)]
        vectors = _squares(y[order] + shift - x, average, offsets)[1]
        mean = vectors.mean(axis=0)
        squares = np.sum((vectors - mean) ** 2, axis=1)
        shift = shift - mean @ inverse
        if np.array_equal(order, previous):
            break
    return shift, order, squares


def _assign(distance: np.ndarray) -> np.ndarray:
    nearest = distance.argmin(axis=1)
    # Where every atom has a nearest partner of its own, that is the optimal assignment.
    if len(np.unique(nearest)) == len(nearest):
        return nearest
    # Imported when needed: a third of the package's import time.
    from scipy.optimize import linear_sum_assignment

    return linear_sum_assignment(distance)[1]
