"""What a group leaves open about a density: where its origin lies, and its hand."""

import dataclasses
import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from jaxtyping import Float, Int

from ._congruence import TorusSolutions, lattice_basis, row_basis, solve_on_torus
from ._group import SpaceGroup
from ._integer_matrices import rational_inverse


@dataclasses.dataclass(frozen=True, eq=False)
class Origins:
    """The shifts of the origin that leave a group as it is, modulo its lattice translations.

    Structure factors F(k) of the group turn into others, F(k) exp(2 pi i k.t), with every
    t = discrete[j] + real multiples of the rows of `continuous`, and with no other t.

    Attributes:
        fractions: one exact shift of each connected component, zero first, (n, N).
        continuous: directions along which the origin is free, integers in the basis of the
            coordinates, (c, N); coordinates of a shift are multiples of them modulo 1.
    """

    fractions: tuple[tuple[Fraction, ...], ...]
    continuous: Int[np.ndarray, "c N"]

    @property
    def discrete(self) -> Float[np.ndarray, "n N"]:
        """`fractions` as float64, in [0, 1), (n, N)."""
        return np.array(self.fractions, dtype=float)


def allowed_origins(group: SpaceGroup) -> Origins:
    """Find all shifts t of the origin after which the operations of a group are the same.

    (W - 1) t must be a lattice translation, centring included, for every operation: k.(W t - t)
    is an integer for every k that the centring leaves. These are the translations of the
    Euclidean normaliser, modulo those of the group itself.

    Args:
        group: a group in N dimensions.

    References:
        International Tables for Crystallography A (2016), section 3.5.2 (Euclidean normalisers).
    """
    lattice = _Primitive.of(group)
    rows = [row for W, _ in lattice.operations for row in _one_minus(W)]
    solutions = solve_on_torus(rows, [0] * len(rows), group.dimension)
    assert solutions is not None  # t = 0 is one
    directions = lattice.directions(solutions)
    shifts = [lattice.simplest(t, directions) for t in solutions.discrete()]
    shifts.sort(key=_simplicity)
    return Origins(tuple(shifts), np.array(directions, dtype=np.int64).reshape(-1, group.dimension))


def hand_shift(group: SpaceGroup) -> Float[np.ndarray, " N"] | None:
    """Find a shift s for which conj(F(k)) exp(2 pi i k.s) are structure factors of the group.

    Inversion takes the density to rho(s - x) and the operation (W, w) to (W, (1 - W) s - w), so
    that (1 - W) s = 2 w must hold modulo lattice translations for every operation. The inversion
    is through the point s / 2; any allowed shift of the origin may be added to s.

    Args:
        group: a group in N dimensions.

    Returns:
        s, fractions in [0, 1), (N,); None where there is none: in three dimensions for the 22
        groups of the enantiomorphic pairs, of which inversion makes the other one.

    References:
        International Tables for Crystallography A (2016), section 3.5.2 (column "inversion
        through a centre at" of the Euclidean normalisers).
    """
    lattice = _Primitive.of(group)
    rows = [row for W, _ in lattice.operations for row in _one_minus(W)]
    right = [2 * v for _, w in lattice.operations for v in w]
    solutions = solve_on_torus(rows, right, group.dimension)
    if solutions is None:
        return None
    directions = lattice.directions(solutions)
    shifts = [
        lattice.simplest([a + b for a, b in zip(solutions.particular, t, strict=True)], directions)
        for t in solutions.discrete()
    ]
    return np.array(min(shifts, key=_simplicity), dtype=float)


@dataclasses.dataclass(frozen=True)
class _Primitive:
    """One operation of a group for each rotation, in a primitive basis of its lattice.

    Attributes:
        basis: the primitive vectors, one per row, in the coordinates of the group.
        centring: the centring translations, in the coordinates of the group.
        operations: W and w in the primitive basis.
    """

    basis: list[list[Fraction]]
    centring: list[list[Fraction]]
    operations: list[tuple[list[list[int]], list[Fraction]]]

    @classmethod
    def of(cls, group: SpaceGroup) -> "_Primitive":
        centring = [[Fraction(int(v), group.denominator) for v in row] for row in group.centering]
        basis = lattice_basis(centring, group.dimension)
        first = np.unique(group.rotations.reshape(group.order, -1), axis=0, return_index=True)[1]
        # Integers over one denominator each: many times faster than fractions, and as exact.
        back, over = _over_one(basis)
        P, under = _over_one(rational_inverse(basis))
        rotations = P.T @ group.rotations[first].astype(np.int64) @ back.T // (over * under)
        shifts = group.translations[first].astype(np.int64) @ P
        operations = [
            (W.tolist(), [Fraction(int(v), under * group.denominator) for v in w])
            for W, w in zip(rotations, shifts, strict=True)
        ]
        return cls(basis, centring, operations)

    def conventional(self, x: Sequence[Fraction | int]) -> list[Fraction]:
        """A vector of the primitive basis in the coordinates of the group."""
        columns = zip(*self.basis, strict=True)
        return [sum((a * b for a, b in zip(x, c, strict=True)), Fraction(0)) for c in columns]

    def directions(self, solutions: TorusSolutions) -> list[list[int]]:
        """The continuous directions in the coordinates of the group, reduced integer vectors."""
        found = []
        for direction in solutions.continuous:
            vector = self.conventional(direction)
            common = math.lcm(*(v.denominator for v in vector))
            found.append([int(v * common) for v in vector])
        rows, _ = row_basis(found, len(self.basis))
        for i, row in enumerate(rows):
            pivot = next(j for j, v in enumerate(row) if v)
            for above in range(i):
                factor, other = rows[above][pivot], rows[above]
                rows[above] = [row[pivot] * x - factor * y for x, y in zip(other, row, strict=True)]
        return [[v // math.gcd(*row) for v in row] for row in rows]

    def simplest(self, x: Sequence[Fraction], directions: list[list[int]]) -> tuple[Fraction, ...]:
        """Coordinates modulo the lattice and along the continuous directions with most zeros."""
        found = []
        for shift in self.centring:
            t = [a + b for a, b in zip(self.conventional(x), shift, strict=True)]
            for row in directions:
                pivot = next(j for j, v in enumerate(row) if v)
                step = t[pivot] / row[pivot]
                t = [a - step * b for a, b in zip(t, row, strict=True)]
            found.append(tuple(v % 1 for v in t))
        return min(found, key=_simplicity)


def _over_one(rows: Sequence[Sequence[Fraction]]) -> tuple[Int[np.ndarray, "N N"], int]:
    """Rows as integers, and what they are divided by."""
    common = math.lcm(*(Fraction(v).denominator for row in rows for v in row))
    return np.array([[int(v * common) for v in row] for row in rows], np.int64), common


def _one_minus(W: list[list[int]]) -> list[list[int]]:
    return [[int(i == j) - v for j, v in enumerate(row)] for i, row in enumerate(W)]


def _simplicity(t: Sequence[Fraction]) -> tuple:
    return sum(v != 0 for v in t), max(v.denominator for v in t), tuple(t)
