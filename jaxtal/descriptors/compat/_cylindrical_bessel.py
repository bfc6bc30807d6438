"""Cylindrical Bessel functions J_n of integer order, all orders at once, differentiable."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..._core import AnyArray
from ..expansion._bessel import check_orders, downward, series, with_parity


def cylindrical_bessel(
    x: Float[AnyArray, "*P"], n_max: int, x_max: float = 40.0
) -> Float[AnyArray, "*P n_max"]:
    """Return the Bessel functions J_0(x) .. J_{n_max - 1}(x) of the first kind.

    Args:
        x: Arguments, any shape, dimensionless, |x| <= `x_max`; NaN comes back beyond it. NumPy in,
            NumPy out.
        n_max: Number of orders, 1 to 30.
        x_max: Largest argument to serve; it fixes the length of the recurrence, so the cost.

    Returns:
        The values, orders along the new last axis.

    Raises:
        ValueError: If `n_max` is not between 1 and 30 or `x_max` is not positive and finite.

    References:
        NIST Digital Library of Mathematical Functions, 10.6 (recurrences), 10.2.2 (series),
        10.12.4 (the sum that normalises) and 3.6 (Miller's algorithm).
    """
    check_orders(n_max)
    if not (0.0 < x_max < math.inf):
        raise ValueError(f"x_max must be positive and finite, got {x_max}")
    if isinstance(x, np.ndarray):
        from scipy import special

        values = special.jv(np.arange(n_max), x[..., None])
        return np.where(abs(x[..., None]) <= x_max, values, np.nan)
    return _cylindrical(x, n_max, float(x_max))


@functools.partial(jax.custom_jvp, nondiff_argnums=(1, 2))
@functools.partial(jax.jit, static_argnums=(1, 2))
def _cylindrical(x: Array, n_max: int, x_max: float) -> Array:
    size = jnp.abs(x)
    inner = jnp.clip(size, 1.0, max(x_max, 1.0))
    u, total = downward(inner, n_max, max(x_max, 1.0), odd=0)
    small = jnp.minimum(size, 1.0)
    near_zero = series(0.5 * small, 0.25 * small * small, n_max, odd=0)
    values = jnp.where((size <= x_max)[None], u / total[None], jnp.nan)
    return with_parity(x, jnp.where((size < 1.0)[None], near_zero, values))


@_cylindrical.defjvp
def _cylindrical_jvp(n_max, x_max, primals, tangents):
    (x,), (dx,) = primals, tangents
    j = _cylindrical(x, n_max + 1, x_max)
    slopes = [-j[..., 1]] + [0.5 * (j[..., n - 1] - j[..., n + 1]) for n in range(1, n_max)]
    return j[..., :n_max], jnp.stack(slopes, axis=-1) * dx[..., None]
