"""Numbers that tell how good a density or a set of amplitudes is."""

import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from ._algorithm import Observed
from ._threshold import quantile


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
    """Compute (max - median) / (median - min), the median from a subsample.

    A density of narrow peaks above a flat valley has a large ratio, one of random phases about
    1. It means something on alias-free grids only.

    References:
        The convergence measure of "An Extensible Julia Toolkit for Symmetry-Aware Dual Space
        Phasing in Arbitrary Dimensions", section 5.3.
    """
    low, middle, high = landmarks(density)
    return (high - middle) / (middle - low)


def landmarks(density: Float[Array, "*grid"]) -> tuple[Array, Array, Array]:
    """Minimum, median (of about 32768 points, within a part in 10^6 of the range) and maximum."""
    return jnp.min(density), quantile(density, 0.5), jnp.max(density)
