"""Residuals of a descriptor, relative to the one that is wanted."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float


def relative_residuals(
    found: Float[Array, "*n"], wanted: Float[Array, "*n"], weight: float
) -> Float[Array, " r"]:
    """Residuals whose squares add up to weight |found - wanted|^2 / |wanted|^2."""
    return _scale(weight, wanted) * (found - wanted).ravel()


def blurred_residuals(
    found: Float[Array, " n"], wanted: Float[Array, " n"], weight: Any, width: Any
) -> Float[Array, " n"]:
    """The same of functions on bins, both smoothed by a Gaussian; width in bins."""
    K = relative_blurring(wanted, weight, width)
    return jnp.matmul(found - wanted, K, precision="highest")


def relative_blurring(wanted: Float[Array, " n"], weight: Any, width: Any) -> Float[Array, "n n"]:
    """What makes of a difference on bins its smoothed and relative residuals."""
    K = _smoothing(wanted.shape[-1], width, wanted.dtype)
    return K * _scale(weight, jnp.matmul(wanted, K, precision="highest"))


def _scale(weight: Any, reference: Array) -> Float[Array, ""]:
    """Factor that makes the squared residuals relative to the target."""
    total = jnp.sum(reference * reference)
    return jnp.sqrt(weight / jnp.where(total > 0, total, 1.0))


def _smoothing(n: int, width: Any, dtype: Any) -> Float[Array, "n n"]:
    """Gaussian exp(-(i - j)^2 / 2 width^2) over bins, the identity at width 0; symmetric."""
    i = jnp.arange(n, dtype=dtype)
    gap = i[:, None] - i[None, :]
    return jnp.exp(-jnp.square(gap) / (2 * jnp.square(jnp.asarray(width, dtype)) + 1e-3))
