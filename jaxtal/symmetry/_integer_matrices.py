"""Exact linear algebra over the integers, for the small matrices of crystallography."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

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


def smith_normal_form(
    matrix: Sequence[Sequence] | np.ndarray,
) -> tuple[IntMatrix, list[int], IntMatrix]:
    """Compute the Smith normal form U A V = diag(d), unimodular U, V, positive d_1 | d_2 | ...

    The quotient of Z^n by the lattice of the rows of A is Z/d_1 x Z/d_2 x ... x Z^(n - rank), and
    k -> (k V)_i mod d_i are the residues of a row k.

    Args:
        matrix: A, integers, (r, n).

    Returns:
        U (r, r), the non-zero d (their number is the rank; the other rows and columns of the
        product vanish), V (n, n); exact Python integers.

    Raises:
        ValueError: the matrix is empty, ragged, or has entries that aren't integers.

    References:
        Cohen, A Course in Computational Algebraic Number Theory (1993), section 2.4.4.
    """
    rows = [list(row) for row in matrix]
    if not rows or not rows[0] or any(len(row) != len(rows[0]) for row in rows):
        raise ValueError(f"expected a rectangular matrix with entries, got {matrix}")
    if not all(is_integral(value) for row in rows for value in row):
        raise ValueError(f"expected an integer matrix, got {matrix}")
    u, d, v = diagonalise([[int(value) for value in row] for row in rows])
    for i, value in enumerate(d):
        if value < 0:
            d[i], u[i] = -value, [-x for x in u[i]]
    for i in range(len(d)):
        for j in range(i + 1, len(d)):
            a, b = d[i], d[j]
            if b % a == 0:
                continue
            # With g = s a + t b, [[1, 1], [-t b/g, s a/g]] diag(a, b) [[s, -b/g], [t, a/g]] is
            # diag(g, a b/g), and both factors have determinant 1.
            g, s, t = extended_gcd(a, b)
            d[i], d[j] = g, a * b // g
            pair = list(zip(u[i], u[j], strict=True))
            u[i] = [x + y for x, y in pair]
            u[j] = [-t * b // g * x + s * a // g * y for x, y in pair]
            for row in v:
                x, y = row[i], row[j]
                row[i], row[j] = s * x + t * y, -b // g * x + a // g * y
    return u, d, v


def extended_gcd(a: int, b: int) -> tuple[int, int, int]:
    """g, s, t with g = s a + t b the greatest common divisor, not negative."""
    s, s_next, t, t_next = 1, 0, 0, 1
    while b:
        q = a // b
        a, b = b, a - q * b
        s, s_next = s_next, s - q * s_next
        t, t_next = t_next, t - q * t_next
    return (a, s, t) if a >= 0 else (-a, -s, -t)


def is_integral(value: object) -> bool:
    """True for integers of any type, and for floats and fractions with an integral value."""
    try:
        return bool(int(value) == value)  # pyright: ignore[reportArgumentType]
    except (TypeError, ValueError, OverflowError):
        return False
