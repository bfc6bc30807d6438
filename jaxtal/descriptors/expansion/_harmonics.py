"""Real spherical harmonics by recursion, all degrees or the even ones."""

import functools
import math
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..._core import AnyArray, namespace, safe_norm

Degrees = Literal["all", "even"]


def degree_list(l_max: int, degrees: Degrees = "all") -> tuple[int, ...]:
    """The degrees l <= l_max that are evaluated: all of them, or the even ones."""
    if l_max < 0:
        raise ValueError(f"l_max: expected 0 or more, got {l_max}")
    if degrees not in ("all", "even"):
        raise ValueError(f"degrees: expected 'all' or 'even', got {degrees!r}")
    return tuple(range(0, l_max + 1, 2 if degrees == "even" else 1))


def real_spherical_harmonics(
    xyz: Float[AnyArray, "P 3"], l_max: int, degrees: Degrees = "all"
) -> Float[AnyArray, "P n_lm"]:
    """Orthonormal real spherical harmonics in the directions of some vectors.

        Y_lm = N_lm P_l^|m|(cos theta) * (sqrt 2 cos(m phi), 1, sqrt 2 sin(|m| phi))

    for m > 0, m = 0 and m < 0, without the Condon-Shortley sign, normalised to one over the
    sphere. The associated Legendre functions come without their factor sin^m(theta), which
    goes with cos(m phi) and sin(m phi) as powers of x + i y, so nothing is singular at the poles.

    Args:
        xyz: vectors of any length, shape (P, 3); the zero vector gives finite, arbitrary values
            and gradients. NumPy in, NumPy out.
        l_max: highest degree.
        degrees: "all", or "even" where the odd ones would cancel (Friedel's law).

    Returns:
        Shape (P, n_lm), degree by degree, m = -l..l within each.

    References:
        NIST Digital Library of Mathematical Functions, 14.10 and 14.30.
    """
    return harmonics_rows(xyz, l_max, degrees).T


def harmonics_rows(
    xyz: Float[AnyArray, "P 3"], l_max: int, degrees: Degrees = "all"
) -> Float[AnyArray, "n_lm P"]:
    """`real_spherical_harmonics` transposed: points contiguous, which is how it is computed."""
    norm = safe_norm(xyz)
    unit = xyz / namespace(xyz).where(norm > 0, norm, 1.0)[:, None]
    if isinstance(unit, np.ndarray):
        return _rows_on_host(unit, l_max, degrees)
    polar = _polar(unit[:, 2], l_max, degrees)
    return _products(polar, _azimuth(unit[:, 0], unit[:, 1], l_max), l_max, degrees)


def _rows_on_host(
    unit: Float[np.ndarray, "P 3"], l_max: int, degrees: Degrees
) -> Float[np.ndarray, "n_lm P"]:
    """The recurrences of `_by_degree` and `_azimuth` order by order, each row written once."""
    x, y, z = np.ascontiguousarray(unit.T)
    chosen, square = degree_list(l_max, degrees), z * z
    steps = _steps(l_max, degrees).tolist()
    middle = np.cumsum([0] + [2 * l + 1 for l in chosen])[:-1] + np.array(chosen)
    rows = np.empty((sum(2 * l + 1 for l in chosen), len(z)), z.dtype)
    cosine, sine = np.ones_like(z), np.zeros_like(z)
    for m in range(l_max + 1):
        last = now = None
        for i, l in enumerate(chosen):
            if l < m:
                continue
            c = [column[m] for column in steps[i]]
            if now is None:
                following = c[4] + c[5] * z
            else:
                following = (c[0] * square + c[2] if degrees == "even" else c[1] * z) * now
                if last is not None:
                    following += c[3] * last
            now, last = following, now
            if m:
                np.multiply(now, cosine, out=rows[middle[i] + m])
                np.multiply(now, sine, out=rows[middle[i] - m])
            else:
                rows[middle[i]] = now
        cosine, sine = x * cosine - y * sine, x * sine + y * cosine
    return rows


def _products(polar: Array, azimuth: Array, l_max: int, degrees: Degrees) -> Array:
    """Rows Y_lm, degree by degree, of the polar and azimuthal factors."""
    chosen = degree_list(l_max, degrees)
    l, m = np.array([(i, m) for i, l in enumerate(chosen) for m in range(-l, l + 1)]).T
    # Rows of flat arrays: XLA gathers along one axis faster than along two.
    width, points = l_max + 1, polar.shape[-1]
    polar = polar.reshape(-1, points)[l * width + abs(m)]
    return polar * azimuth.reshape(-1, points)[(m < 0) * width + abs(m)]


