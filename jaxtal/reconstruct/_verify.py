"""The loss of a crystal afresh, on all reflections of its own cell and without its symmetry."""

import equinox as eqx
import numpy as np
from jaxtyping import Array

from ..crystal import WyckoffCrystal
from ..descriptors import Description
from ._objective import Objective, ObjectivePlan
from ._overlap import overlap_residuals


def verified_loss(objective: Objective, target: Description, crystal: WyckoffCrystal) -> float:
    """Compute the loss without blur (host), in NumPy and float64 where that is possible.

    Cells that hold no crystal have an infinite one.
    """
    try:
        atoms = crystal.to_host()
    except ValueError:  # numbers that are not finite, or no cell
        return float("inf")
    if np.linalg.det(atoms.matrix) < 1.0:
        return float("inf")
    if objective.terms or not target.specification.takes_numpy:
        plan = objective.plan(target, crystal, max_stretch=1.0, symmetric=False)
        return float(_loss(plan, crystal))
    from ase.data import covalent_radii

    try:
        found = target.specification(atoms)
    except ValueError:  # more reflections than can be listed
        return float("inf")
    weights = {
        "power_spectrum": objective.spectrum_weight,
        "rdf": objective.distribution_weight,
    }
    total = 0.0
    for name, weight in weights.items():
        wanted, values = getattr(target, name), getattr(found, name)
        if weight and wanted is not None and values is not None:
            reference = np.asarray(wanted, np.float64)
            gap = np.asarray(values, np.float64) - reference
            total += weight * float(np.sum(gap * gap) / (np.sum(reference * reference) or 1.0))
    site = np.asarray(crystal.plan.site)
    overlap = overlap_residuals(
        atoms,
        np.searchsorted(site, np.arange(len(crystal.plan.letters))),
        np.bincount(site).astype(float),
        covalent_radii[atoms.atomic_numbers],
        objective.distance_factor,
    )
    return total + objective.distance_weight * float(np.sum(overlap * overlap))


@eqx.filter_jit
def _loss(plan: ObjectivePlan, crystal: WyckoffCrystal) -> Array:
    return plan(crystal)
