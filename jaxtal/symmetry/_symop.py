"""One crystallographic symmetry operation, exact, in any dimension."""

import dataclasses
import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from jaxtyping import Float, Int

from ._integer_matrices import determinant, is_integral, rational_inverse
from ._xyz import format_xyz, parse_xyz

_TOO_LARGE = 1 << 63


@dataclasses.dataclass(frozen=True)
class SymOp:
    """A symmetry operation modulo lattice translations, x' = W x + w (mod 1).

    W is an integer matrix with determinant +1 or -1, w a vector of exact fractions in [0, 1). Two
    operations are equal exactly when W and w (mod 1) are equal.

    Attributes:
        rotation: W, integers, (D, D) as nested tuples.
        translation: numerators of w, integers in [0, denominator), (D,).
        denominator: common denominator of w, as small as possible.
    """

    rotation: tuple[tuple[int, ...], ...]
    translation: tuple[int, ...]
    denominator: int = 1

    def __init__(
        self,
        rotation: Sequence[Sequence] | np.ndarray,
        translation: Sequence | np.ndarray | None = None,
        denominator: int = 1,
    ):
        """Build from W (D, D), integers, and numerators of w (D,), integers or Fractions, or zero.

        Raises:
            ValueError: W is not square, not integral or not unimodular, w does not fit it, or a
                number takes more than 64 bits.
        """
        try:
            rows = [list(row) for row in rotation]
        except TypeError:
            raise ValueError(f"expected a square rotation matrix, got {rotation!r}") from None
        dimension = len(rows)
        if not rows or any(len(row) != dimension for row in rows):
            raise ValueError(f"expected a square rotation matrix, got {rows}")
        if not all(is_integral(v) for row in rows for v in row):
            raise ValueError(f"expected an integer rotation matrix, got {rows}")
        matrix = tuple(tuple(int(v) for v in row) for row in rows)
        if any(abs(v) >= _TOO_LARGE for row in matrix for v in row):
            raise ValueError(f"expected integers of 64 bits in the rotation matrix, got {rows}")
        if abs(determinant(matrix)) != 1:
            raise ValueError(f"expected a rotation with determinant +1 or -1, got {rows}")
        shift = [0] * dimension if translation is None else list(translation)
        if len(shift) != dimension:
            raise ValueError(f"expected a translation of length {dimension}, got {shift}")
        if not is_integral(denominator) or denominator < 1:
            raise ValueError(f"expected a positive integer denominator, got {denominator}")
        exact = []
        for value in shift:
            if not isinstance(value, Fraction) and not is_integral(value):
                raise ValueError(f"expected exact integers or Fractions in w, got {value!r}")
            fraction = value if isinstance(value, Fraction) else Fraction(int(value))
            exact.append(fraction / int(denominator) % 1)
        common = math.lcm(1, *(value.denominator for value in exact))
        if common >= _TOO_LARGE:
            raise ValueError(f"expected a translation in parts of 64 bits, got {shift}")
        object.__setattr__(self, "rotation", matrix)
        object.__setattr__(self, "translation", tuple(int(value * common) for value in exact))
        object.__setattr__(self, "denominator", common)

    @classmethod
    def identity(cls, dimension: int = 3) -> "SymOp":
        """Return the identity in D dimensions."""
        return cls(np.eye(dimension, dtype=int))

    @classmethod
    def from_xyz(cls, text: str) -> "SymOp":
        """Read an operator string such as ``"-y, x-y, z+1/3"`` or ``"-x1,x2+1/2,-x3,x4"``.

        The coordinates are x, y, z in up to three dimensions, x1 ... xN in any number N of them;
        N is the number of expressions.

        Raises:
            ValueError: the text is not of that form, or its matrix is no lattice symmetry.
        """
        rows, shift = parse_xyz(text)
        if any(value.denominator != 1 for row in rows for value in row):
            raise ValueError(f"expected integer factors of the coordinates, got {text!r}")
        return cls([[int(value) for value in row] for row in rows], shift)

    def to_xyz(self) -> str:
        """Write the operator string, e.g. ``"-y,x-y,z+1/3"``; beyond 3 dimensions in x1 ... xN."""
        return format_xyz(self.rotation, self.fractions)

    @property
    def dimension(self) -> int:
        """D."""
        return len(self.rotation)

    @property
    def fractions(self) -> tuple[Fraction, ...]:
        """w as exact fractions in [0, 1), (D,)."""
        return tuple(Fraction(value, self.denominator) for value in self.translation)

    def __matmul__(self, other: "SymOp") -> "SymOp":
        """The product: first `other`, then `self`."""
        if not isinstance(other, SymOp):
            return NotImplemented
        if other.dimension != self.dimension:
            raise ValueError(f"expected {self.dimension} dimensions, got {other.dimension}")
        columns = list(zip(*other.rotation, strict=True))
        product = [[_dot(row, column) for column in columns] for row in self.rotation]
        shift = [
            _dot(row, other.fractions) + w
            for row, w in zip(self.rotation, self.fractions, strict=True)
        ]
        return SymOp(product, shift)

    def inverse(self) -> "SymOp":
        """Return the inverse operation: x = W^-1 (x' - w)."""
        inverse = rational_inverse(self.rotation)
        return SymOp(
            [list(map(int, row)) for row in inverse], [-_dot(r, self.fractions) for r in inverse]
        )

    def __call__(self, frac: np.ndarray | Sequence) -> np.ndarray:
        """Return the image of fractional coordinates, W x + w, not reduced modulo 1.

        Args:
            frac: fractional coordinates (..., D): floats, or integers / Fractions to stay exact.

        Returns:
            (..., D): float64, or an object array of Fractions for exact input.
        """
        x = np.asarray(frac)
        self._check_last_axis(x)
        if x.dtype.kind == "f":
            return x @ np.array(self.rotation, float).T + np.array(self.fractions, float)
        exact = np.array(self.rotation, dtype=object) + Fraction(0)
        return x @ exact.T + np.array(self.fractions, dtype=object)

    def transform_hkl(self, hkl: Int[np.ndarray, "... D"]) -> Int[np.ndarray, "... D"]:
        """Return symmetry-equivalent reflection indices h W, (..., D) integers."""
        self._check_last_axis(hkl)
        return hkl @ np.array(self.rotation, dtype=hkl.dtype)

    def phase_shift(self, hkl: Int[np.ndarray, "... D"]) -> Float[np.ndarray, "..."]:
        """Return shift = -2 pi h.w, the phase of F(h W) = F(h) exp(i shift) relative to F(h).

        The product h.w is reduced modulo 1 in integers, so large indices cost no accuracy.

        Args:
            hkl: integer indices (..., D).

        Returns:
            shift in radians in (-2 pi, 0], (...), for F(h) = sum f exp(+2 pi i h.x).
        """
        self._check_last_axis(hkl)
        numerators = (hkl @ np.array(self.translation, dtype=hkl.dtype)) % self.denominator
        return -2.0 * np.pi * numerators / self.denominator

    def _check_last_axis(self, x: np.ndarray) -> None:
        if x.shape[-1:] != (self.dimension,):
            raise ValueError(f"expected a last axis of {self.dimension}, got shape {x.shape}")

    def __repr__(self) -> str:
        return f"SymOp({self.to_xyz()!r})"


def _dot(a: Sequence, b: Sequence):
    return sum(x * y for x, y in zip(a, b, strict=True))
