"""`CrystalLoss`: what the losses of this room have in common as PyTorch modules."""

import abc
from typing import Any, Generic, TypeVar

import jax.numpy as jnp
import torch

from ._arguments import Cells, padded_cells
from ._convert import to_torch

Tensors = tuple[torch.Tensor, ...]
#: What a loss compares: tensors with the batch first, the last of them `complete`.
Represented = TypeVar("Represented", bound=Tensors)


class CrystalLoss(torch.nn.Module, abc.ABC, Generic[Represented]):
    """Loss of each crystal of a batch against its target, in PyTorch; abstract.

    Compiled once for each shape of a batch; the gradient is found beside the value whenever one is
    needed. Every such loss is called in the same way:

        targets = loss.represent(lattice0, frac0, species, mask)      # once for a data set
        value = loss(lattice, frac, species, mask, target=targets)    # (B,)

    Args:
        chunk: crystals computed side by side: 1 on a CPU, many or None (all) on a GPU.
        pad_to: length of padded arrays for atoms given with `num_atoms`, default in coarse steps.
    """

    #: What to reach if `forward` is given nothing else.
    target: Represented | None = None

    def __init__(self, chunk: int | None, pad_to: int | None):
        super().__init__()
        self.chunk, self.pad_to = chunk, pad_to

    def forward(
        self,
        lattice: torch.Tensor,
        frac: torch.Tensor,
        species: torch.Tensor,
        mask: torch.Tensor | None = None,
        target: Any = None,
        *,
        num_atoms: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Losses, shape (B,), dimensionless; 0 with gradient 0 for incomplete crystals.

        Args:
            lattice: rows a, b, c, shape (B, 3, 3), angstrom.
            frac: fractional coordinates, shape (B, N, 3); or with `num_atoms`, (sum N, 3).
            species: atomic numbers (B, N), or weights of the plan's elements (B, N, Z), in which
                the loss is differentiable (not the `PowderLoss`, which takes numbers alone); or
                with `num_atoms`, (sum N,) or (sum N, Z).
            mask: True for atoms, shape (B, N), default all.
            target: what to reach, for B crystals or for one, from `represent` or as the loss says;
                not differentiated.
            num_atoms: atoms of each crystal, shape (B,), instead of `mask`.

        Raises:
            ValueError: no target, one that is not of this kind, shapes or types that contradict
                each other or the plan, or as `to_jax`.
        """
        return self.flagged(lattice, frac, species, mask, target, num_atoms=num_atoms)[0]

    def flagged(
        self,
        lattice: torch.Tensor,
        frac: torch.Tensor,
        species: torch.Tensor,
        mask: torch.Tensor | None = None,
        target: Any = None,
        *,
        num_atoms: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Losses as `forward` has them, and False for the crystals that have none, shape (B,)."""
        cells = self._cells(lattice, frac, species, mask, num_atoms)
        wanted = self.target if target is None else self._wanted(target)
        if wanted is None:
            raise ValueError("target: expected what to reach, got none")
        return self._losses(cells, _of_batch(wanted, cells[0]))

    def represent(
        self,
        lattice: torch.Tensor,
        frac: torch.Tensor,
        species: torch.Tensor,
        mask: torch.Tensor | None = None,
        *,
        num_atoms: torch.Tensor | None = None,
    ) -> Represented:
        """What the loss compares (arguments as `forward`), differentiable; a batch of targets."""
        return self._represent(self._cells(lattice, frac, species, mask, num_atoms))

    def _cells(self, lattice, frac, species, mask, num_atoms) -> Cells:
        cells = padded_cells(lattice, frac, species, mask, num_atoms, self.pad_to)
        self._check(cells)
        return cells

    def _check(self, cells: Cells) -> None:
        """Refuse cells that the loss cannot treat."""
        return

    @abc.abstractmethod
    def _wanted(self, target: Any) -> Represented:
        """A target as tensors; those of one crystal may lack the batch axis."""

    @abc.abstractmethod
    def _losses(self, cells: Cells, target: Tensors) -> tuple[torch.Tensor, torch.Tensor]:
        """Losses and flags against one target for each crystal."""

    @abc.abstractmethod
    def _represent(self, cells: Cells) -> Represented:
        """What is compared."""


def tensors(*arrays: Any) -> Tensors:
    """Arrays of JAX or NumPy as tensors."""
    return tuple(to_torch(jnp.asarray(x), copy=True) for x in arrays)


def _of_batch(target: Tensors, lattice: torch.Tensor) -> Tensors:
    """A target on the device and in the precision of the lattices, one for each of them."""
    n = len(lattice)
    *values, complete = (x.detach().to(lattice.device) for x in target)
    target = (*(x.to(lattice.dtype) for x in values), complete)
    if values[-1].ndim == 1:
        target = (*(x[None] for x in target[:-1]), complete.reshape(1))
    if {len(x) for x in target} == {1}:
        target = tuple(x.expand(n, *x.shape[1:]) for x in target)
    if {len(x) for x in target} != {n}:
        found = ", ".join(str(tuple(x.shape)) for x in target)
        raise ValueError(f"target: expected that of {n} crystals or of one, got shapes {found}")
    return target
