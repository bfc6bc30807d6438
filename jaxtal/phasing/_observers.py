"""What can be recorded of a cycle: functions of `Cycle`, compiled into the loop when asked for.

Any callable with the signature `(Cycle) -> pytree of arrays` will do.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ._figures_of_merit import landmarks, r_value
from ._loop import Cycle
from ._threshold import quantile


def extrema(cycle: Cycle) -> dict[str, Float[Array, ""]]:
    """Return minimum, median (of a subsample) and maximum of the density, and their `ratio`."""
    low, middle, high = landmarks(cycle.before)
    return {"min": low, "median": middle, "max": high, "ratio": (high - middle) / (middle - low)}


def deciles(cycle: Cycle) -> Float[Array, " 11"]:
    """Return minimum, the nine deciles (of a subsample) and maximum of the density, (11,)."""
    density = cycle.before
    inner = [quantile(density, 0.1 * i) for i in range(1, 10)]
    return jnp.stack([jnp.min(density), *inner, jnp.max(density)])


def r_factor(cycle: Cycle) -> Float[Array, ""]:
    """Compute R of the amplitudes of the changed density, see `r_value`."""
    return r_value(cycle.observed, cycle.back)


def flipped_fraction(cycle: Cycle) -> Float[Array, ""]:
    """Compute the share of the points whose density the algorithm changed."""
    return jnp.mean((cycle.before != cycle.changed).astype(cycle.before.dtype))


def phase_change(cycle: Cycle) -> Float[Array, ""]:
    """Compute the r.m.s. change of phases, radians, weighted by |f new| and multiplicity."""
    product = jnp.conj(cycle.f) * cycle.new
    angle = jnp.arctan2(product.imag, product.real)
    weight = cycle.observed.multiplicity * jnp.abs(product)
    total = jnp.sum(weight)
    return jnp.sqrt(jnp.sum(weight * angle**2) / jnp.where(total > 0, total, 1.0))
