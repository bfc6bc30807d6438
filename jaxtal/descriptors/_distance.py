"""Distances between the descriptions of two crystals."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._core import safe_sqrt
from ._descriptor import Description


def distance(a: Description, b: Description) -> Float[Array, ""]:
    """The paper's mismatch D = sqrt(sum_nl (P_nl - P'_nl)^2) (eq. 17).

    Its gradient at D = 0 is defined as zero.

    Raises:
        ValueError: power spectra of different shapes, so of different specifications.
    """
    _same_shape(a.power_spectrum, b.power_spectrum)
    return _norm(a.power_spectrum - b.power_spectrum)


def relative_distance(a: Description, b: Description) -> Float[Array, ""]:
    """Distance of eq. 17 divided by the root mean square of the two norms, in [0, sqrt 2].

    Raises:
        ValueError: as `distance`.
    """
    _same_shape(a.power_spectrum, b.power_spectrum)
    return _relative(a.power_spectrum, b.power_spectrum)


def rdf_distance(a: Description, b: Description) -> Float[Array, ""]:
    """|G - G'| divided by the root mean square of |G| and |G'|, in [0, sqrt 2].

    Raises:
        ValueError: radial distributions of different lengths.
    """
    _same_shape(a.rdf, b.rdf)
    return _relative(a.rdf, b.rdf)


def _norm(x: Array) -> Float[Array, ""]:
    return safe_sqrt(jnp.sum(x * x))


def _relative(a: Array, b: Array) -> Float[Array, ""]:
    scale = (jnp.sum(a * a) + jnp.sum(b * b)) / 2
    return _norm(a - b) / jnp.sqrt(jnp.where(scale > 0, scale, 1.0))


def _same_shape(a: Array, b: Array) -> None:
    if a.shape != b.shape:
        raise ValueError(
            f"descriptions: expected equal shapes, got {a.shape} and {b.shape} "
            "(made with different specifications?)"
        )
