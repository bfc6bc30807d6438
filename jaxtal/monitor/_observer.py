"""What is recorded of a cycle, cheap enough to be computed inside of the run."""

from typing import Any

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from ..phasing import phase_change, r_factor
from ..phasing._observers import flipped_fraction
from ..phasing._threshold import subsample

#: Grid points from which on the run records every cycle: a few passes over the density are little
#: beside its transforms. States on smaller grids are looked at now and then, in another thread.
INSIDE = 1 << 17
#: Points that deciles are taken of, and halvings of their range.
_SAMPLE, _STEPS = 2048, 22


def look(cycle: Any) -> dict[str, Array]:
    """Minimum, deciles and maximum of the density, R, share of points changed, phase change."""
    return {
        "deciles": deciles(cycle.before),
        "r_factor": r_factor(cycle),
        "flipped": flipped_fraction(cycle),
        "phase_change": phase_change(cycle),
    }


def look_inside(cycle: Any) -> dict[str, Any]:
    """The same on large grids, and nothing on small ones: for `phase(observers=...)`."""
    return {"monitor": look(cycle)} if cycle.before.size >= INSIDE else {"monitor": {}}


def deciles(density: Float[Array, "*grid"]) -> Float[Array, " 11"]:
    """Minimum, deciles of a subsample (by one bisection for all), maximum, (11,)."""
    low, high, values = jnp.min(density), jnp.max(density), subsample(density, _SAMPLE)
    wanted = jnp.linspace(0.1, 0.9, 9, dtype=values.dtype) * values.size

    def halve(_, bounds):
        low, high = bounds
        middle = 0.5 * (low + high)
        below = jnp.sum(values[None] < middle[:, None], axis=1, dtype=jnp.int32)
        enough = below.astype(values.dtype) >= wanted
        return jnp.where(enough, low, middle), jnp.where(enough, middle, high)

    ends = jnp.full(9, low), jnp.full(9, high)
    _, inner = lax.fori_loop(0, _STEPS, halve, ends)
    return jnp.concatenate([low[None], inner, high[None]])
