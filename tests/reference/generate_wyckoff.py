"""Derive the 1731 Wyckoff positions of the 230 space groups and write the table of the package.

Run by hand:  python tests/reference/generate_wyckoff.py

Two points belong to the same Wyckoff position when their site-symmetry groups are conjugate in the
space group. A site-symmetry group fixes an affine subspace, so the positions are the orbits, under
the group, of the subspaces that arise as intersections of the fixed subspaces of single operations.
Everything happens on the torus R^3 / Z^3 in exact arithmetic: a connected flat is written
{x : N x = c mod 1} with N an integer matrix in Hermite normal form whose rows are a basis of all
integer vectors normal to it; so equal flats are equal pairs (N, c).

Letters and site-symmetry symbols are conventions. They come from spglib: one structure with an atom
species on every position (generic parameters), its symmetry determined by spglib in the standard
setting. spglib is free to choose another origin or other axes (an element of the normaliser), and
its letters refer to its own choice; so each letter is assigned to the flat on which the atom comes
to lie after spglib's transformation, not to the one on which it was put.
"""

import functools
import itertools
import pathlib
from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from jaxtal.symmetry import SpaceGroup
from jaxtal.symmetry._identify import generic_lattice, standard_hall_numbers
from jaxtal.symmetry._integer_matrices import diagonalise, hermite, kernel, rational_inverse
from jaxtal.symmetry._spglib import dataset
from jaxtal.symmetry._wyckoff_table import orbit, simplest
from jaxtal.symmetry._xyz import format_xyz

OUTPUT = pathlib.Path(__file__).parents[2] / "jaxtal" / "symmetry" / "_data" / "wyckoff.txt"
LETTERS = "abcdefghijklmnopqrstuvwxyzA"

Matrix = tuple[tuple[int, ...], ...]
Flat = tuple[Matrix, tuple[Fraction, ...]]


def _tuples(matrix) -> Matrix:
    return tuple(tuple(int(v) for v in row) for row in matrix)


@functools.cache
def _split(A: Matrix) -> tuple[list, list, Matrix, list]:
    """U and d with U A V = diag(d), and the normals of the solutions: Hermite form of V^-1 rows."""
    u, d, v = diagonalise(A)
    normals = [[int(x) for x in row] for row in rational_inverse(v)[: len(d)]]
    H, change = hermite(normals)
    return u, d, _tuples(H), change


def solutions(A: Matrix, b: tuple[Fraction, ...]) -> Iterator[Flat]:
    """The connected components of {x : A x = b mod 1}."""
    u, d, H, change = _split(A)
    rhs = [sum((p * q for p, q in zip(row, b, strict=True)), Fraction(0)) for row in u]
    if any(value.denominator != 1 for value in rhs[len(d) :]):
        return
    for steps in itertools.product(*(range(abs(v)) for v in d)):
        y = [(value + j) / v for value, j, v in zip(rhs, steps, d, strict=False)]
        yield (
            H,
            tuple(sum((p * q for p, q in zip(r, y, strict=True)), Fraction(0)) % 1 for r in change),
        )


@functools.cache
def _turned(N: Matrix, W: Matrix) -> tuple[Matrix, list, list]:
    """Hermite form of N W^-1, the row operations that lead to it, and N W^-1 itself."""
    inverse = rational_inverse(W)
    rows = [
        [
            int(sum(a * b for a, b in zip(row, col, strict=True)))
            for col in zip(*inverse, strict=True)
        ]
        for row in N
    ]
    H, change = hermite(rows)
    return _tuples(H), change, rows


def image(flat: Flat, W: Matrix, w: tuple[Fraction, ...]) -> Flat:
    """The flat under an operation."""
    N, c = flat
    H, change, rows = _turned(N, W)
    moved = [
        a + sum(p * q for p, q in zip(r, w, strict=True)) for a, r in zip(c, rows, strict=True)
    ]
    return H, tuple(
        sum((p * q for p, q in zip(r, moved, strict=True)), Fraction(0)) % 1 for r in change
    )


@functools.cache
def _chart(N: Matrix) -> tuple[list[list[int]], list[list[Fraction]]]:
    """R (3, k), a basis of the lattice along N x = 0, and S with N S = 1."""
    if not N:
        return [[int(i == j) for j in range(3)] for i in range(3)], [[], [], []]
    u, d, v = diagonalise(N)
    section = [
        [sum(v[i][k] * Fraction(u[k][j], d[k]) for k in range(len(d))) for j in range(len(d))]
        for i in range(3)
    ]
    basis = kernel(N, 3)
    return [[row[i] for row in basis] for i in range(3)], section


def affine_map(flat: Flat) -> tuple[list[list[int]], list[Fraction]]:
    """R (3, k) and t (3,) with flat = {R u + t}."""
    R, S = _chart(flat[0])
    return R, [sum((p * q for p, q in zip(row, flat[1], strict=True)), Fraction(0)) for row in S]


