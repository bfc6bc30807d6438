"""Plans of one shape for many crystals."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from providers import listing

from jaxtal.descriptors import DescriptorPlan


@pytest.fixture
def uniform():
    """Bring a plan to `points` reflections and `species` rows, direct sum, square invariants.

    Everything added is padding, so all such plans share one compiled program.
    """

    def pad(x, size, axis=0):
        assert x.shape[axis] <= size
        widths = [(0, 0)] * x.ndim
        widths[axis] = (0, size - x.shape[axis])
        return jnp.asarray(np.pad(np.asarray(x), widths))

    def change(plan: DescriptorPlan, points: int, species: int) -> DescriptorPlan:
        old = listing(plan)
        factors = old.form_factors
        parts = [pad(x, species) for x in (factors.keys, factors.a, factors.b, factors.c)]
        factors = eqx.tree_at(lambda f: [f.keys, f.a, f.b, f.c], factors, parts)
        new = dataclasses.replace(
            old,
            hkl=pad(old.hkl, points),
            multiplicity=pad(old.multiplicity, points),
            form_factors=factors,
            box_index=None,
            bounds=(0, 0, 0),
        )
        invariants = plan.invariants
        if invariants is not None:
            invariants = tuple(pad(basis, basis.shape[0], 1) for basis in invariants)
        return DescriptorPlan(plan.specification, new, invariants)

    return change
