"""What depends on |q| alone or on one angle alone, each with its derivative."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..descriptors import Descriptor, OrthonormalBasis, PowerSpectrum, RadialDistribution


def even_series(kernel: Float[Array, "degrees 2"], t: Array) -> tuple[Array, Array]:
    """An even function of t and its derivative, by Clenshaw's recurrence for both at once."""
    y = (2 * t * t - 1)[None]
    last = now = jnp.zeros((2, *t.shape), t.dtype)
    for j in range(kernel.shape[0] - 1, 0, -1):
        last, now = now, kernel[j][:, None, None] + 2 * y * now - last
    value, slope = kernel[0][:, None, None] + y * now - last
    return value, slope * t


def with_slope(function: Callable[[Array], Array], x: Float[Array, " P"]) -> tuple[Array, Array]:
    """A function of each number by itself, and its derivative."""
    return jax.jvp(function, (x,), (jnp.ones_like(x),))


def radial_functions(spectrum: PowerSpectrum, q: Float[Array, " P"]) -> tuple[Array, Array]:
    """Radial functions, shape (n_max, P), and their derivatives by |q|."""
    n_max, q_max = spectrum.n_max, spectrum.space.q_max
    if not isinstance(spectrum.radial, OrthonormalBasis):
        return with_slope(lambda q: spectrum.radial(q, n_max, q_max), q)
    # In one piece, where its recurrence would be one for each function.
    wave = jnp.asarray(np.pi / q_max * np.arange(1, n_max + 1), q.dtype)[:, None]
    inverse = 1 / q[None]
    value = math.sqrt(2 / q_max) * jnp.sin(wave * q[None]) * inverse
    return value, math.sqrt(2 / q_max) * wave * jnp.cos(wave * q[None]) * inverse - value * inverse


def bin_shares(
    distribution: RadialDistribution, size: Float[Array, " P"]
) -> tuple[Float[Array, "n_bins P"], Float[Array, "n_bins P"]]:
    """How much of each reflection falls into each bin, and its derivative by |q|.

    See `RadialDistribution`.
    """
    spacing = distribution.space.q_max / (distribution.n_bins - 1)
    centre = jnp.asarray(np.arange(distribution.n_bins), size.dtype)
    x = size[None, :] / spacing - centre[:, None]
    gap = jnp.abs(x)
    if distribution.histogram:
        return (gap < 0.5).astype(size.dtype), jnp.zeros_like(gap)
    # The cubic B-spline, as a difference of cubes.
    outer, inner = jnp.maximum(2 - gap, 0.0), jnp.maximum(1 - gap, 0.0)
    value = (outer * outer * outer - 4 * inner * inner * inner) / 6
    return value, jnp.sign(x) * (2 * inner * inner - outer * outer / 2) / spacing


def parts_of(specification: Any) -> tuple[PowerSpectrum | None, RadialDistribution | None]:
    if isinstance(specification, Descriptor):
        return specification.spectrum, specification.distribution
    if isinstance(specification, PowerSpectrum):
        return specification, None
    return None, specification