def wyckoff_orbits(group: SpaceGroup) -> list[set[Flat]]:
    """The flats of every Wyckoff position; the first one is general."""
    operations = [(op.rotation, op.fractions) for op in group.operations]
    found: dict[Flat, int] = {}
    orbits: list[set[Flat]] = []

    def add(flat: Flat) -> None:
        if flat not in found:
            members = {image(flat, W, w) for W, w in operations}
            found.update(dict.fromkeys(members, len(orbits)))
            orbits.append(members)

    add(((), ()))
    for W, w in operations[1:]:
        difference = tuple(
            tuple(v - (i == j) for j, v in enumerate(row)) for i, row in enumerate(W)
        )
        for flat in solutions(difference, tuple(-v for v in w)):
            add(flat)
    done = 0
    while done < len(orbits):
        N, c = min(orbits[done])
        done += 1
        # Orbits found during this pass meet this one when their own turn comes.
        for other_N, other_c in list(found):
            for flat in solutions(N + other_N, c + other_c) if N + other_N else ():
                add(flat)
    return orbits


def letters(
    group: SpaceGroup, orbits: list[set[Flat]], hall_number: int, seed: int
) -> list[tuple[str, str]]:
    """Letter and site symmetry of each orbit of flats, as spglib names them."""
    rng = np.random.default_rng(seed)
    matrix = generic_lattice(group.rotations, rng, 12.0)
    arrays = group.rotations, group.translations, group.denominator
    maps = [orbit(*affine_map(min(members)), arrays) for members in orbits]
    frac, species = [], []
    # Two more general orbits: one alone can have symmetry that the group lacks.
    for kind, (R, t, denominator) in enumerate([maps[0], maps[0], *maps], start=1):
        frac.append(R @ rng.uniform(size=R.shape[2]) + t / denominator)
        species += [kind] * len(R)
    x = np.concatenate(frac)
    data = dataset((matrix, x, species), symprec=1e-4, hall_number=hall_number)
    if data is None or data.number != group.number or len(data.rotations) != group.order:
        raise RuntimeError(f"spglib sees {data and data.number} in the probe of {group}")
    change, shift = np.array(data.transformation_matrix), np.array(data.origin_shift)
    names: dict[int, tuple[str, str]] = {}
    starts = np.cumsum([0, *(len(part) for part in frac)])[2:-1]
    for start in starts:
        place = change @ x[start] + shift
        target = min(
            (i for i, (R, t, q) in enumerate(maps) if _lies_on(place, R, t / q)),
            key=lambda i: len(maps[i][0]),
        )
        if target in names:
            raise RuntimeError(f"two letters for one position of {group}")
        names[target] = data.wyckoffs[start], data.site_symmetry_symbols[start]
    return [names[i] for i in range(len(orbits))]


def _lies_on(x: np.ndarray, rotations: np.ndarray, translations: np.ndarray) -> bool:
    """Whether a point lies on some member R u + t modulo 1, to 1e-5."""
    for R, t in zip(rotations, translations, strict=True):
        N = np.array(
            hermite(kernel(R.T.tolist(), 3))[0] if R.size else np.eye(3, dtype=int)
        ).reshape(-1, 3)
        offset = N @ (x - t)
        if np.abs(offset - np.round(offset)).max(initial=0) < 1e-5:
            return True
    return False


def lines(number: int, hall_number: int) -> list[str]:
    """The table's lines of one group, letters in order."""
    group = SpaceGroup.from_number(number)
    orbits = wyckoff_orbits(group)
    arrays = group.rotations, group.translations, group.denominator
    rows = []
    for members, (letter, symmetry) in zip(
        orbits, letters(group, orbits, hall_number, number), strict=True
    ):
        R, t = simplest(*affine_map(min(members)), arrays)
        multiplicity = len(orbit(R, t, arrays)[0])
        used = [
            i for i in range(3) if R[i].count(0) == len(R[0]) - 1 and sum(R[i]) == 1 and not t[i]
        ]
        names = "".join("xyz"[next(i for i in used if R[i][j])] for j in range(len(R[0])))
        rows.append(
            (
                LETTERS.index(letter),
                f"{number} {letter} {multiplicity} {symmetry} {format_xyz(R, t, names)}",
            )
        )
    rows.sort()
    if [index for index, _ in rows] != list(range(len(rows))):
        raise RuntimeError(f"letters of {group} are not a, b, c, ...: {rows}")
    return [text for _, text in rows]


def main() -> None:
    halls = standard_hall_numbers()
    table = [line for number in range(1, 231) for line in lines(number, halls[number])]
    head = "# number letter multiplicity site_symmetry representative"
    OUTPUT.write_text("\n".join([head, *table]) + "\n")
    print(f"{len(table)} positions")


if __name__ == "__main__":
    main()
