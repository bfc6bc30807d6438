"""Spherical Bessel functions j_n of integer order, all orders at once, differentiable.

Three regions, each with the recurrence that is stable there: the power series below x = 1, Miller's
downward recurrence up to the highest order wanted, and the upward recurrence beyond. The first two
serve the cylindrical J_n as well (`odd=0`).
Derivatives come from the recurrences that do not divide by x, so they are finite at x = 0 and can
be taken again.
"""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..._core import AnyArray

_SERIES_TERMS = 10  # at x = 1 the next term is below 1e-19

#: u_{n+1}, u_n and the sum so far.
Carry = tuple[Array, Array, Array]


def spherical_bessel(x: Float[AnyArray, "*P"], n_max: int) -> Float[AnyArray, "*P n_max"]:
    """Return the spherical Bessel functions j_0(x) .. j_{n_max - 1}(x) of a real argument.

    j_n(x) = sqrt(pi / 2x) J_{n + 1/2}(x), with j_n(-x) = (-1)^n j_n(x).

    Args:
        x: Arguments, any shape, dimensionless, any magnitude. NumPy in, NumPy out.
        n_max: Number of orders, 1 to 30.

    Returns:
        The values, orders along the new last axis.

    Raises:
        ValueError: If `n_max` is not between 1 and 30.

    References:
        NIST Digital Library of Mathematical Functions, 10.51 (recurrences), 10.53 (series) and
        3.6 (Miller's algorithm).
    """
    check_orders(n_max)
    if isinstance(x, np.ndarray):
        from scipy import special

        return special.spherical_jn(np.arange(n_max), x[..., None])
    return _spherical(x, n_max)


def check_orders(n_max: int) -> None:
    """Refuse numbers of orders that the recurrences are not made for."""
    if not 1 <= n_max <= 30:
        raise ValueError(f"n_max must be between 1 and 30 Bessel orders, got {n_max}")


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
@functools.partial(jax.jit, static_argnums=(1,))
def _spherical(x: Array, n_max: int) -> Array:
    orders = max(n_max, 2)  # j_0 and j_1 fix the scale of the downward recurrence
    size = jnp.abs(x)
    inner = jnp.clip(size, 1.0, float(orders))
    u, _ = downward(inner, orders, float(orders), odd=1)
    j0, j1 = _first_two(inner)
    use_0 = jnp.abs(u[0]) > jnp.abs(u[1])
    scale = jnp.where(use_0, j0, j1) / jnp.where(use_0, u[0], u[1])
    beyond = _upward(jnp.maximum(size, float(orders)), orders)

    small = jnp.minimum(size, 1.0)
    near_zero = series(small, 0.5 * small * small, n_max, odd=1)
    values = jnp.where((size > orders)[None], beyond[:n_max], u[:n_max] * scale[None])
    return with_parity(x, jnp.where((size < 1.0)[None], near_zero, values))


@_spherical.defjvp
def _spherical_jvp(n_max, primals, tangents):
    (x,), (dx,) = primals, tangents
    j = _spherical(x, n_max + 1)
    slopes = [-j[..., 1]] + [
        n / (2 * n + 1) * j[..., n - 1] - (n + 1) / (2 * n + 1) * j[..., n + 1]
        for n in range(1, n_max)
    ]
    return j[..., :n_max], jnp.stack(slopes, axis=-1) * dx[..., None]


def _first_two(x: Array) -> tuple[Array, Array]:
    j0 = jnp.sin(x) / x
    return j0, (j0 - jnp.cos(x)) / x


def _upward(x: Array, n_max: int) -> Array:
    """Spherical orders 0 .. n_max - 1 by j_{n+1} = (2n + 1)/x j_n - j_{n-1}, for x >= n_max."""

    def step(last: tuple[Array, Array], factor: Array) -> tuple[tuple[Array, Array], Array]:
        below, here = last
        return (here, factor / x * here - below), below

    first = _first_two(x)
    factors = jnp.asarray(2 * np.arange(n_max) + 3, x.dtype)
    _, values = jax.lax.scan(step, first, factors)
    return values


def downward(x: Array, n_max: int, x_max: float, *, odd: int) -> tuple[Array, Array]:
    """Miller's recurrence u_{n-1} = (2n + odd)/x u_n - u_{n+1} for 1 <= x <= x_max.

    It starts at an order that follows x, so that small arguments do not overflow and large ones
    have converged. Returns u_0 .. u_{n_max - 1} and u_0 + 2 sum of the even u.
    """
    double = x.dtype == jnp.float64
    growth, extra = (1.5, 24) if double else (1.25, 14)
    start = jnp.ceil(growth * jnp.maximum(x, float(n_max))) + float(extra)
    if not double:  # orders beyond this are below 1e-35 and would overflow the way down
        start = jnp.minimum(start, jnp.floor(24.0 + 3.5 * x))
    top = math.ceil(growth * max(x_max, n_max)) + extra
    seed = jnp.asarray(1e-150 if double else 1e-33, x.dtype)
    reciprocal = 1.0 / x

    def step(carry: Carry, row: tuple[Array, Array]) -> tuple[Carry, Array]:
        above, here, total = carry
        n, weight = row
        below = (2 * n + 2 + odd) * reciprocal * here - above
        below = jnp.where(start == n, seed, below)
        return (here, below, total + weight * below), below

    def rows(orders: np.ndarray) -> tuple[Array, Array]:
        weight = np.where(orders % 2 == 1, 0, np.where(orders == 0, 1, 2))
        return jnp.asarray(orders, x.dtype), jnp.asarray(weight, x.dtype)

    # Unrolled, these recurrences take seconds to compile. Only the orders wanted are kept.
    nothing = (jnp.zeros_like(x), jnp.zeros_like(x), jnp.zeros_like(x))
    carry, _ = jax.lax.scan(
        lambda c, row: (step(c, row)[0], None), nothing, rows(np.arange(top, n_max - 1, -1))
    )
    (_, _, total), kept = jax.lax.scan(step, carry, rows(np.arange(n_max - 1, -1, -1)))
    return kept[::-1], total


def series(power: Array, y: Array, n_max: int, *, odd: int) -> Array:
    """Ascending series for 0 <= x <= 1: power^n / (product) * sum of (-y)^k / (k! ...)."""
    step = 1 + odd  # the factors are n + k, or 2n + 2k + 1
    orders = np.arange(n_max)

    def grow(leading: Array, divisor: Array) -> tuple[Array, Array]:
        return leading * power / divisor, leading

    _, leading = jax.lax.scan(
        grow, jnp.ones_like(power), jnp.asarray(step * (orders + 1) + odd, power.dtype)
    )
    tail = jnp.ones((n_max, *power.shape), power.dtype)
    for k in range(_SERIES_TERMS, 0, -1):
        tail = 1.0 - y[None] / _column(k * (step * (orders + k) + odd), power) * tail
    return leading * tail


def _column(values: np.ndarray, x: Array) -> Array:
    """Numbers by order, to go with values whose first axis is the order."""
    return jnp.asarray(values, x.dtype).reshape((-1,) + (1,) * x.ndim)


def with_parity(x: Array, values: Array) -> Array:
    """The values at x from those at |x|, orders moved from the first axis to the last."""
    odd = _column(np.arange(values.shape[0]) % 2, x)
    turned = jnp.where((x < 0)[None] & (odd > 0), -values, values)
    return jnp.moveaxis(turned, 0, -1)