@functools.partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def _polar(z: Float[Array, " P"], l_max: int, degrees: Degrees) -> Float[Array, "L M P"]:
    """Q_lm = N_lm P_l^m(z) / sin^m(theta) of each degree and m = 0..l_max, 0 for m > l."""
    return _by_degree(z, l_max, degrees)


@_polar.defjvp
def _polar_jvp(l_max: int, degrees: Degrees, primals: Any, tangents: Any) -> tuple[Array, Array]:
    """dQ_lm / dz = sqrt((l - m) (l + m + 1)) Q_l,m+1, so that no recursion is differentiated.

    The harmonics of m > 0 have a factor sqrt 2, which the step from m = 0 takes off."""
    (z,), (dz,) = primals, tangents
    rows = _polar(z, l_max, degrees)
    l = np.array(degree_list(l_max, degrees))[:, None]
    m = np.arange(l_max + 1)
    factor = np.sqrt(np.maximum((l - m) * (l + m + 1), 0)) * np.where(m > 0, 1, math.sqrt(0.5))
    above = jnp.concatenate([rows[:, 1:], jnp.zeros_like(rows[:, :1])], axis=1)
    return rows, jnp.asarray(factor, z.dtype)[:, :, None] * above * dz[None, None, :]


@functools.partial(jax.custom_jvp, nondiff_argnums=(2,))
def _azimuth(x: Float[Array, " P"], y: Float[Array, " P"], m_max: int) -> Float[Array, "2 M P"]:
    """Real and imaginary parts of (x + i y)^m, m = 0..m_max."""

    def step(power: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], Any]:
        c, s = power
        return (x * c - y * s, x * s + y * c), power

    one = (jnp.ones_like(x), jnp.zeros_like(x))
    return jnp.stack(jax.lax.scan(step, one, None, length=m_max + 1)[1])


@_azimuth.defjvp
def _azimuth_jvp(m_max: int, primals: Any, tangents: Any) -> tuple[Array, Array]:
    """d(x + i y)^m = m (x + i y)^(m - 1) (dx + i dy)."""
    dx, dy = (t[None, :] for t in tangents)
    powers = _azimuth(*primals, m_max)
    m = jnp.asarray(np.arange(m_max + 1), powers.dtype)[None, :, None]
    c, s = m * jnp.concatenate([jnp.zeros_like(powers[:, :1]), powers[:, :-1]], axis=1)
    return powers, jnp.stack([c * dx - s * dy, s * dx + c * dy])


def _by_degree(z: Float[Array, " P"], l_max: int, degrees: Degrees) -> Float[Array, "L M P"]:
    """Q_lm, each degree from two before it."""
    last = now = jnp.zeros((l_max + 1, z.shape[0]), z.dtype)
    z, rows = z[None, :], []
    for step in _steps(l_max, degrees):
        c = jnp.asarray(step, z.dtype)[:, :, None]
        following = (c[0] * (z * z) + c[1] * z + c[2]) * now + c[3] * last + (c[4] + c[5] * z)
        # XLA would otherwise compute the lower degrees anew for every row, and takes seconds to
        # compile that.
        now, last = jax.lax.optimization_barrier(following), now
        rows.append(now)
    return jnp.stack(rows)


@functools.cache
def _steps(l_max: int, degrees: Degrees) -> Float[np.ndarray, "L 6 M"]:
    """Coefficients of `_by_degree` from z Q_l = c_(l+1) Q_(l+1) + c_l Q_(l-1), for every m.

    For even degrees the recurrence is applied twice, so that odd ones are never formed. Q_mm is a
    constant, which starts each m.
    """
    m = np.arange(l_max + 1)

    def c(l: int) -> Float[np.ndarray, " M"]:
        return np.sqrt(np.maximum(l * l - m * m, 0) / (4 * l * l - 1))

    first = np.cumprod(np.sqrt(np.r_[1 / (4 * np.pi), (2 * m[1:] + 1) / (2 * m[1:])]))
    first[1:] *= math.sqrt(2)
    steps = []
    for l in degree_list(l_max, degrees):
        step = np.zeros((6, l_max + 1))
        step[4] = np.where(m == l, first, 0)
        if degrees == "all" and l:
            over = np.where(m < l, 1 / np.where(m < l, c(l), 1), 0)
            step[1], step[3] = over, -over * c(l - 1)
        elif l:
            over = np.where(m < l - 1, 1 / np.where(m < l - 1, c(l - 1) * c(l), 1), 0)
            step[0], step[2] = over, -over * (c(l - 1) ** 2 + c(l - 2) ** 2)
            step[3] = -over * c(l - 2) * c(abs(l - 3))
            step[5] = np.where(m == l - 1, first / np.where(m < l, c(l), 1), 0)
        steps.append(step)
    return np.array(steps)
