"""`PowderLoss`: dissimilarity of powder patterns as a PyTorch module."""

import jax
import jax.numpy as jnp
import torch
from jaxtyping import Array

from ..crystal import CrystalArrays, per_crystal_loss
from ..diffraction import PowderPlan, xrd_loss
from ._arguments import Cells
from ._crystal_loss import CrystalLoss, Tensors
from ._function import torch_function

Patterns = tuple[torch.Tensor, torch.Tensor]
"""Powder patterns (B, n_points), and False for crystals that have outgrown the plan (B,)."""


class PowderLoss(CrystalLoss[Patterns]):
    """1 - similarity of each crystal's powder pattern and a wanted one, in PyTorch.

    `jaxtal.diffraction.xrd_loss` of `PowderPattern`, 0..1, compiled once for each shape of a
    batch. Targets are patterns on `pattern.samples`, shape (B, n_points), or (n_points,) for all
    crystals, of any scale; or what `represent` returns.

        pattern = PowderPattern("CuKa", limits=(10, 80), n_points=701, fwhm=0.5)
        loss = PowderLoss(pattern.plan(crystals, max_stretch=1.3))
        loss(lattice, frac, species, mask, target=measured).mean().backward()

    Args:
        plan: pattern and reflections (`PowderPattern.plan`); without displacement factors.
        width: half the base of the triangle of `pattern_similarity`, in the unit of the axis.
        chunk: crystals computed side by side: 1 on a CPU, many or None (all) on a GPU.
        pad_to: length of padded arrays for atoms given with `num_atoms`, default in coarse steps.

    Raises:
        ValueError: a pattern with displacement factors, which these crystals do not have.

    References:
        R. de Gelder, R. Wehrens & J. A. Hageman, J. Comput. Chem. 22, 273 (2001), eqs. 8-11.
    """

    def __init__(
        self,
        plan: PowderPlan,
        *,
        width: float | int = 2.0,
        chunk: int | None = 1,
        pad_to: int | None = None,
    ):
        super().__init__(chunk, pad_to)
        if plan.specification.displacements:
            raise ValueError("pattern: expected none with displacements (see b_overall instead)")
        self.pattern, self.plan, self.width = plan.specification, plan, float(width)

    def extra_repr(self) -> str:
        return f"{self.pattern.wavelength}, {self.pattern.limits}, width={self.width}"

    def _check(self, cells: Cells) -> None:
        if cells[2].is_floating_point():
            raise ValueError(f"species: expected atomic numbers, got {cells[2].dtype}")

    def _wanted(self, target: torch.Tensor | Patterns) -> Patterns:
        if isinstance(target, torch.Tensor):
            target = target, target.new_ones(target.shape[:-1], dtype=torch.bool)
        values, complete = target
        if values.ndim not in (1, 2) or values.shape[-1] != self.pattern.n_points:
            raise ValueError(
                f"target: expected patterns of {self.pattern.n_points} points, got shape "
                f"{tuple(values.shape)}"
            )
        return values, complete

    def _losses(self, cells: Cells, target: Tensors) -> tuple[torch.Tensor, torch.Tensor]:
        return _losses(cells, target, self.plan, self.width, self.chunk)

    def _represent(self, cells: Cells) -> Patterns:
        return _patterns(cells, self.plan, self.chunk)


@torch_function
def _losses(cells, target, plan, width, chunk) -> tuple[Array, Array]:
    lattice, frac, species, mask = cells

    def one(smooth, fixed, plan) -> tuple[Array, Array]:
        species, mask, (wanted, also) = fixed
        found = plan(CrystalArrays(*smooth, species, mask))
        values, complete = found.intensity, found.complete & also
        # Before the pattern is made, so that a crystal without one has no gradient either.
        values = jnp.where(complete, values, jax.lax.stop_gradient(values))
        loss = xrd_loss(values[None], wanted[None], step=plan.specification.step, width=width)[0]
        return jnp.where(complete, loss, 0.0), complete

    fixed = (species, mask, target)
    return per_crystal_loss(one, (lattice, frac), fixed, plan, chunk=chunk)


@torch_function
def _patterns(cells, plan, chunk) -> tuple[Array, Array]:
    found = plan(CrystalArrays(*cells), chunk=chunk)
    return found.intensity, found.complete
