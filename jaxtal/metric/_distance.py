"""Distances between two crystals, or between what descriptors say of them."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._core import check_same_specification, safe_sqrt
from ..crystal import is_crystal
from ..descriptors import Description, Descriptor
from ._fingerprint import Fingerprint

Compared = Description | Fingerprint | Array | Any
"""A description, a fingerprint, an array of either, or a crystal of any kind."""


def distance(a: Compared, b: Compared) -> Float[Array, ""]:
    """Return the paper's mismatch D = sqrt(sum_nl (P_nl - P'_nl)^2) (eq. 17), or that of vectors.

    D has a kink where it is 0, and no slope there: its gradient at D = 0 is defined as zero, and
    close to it has length one whatever D. Optimise D^2 instead, which is smooth.

    Args:
        a: a crystal of any kind, which is described as `b` was, by default with `Descriptor()`;
            a description, or a power spectrum alone, of any shape; or a fingerprint of one crystal,
            or its vector. Whether it is complete is for the caller to look at.
        b: likewise.

    Returns:
        D in the unit of P; dimensionless for fingerprints.

    Raises:
        ValueError: descriptions of different specifications, power spectra of different shapes,
            fingerprints of many crystals, or crystals that are traced or cannot be described.
    """
    a, b = _described(a, b)
    vectors = isinstance(a, Fingerprint) or isinstance(b, Fingerprint)
    return _distance(*_pair(a, b, "vector" if vectors else "power_spectrum"))


def relative_distance(a: Compared, b: Compared) -> Float[Array, ""]:
    """Return the distance of eq. 17 over the root mean square of the two norms, in [0, sqrt 2].

    Its gradient is that of `distance` in this respect: zero at 0 by definition.

    Args:
        a: a crystal, a description, or a power spectrum alone, as for `distance`.
        b: likewise.

    Raises:
        ValueError: as `distance`.
    """
    return _relative(*_pair(*_described(a, b), "power_spectrum"))


def rdf_distance(a: Compared, b: Compared) -> Float[Array, ""]:
    """Return |G - G'| over the root mean square of |G| and |G'|, in [0, sqrt 2].

    Args:
        a: a crystal, a description, or a radial distribution alone, shape (n_bins,).
        b: likewise.

    Raises:
        ValueError: as `distance`.
    """
    return _relative(*_pair(*_described(a, b), "rdf"))


@jax.jit
def _distance(a: Array, b: Array) -> Float[Array, ""]:
    return safe_sqrt(jnp.sum(jnp.square(a - b)))


@jax.jit
def _relative(a: Array, b: Array) -> Float[Array, ""]:
    scale = (jnp.sum(a * a) + jnp.sum(b * b)) / 2
    return _distance(a, b) / jnp.sqrt(jnp.where(scale > 0, scale, 1.0))


def _described(a: Any, b: Any) -> tuple[Any, Any]:
    """The two, crystals among them described as the other one was."""
    given = [a, b]
    for i, other in ((0, b), (1, a)):
        if is_crystal(given[i]):
            made_by = getattr(other, "specification", None)
            given[i] = (made_by if callable(made_by) else Descriptor())(given[i])
    return given[0], given[1]


def _pair(a: Any, b: Any, name: str) -> tuple[Array, Array]:
    """The arrays to compare, if they can be."""
    described = [isinstance(one, Description | Fingerprint) for one in (a, b)]
    if all(described):
        if type(a) is not type(b):
            raise ValueError(
                "expected two descriptions or two fingerprints, got a "
                f"{type(a).__name__} and a {type(b).__name__}"
            )
        check_same_specification(a.specification, b.specification, "descriptions")
    x, y = (_array(one, name) for one in (a, b))
    if x.shape != y.shape:
        raise ValueError(
            f"descriptions: expected equal shapes, got {x.shape} and {y.shape} "
            "(made with different specifications?)"
        )
    return x, y


def _array(one: Any, name: str) -> Array:
    if isinstance(one, jax.Array | np.ndarray):
        return jnp.asarray(one)
    if not hasattr(one, name):
        raise ValueError(
            f"expected crystals, descriptions, fingerprints or arrays, got a {type(one).__name__}"
        )
    values = getattr(one, name)
    if values is None:
        raise ValueError(f"expected descriptions with a {name}, got one without")
    if name == "vector" and values.ndim != 1:
        raise ValueError(
            f"expected fingerprints of one crystal, got vectors of shape {values.shape} "
            "(`jax.vmap` takes one at a time)"
        )
    return jnp.asarray(values)
