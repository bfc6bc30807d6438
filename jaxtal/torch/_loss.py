"""`Loss`: any loss of `jaxtal.losses` as a PyTorch module."""

from typing import Any

import jax
import jax.numpy as jnp
import torch

from ..crystal import CrystalArrays
from ..losses import AbstractLoss
from ._arguments import padded_cells
from ._convert import to_torch
from ._function import torch_function


class Loss(torch.nn.Module):
    """Loss of each crystal of a batch against its target, in PyTorch.

    Wraps a loss of `jaxtal.losses`, compiled once for each shape of a batch; the gradient is found
    beside the value whenever one is needed.

        loss = Loss(jaxtal.losses.MetricLoss(crystals, max_stretch=1.5))
        targets = loss.represent(lattice0, frac_coords0, atomic_numbers, mask)    # once
        values = loss(lattice, frac_coords, atomic_numbers, mask, target=targets[rows])
        values.mean().backward()

    Args:
        loss: `MetricLoss`, `PowderLoss`, `PowerSpectrumLoss`, or another; it says what becomes of
            crystals that do not fit its plan, and what targets may be.
        target: what to reach if `forward` is given nothing else, for one crystal or for as many as
            a batch has.
        pad_to: length of padded arrays for atoms given with `num_atoms`, default in coarse steps.
    """

    def __init__(self, loss: AbstractLoss, target: Any = None, *, pad_to: int | None = None):
        super().__init__()
        if not isinstance(loss, AbstractLoss):
            raise ValueError(f"loss: expected one of jaxtal.losses, got {type(loss).__name__}")
        self.loss, self.pad_to = loss, pad_to
        self.target = None if target is None else _arrays_to_tensors(target)

    def extra_repr(self) -> str:
        """Print what is wrapped."""
        loss = self.loss
        return f"{type(loss).__name__}({loss.plan.specification!r}, outgrown={loss.outgrown!r})"

    def forward(
        self,
        lattice: torch.Tensor,
        frac_coords: torch.Tensor,
        atomic_numbers: torch.Tensor,
        mask: torch.Tensor | None = None,
        target: Any = None,
        *,
        num_atoms: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return the losses, shape (B,), dimensionless, at least in single precision.

        Args:
            lattice: rows a, b, c, shape (B, 3, 3), angstrom.
            frac_coords: fractional coordinates, shape (B, N, 3); or with `num_atoms`, (sum N, 3).
            atomic_numbers: shape (B, N); or weights of the plan's elements (B, N, Z), in which the
                loss is differentiable; or with `num_atoms`, (sum N,) or (sum N, Z).
            mask: True for atoms, shape (B, N), default all.
            target: what to reach, for B crystals or for one: from `represent`, or as the loss
                takes it; not differentiated.
            num_atoms: atoms of each crystal, shape (B,), instead of `mask`.

        Raises:
            ValueError: no target, one that is not of this kind, shapes that contradict each other
                or the plan, or as `to_jax`.
        """
        cells = (lattice, frac_coords, atomic_numbers, mask)
        return self.flagged(*cells, target, num_atoms=num_atoms)[0]

    def flagged(
        self,
        lattice: torch.Tensor,
        frac_coords: torch.Tensor,
        atomic_numbers: torch.Tensor,
        mask: torch.Tensor | None = None,
        target: Any = None,
        *,
        num_atoms: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the losses, and whether they count: False for crystals that do not fit, (B,)."""
        cells = padded_cells(lattice, frac_coords, atomic_numbers, mask, num_atoms, self.pad_to)
        wanted = self.target if target is None else _arrays_to_tensors(target)
        if wanted is None:
            raise ValueError("target: expected what to reach, got none")
        wanted = jax.tree.map(lambda x: x.detach().to(lattice.device), wanted)
        return _losses(self.loss, cells, wanted)

    def represent(
        self,
        lattice: torch.Tensor,
        frac_coords: torch.Tensor,
        atomic_numbers: torch.Tensor,
        mask: torch.Tensor | None = None,
        *,
        num_atoms: torch.Tensor | None = None,
    ) -> Any:
        """Return what the loss compares, with tensors in place of arrays; `[rows]` takes some.

        Arguments as `forward`; differentiable.
        """
        cells = padded_cells(lattice, frac_coords, atomic_numbers, mask, num_atoms, self.pad_to)
        return _represented(self.loss, cells)


def _arrays_to_tensors(target: Any) -> Any:
    """A target whose arrays, of JAX or NumPy, are tensors."""

    def tensor(x: Any) -> torch.Tensor:
        return x if isinstance(x, torch.Tensor) else to_torch(jnp.asarray(x), copy=True)

    return jax.tree.map(tensor, target)


# Called with tensors, `cells` are traced arrays in the body.
@torch_function
def _losses(loss: AbstractLoss, cells: Any, target: Any) -> Any:
    return loss(CrystalArrays(*cells), target)


@torch_function
def _represented(loss: AbstractLoss, cells: Any) -> Any:
    return loss.represent(CrystalArrays(*cells))
