"""`MetricLoss`: the squared distance of crystals in a `CrystalMetric`."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..crystal.apply import Chunk
from ..metric import CrystalMetric, Fingerprint, MetricPlan
from ._abstract_loss import AbstractLoss, Outgrown, check_policy, one_of


class MetricLoss(AbstractLoss):
    """Squared distance of each crystal from its target in a `CrystalMetric`, L = |v - v0|^2.

    `AbstractLoss` says how it is used. Far off is |v0|^2 + |v0|^2, as for orthogonal vectors of one
    length. The spectrum does not see the density alone change: give `density` a weight where it
    matters.

        loss = MetricLoss(crystals, density=1.0, max_stretch=1.5)

    Attributes:
        plan: room for crystals, and the metric (`plan.specification`).
        outgrown: "ignore", "far off" or "raise".
        chunk: crystals computed side by side, see `crystal.apply.map_crystals`.
    """

    plan: MetricPlan
    outgrown: Outgrown = eqx.field(static=True)
    chunk: Chunk = eqx.field(static=True)

    def __init__(
        self,
        crystals: Any,
        metric: CrystalMetric | None = None,
        *,
        max_stretch: float | int = 1.3,
        outgrown: Outgrown = "ignore",
        chunk: Chunk = "auto",
        **settings: Any,
    ):
        """Plan for some crystals (host only).

        Args:
            crystals: one or several of any kind that fit; or a `MetricPlan`, which has every
                setting.
            metric: what makes the vectors; or give its settings.
            max_stretch: see `CrystalMetric.plan`.
            outgrown: what becomes of crystals that do not fit.
            chunk: crystals computed side by side.
            settings: of the `CrystalMetric`, default its own.

        Raises:
            ValueError: both a metric and settings, another policy, or as `CrystalMetric.plan`.
        """
        check_policy(outgrown)
        if isinstance(crystals, MetricPlan):
            self.plan = crystals
        else:
            given = one_of(metric, settings, CrystalMetric, "metric")
            self.plan = given.plan(crystals, max_stretch=max_stretch)
        self.outgrown, self.chunk = outgrown, chunk

    def mismatch(self, found: Fingerprint, target: Fingerprint) -> Float[Array, ""]:
        """Return |v - v0|^2."""
        difference = found.vector - target.vector
        return jnp.sum(difference * difference)

    def far_off(self, target: Fingerprint) -> Float[Array, ""]:
        """Return 2 |v0|^2."""
        return 2 * jnp.sum(target.vector * target.vector)
