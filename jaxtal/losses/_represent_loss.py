"""Losses of the crystals of a batch straight from the crystals, gradients included."""

import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
from jaxtyping import Array, Bool, Float

from ..crystal import Chunk, CrystalArrays, CrystalBatch, per_crystal_loss
from ..descriptors import Description, DescriptorPlan
from ..metric import CrystalMetric, Fingerprint, MetricPlan
from ._descriptor_loss import descriptor_loss

Losses = tuple[Float[Array, " B"], Bool[Array, " B"]]


def represent_loss(
    batch: CrystalBatch | CrystalArrays,
    target: Description,
    plan: DescriptorPlan,
    *,
    weights: tuple[float | int, float | int] = (1.0, 1.0),
    chunk: Chunk = "auto",
) -> Losses:
    """`descriptor_loss` of a batch and its targets, each crystal's gradient found with its value.

        L = w_P |P - P0|^2 / |P0|^2 + w_G |G - G0|^2 / |G0|^2

    The same numbers as `descriptor_loss(plan(batch), target, weights)`, whose
    gradient evaluates every crystal twice unless all are computed side by side; use this one in
    training. Reverse mode only (`jax.grad`, `jax.vjp`); for forward mode use those two.

    Args:
        batch: B crystals; or `CrystalArrays`, whose species may be weights of each of the plan's
            elements, shape (B, N, Z). Differentiated in matrix (per angstrom), coordinates and
            weights, not in anything else.
        target: descriptions of B crystals (`plan(batch)`).
        plan: capacity and tables.
        weights: w_P and w_G, dimensionless numbers (not traced).
        chunk: crystals computed side by side, see `map_crystals`.

    Returns:
        L, shape (B,), dimensionless, and `complete`, shape (B,): False for crystals that are not,
        on either side; their loss is 0 with gradient 0, so average over the others.

    Raises:
        ValueError: targets of another number of crystals, specification or shape, or a chunk
            below 1.

    References:
        O. G. Ridwan et al., "Crystal Representation in the Reciprocal Space" (2026), eq. 18.
    """
    return _losses(_described, batch, target, plan, weights, chunk)


def fingerprint_loss(
    batch: CrystalBatch | CrystalArrays,
    target: Fingerprint,
    metric: CrystalMetric,
    plan: MetricPlan,
    *,
    chunk: Chunk = "auto",
) -> Losses:
    """Squared distances in a metric, each crystal's gradient found with its value.

        L = |v - v0|^2

    To `metric.fingerprints` and `descriptor_loss` as `represent_loss` is to a plan and
    `descriptor_loss`: the same numbers, a cheaper gradient, and reverse mode only.

    Args:
        batch: B crystals, or their arrays, as `represent_loss`.
        target: vectors of B crystals (`metric.fingerprints`).
        metric: what makes the vectors.
        plan: capacity (`metric.plan`).
        chunk: crystals computed side by side, see `map_crystals`.

    Returns:
        L, shape (B,), dimensionless, and `complete`, shape (B,), as `represent_loss`.

    Raises:
        ValueError: as `represent_loss`.
    """
    return _losses(functools.partial(_vector, metric), batch, target, plan, (1.0, 1.0), chunk)


def _described(crystal: CrystalArrays, plan: DescriptorPlan) -> Description:
    return plan(crystal)


def _vector(metric: CrystalMetric, crystal: CrystalArrays, plan: MetricPlan) -> Fingerprint:
    arrays = (crystal.matrix, crystal.frac_coords, crystal.species, crystal.mask)
    return metric.fingerprint(*arrays, plan)


def _losses(
    describe: Callable[..., Any],
    batch: CrystalBatch | CrystalArrays,
    target: Any,
    plan: Any,
    weights: tuple[float | int, float | int],
    chunk: Chunk,
) -> Losses:
    cells = CrystalArrays.of_batch(batch) if isinstance(batch, CrystalBatch) else batch
    n = len(cells.matrix)
    if target.complete.shape != (n,):
        raise ValueError(
            f"target: expected one for each of {n} crystals, `complete` of shape ({n},), got shape "
            f"{target.complete.shape}"
        )
    smooth, others = eqx.partition(cells, eqx.is_inexact_array)

    def one(smooth: Any, fixed: Any, plan: Any) -> tuple[Array, Array]:
        others, wanted = fixed
        found = describe(eqx.combine(smooth, others), plan)
        return descriptor_loss(found, wanted, weights), found.complete & wanted.complete

    return per_crystal_loss(one, smooth, (others, target), plan, chunk=chunk)
