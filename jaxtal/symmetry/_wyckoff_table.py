"""The 1731 Wyckoff positions, from one representative each to whole orbits in any setting.

`_data/wyckoff.txt` holds one line per position of the standard settings: number, letter,
multiplicity, site symmetry, representative. It is written by `tests/reference/generate_wyckoff.py`.
"""

import functools
import importlib.resources
import itertools
import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from ._basis_change import BasisChange
from ._integer_matrices import determinant, kernel, rational_inverse
from ._orientation import oriented
from ._wyckoff import WyckoffPosition
from ._xyz import parse_xyz

Fractions = list[list[Fraction]]


@functools.cache
def _table() -> dict[int, list[tuple[str, int, str, str]]]:
    """Letter, multiplicity, site symmetry and representative of each position, by number."""
    text = (importlib.resources.files("jaxtal.symmetry") / "_data" / "wyckoff.txt").read_text(
        "utf-8"
    )
    table: dict[int, list[tuple[str, int, str, str]]] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            number, letter, multiplicity, symmetry, xyz = line.split()
            table.setdefault(int(number), []).append((letter, int(multiplicity), symmetry, xyz))
    return table


def wyckoff_positions(
    number: int,
    rotations: np.ndarray,
    translations: np.ndarray,
    denominator: int,
    from_standard: BasisChange,
) -> tuple[WyckoffPosition, ...]:
    """All positions of one of the 230 groups in the setting of the operations given.

    Args:
        number: 1 to 230.
        rotations: (n, 3, 3) integers.
        translations: numerators over `denominator`, (n, 3).
        denominator: of the translations.
        from_standard: exact map from the standard coordinates to these.
    """
    operations = rotations, translations, denominator
    found = []
    for letter, _, symmetry, xyz in _table()[number]:
        rows, shift = parse_xyz(xyz)
        columns = [list(column) for column in zip(*rows, strict=True) if any(column)]
        R = [list(row) for row in zip(*columns, strict=True)] if columns else [[], [], []]
        if from_standard.is_identity:
            R, t = [[int(v) for v in row] for row in R], shift
        else:
            R, t = simplest(*_transformed(R, shift, from_standard), operations)
        maps = orbit(R, t, operations)
        symbol = oriented(symmetry, number, from_standard)
        found.append(WyckoffPosition(letter, len(maps[0]), symbol, *maps))
    return tuple(found)


def orbit(
    R: list[list[int]], t: list[Fraction], operations: tuple[np.ndarray, np.ndarray, int]
) -> tuple[np.ndarray, np.ndarray, int]:
    """All distinct images of an affine map u -> R u + t under a group, the map itself first.

    Args:
        R: integers, (3, k).
        t: exact, (3,).
        operations: rotations (n, 3, 3), translation numerators (n, 3), their denominator.

    Returns:
        R (m, 3, k), numerators of t (m, 3) in [0, denominator), denominator.
    """
    W, w, denominator = operations
    common = math.lcm(denominator, *(v.denominator for v in t))
    start = np.array([int(v * common) for v in t], dtype=np.int64)
    images = W @ np.array(R, dtype=np.int64).reshape(3, -1)
    shifts = (W @ start + w * (common // denominator)) % common
    flat = np.concatenate([images.reshape(len(W), -1), shifts], axis=1)
    first = np.sort(np.unique(flat, axis=0, return_index=True)[1])
    result = images[first], shifts[first]
    for array in result:
        array.setflags(write=False)
    return *result, common


def simplest(
    R: list[list[int]], t: list[Fraction], operations: tuple[np.ndarray, np.ndarray, int]
) -> tuple[list[list[int]], list[Fraction]]:
    """The most readable representative of the orbit of a position.

    Among all members and all choices of own coordinates as free parameters, the one with the fewest
    minus signs, the fewest and smallest constants, and x before y before z as parameters.
    """
    images, shifts, common = orbit(R, t, operations)
    candidates = []
    for image, shift in zip(images.tolist(), shifts.tolist(), strict=True):
        candidates += _natural_forms(image, [Fraction(v, common) for v in shift])
    return min(candidates)[-2:]


def _natural_forms(R: list[list[int]], t: list[Fraction]) -> list[tuple]:
    """The ways to write a flat with some of its own coordinates as the free parameters.

    Coordinates can serve when R restricted to them is unimodular. (In an exotic setting none may;
    then the given basis is all there is.)

    Returns:
        tuples that sort by readability and end with R, t.
    """
    k = len(R[0])
    forms: list[tuple[tuple[int, ...], list[list[int]], list[Fraction]]] = [
        ((), R, [value % 1 for value in t])
    ]
    for pivots in itertools.combinations(range(3), k):
        square = [R[i] for i in pivots]
        if k and abs(determinant(square)) != 1:
            continue
        columns = list(zip(*rational_inverse(square), strict=True))
        new = [[int(_dot(row, column)) for column in columns] for row in R]
        fixed = [t[i] for i in pivots]
        shift = [(v - _dot(row, fixed)) % 1 for row, v in zip(new, t, strict=True)]
        forms.append((pivots, new, shift))
    result = []
    for pivots, rows, shift in forms[1:] or forms:
        entries = [value for row in rows for value in row]
        signs, size = sum(v < 0 for v in entries), sum(abs(v) for v in entries)
        constants = sum(v != 0 for v in shift), sum(shift)
        result.append((signs, size, constants, pivots[:1], [-v for v in entries], rows, shift))
    return result


def _transformed(
    R: Fractions, t: list[Fraction], change: BasisChange
) -> tuple[list[list[int]], list[Fraction]]:
    """A flat in new coordinates, with a basis of the new lattice vectors along it."""
    P = change.fractions
    origin = [_dot(row, t) + shift for row, shift in zip(P, change.shift, strict=True)]
    columns = [list(column) for column in zip(*R, strict=True)]
    if not columns:
        return [[], [], []], origin
    turned = [[_dot(row, column) for row in P] for column in columns]
    scale = math.lcm(*(v.denominator for c in turned for v in c))
    normals = kernel([[int(v * scale) for v in c] for c in turned], 3)
    basis = kernel(normals, 3)
    return [list(row) for row in zip(*basis, strict=True)], origin


def _dot(a: Sequence, b: Sequence) -> Fraction:
    return sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))
