"""How well two periodic crystals superpose, over every origin, cell choice and hand; host only."""

import dataclasses
import math

import numpy as np
from jaxtyping import Array, Float, Int
from numpy.typing import ArrayLike

from .._core import check_finite, host_array
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
        numbers: atomic numbers, (n,).
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
    numbers: Int[np.ndarray, " n"]


_Given = tuple[np.ndarray, np.ndarray, np.ndarray]


def match_crystals(
    matrix_a: Array | ArrayLike,
    frac_a: Array | ArrayLike,
    numbers_a: Array | ArrayLike,
    matrix_b: Array | ArrayLike,
    frac_b: Array | ArrayLike,
    numbers_b: Array | ArrayLike,
    *,
    length_tol: float = 0.1,
    angle_tol: float = 5.0,
    max_rmsd: float = 1.0,
) -> CrystalMatch | None:
    """Best superposition of two crystals over origins, cell choices and both hands.

    Both are reduced to primitive Niggli cells. Every integer change of b's basis that makes it
    look like a's is tried (hence every operation of the affine normaliser that is an isometry up
    to the strain), with every shift that brings one atom of the rarest species onto one of its
    kind; atoms are paired by optimal assignment. Of all of them the smallest

        RMSD + (V / n)^(1/3) * cell_error

    wins, so that equal RMSDs are told apart by the cells. Volumes are not scaled to each other.

    Args:
        matrix_a: lattice vectors of a as rows, in angstrom, (3, 3).
        frac_a: fractional coordinates, (N, 3).
        numbers_a: atomic numbers, (N,).
        matrix_b: as `matrix_a`, for b.
        frac_b: (M, 3).
        numbers_b: (M,).
        length_tol: how far the ratio of matched lengths may be from 1.
        angle_tol: how far matched angles may differ, in degrees.
        max_rmsd: largest RMSD of a match, in angstrom.

    Returns:
        The match, or None: different compositions, no lattice match, or every RMSD too large.

    Raises:
        ValueError: shapes that do not fit, no atoms, numbers that are not finite, a singular
            cell, or tolerances that are not positive.
    """
    for name, value in (
        ("length_tol", length_tol),
        ("angle_tol", angle_tol),
        ("max_rmsd", max_rmsd),
    ):
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"expected {name} > 0, got {value}")
    given_a = _checked(matrix_a, frac_a, numbers_a, "a")
    given_b = _checked(matrix_b, frac_b, numbers_b, "b")
    pair = _common_size(given_a, given_b)
    if pair is None:
        return None
    a, b = pair
    swapped = len(b.z) > len(a.z)
    target, source = (b, a) if swapped else (a, b)
    best = search(target, source, length_tol, math.radians(angle_tol), max_rmsd)
    return None if best is None else _result(best, target, swapped, given_a[0], given_b[0])


def _checked(
    matrix: Array | ArrayLike, frac: Array | ArrayLike, numbers: Array | ArrayLike, name: str
) -> _Given:
    cell = host_array(matrix, f"matrix_{name}")
    x = host_array(frac, f"frac_{name}")
    z = host_array(numbers, f"numbers_{name}", np.int64)
    if cell.shape != (3, 3) or x.ndim != 2 or x.shape[1] != 3 or z.shape != x.shape[:1]:
        raise ValueError(
            f"crystal {name}: expected matrix (3, 3), frac (N, 3) and numbers (N,), "
            f"got {cell.shape}, {x.shape} and {z.shape}"
        )
    if len(z) == 0 or z.min() < 1:
        raise ValueError(
            f"crystal {name}: expected atoms with atomic numbers >= 1, got {z.tolist()}"
        )
    check_finite(cell, f"matrix_{name}")
    check_finite(x, f"frac_{name}")
    if abs(np.linalg.det(cell)) < 1e-9:
        raise ValueError(f"crystal {name}: expected independent lattice vectors, got volume 0")
    return cell, x, z


def _common_size(given_a: _Given, given_b: _Given) -> tuple[Content, Content] | None:
    """Reduced cells of which one holds a whole number of times the atoms of the other."""
    for tolerance in (_TRANSLATION_TOLERANCE, 0.0):
        contents = []
        for matrix, frac, z in (given_a, given_b):
            cell, x, kept = reduced_primitive(matrix, frac, z, tolerance)
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
        numbers=target.z,
    )
