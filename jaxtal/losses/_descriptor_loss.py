"""The mismatch of two batches of descriptions or fingerprints as a loss."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from .._core import check_same_specification
from ..descriptors import Description
from ..metric import Fingerprint

Spectra = tuple[Array, Array]
"""Power spectra and radial distributions, as in a `Description`."""


def descriptor_loss(
    pred: Description | Fingerprint | Spectra,
    target: Description | Fingerprint | Spectra,
    weights: tuple[float | int, float | int] = (1.0, 1.0),
) -> Float[Array, "*B"]:
    """Relative squared mismatch of each crystal of a batch.

        L = w_P |P - P0|^2 / |P0|^2 + w_G |G - G0|^2 / |G0|^2

    for descriptions, and L = |v - v0|^2 for fingerprints of a `CrystalMetric`. The first is the
    objective of `reconstruct`, without its smoothing and penalties; P0 and G0 are the target's,
    which is not differentiated where it divides. A crystal that is not `complete`, on either side,
    has no loss and no gradient: average with the number of complete ones. To train on crystals,
    `represent_loss` has the same numbers and a cheaper gradient.

    Args:
        pred: descriptions, batch axes first, or their power spectra and radial distributions; or
            fingerprints.
        target: likewise, of the same shapes.
        weights: w_P and w_G, dimensionless; fingerprints have theirs in the metric.

    Returns:
        L, shape (B,) for a batch and () for a single crystal, dimensionless.

    Raises:
        ValueError: descriptions or fingerprints of different specifications or different shapes,
            or one of each.

    References:
        O. G. Ridwan et al., "Crystal Representation in the Reciprocal Space" (2026), eq. 18.
    """
    if isinstance(pred, Fingerprint) or isinstance(target, Fingerprint):
        return _vector_loss(pred, target)
    if isinstance(pred, Description) and isinstance(target, Description):
        check_same_specification(pred.specification, target.specification, "descriptions")
    (P, G, complete), (P0, G0, also) = _parts(pred), _parts(target)
    if P.shape != P0.shape or G.shape != G0.shape:
        raise ValueError(
            f"descriptions: expected equal shapes, got P {P.shape} and {P0.shape}, "
            f"G {G.shape} and {G0.shape}"
        )
    batch = G.ndim - 1
    counted = complete & also
    total = jnp.zeros(G.shape[:batch], G.dtype)
    for weight, x, x0 in zip(weights, (P, G), (P0, G0), strict=True):
        axes = tuple(range(batch, x.ndim))
        keep = counted.reshape(counted.shape + (1,) * (x.ndim - batch))
        scale = jax.lax.stop_gradient(jnp.sum(x0 * x0, axis=axes, keepdims=True))
        scale = jnp.where(keep & (scale > 0), scale, 1.0)
        difference = jnp.where(keep, x - x0, 0.0) * jax.lax.rsqrt(scale)
        total = total + weight * jnp.sum(difference * difference, axis=axes)
    return total


def _vector_loss(pred: Any, target: Any) -> Float[Array, "*B"]:
    if not (isinstance(pred, Fingerprint) and isinstance(target, Fingerprint)):
        raise ValueError(
            f"expected two fingerprints, got a {type(pred).__name__} and a {type(target).__name__}"
        )
    if pred.specification != target.specification:
        raise ValueError("fingerprints: expected equal specifications")
    v, v0 = jnp.asarray(pred.vector), jnp.asarray(target.vector)
    if v.shape != v0.shape:
        raise ValueError(f"fingerprints: expected equal shapes, got {v.shape} and {v0.shape}")
    counted = jnp.asarray(pred.complete) & jnp.asarray(target.complete)
    difference = jnp.where(counted[..., None], v - v0, 0.0)
    return jnp.sum(difference * difference, axis=-1)


def _parts(one: Description | Spectra) -> tuple[Array, Array, Bool[Array, "*B"]]:
    if isinstance(one, Description):
        assert one.power_spectrum is not None
        assert one.rdf is not None
        return one.power_spectrum, one.rdf, one.complete
    P, G = one
    return P, G, jnp.ones(G.shape[:-1], bool)
