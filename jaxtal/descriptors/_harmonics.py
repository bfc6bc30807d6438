"""Real spherical harmonics by recursion, all degrees or the even ones."""

import math
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._core import safe_norm

Degrees = Literal["all", "even"]


def degree_list(l_max: int, degrees: Degrees = "all") -> tuple[int, ...]:
    """The degrees l <= l_max that are evaluated: all of them, or the even ones."""
    if l_max < 0:
        raise ValueError(f"l_max: expected 0 or more, got {l_max}")
    if degrees not in ("all", "even"):
        raise ValueError(f"degrees: expected 'all' or 'even', got {degrees!r}")
    return tuple(range(0, l_max + 1, 2 if degrees == "even" else 1))


def real_spherical_harmonics(
    xyz: Float[Array, "P 3"], l_max: int, degrees: Degrees = "all"
) -> Float[Array, "P n_lm"]:
    """Orthonormal real spherical harmonics in the directions of some vectors.

        Y_lm = N_lm P_l^|m|(cos theta) * (sqrt 2 cos(m phi), 1, sqrt 2 sin(|m| phi))

    for m > 0, m = 0 and m < 0, without the Condon-Shortley sign, normalised to one over the
    sphere. The associated Legendre functions come without their factor sin^m(theta), which
    goes with cos(m phi) and sin(m phi) as powers of x + i y, so nothing is singular at the poles.

    Args:
        xyz: vectors of any length, shape (P, 3); the zero vector gives finite, arbitrary values
            and gradients.
        l_max: highest degree.
        degrees: "all", or "even" where the odd ones would cancel (Friedel's law).

    Returns:
        Shape (P, n_lm), degree by degree, m = -l..l within each.

    References:
        NIST Digital Library of Mathematical Functions, 14.10 and 14.30.
    """
    return harmonics_rows(xyz, l_max, degrees).T


def harmonics_rows(
    xyz: Float[Array, "P 3"], l_max: int, degrees: Degrees = "all"
) -> Float[Array, "n_lm P"]:
    """`real_spherical_harmonics` transposed: points contiguous, which is how it is computed."""
    norm = safe_norm(xyz)
    unit = xyz / jnp.where(norm > 0, norm, 1.0)[:, None]
    return jnp.stack(_rows(unit[:, 0], unit[:, 1], unit[:, 2], l_max, degrees))


def host_harmonics(
    directions: Float[np.ndarray, "P 3"], l_max: int, degrees: Degrees = "all"
) -> Float[np.ndarray, "P n_lm"]:
    """`real_spherical_harmonics` of non-zero vectors in NumPy float64, for builders."""
    unit = directions / np.linalg.norm(directions, axis=1)[:, None]
    return np.stack(_rows(unit[:, 0], unit[:, 1], unit[:, 2], l_max, degrees), axis=1)


def _rows(x: Any, y: Any, z: Any, l_max: int, degrees: Degrees) -> list[Any]:
    """Y_lm of unit vectors, degree by degree; JAX or NumPy arrays in and out."""
    chosen = degree_list(l_max, degrees)
    rows: dict[tuple[int, int], Any] = {}
    cos_m, sin_m = 0 * x + 1, 0 * x
    diagonal = math.sqrt(1 / (4 * math.pi))
    for m in range(l_max + 1):
        if m:
            cos_m, sin_m = x * cos_m - y * sin_m, x * sin_m + y * cos_m
            diagonal *= math.sqrt((2 * m + 1) / (2 * m) * (2 if m == 1 else 1))
        for l, legendre in _legendre(z, m, diagonal, l_max, degrees):
            rows[l, m] = legendre * cos_m if m else legendre
            if m:
                rows[l, -m] = legendre * sin_m
    return [rows[l, m] for l in chosen for m in range(-l, l + 1)]


def _legendre(
    z: Any, m: int, diagonal: float, l_max: int, degrees: Degrees
) -> list[tuple[int, Any]]:
    """N_lm P_l^m(z) / sin^m(theta) for l = m.. l_max, from z Q_l = c_(l+1) Q_(l+1) + c_l Q_(l-1).

    For even degrees the recurrence is applied twice, so that odd ones are never formed.
    """

    def c(l: int) -> float:
        return math.sqrt((l * l - m * m) / (4 * l * l - 1)) if l > m else 0.0

    first = 0 * z + diagonal
    if degrees == "all":
        values = [(m, first)]
        if m < l_max:
            values.append((m + 1, z * first / c(m + 1)))
        for l in range(m + 1, l_max):
            values.append((l + 1, (z * values[-1][1] - c(l) * values[-2][1]) / c(l + 1)))
        return values
    start = m + m % 2
    if start > l_max:
        return []
    values = [(start, first if start == m else z * first / c(start))]
    z2 = z * z
    for l in range(start, l_max - 1, 2):
        current = (z2 - (c(l + 1) ** 2 + c(l) ** 2)) * values[-1][1]
        if len(values) > 1:
            current = current - (c(l) * c(l - 1)) * values[-2][1]
        values.append((l + 2, current / (c(l + 1) * c(l + 2))))
    return values
