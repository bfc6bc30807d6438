"""Exact change of basis and origin between two settings of a group."""

import dataclasses
import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from jaxtyping import Float

from ._integer_matrices import rational_inverse
from ._symop import SymOp
from ._xyz import format_xyz, parse_xyz


@dataclasses.dataclass(frozen=True)
class BasisChange:
    """An exact affine map between two coordinate systems of one crystal, x_new = P x_old + p.

    The basis vectors (rows of the lattice matrix M) change the other way: M_new = P^-T M_old.

    Attributes:
        matrix: numerators of P, (D, D) as nested tuples.
        vector: numerators of p, (D,).
        denominator: common denominator of P and p.
    """

    matrix: tuple[tuple[int, ...], ...]
    vector: tuple[int, ...]
    denominator: int = 1

    @classmethod
    def from_fractions(
        cls, matrix: Sequence[Sequence[int | Fraction]], vector: Sequence[int | Fraction]
    ) -> "BasisChange":
        """Build from exact P (D, D) and p (D,)."""
        values = [*(v for row in matrix for v in row), *vector]
        common = math.lcm(1, *(Fraction(v).denominator for v in values))
        return cls(
            tuple(tuple(int(v * common) for v in row) for row in matrix),
            tuple(int(v * common) for v in vector),
            common,
        )

    @classmethod
    def identity(cls, dimension: int = 3) -> "BasisChange":
        """Return the map that changes nothing."""
        return cls.from_fractions(np.eye(dimension, dtype=int).tolist(), [0] * dimension)

    @classmethod
    def from_xyz(cls, text: str) -> "BasisChange":
        """Read x_new as expressions in x_old, e.g. ``"x/2+y/2,-x/2+y/2,z+1/4"``."""
        return cls.from_fractions(*parse_xyz(text))

    def to_xyz(self) -> str:
        """Write the expressions of x_new in x_old, x, y, z or x1 ... xN."""
        return format_xyz(self.fractions, self.shift)

    @property
    def fractions(self) -> list[list[Fraction]]:
        """P as exact fractions, (D, D)."""
        return [[Fraction(v, self.denominator) for v in row] for row in self.matrix]

    @property
    def shift(self) -> list[Fraction]:
        """p as exact fractions, (D,)."""
        return [Fraction(v, self.denominator) for v in self.vector]

    @property
    def is_identity(self) -> bool:
        """True where P = 1 and p = 0."""
        return self == BasisChange.identity(len(self.vector))

    def inverse(self) -> "BasisChange":
        """Return the map from the new coordinates back to the old."""
        inverse = rational_inverse(self.fractions)
        back = [-sum(a * b for a, b in zip(row, self.shift, strict=True)) for row in inverse]
        return BasisChange.from_fractions(inverse, back)

    def __call__(self, frac: np.ndarray | Sequence) -> np.ndarray:
        """Return new fractional coordinates (..., D) of old ones; exact input stays exact."""
        x = np.asarray(frac)
        if x.dtype.kind == "f":
            return x @ np.array(self.fractions, float).T + np.array(self.shift, float)
        return x @ np.array(self.fractions, dtype=object).T + np.array(self.shift, dtype=object)

    def lattice(self, matrix: Float[np.ndarray, "D D"]) -> Float[np.ndarray, "D D"]:
        """Return the lattice matrix in the new basis, rows a, b, c in the unit of the given one."""
        return np.linalg.inv(np.array(self.fractions, float)).T @ matrix

    def transform(self, operation: SymOp) -> SymOp:
        """Return an operation in new coordinates: (P W P^-1, P w + (1 - P W P^-1) p).

        Raises:
            ValueError: the operation does not map the new lattice onto itself.
        """
        P, p = np.array(self.fractions, dtype=object), np.array(self.shift, dtype=object)
        inverse = np.array(rational_inverse(self.fractions), dtype=object)
        W = P @ np.array(operation.rotation, dtype=object) @ inverse
        w = P @ np.array(operation.fractions, dtype=object) + p - W @ p
        return SymOp(W, w)
