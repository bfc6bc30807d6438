"""What can be recorded of a cycle: functions of `Cycle`, compiled into the loop when asked for.

Any callable with the signature `(Cycle) -> pytree of arrays` will do.
"""

import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from ._algorithm import Observed
from ._loop import Cycle
from ._threshold import quantile


def extrema(cycle: Cycle) -> dict[str, Float[Array, ""]]:
    """Minimum, median (of a subsample) and maximum of the density, and their `ratio`."""
    low, middle, high = _three(cycle.before)
    return {"min": low, "median": middle, "max": high, "ratio": (high - middle) / (middle - low)}


def deciles(cycle: Cycle) -> Float[Array, " 11"]:
    """Minimum, the nine deciles (of a subsample) and maximum of the density, (11,)."""
    density = cycle.before
    inner = [quantile(density, 0.1 * i) for i in range(1, 10)]
    return jnp.stack([jnp.min(density), *inner, jnp.max(density)])


def r_factor(cycle: Cycle) -> Float[Array, ""]:
    """R of the amplitudes of the changed density, see `r_value`."""
    return r_value(cycle.observed, cycle.back)


def flipped_fraction(cycle: Cycle) -> Float[Array, ""]:
    """Share of the points whose density the algorithm changed."""
    return jnp.mean((cycle.before != cycle.changed).astype(cycle.before.dtype))


def phase_change(cycle: Cycle) -> Float[Array, ""]:
    """Root-mean-square change of the phases, radians, weighted by |f new| and multiplicity."""
    product = jnp.conj(cycle.f) * cycle.new
    angle = jnp.arctan2(product.imag, product.real)
    weight = cycle.observed.multiplicity * jnp.abs(product)
    total = jnp.sum(weight)
    return jnp.sqrt(jnp.sum(weight * angle**2) / jnp.where(total > 0, total, 1.0))


def r_value(observed: Observed, f: Complex[Array, " n"]) -> Float[Array, ""]:
    """R = sum | s |f| - |F_obs| | / sum |F_obs| over measured reflections, symmetry mates counted.

    s is the scale that fits |f| to |F_obs| by least squares.
    """
    weight = jnp.where(observed.measured, observed.multiplicity, 0.0)
    modulus = jnp.abs(f)
    square = jnp.sum(weight * modulus**2)
    scale = jnp.sum(weight * modulus * observed.lower) / jnp.where(square > 0, square, 1.0)
    misfit = jnp.sum(weight * jnp.abs(scale * modulus - observed.lower))
    return misfit / jnp.sum(weight * observed.lower)


def extrema_ratio(density: Float[Array, "*grid"]) -> Float[Array, ""]:
    """(max - median) / (median - min), the median of all points to the last bit.

    A density of narrow peaks above a flat valley has a large ratio, one of random phases about
    1. It means something on alias-free grids only.

    References:
        The convergence measure of "An Extensible Julia Toolkit for Symmetry-Aware Dual Space
        Phasing in Arbitrary Dimensions", section 5.3.
    """
    low, middle, high = _three(density, exact=True)
    return (high - middle) / (middle - low)


def _three(density: Float[Array, "*grid"], exact: bool = False) -> tuple[Array, Array, Array]:
    return jnp.min(density), quantile(density, 0.5, exact), jnp.max(density)
