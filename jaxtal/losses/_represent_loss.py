"""Losses of the crystals of a batch straight from the crystals, gradients included."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
from jaxtyping import Array, Bool, Float

from ..crystal import Cells, CrystalBatch, cells_of_batch, per_crystal_loss
from ..descriptors import Description, RepresentPlan, represent
from ..metric import CrystalMetric, Fingerprint, MetricPlan
from ._descriptor_loss import descriptor_loss

Losses = tuple[Float[Array, " B"], Bool[Array, " B"]]


def represent_loss(
    batch: CrystalBatch | Cells,
    target: Description,
    plan: RepresentPlan,
    *,
    weights: tuple[float | int, float | int] = (1.0, 1.0),
    chunk: int | None = 1,
) -> Losses:
    """`descriptor_loss` of a batch and its targets, each crystal's gradient found with its value.

        L = w_P |P - P0|^2 / |P0|^2 + w_G |G - G0|^2 / |G0|^2

    The same numbers as `descriptor_loss(represent_batch(batch, plan), target, weights)`, whose
    gradient evaluates every crystal twice unless all are computed side by side; use this one in
    training. Reverse mode only (`jax.grad`, `jax.vjp`); for forward mode use those two.

    Args:
        batch: B crystals; or their matrix, frac, species and mask, where species may be weights of
            each of `plan.elements`, shape (B, N, Z). Differentiated in matrix (per angstrom), frac
            and weights, not in anything else.
        target: descriptions of B crystals (`represent_batch`).
        plan: capacity and tables.
        weights: w_P and w_G, dimensionless numbers (not traced).
        chunk: crystals computed side by side, see `represent_batch`.

    Returns:
        L, shape (B,), dimensionless, and `complete`, shape (B,): False for crystals that are not,
        on either side; their loss is 0 with gradient 0, so average over the others.

    Raises:
        ValueError: targets of another number of crystals, specification or shape, or a chunk
            below 1.

    References:
        O. G. Ridwan et al., "Crystal Representation in the Reciprocal Space" (2026), eq. 18.
    """
    return _losses(represent, batch, target, plan, weights, chunk)


def fingerprint_loss(
    batch: CrystalBatch | Cells,
    target: Fingerprint,
    metric: CrystalMetric,
    plan: MetricPlan,
    *,
    chunk: int | None = 1,
) -> Losses:
    """Squared distances in a metric, each crystal's gradient found with its value.

        L = |v - v0|^2

    To `metric.fingerprints` and `descriptor_loss` as `represent_loss` is to `represent_batch` and
    `descriptor_loss`: the same numbers, a cheaper gradient, and reverse mode only.

    Args:
        batch: B crystals, or their arrays, as `represent_loss`.
        target: vectors of B crystals (`metric.fingerprints`).
        metric: what makes the vectors.
        plan: capacity (`metric.plan`).
        chunk: crystals computed side by side, see `represent_batch`.

    Returns:
        L, shape (B,), dimensionless, and `complete`, shape (B,), as `represent_loss`.

    Raises:
        ValueError: as `represent_loss`.
    """
    return _losses(metric.fingerprint, batch, target, plan, (1.0, 1.0), chunk)


def _losses(
    describe: Callable[..., Any],
    batch: CrystalBatch | Cells,
    target: Any,
    plan: Any,
    weights: tuple[float | int, float | int],
    chunk: int | None,
) -> Losses:
    cells = cells_of_batch(batch)
    n = len(cells[0])
    if target.complete.shape != (n,):
        raise ValueError(
            f"target: expected one for each of {n} crystals, `complete` of shape ({n},), got shape "
            f"{target.complete.shape}"
        )
    smooth, others = eqx.partition(cells, eqx.is_inexact_array)

    def one(smooth: Any, fixed: Any, plan: Any) -> tuple[Array, Array]:
        others, wanted = fixed
        found = describe(*eqx.combine(smooth, others), plan)
        return descriptor_loss(found, wanted, weights), found.complete & wanted.complete

    return per_crystal_loss(one, smooth, (others, target), plan, chunk=chunk)
