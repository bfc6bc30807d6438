"""Arithmetic whose value and gradient stay finite where the textbook formula's do not."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def safe_sqrt(x: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """Square root with value 0 and gradient 0 at `x <= 0` (the double-where rule)."""
    positive = x > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, x, 1.0)), 0.0)


def safe_norm(x: Float[Array, "*n d"]) -> Float[Array, "*n"]:
    """Euclidean norm over the last axis with gradient 0 at the zero vector."""
    return safe_sqrt(jnp.sum(x * x, axis=-1))


def safe_divide(numerator: Float[Array, "*n"], denominator: Float[Array, "*n"]) -> Array:
    """Quotient that is 0, with gradient 0, where the denominator is 0."""
    nonzero = denominator != 0
    return jnp.where(nonzero, numerator / jnp.where(nonzero, denominator, 1.0), 0.0)
