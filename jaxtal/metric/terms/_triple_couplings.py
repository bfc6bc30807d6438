"""Pseudoscalars of three sets of spherical-harmonic coefficients."""

import functools
import math

import numpy as np
from jaxtyping import Complex, Float


@functools.cache
def odd_coupling(l1: int, l2: int, l3: int) -> Float[np.ndarray, "m1 m2 m3"]:
    """The one tensor C with sum C_(m1 m2 m3) a_m1 b_m2 c_m3 a pseudoscalar (host).

    a, b, c are coefficients of real harmonics (`real_spherical_harmonics`) of degrees l1, l2, l3
    whose sum is odd: rotations leave the sum unchanged, inversion and mirrors change its sign.
    The 3j symbol, transformed to real harmonics, is then imaginary; C is its imaginary part. Its
    squares add up to one, and exchanging two arguments of equal degree changes its sign.

    Raises:
        ValueError: the sum of the degrees is even, or they make no triangle.

    References:
        G. Racah, Phys. Rev. 62 (1942) 438, for the 3j symbols.
    """
    if (l1 + l2 + l3) % 2 == 0 or not abs(l1 - l2) <= l3 <= l1 + l2:
        raise ValueError(
            f"degrees: expected the sides of a triangle with an odd sum, got {(l1, l2, l3)}"
        )
    symbols = np.zeros((2 * l1 + 1, 2 * l2 + 1, 2 * l3 + 1))
    for m1 in range(-l1, l1 + 1):
        for m2 in range(-l2, l2 + 1):
            if abs(m1 + m2) <= l3:
                symbols[m1 + l1, m2 + l2, l3 - m1 - m2] = _three_j(l1, l2, l3, m1, m2)
    real = np.einsum("xyz,ax,by,cz->abc", symbols, *(_to_real(l) for l in (l1, l2, l3)))
    return np.ascontiguousarray(real.imag)


def _to_real(l: int) -> Complex[np.ndarray, "m n"]:
    """Real harmonics (rows) as combinations of the complex ones with Condon-Shortley sign."""
    U = np.zeros((2 * l + 1, 2 * l + 1), complex)
    U[l, l] = 1
    for m in range(1, l + 1):
        sign = (-1) ** m
        U[l + m, l - m], U[l + m, l + m] = math.sqrt(0.5), sign * math.sqrt(0.5)
        U[l - m, l - m], U[l - m, l + m] = 1j * math.sqrt(0.5), -1j * sign * math.sqrt(0.5)
    return U


def _three_j(l1: int, l2: int, l3: int, m1: int, m2: int) -> float:
    """Wigner's 3j symbol (l1 l2 l3; m1 m2 -m1-m2) by Racah's sum."""
    f, m3 = math.factorial, -m1 - m2
    triangle = f(l1 + l2 - l3) * f(l1 - l2 + l3) * f(-l1 + l2 + l3) / f(l1 + l2 + l3 + 1)
    root = math.prod(f(l + m) * f(l - m) for l, m in ((l1, m1), (l2, m2), (l3, m3)))
    first = max(0, l2 - l3 - m1, l1 - l3 + m2)
    last = min(l1 + l2 - l3, l1 - m1, l2 + m2)
    total = sum(
        (-1) ** t
        / math.prod(
            f(n)
            for n in (
                t,
                l3 - l2 + t + m1,
                l3 - l1 + t - m2,
                l1 + l2 - l3 - t,
                l1 - t - m1,
                l2 - t + m2,
            )
        )
        for t in range(first, last + 1)
    )
    return (-1) ** (l1 - l2 - m3) * math.sqrt(triangle * root) * total
