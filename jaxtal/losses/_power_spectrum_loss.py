"""`PowerSpectrumLoss`: the mismatch of power spectra and radial distributions."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..crystal.apply import Chunk
from ..descriptors import Description, Descriptor, DescriptorPlan
from ._abstract_loss import AbstractLoss, Outgrown, check_policy, one_of


class PowerSpectrumLoss(AbstractLoss):
    """Relative squared mismatch of each crystal's descriptor and its target's.

        L = w_P |P - P0|^2 / |P0|^2 + w_G |G - G0|^2 / |G0|^2

    The objective of `reconstruct`, without its smoothing and penalties. `AbstractLoss` says how it
    is used. Far off is 2 (w_P + w_G), as for orthogonal spectra of one norm.

        loss = PowerSpectrumLoss(crystals, n_max=6, l_max=6, q_max=6.0, max_stretch=1.5)

    Attributes:
        plan: room for crystals, and the descriptor (`plan.specification`).
        weights: w_P and w_G, dimensionless.
        outgrown: "ignore", "far off" or "raise".
        chunk: crystals computed side by side, see `crystal.apply.map_crystals`.

    References:
        O. G. Ridwan et al., "Crystal Representation in the Reciprocal Space" (2026), eq. 18.
    """

    plan: DescriptorPlan
    weights: tuple[float, float] = eqx.field(static=True)
    outgrown: Outgrown = eqx.field(static=True)
    chunk: Chunk = eqx.field(static=True)

    def __init__(
        self,
        crystals: Any,
        descriptor: Any = None,
        *,
        max_stretch: float | int = 1.3,
        weights: tuple[float | int, float | int] = (1.0, 1.0),
        outgrown: Outgrown = "ignore",
        chunk: Chunk = "auto",
        **settings: Any,
    ):
        """Plan for some crystals (host only).

        Args:
            crystals: one or several of any kind that fit; or a `DescriptorPlan`, which has every
                setting.
            descriptor: what is compared, a `Descriptor`; or give its settings.
            max_stretch: see `Descriptor.plan`; reflections are found inside the program.
            weights: w_P and w_G.
            outgrown: what becomes of crystals that do not fit.
            chunk: crystals computed side by side.
            settings: of the `Descriptor`, default its own.

        Raises:
            ValueError: both a descriptor and settings, another policy, or as `Descriptor.plan`.
        """
        check_policy(outgrown)
        if isinstance(crystals, DescriptorPlan):
            self.plan = crystals
        else:
            given = one_of(descriptor, settings, Descriptor, "descriptor")
            self.plan = given.plan(crystals, max_stretch=max_stretch, reflections="found")
        w_P, w_G = (float(w) for w in weights)
        self.weights, self.outgrown, self.chunk = (w_P, w_G), outgrown, chunk

    def mismatch(self, found: Description, target: Description) -> Float[Array, ""]:
        """Return the weighted sum of the relative squared differences."""
        terms = []
        pairs = ((found.power_spectrum, target.power_spectrum), (found.rdf, target.rdf))
        for weight, (x, x0) in zip(self.weights, pairs, strict=True):
            if x is not None and x0 is not None:
                scale = jnp.sum(x0 * x0)
                scale = jnp.where(scale > 0, scale, 1.0)
                difference = (x - x0) * jax.lax.rsqrt(scale)
                terms.append(weight * jnp.sum(difference * difference))
        return jnp.sum(jnp.stack(terms))

    def far_off(self, target: Description) -> Float[Array, ""]:
        """Return 2 (w_P + w_G)."""
        parts = zip(self.weights, (target.power_spectrum, target.rdf), strict=True)
        there = [(weight, x) for weight, x in parts if x is not None]
        return jnp.asarray(2 * sum(weight for weight, _ in there), there[0][1].dtype)
