"""Linear congruences A x = b (mod 1) for points x of a torus, and bases of lattices. Exact."""

import dataclasses
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

from ._integer_matrices import IntMatrix, diagonalise, identity


def row_basis(rows: Iterable[Sequence[int]], width: int) -> tuple[IntMatrix, IntMatrix]:
    """An echelon basis of the lattice that integer rows span, by their first `width` columns.

    Further columns are carried along. Rows are taken one by one, so that thousands of them cost
    no more memory than the basis.

    Args:
        rows: integers, (m, width + extra).
        width: number of leading columns that are eliminated.

    Returns:
        the basis (at most `width` rows, pivots positive and in increasing columns), and what is
        left of the rows whose leading columns vanished, if anything is.
    """
    pivots: dict[int, list[int]] = {}
    left = []
    for row in {tuple(int(v) for v in row): None for row in rows}:
        row = list(row)
        for column in range(width):
            if not row[column]:
                continue
            held = pivots.get(column)
            if held is None:
                pivots[column] = row
                break
            while row[column]:
                q = held[column] // row[column]
                held, row = row, [x - q * y for x, y in zip(held, row, strict=True)]
            pivots[column] = held
        else:
            if any(row):
                left.append(row)
    basis = [pivots[column] for column in sorted(pivots)]
    basis = [row if next(v for v in row if v) > 0 else [-v for v in row] for row in basis]
    return basis, left


def lattice_basis(vectors: Iterable[Sequence[Fraction]], dimension: int) -> list[list[Fraction]]:
    """Basis, one vector per row, of the lattice spanned by Z^N and some rational vectors."""
    listed = [[Fraction(v) for v in vector] for vector in vectors]
    common = math.lcm(1, *(v.denominator for vector in listed for v in vector))
    rows = [[common * v for v in row] for row in identity(dimension)]
    rows += [[int(v * common) for v in vector] for vector in listed]
    basis, _ = row_basis(rows, dimension)
    return [[Fraction(v, common) for v in row] for row in basis]


@dataclasses.dataclass(frozen=True)
class TorusSolutions:
    """All x modulo Z^N with A x = b (mod 1): x = particular + V (j_1/d_1, ..., j_r/d_r, free).

    Attributes:
        particular: one solution, N fractions.
        divisors: d_1 ... d_r, not zero; the solutions have |d_1 ... d_r| connected components.
        transform: V, unimodular, (N, N); its columns beyond r are the continuous directions.
    """

    particular: list[Fraction]
    divisors: list[int]
    transform: IntMatrix

    @property
    def continuous(self) -> IntMatrix:
        """Directions along which solutions stay solutions, integers, one per row."""
        return [list(c) for c in zip(*self.transform, strict=True)][len(self.divisors) :]

    def discrete(self) -> Iterator[list[Fraction]]:
        """One solution of A x = 0 (mod 1) in each connected component, zero first."""
        for steps in itertools.product(*(range(abs(d)) for d in self.divisors)):
            y = [Fraction(j, abs(d)) for j, d in zip(steps, self.divisors, strict=True)]
            yield [
                sum((v * f for v, f in zip(row, y, strict=False)), Fraction(0)) % 1
                for row in self.transform
            ]


def solve_on_torus(
    rows: Iterable[Sequence[int]], right: Iterable[Fraction | int], unknowns: int
) -> TorusSolutions | None:
    """Solve A x = b modulo 1 for x modulo 1, exactly.

    Args:
        rows: A, integers, (m, N).
        right: b, fractions, (m,).
        unknowns: N.

    Returns:
        all solutions, or None where there is none.
    """
    b = [Fraction(v) for v in right]
    common = math.lcm(1, *(v.denominator for v in b))
    augmented = ([*(int(x) for x in row), int(v * common)] for row, v in zip(rows, b, strict=True))
    basis, left = row_basis(augmented, unknowns)
    if any(row[-1] % common for row in left):
        return None
    if not basis:
        return TorusSolutions([Fraction(0)] * unknowns, [], identity(unknowns))
    # The echelon rows are independent, so that every one of them can be met.
    u, d, v = diagonalise([row[:-1] for row in basis])
    c = [sum(x * row[-1] for x, row in zip(line, basis, strict=True)) for line in u]
    y = [Fraction(value, common) / divisor for value, divisor in zip(c, d, strict=True)]
    particular = [sum((x * f for x, f in zip(row, y, strict=False)), Fraction(0)) % 1 for row in v]
    return TorusSolutions(particular, d, v)
