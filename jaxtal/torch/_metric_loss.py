"""`MetricLoss`: the distance of crystals in a metric as a PyTorch module."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import torch
from jaxtyping import Array

from ..descriptors import CrystalMetric, Fingerprint, MetricPlan
from ._arguments import Cells, padded_cells
from ._convert import to_torch
from ._function import torch_function
from ._per_crystal import map_crystals, per_crystal


class Vectors(NamedTuple):
    """Fingerprints of B crystals as tensors.

    Attributes:
        vector: shape (B, D), dimensionless.
        complete: shape (B,); False if the crystal has outgrown the plan.
    """

    vector: torch.Tensor
    complete: torch.Tensor


class MetricLoss(torch.nn.Module):
    """Squared distance of each crystal of a batch from its target in a `CrystalMetric`, in PyTorch.

        L = |v - v0|^2

    Compiled once for each shape of a batch; the gradient is computed with the value whenever one
    is needed. Unlike `DescriptorLoss` the spectrum term does not see the density alone change.

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
        super().__init__()
        self.metric, self.plan, self.chunk, self.pad_to = metric, plan, chunk, pad_to
        self.target = None if target is None else self._vectors(target)

    def forward(
        self,
        lattice: torch.Tensor,
        frac: torch.Tensor,
        species: torch.Tensor,
        mask: torch.Tensor | None = None,
        target: Vectors | Fingerprint | None = None,
        *,
        num_atoms: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Losses, shape (B,), dimensionless; 0 with gradient 0 for incomplete crystals.

        Args:
            lattice: rows a, b, c, shape (B, 3, 3), angstrom.
            frac: fractional coordinates, shape (B, N, 3); or with `num_atoms`, (sum N, 3).
            species: atomic numbers (B, N), or weights of the plan's elements (B, N, E), in which
                the loss is differentiable; or with `num_atoms`, (sum N,) or (sum N, E).
            mask: True for atoms, shape (B, N), default all.
            target: vectors to reach, of B crystals or of one; not differentiated.
            num_atoms: atoms of each crystal, shape (B,), instead of `mask`.

        Raises:
            ValueError: no target, one that the metric has not made, shapes or types that
                contradict each other, or as `to_jax`.
        """
        return self.flagged(lattice, frac, species, mask, target, num_atoms=num_atoms)[0]

    def flagged(
        self,
        lattice: torch.Tensor,
        frac: torch.Tensor,
        species: torch.Tensor,
        mask: torch.Tensor | None = None,
        target: Vectors | Fingerprint | None = None,
        *,
        num_atoms: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Losses as `forward` has them, and False for the crystals that have none, shape (B,)."""
        wanted = self.target if target is None else self._vectors(target)
        if wanted is None:
            raise ValueError("target: expected vectors here or when the loss was made, got none")
        cells = self._cells(lattice, frac, species, mask, num_atoms)
        vectors = _of_batch(wanted, cells[0])
        return _losses(cells, tuple(vectors), self.metric, self.plan, self.chunk)

    def represent(
        self,
        lattice: torch.Tensor,
        frac: torch.Tensor,
        species: torch.Tensor,
        mask: torch.Tensor | None = None,
        *,
        num_atoms: torch.Tensor | None = None,
    ) -> Vectors:
        """Vectors of a batch (arguments as `forward`), differentiable; a batch of targets."""
        cells = self._cells(lattice, frac, species, mask, num_atoms)
        return Vectors(*_vectors(cells, self.metric, self.plan, self.chunk))

    def _cells(self, lattice, frac, species, mask, num_atoms) -> Cells:
        return padded_cells(lattice, frac, species, mask, num_atoms, self.pad_to)

    def _vectors(self, target: Vectors | Fingerprint) -> Vectors:
        if not isinstance(target, Fingerprint):
            return Vectors(*target)
        if target.specification != self.metric.specification:
            raise ValueError(
                f"target: expected a vector of {self.metric.specification}, got one of "
                f"{target.specification}"
            )
        parts = (target.vector, target.complete)
        return Vectors(*(to_torch(jnp.asarray(x), copy=True) for x in parts))

    def extra_repr(self) -> str:
        return f"{self.metric.specification}, chunk={self.chunk}"


def _of_batch(target: Vectors, lattice: torch.Tensor) -> Vectors:
    """Vectors on the device and in the precision of the lattices, one for each of them."""
    vector, complete = (x.detach().to(lattice.device) for x in target)
    vector = torch.atleast_2d(vector.to(lattice.dtype))
    complete = torch.atleast_1d(complete)
    n = len(lattice)
    if len(vector) == 1 and n != 1:
        vector, complete = vector.expand(n, -1), complete.expand(n)
    if not (len(vector) == len(complete) == n):
        raise ValueError(f"target: expected vectors of {n} crystals or of one, got {len(vector)}")
    return Vectors(vector, complete)


@torch_function
def _losses(cells, target, metric, plan, chunk) -> tuple[Array, Array]:
    smooth, fixed = eqx.partition(cells, eqx.is_inexact_array)

    def one(smooth, fixed, shared) -> tuple[Array, Array]:
        (metric, plan), (cell, (wanted, also)) = shared, fixed
        lattice, frac, species, mask = eqx.combine(smooth, cell)
        found = metric.fingerprint(lattice, frac, species, mask, plan)
        if found.vector.shape != wanted.shape:
            raise ValueError(
                f"target: expected vectors of shape {found.vector.shape}, got {wanted.shape}"
            )
        complete = found.complete & also
        difference = jnp.where(complete, found.vector - wanted, 0.0)
        return jnp.sum(difference * difference), complete

    return per_crystal(one, smooth, (fixed, target), (metric, plan), chunk)


@torch_function
def _vectors(cells, metric, plan, chunk) -> tuple[Array, Array]:
    def one(cell) -> tuple[Array, Array]:
        lattice, frac, species, mask = cell
        found = metric.fingerprint(lattice, frac, species, mask, plan)
        return found.vector, found.complete

    # Reverse mode would otherwise keep every intermediate of every crystal.
    return map_crystals(jax.checkpoint(one), cells, chunk)
