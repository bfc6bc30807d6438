"""`DescriptorLoss`: the mismatch of descriptors as a PyTorch module."""

from typing import NamedTuple

import jax
import torch
from jaxtyping import Array

from ..crystal import CrystalArrays
from ..descriptors import Description, DescriptorPlan
from ..losses import represent_loss
from ._arguments import Cells
from ._crystal_loss import CrystalLoss, Tensors, tensors
from ._function import torch_function


class Spectra(NamedTuple):
    """Descriptions of B crystals as tensors.

    Attributes:
        power_spectrum: P_nl, shape (B, n_max, l_max + 1).
        rdf: reciprocal radial distribution, shape (B, n_bins), dimensionless.
        complete: shape (B,); False if the plan does not serve the crystal .
    """

    power_spectrum: torch.Tensor
    rdf: torch.Tensor
    complete: torch.Tensor


class DescriptorLoss(CrystalLoss[Spectra]):
    """Relative squared mismatch of each crystal of a batch with its target, in PyTorch.

        L = w_P |P - P0|^2 / |P0|^2 + w_G |G - G0|^2 / |G0|^2

    `jaxtal.losses.represent_loss`, compiled once for each shape of a batch:

        loss = DescriptorLoss(plan)
        targets = loss.represent(lattice0, frac0, species, mask)      # once for a data set
        loss(lattice, frac, species, mask, target=targets).mean().backward()

    Args:
        plan: capacity and tables (`DescriptorPlan`), in the precision of the lattices.
        target: what to reach if `forward` is given nothing else: spectra of one crystal or of as
            many as a batch has, from `represent` here or a `Description`.
        weights: w_P and w_G, dimensionless.
        chunk: crystals computed side by side: 1 on a CPU, many or None (all) on a GPU.
        pad_to: length of padded arrays for atoms given with `num_atoms`, default in coarse steps.

    References:
        O. G. Ridwan et al., "Crystal Representation in the Reciprocal Space" (2026), eq. 18.
    """

    def __init__(
        self,
        plan: DescriptorPlan,
        target: Spectra | Description | None = None,
        *,
        weights: tuple[float | int, float | int] = (1.0, 1.0),
        chunk: int | None = 1,
        pad_to: int | None = None,
    ):
        super().__init__(chunk, pad_to)
        self.plan, self.weights = plan, tuple(weights)
        self.target = None if target is None else self._wanted(target)

    def extra_repr(self) -> str:
        return f"weights={self.weights}, chunk={self.chunk}"

    def _check(self, cells: Cells) -> None:
        own = str(self.plan.reflections.form_factors.c.dtype)
        if str(cells[0].dtype) != f"torch.{own}":
            raise ValueError(
                f"lattice: expected {own}, the type of the plan, got {cells[0].dtype}: make the "
                "plan with `dtype`, or convert the tensors"
            )

    def _wanted(self, target: Spectra | Description) -> Spectra:
        if isinstance(target, Description):
            target = Spectra(*tensors(target.power_spectrum, target.rdf, target.complete))
        return Spectra(*target)

    def _losses(self, cells: Cells, target: Tensors) -> tuple[torch.Tensor, torch.Tensor]:
        return _losses(cells, target, self.plan, self.weights, self.chunk)

    def _represent(self, cells: Cells) -> Spectra:
        return Spectra(*_spectra(cells, self.plan, self.chunk))


@torch_function
def _losses(cells, target, plan, weights, chunk) -> tuple[Array, Array]:
    wanted = jax.vmap(Description)(*target)
    return represent_loss(CrystalArrays(*cells), wanted, plan, weights=weights, chunk=chunk)


@torch_function
def _spectra(cells, plan, chunk) -> tuple[Array, Array, Array]:
    found = plan(CrystalArrays(*cells), chunk=chunk)
    return found.power_spectrum, found.rdf, found.complete
