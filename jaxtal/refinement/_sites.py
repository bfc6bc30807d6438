"""What the symmetry of its site leaves free of an atom: coordinates and displacements."""

import dataclasses
import functools
from fractions import Fraction

import numpy as np
from jaxtyping import Float

from ..scattering import cif_scale
from ..symmetry import SpaceGroup

#: Rows and columns of U11, U22, U33, U12, U13, U23.
ROWS, COLUMNS = np.array([0, 1, 2, 0, 0, 1]), np.array([0, 1, 2, 1, 2, 2])


@dataclasses.dataclass(frozen=True, eq=False)
class Site:
    """The site of one atom.

    Attributes:
        frac: its point, moved onto the site, (3,).
        share: 1 / (number of operations that fix it).
        positions: shifts that symmetry allows, columns, (3, k).
        displacements: changes of U11, U22, U33, U12, U13, U23 (CIF convention) that it allows,
            columns, (6, m).
    """

    frac: Float[np.ndarray, "3"]
    share: float
    positions: Float[np.ndarray, "3 k"]
    displacements: Float[np.ndarray, "6 m"]


def site_of(
    frac: np.ndarray, group: SpaceGroup, matrix: np.ndarray, tolerance: float = 0.1
) -> Site:
    """Find the site of an atom, and move it there.

    Args:
        frac: fractional coordinates, (3,).
        group: space group.
        matrix: lattice vectors as rows, angstrom.
        tolerance: an image of the atom this close is the atom itself, angstrom.
    """
    W, w = group.rotations, group.translations / group.denominator
    x = np.asarray(frac, float)
    for within in (tolerance, 0.5 * tolerance, 1e-3):
        shift = W @ x + w - x
        shift -= np.round(shift)
        fixed = np.linalg.norm(shift @ matrix, axis=1) < within
        x = x + shift[fixed].mean(axis=0)
    key = tuple(map(int, W[fixed].ravel()))
    positions, displacements = _free(key)
    scale = cif_scale(matrix)[ROWS, COLUMNS]
    U = displacements / scale[:, None]
    # A parameter is the first component that it moves: U11 where U22 = U11.
    lead = [np.flatnonzero(column)[0] for column in displacements.T]
    U = U * scale[lead]
    return Site(x, 1.0 / int(fixed.sum()), positions, U)


@functools.lru_cache(maxsize=512)
def _free(key: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Shifts and U* that rotations leave as they are; exact."""
    rotations = np.array(key, dtype=np.int64).reshape(-1, 3, 3)
    eye = np.eye(3, dtype=np.int64)
    moves = np.concatenate([W - eye for W in rotations])
    tensors = []
    for W in rotations:
        action = np.zeros((6, 6), np.int64)
        for column, (i, j) in enumerate(zip(ROWS, COLUMNS, strict=True)):
            unit = np.zeros((3, 3), np.int64)
            unit[i, j] = unit[j, i] = 1
            action[:, column] = (W @ unit @ W.T)[ROWS, COLUMNS]
        tensors.append(action - np.eye(6, dtype=np.int64))
    return null_space(moves), null_space(np.concatenate(tensors))


def null_space(rows: np.ndarray) -> np.ndarray:
    """Basis of the vectors that integer rows annihilate, one unit of an early component each.

    Args:
        rows: integers, (r, n).

    Returns:
        columns (n, k), rational numbers; the first component of each that isn't zero is 1 and is
        zero in all others.
    """
    n = rows.shape[1]
    # Eliminated from the last component on, so that early ones are free.
    table = [[Fraction(int(v)) for v in row[::-1]] for row in np.unique(rows, axis=0)]
    pivots: list[int] = []
    for column in range(n):
        row = next((r for r in range(len(pivots), len(table)) if table[r][column]), None)
        if row is None:
            continue
        at = len(pivots)
        table[at], table[row] = table[row], table[at]
        lead = table[at][column]
        table[at] = [v / lead for v in table[at]]
        for r, other in enumerate(table):
            if r != at and other[column]:
                factor = other[column]
                table[r] = [v - factor * p for v, p in zip(other, table[at], strict=True)]
        pivots.append(column)
    free = [c for c in reversed(range(n)) if c not in pivots]
    basis = np.zeros((n, len(free)))
    for k, c in enumerate(free):
        basis[c, k] = 1.0
        for r, pivot in enumerate(pivots):
            basis[pivot, k] = -float(table[r][c])
    return basis[::-1]


def polar_directions(group: SpaceGroup) -> Float[np.ndarray, "3 k"]:
    """Directions along which the origin is free: those that every rotation keeps, columns."""
    return _free(tuple(map(int, group.point_rotations.ravel())))[0]
