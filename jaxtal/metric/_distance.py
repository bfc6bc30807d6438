"""Distances between the descriptions of two crystals."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._core import safe_sqrt
from ..descriptors import Description, check_same_specification
from ._fingerprint import Fingerprint


def distance(
    a: Description | Fingerprint | Array, b: Description | Fingerprint | Array
) -> Float[Array, ""]:
    """The paper's mismatch D = sqrt(sum_nl (P_nl - P'_nl)^2) (eq. 17), or that of two vectors.

    Its gradient at D = 0 is defined as zero.

    Args:
        a: a description, or a power spectrum alone, of any shape; or a fingerprint of one crystal,
            or its vector. Whether it is complete is for the caller to look at.
        b: likewise.

    Returns:
        D in the unit of P; dimensionless for fingerprints.

    Raises:
        ValueError: descriptions of different specifications, power spectra of different shapes, or
            fingerprints of many crystals.
    """
    vectors = isinstance(a, Fingerprint) or isinstance(b, Fingerprint)
    P, Q = _pair(a, b, "vector" if vectors else "power_spectrum")
    return _norm(P - Q)


def relative_distance(a: Description | Array, b: Description | Array) -> Float[Array, ""]:
    """Distance of eq. 17 divided by the root mean square of the two norms, in [0, sqrt 2].

    Args:
        a: a description, or a power spectrum alone, of any shape.
        b: likewise.

    Raises:
        ValueError: as `distance`.
    """
    return _relative(*_pair(a, b, "power_spectrum"))


def rdf_distance(a: Description | Array, b: Description | Array) -> Float[Array, ""]:
    """|G - G'| divided by the root mean square of |G| and |G'|, in [0, sqrt 2].

    Args:
        a: a description, or a radial distribution alone, shape (n_bins,).
        b: likewise.

    Raises:
        ValueError: descriptions of different specifications, or different numbers of bins.
    """
    return _relative(*_pair(a, b, "rdf"))


def _norm(x: Array) -> Float[Array, ""]:
    return safe_sqrt(jnp.sum(x * x))


def _relative(a: Array, b: Array) -> Float[Array, ""]:
    scale = (jnp.sum(a * a) + jnp.sum(b * b)) / 2
    return _norm(a - b) / jnp.sqrt(jnp.where(scale > 0, scale, 1.0))


def _pair(a: Any, b: Any, name: str) -> tuple[Array, Array]:
    """The arrays to compare, if they can be."""
    described = [hasattr(one, "specification") for one in (a, b)]
    if all(described):
        if type(a) is not type(b):
            raise ValueError(
                "expected two descriptions or two fingerprints, got a "
                f"{type(a).__name__} and a {type(b).__name__}"
            )
        check_same_specification(a.specification, b.specification)
    for one, has in zip((a, b), described, strict=True):
        if has and not hasattr(one, name):
            raise ValueError(f"expected descriptions, got a {type(one).__name__}")
        if has and name == "vector" and one.vector.ndim != 1:
            raise ValueError(
                f"expected fingerprints of one crystal, got vectors of shape {one.vector.shape} "
                "(`jax.vmap` takes one at a time)"
            )
    x, y = (
        jnp.asarray(getattr(one, name)) if has else one
        for one, has in zip((a, b), described, strict=True)
    )
    if x.shape != y.shape:
        raise ValueError(
            f"descriptions: expected equal shapes, got {x.shape} and {y.shape} "
            "(made with different specifications?)"
        )
    return x, y
