"""`MetricLoss`: the distance of crystals in a metric as a PyTorch module."""

from typing import NamedTuple

import torch
from jaxtyping import Array

from ..crystal import map_crystals
from ..losses import fingerprint_loss
from ..metric import CrystalMetric, Fingerprint, MetricPlan
from ._arguments import Cells
from ._crystal_loss import CrystalLoss, Tensors, tensors
from ._function import torch_function


class Vectors(NamedTuple):
    """Fingerprints of B crystals as tensors.

    Attributes:
        vector: shape (B, D), dimensionless.
        complete: shape (B,); False if the crystal has outgrown the plan.
    """

    vector: torch.Tensor
    complete: torch.Tensor


class MetricLoss(CrystalLoss[Vectors]):
    """Squared distance of each crystal of a batch from its target in a `CrystalMetric`, in PyTorch.

        L = |v - v0|^2

    `jaxtal.losses.fingerprint_loss`, compiled once for each shape of a batch. Unlike
    `DescriptorLoss` the spectrum term does not see the density alone change.

        metric = CrystalMetric(density=1.0)
        loss = MetricLoss(metric, metric.plan(crystals, margin=1.5))
        targets = loss.represent(lattice0, frac0, species, mask)      # once for a data set
        loss(lattice, frac, species, mask, target=targets).mean().backward()

    Args:
        metric: what makes the vectors.
        plan: capacity (`metric.plan`).
        target: what to reach if `forward` is given nothing else: vectors of one crystal or of as
            many as a batch has, from `represent` here or a `Fingerprint`.
        chunk: crystals computed side by side: 1 on a CPU, many or None (all) on a GPU.
        pad_to: length of padded arrays for atoms given with `num_atoms`, default in coarse steps.

    Raises:
        ValueError: a target that the metric has not made.
    """

    def __init__(
        self,
        metric: CrystalMetric,
        plan: MetricPlan,
        target: Vectors | Fingerprint | None = None,
        *,
        chunk: int | None = 1,
        pad_to: int | None = None,
    ):
        super().__init__(chunk, pad_to)
        self.metric, self.plan = metric, plan
        self.target = None if target is None else self._wanted(target)

    def extra_repr(self) -> str:
        return f"{self.metric.specification}, chunk={self.chunk}"

    def _wanted(self, target: Vectors | Fingerprint) -> Vectors:
        if not isinstance(target, Fingerprint):
            return Vectors(*target)
        if target.specification != self.metric.specification:
            raise ValueError(
                f"target: expected a vector of {self.metric.specification}, got one of "
                f"{target.specification}"
            )
        return Vectors(*tensors(target.vector, target.complete))

    def _losses(self, cells: Cells, target: Tensors) -> tuple[torch.Tensor, torch.Tensor]:
        return _losses(cells, target, self.metric, self.plan, self.chunk)

    def _represent(self, cells: Cells) -> Vectors:
        return Vectors(*_vectors(cells, self.metric, self.plan, self.chunk))


@torch_function
def _losses(cells, target, metric, plan, chunk) -> tuple[Array, Array]:
    vector, complete = target
    wanted = Fingerprint(vector, complete, metric.specification)
    return fingerprint_loss(cells, wanted, metric, plan, chunk=chunk)


@torch_function
def _vectors(cells, metric, plan, chunk) -> tuple[Array, Array]:
    found = map_crystals(lambda cell: metric.fingerprint(*cell, plan), cells, chunk=chunk)
    return found.vector, found.complete
