"""Exact linear algebra over the integers, for the small matrices of crystallography."""

from collections.abc import Sequence
from fractions import Fraction

IntMatrix = list[list[int]]


def identity(n: int) -> IntMatrix:
    """The n x n identity."""
    return [[int(i == j) for j in range(n)] for i in range(n)]


def determinant(matrix: Sequence[Sequence[int]]) -> int:
    """Exact determinant by Bareiss elimination (no fractions appear)."""
    m = [[int(v) for v in row] for row in matrix]
    n, sign, previous = len(m), 1, 1
    for k in range(n - 1):
        if m[k][k] == 0:
            pivot = next((i for i in range(k + 1, n) if m[i][k]), None)
            if pivot is None:
                return 0
            m[k], m[pivot], sign = m[pivot], m[k], -sign
        for i in range(k + 1, n):
            for j in range(k + 1, n):
                m[i][j] = (m[i][j] * m[k][k] - m[i][k] * m[k][j]) // previous
        previous = m[k][k]
    return sign * m[-1][-1] if n else 1


def rational_inverse(matrix: Sequence[Sequence[int | Fraction]]) -> list[list[Fraction]]:
    """Exact inverse by Gauss-Jordan elimination.

    Raises:
        ValueError: the matrix is singular.
    """
    n = len(matrix)
    work = [
        [Fraction(v) for v in row] + [Fraction(int(i == j)) for j in range(n)]
        for i, row in enumerate(matrix)
    ]
    for k in range(n):
        pivot = next((i for i in range(k, n) if work[i][k]), None)
        if pivot is None:
            raise ValueError(f"expected an invertible matrix, got the singular {matrix}")
        work[k], work[pivot] = work[pivot], work[k]
        work[k] = [v / work[k][k] for v in work[k]]
        for i in range(n):
            if i != k and work[i][k]:
                factor = work[i][k]
                work[i] = [a - factor * b for a, b in zip(work[i], work[k], strict=True)]
    return [row[n:] for row in work]


def diagonalise(matrix: Sequence[Sequence[int]]) -> tuple[IntMatrix, list[int], IntMatrix]:
    """Unimodular U, V with U A V = diag(d); the d are not ordered by divisibility.

    Row and column operations only, so that A x = b over the torus R^n / Z^n splits into
    independent one-dimensional equations d_i y_i = (U b)_i with x = V y.

    Args:
        matrix: A, integers, (r, n).

    Returns:
        U (r, r), the non-zero d (their number is the rank; the other rows and columns of the
        product vanish), V (n, n).
    """
    a = [[int(v) for v in row] for row in matrix]
    rows, columns = len(a), len(a[0])
    u, v = identity(rows), identity(columns)
    rank = 0
    while rank < min(rows, columns):
        entries = [
            (abs(a[i][j]), i, j) for i in range(rank, rows) for j in range(rank, columns) if a[i][j]
        ]
        if not entries:
            break
        # The smallest entry as pivot: every remainder below is smaller, so this terminates.
        _, i, j = min(entries)
        a[rank], a[i] = a[i], a[rank]
        u[rank], u[i] = u[i], u[rank]
        for m in (a, v):
            for row in m:
                row[rank], row[j] = row[j], row[rank]
        pivot, clean = a[rank][rank], True
        for i in range(rank + 1, rows):
            q = a[i][rank] // pivot
            if q:
                a[i] = [x - q * y for x, y in zip(a[i], a[rank], strict=True)]
                u[i] = [x - q * y for x, y in zip(u[i], u[rank], strict=True)]
            clean &= a[i][rank] == 0
        for j in range(rank + 1, columns):
            q = a[rank][j] // pivot
            if q:
                for m in (a, v):
                    for row in m:
                        row[j] -= q * row[rank]
            clean &= a[rank][j] == 0
        rank += clean
    return u, [a[i][i] for i in range(rank)], v


def kernel(matrix: Sequence[Sequence[int]], n: int) -> IntMatrix:
    """A basis of the lattice {x in Z^n : A x = 0}, one vector per row."""
    if not matrix:
        return identity(n)
    _, d, v = diagonalise(matrix)
    return [[v[i][j] for i in range(n)] for j in range(len(d), n)]


def hermite(matrix: Sequence[Sequence[int]]) -> tuple[IntMatrix, IntMatrix]:
    """Row Hermite normal form H = U A of a full-row-rank integer matrix; returns H, U.

    Pivots are positive, entries above a pivot lie in [0, pivot): equal row lattices give equal H.
    """
    h = [[int(v) for v in row] for row in matrix]
    rows, columns = len(h), len(h[0]) if h else 0
    u = identity(rows)
    top = 0
    for j in range(columns):
        while True:
            below = [i for i in range(top, rows) if h[i][j]]
            if len(below) <= 1:
                break
            low = min(below, key=lambda i: abs(h[i][j]))
            for i in below:
                if i != low:
                    q = h[i][j] // h[low][j]
                    h[i] = [x - q * y for x, y in zip(h[i], h[low], strict=True)]
                    u[i] = [x - q * y for x, y in zip(u[i], u[low], strict=True)]
        if not below:
            continue
        h[top], h[below[0]] = h[below[0]], h[top]
        u[top], u[below[0]] = u[below[0]], u[top]
        if h[top][j] < 0:
            h[top], u[top] = [-x for x in h[top]], [-x for x in u[top]]
        for i in range(top):
            q = h[i][j] // h[top][j]
            h[i] = [x - q * y for x, y in zip(h[i], h[top], strict=True)]
            u[i] = [x - q * y for x, y in zip(u[i], u[top], strict=True)]
        top += 1
    return h, u
