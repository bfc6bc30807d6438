"""How well two periodic crystals superpose, over every origin, cell choice and hand; host only."""

import dataclasses
import math
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from ._host_atoms import HostAtoms
from ._host_crystals import host_crystal
from ._match_cells import cell_differences, reduced_primitive
from ._match_search import Content, Trial, search

# Copies within a cell that differ by less (angstrom) count as a pure translation.
_TRANSLATION_TOLERANCE = 1e-4


@dataclasses.dataclass(frozen=True)
class CrystalMatch:
    """The best superposition of a crystal b on a crystal a.

    Row i of `frac_b` lies on row i of `frac_a`; both refer to matched primitive cells (or, if one
    crystal has a smaller primitive cell, to the larger of the two).

    Attributes:
        rmsd: root mean square distance of the matched atoms in angstrom, in the average lattice,
            after the best common shift.
        max_distance: largest of these distances in angstrom.
        cell_error: the largest of |L_b / L_a - 1| over the three matched lengths and
            |angle_b - angle_a| in radians over the three angles.
        improper: whether only the mirror image of b superposes (so) well on a.
        rotation: orthogonal matrix with cell_b @ rotation ~ cell_a, determinant -1 if improper.
        translation: shift that was added to b, in fractions of cell_b.
        atoms_a: for each matched atom, its index among the given atoms of a, (n,).
        atoms_b: for each matched atom, its index among the given atoms of b, (n,); with the
            former, the permutation of the atoms. Of translationally equal atoms the first.
        cell_a: matched cell of a, rows in angstrom, in a's orientation.
        cell_b: matched cell of b, rows in angstrom, in b's orientation.
        transform_a: cell_a = transform_a @ matrix_a; rational.
        transform_b: cell_b = transform_b @ matrix_b; rational.
        frac_a: fractional coordinates of a in cell_a, (n, 3).
        frac_b: fractional coordinates of b in cell_b, shifted, in the order of a, (n, 3).
        atomic_numbers: (n,).
    """

    rmsd: float
    max_distance: float
    cell_error: float
    improper: bool
    rotation: Float[np.ndarray, "3 3"]
    translation: Float[np.ndarray, " 3"]
    atoms_a: Int[np.ndarray, " n"]
    atoms_b: Int[np.ndarray, " n"]
    cell_a: Float[np.ndarray, "3 3"]
    cell_b: Float[np.ndarray, "3 3"]
    transform_a: Float[np.ndarray, "3 3"]
    transform_b: Float[np.ndarray, "3 3"]
    frac_a: Float[np.ndarray, "n 3"]
    frac_b: Float[np.ndarray, "n 3"]
    atomic_numbers: Int[np.ndarray, " n"]


def match_crystals(
    a: Any,
    b: Any,
    *,
    length_tol: float = 0.1,
    angle_tol: float = 5.0,
    max_rmsd: float = 1.0,
) -> CrystalMatch | None:
    """Superpose two crystals as well as possible, over origins, cell choices and both hands.

    Both are reduced to primitive Niggli cells. Every integer change of b's basis that makes it
    look like a's is tried (hence every operation of the affine normaliser that is an isometry up
    to the strain), with every shift that brings one atom of the rarest species onto one of its
    kind; atoms are paired by optimal assignment. Of all of them the smallest

        RMSD + (V / n)^(1/3) * cell_error

    wins, so that equal RMSDs are told apart by the cells. Volumes are not scaled to each other.

    Args:
        a: `Crystal`, `WyckoffCrystal`, ASE `Atoms` or `HostAtoms`; of its atoms the atomic numbers
            count alone, occupancies do not.
        b: as `a`; the one that is moved.
        length_tol: how far the ratio of matched lengths may be from 1.
        angle_tol: how far matched angles may differ, in degrees.
        max_rmsd: largest RMSD of a match, in angstrom.

    Returns:
        The match, or None: different compositions, no lattice match, or every RMSD too large.

    Raises:
        ValueError: something that is no crystal, numbers that are not finite, a singular cell, or
            tolerances that are not positive.
    """
    for name, value in (
        ("length_tol", length_tol),
        ("angle_tol", angle_tol),
        ("max_rmsd", max_rmsd),
    ):
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"expected {name} > 0, got {value}")
    given_a, given_b = host_crystal(a, "a"), host_crystal(b, "b")
    pair = _common_size(given_a, given_b)
    if pair is None:
        return None
    one, other = pair
    swapped = len(other.z) > len(one.z)
    target, source = (other, one) if swapped else (one, other)
    best = search(target, source, length_tol, math.radians(angle_tol), max_rmsd)
    return None if best is None else _result(best, target, swapped, given_a.matrix, given_b.matrix)


def _common_size(given_a: HostAtoms, given_b: HostAtoms) -> tuple[Content, Content] | None:
    """Reduced cells of which one holds a whole number of times the atoms of the other."""
    for tolerance in (_TRANSLATION_TOLERANCE, 0.0):
        contents = []
        for atoms in (given_a, given_b):
            z = atoms.atomic_numbers
            cell, x, kept = reduced_primitive(atoms.matrix, atoms.frac_coords, z, tolerance)
            contents.append(Content(cell, x, z[kept], kept))
        a, b = contents
        small, large = sorted((a, b), key=lambda content: len(content.z))
        ratio = len(large.z) // len(small.z)
        if np.array_equal(np.sort(np.repeat(small.z, ratio)), np.sort(large.z)):
            return a, b
    return None


def _result(
    best: Trial, target: Content, swapped: bool, matrix_a: np.ndarray, matrix_b: np.ndarray
) -> CrystalMatch:
    moved = best.x + best.shift
    moved = moved - np.rint(moved - target.x)
    cells, places, atoms = [target.cell, best.cell], [target.x, moved], [target.atoms, best.atoms]
    translation = best.shift
    if swapped:
        # The search moved a; seen from a, b moved the other way.
        cells, places, atoms = cells[::-1], places[::-1], atoms[::-1]
        places = [place - best.shift for place in places]
        translation = -best.shift
    u, _, vt = np.linalg.svd(np.linalg.inv(cells[1]) @ cells[0])
    return CrystalMatch(
        rmsd=best.rmsd,
        max_distance=best.max_distance,
        cell_error=float(cell_differences(cells[0], cells[1][None])[0]),
        improper=bool(np.linalg.det(cells[0]) * np.linalg.det(cells[1]) < 0),
        rotation=u @ vt,
        translation=translation,
        atoms_a=atoms[0],
        atoms_b=atoms[1],
        cell_a=cells[0],
        cell_b=cells[1],
        transform_a=cells[0] @ np.linalg.inv(matrix_a),
        transform_b=cells[1] @ np.linalg.inv(matrix_b),
        frac_a=places[0],
        frac_b=places[1],
        atomic_numbers=target.z,
    )
