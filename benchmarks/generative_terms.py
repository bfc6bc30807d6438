"""Measures of how far predicted crystals are from the true ones, as terms of a training loss."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

import jaxtal as jxt
from jaxtal.descriptors import RepresentPlan, represent_batch
from jaxtal.losses import descriptor_loss
from jaxtal.metric import CrystalMetric, MetricPlan

DESCRIPTOR = jxt.Descriptor(n_max=6, l_max=6, q_max=6.0)
METRIC = CrystalMetric(n_max=6, l_max=6, q_max=12.0)


class DescriptorTerm(eqx.Module):
    """L / (1 + L) of the descriptor loss of predicted crystals; finite for whatever comes."""

    plan: RepresentPlan
    targets: Any

    @classmethod
    def build(cls, data, crystals):
        batch = jxt.crystal.CrystalBatch.from_crystals(crystals, pad_to=data.species.shape[1])
        plan = RepresentPlan.for_crystals(DESCRIPTOR, batch, margin=1.5)
        return cls(plan, eqx.filter_jit(represent_batch)(batch, plan))

    def __call__(self, data, which, lattice, frac):
        batch = jxt.crystal.CrystalBatch(lattice, frac, data.species[which], data.mask[which])
        found = represent_batch(batch, self.plan)
        wanted = jax.tree.map(lambda x: x[which], self.targets)
        loss = descriptor_loss(found, wanted)
        # One that does not fit the plan counts as far off, as it is.
        return jnp.where(found.complete, loss / (1 + loss), 1.0)


class MetricTerm(eqx.Module):
    """L / (1 + L) of the squared relative distance |v - v0|^2 / |v0|^2 in the metric."""

    plan: MetricPlan
    targets: Any

    @classmethod
    def build(cls, data, crystals):
        plan = METRIC.plan(crystals, margin=1.5)
        arrays = (data.lattice, data.frac, data.species, data.mask)
        found = eqx.filter_jit(jax.vmap(lambda *cell: METRIC.fingerprint(*cell, plan)))(*arrays)
        return cls(plan, found)

    def __call__(self, data, which, lattice, frac):
        def one(cell):
            lattice, frac, species, mask, wanted = cell
            found = METRIC.fingerprint(lattice, frac, species, mask, self.plan)
            loss = jnp.sum((found.vector - wanted) ** 2) / jnp.sum(wanted**2)
            return jnp.where(found.complete, loss / (1 + loss), 1.0)

        cells = (lattice, frac, data.species[which], data.mask[which], self.targets.vector[which])
        return jax.lax.map(jax.checkpoint(one), cells)


TERMS = {"descriptor": DescriptorTerm, "metric": MetricTerm}
