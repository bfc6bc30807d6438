"""Arithmetic whose value and gradient stay finite where the textbook formula's do not."""

from jaxtyping import Float

from ._namespace import AnyArray, namespace


def safe_sqrt(x: Float[AnyArray, "*n"]) -> Float[AnyArray, "*n"]:
    """Square root with value 0 and gradient 0 at `x <= 0` (the double-where rule)."""
    xp = namespace(x)
    positive = x > 0
    return xp.where(positive, xp.sqrt(xp.where(positive, x, 1.0)), 0.0)


def safe_norm(x: Float[AnyArray, "*n d"]) -> Float[AnyArray, "*n"]:
    """Euclidean norm over the last axis with gradient 0 at the zero vector."""
    return safe_sqrt(namespace(x).sum(x * x, axis=-1))


def safe_divide(numerator: Float[AnyArray, "*n"], denominator: Float[AnyArray, "*n"]) -> AnyArray:
    """Quotient that is 0, with gradient 0, where the denominator is 0."""
    xp = namespace(numerator, denominator)
    nonzero = denominator != 0
    return xp.where(nonzero, numerator / xp.where(nonzero, denominator, 1.0), 0.0)
