"""Measures of how far predicted crystals are from the true ones, as terms of a training loss."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxtal.crystal import CrystalArrays
from jaxtal.losses import AbstractLoss, MetricLoss, PowerSpectrumLoss


class Term(eqx.Module):
    """L / (1 + L) of a loss L of predicted crystals, relative to the targets' own size.

    One that does not fit the plan is as far off as a crystal can be that has nothing in common with
    its target, L = 2.
    """

    loss: AbstractLoss
    targets: Any
    sizes: Float[Array, " n"] | float

    def __call__(self, data, which, lattice, frac):
        crystals = CrystalArrays(lattice, frac, data.species[which], data.mask[which])
        values, _ = self.loss(crystals, self.targets[which])
        relative = values / (self.sizes if isinstance(self.sizes, float) else self.sizes[which])
        return relative / (1 + relative)


def descriptor_term(data, crystals):
    """The mismatch of descriptors, which is relative as it is."""
    settings = {"n_max": 6, "l_max": 6, "q_max": 6.0}
    loss = PowerSpectrumLoss(crystals, **settings, max_stretch=1.2, outgrown="far off")
    return Term(loss, loss.represent(_true(data)), 1.0)


def metric_term(data, crystals):
    """The squared distance |v - v0|^2 / |v0|^2 in the metric."""
    settings = {"n_max": 6, "l_max": 6, "q_max": 12.0}
    loss = MetricLoss(crystals, **settings, max_stretch=1.5, outgrown="far off")
    targets = loss.represent(_true(data))
    return Term(loss, targets, jnp.sum(targets.vector**2, axis=1))


def _true(data):
    return CrystalArrays(data.lattice, data.frac, data.species, data.mask)


TERMS = {"descriptor": descriptor_term, "metric": metric_term}
