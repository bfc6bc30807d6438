"""`DescriptorLoss`: the mismatch of descriptors as a PyTorch module."""

from typing import NamedTuple

import equinox as eqx
import jax
import torch
from jaxtyping import Array

from ..descriptors import Description, RepresentPlan, descriptor_loss, represent
from ._arguments import Cells, padded_cells
from ._convert import to_torch
from ._function import torch_function
from ._per_crystal import map_crystals, per_crystal


class Spectra(NamedTuple):
    """Descriptions of B crystals as tensors.

    Attributes:
        power_spectrum: P_nl, shape (B, n_max, l_max + 1).
        rdf: reciprocal radial distribution, shape (B, n_bins), dimensionless.
        complete: shape (B,); False if the plan does not serve the crystal (see `represent`).
    """

    power_spectrum: torch.Tensor
    rdf: torch.Tensor
    complete: torch.Tensor


class DescriptorLoss(torch.nn.Module):
    """Relative squared mismatch of each crystal of a batch with its target, in PyTorch.

        L = w_P |P - P0|^2 / |P0|^2 + w_G |G - G0|^2 / |G0|^2

    `jaxtal.descriptors.descriptor_loss`, compiled once for each shape of a batch. The gradient is
    computed with the value whenever one is needed.

        loss = DescriptorLoss(plan)
        targets = loss.represent(lattice0, frac0, species, mask)      # once for a data set
        loss(lattice, frac, species, mask, target=targets).mean().backward()

    Args:
        plan: capacity and tables (`RepresentPlan`), in the precision of the lattices.
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
        plan: RepresentPlan,
        target: Spectra | Description | None = None,
        *,
        weights: tuple[float | int, float | int] = (1.0, 1.0),
        chunk: int | None = 1,
        pad_to: int | None = None,
    ):
        super().__init__()
        self.plan, self.weights, self.chunk, self.pad_to = plan, tuple(weights), chunk, pad_to
        self.target = None if target is None else _tensors(target)

    def forward(
        self,
        lattice: torch.Tensor,
        frac: torch.Tensor,
        species: torch.Tensor,
        mask: torch.Tensor | None = None,
        target: Spectra | Description | None = None,
        *,
        num_atoms: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Losses, shape (B,), dimensionless; 0 with gradient 0 for incomplete crystals.

        Args:
            lattice: rows a, b, c, shape (B, 3, 3), angstrom.
            frac: fractional coordinates, shape (B, N, 3); or with `num_atoms`, (sum N, 3).
            species: atomic numbers (B, N), or weights of `plan.elements` (B, N, Z), in which the
                loss is differentiable; or with `num_atoms`, (sum N,) or (sum N, Z).
            mask: True for atoms, shape (B, N), default all.
            target: spectra to reach, of B crystals or of one; not differentiated.
            num_atoms: atoms of each crystal, shape (B,), instead of `mask`.

        Raises:
            ValueError: no target, shapes or types that contradict each other or the plan, or as
                `to_jax`.
        """
        return self.flagged(lattice, frac, species, mask, target, num_atoms=num_atoms)[0]

    def flagged(
        self,
        lattice: torch.Tensor,
        frac: torch.Tensor,
        species: torch.Tensor,
        mask: torch.Tensor | None = None,
        target: Spectra | Description | None = None,
        *,
        num_atoms: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Losses as `forward` has them, and False for the crystals that have none, shape (B,)."""
        wanted = self.target if target is None else _tensors(target)
        if wanted is None:
            raise ValueError("target: expected spectra here or when the loss was made, got none")
        cells = self._cells(lattice, frac, species, mask, num_atoms)
        spectra = _of_batch(wanted, cells[0])
        return _losses(cells, tuple(spectra), self.plan, self.weights, self.chunk)

    def represent(
        self,
        lattice: torch.Tensor,
        frac: torch.Tensor,
        species: torch.Tensor,
        mask: torch.Tensor | None = None,
        *,
        num_atoms: torch.Tensor | None = None,
    ) -> Spectra:
        """Spectra of a batch (arguments as `forward`), differentiable; a batch of targets."""
        cells = self._cells(lattice, frac, species, mask, num_atoms)
        return Spectra(*_spectra(cells, self.plan, self.chunk))

    def _cells(self, lattice, frac, species, mask, num_atoms) -> Cells:
        cells = padded_cells(lattice, frac, species, mask, num_atoms, self.pad_to)
        own = str(self.plan.form_factors.c.dtype)
        if str(cells[0].dtype) != f"torch.{own}":
            raise ValueError(
                f"lattice: expected {own}, the type of the plan, got {cells[0].dtype}: make the "
                "plan with `dtype`, or convert the tensors"
            )
        return cells

    def extra_repr(self) -> str:
        return f"weights={self.weights}, chunk={self.chunk}, bounds={self.plan.bounds}"


def _tensors(target: Spectra | Description) -> Spectra:
    if isinstance(target, Description):
        parts = (target.power_spectrum, target.rdf, target.complete)
        return Spectra(*(to_torch(x, copy=True) for x in parts))
    return Spectra(*target)


def _of_batch(target: Spectra, lattice: torch.Tensor) -> Spectra:
    """Spectra on the device and in the precision of the lattices, one for each of them."""
    P, G, complete = (x.detach().to(lattice.device) for x in target)
    P, G = P.to(lattice.dtype), G.to(lattice.dtype)
    if G.ndim == 1:
        P, G, complete = P[None], G[None], complete.reshape(1)
    n = len(lattice)
    if len(G) == 1 and n != 1:
        P, G, complete = (x.expand(n, *x.shape[1:]) for x in (P, G, complete))
    if not (len(P) == len(G) == len(complete) == n):
        raise ValueError(f"target: expected spectra of {n} crystals or of one, got {len(G)}")
    return Spectra(P, G, complete)


@torch_function
def _losses(cells, target, plan, weights, chunk) -> tuple[Array, Array]:
    smooth, fixed = eqx.partition(cells, eqx.is_inexact_array)

    def one(smooth, fixed, plan) -> tuple[Array, Array]:
        cell, (P, G, complete) = fixed
        lattice, frac, species, mask = eqx.combine(smooth, cell)
        found = represent(lattice, frac, species, mask, plan)
        wanted = Description(P, G, complete, found.specification)
        return descriptor_loss(found, wanted, weights), found.complete & complete

    return per_crystal(one, smooth, (fixed, target), plan, chunk)


@torch_function
def _spectra(cells, plan, chunk) -> tuple[Array, Array, Array]:
    def one(cell) -> Description:
        lattice, frac, species, mask = cell
        return represent(lattice, frac, species, mask, plan)

    # Reverse mode would otherwise keep every intermediate of every crystal.
    found = map_crystals(jax.checkpoint(one), cells, chunk)
    return found.power_spectrum, found.rdf, found.complete
