"""`PowderLoss`: dissimilarity of powder patterns as a PyTorch module."""

import jax
import jax.numpy as jnp
import torch
from jaxtyping import Array

from ..crystal import Crystal, map_crystals, per_crystal_loss
from ..diffraction import PowderPattern, ReciprocalPlan, xrd_loss
from ..lattice import Lattice
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
        loss = PowderLoss(pattern, pattern.plan(crystals, margin=1.3))
        loss(lattice, frac, species, mask, target=measured).mean().backward()

    Args:
        pattern: radiation, range and profile; without displacement factors of its own.
        plan: reflections and tables (`pattern.plan`), in the precision of the lattices.
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
        pattern: PowderPattern,
        plan: ReciprocalPlan,
        *,
        width: float | int = 2.0,
        chunk: int | None = 1,
        pad_to: int | None = None,
    ):
        super().__init__(chunk, pad_to)
        if pattern.displacements:
            raise ValueError("pattern: expected none with displacements (see b_overall instead)")
        self.pattern, self.plan, self.width = pattern, plan, float(width)

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
        return _losses(cells, target, self.pattern, self.plan, self.width, self.chunk)

    def _represent(self, cells: Cells) -> Patterns:
        return _patterns(cells, self.pattern, self.plan, self.chunk)


def _crystal(lattice: Array, frac: Array, species: Array, mask: Array) -> Crystal:
    zeros = jnp.zeros(mask.shape, lattice.dtype)
    return Crystal(
        lattice=Lattice(lattice),
        frac_coords=frac,
        atomic_numbers=species,
        occupancies=zeros + 1,
        u_iso=zeros,
        u_aniso=None,
        charges=jnp.zeros_like(species),
        isotopes=jnp.zeros_like(species),
        mask=mask,
    )


@torch_function
def _losses(cells, target, pattern, plan, width, chunk) -> tuple[Array, Array]:
    lattice, frac, species, mask = cells

    def one(smooth, fixed, shared) -> tuple[Array, Array]:
        pattern, plan = shared
        species, mask, (wanted, also) = fixed
        values, complete = pattern.flagged(_crystal(*smooth, species=species, mask=mask), plan)
        complete = complete & also
        # Before the pattern is made, so that a crystal without one has no gradient either.
        values = jnp.where(complete, values, jax.lax.stop_gradient(values))
        loss = xrd_loss(values[None], wanted[None], step=pattern.step, width=width)[0]
        return jnp.where(complete, loss, 0.0), complete

    fixed = (species, mask, target)
    return per_crystal_loss(one, (lattice, frac), fixed, (pattern, plan), chunk=chunk)


@torch_function
def _patterns(cells, pattern, plan, chunk) -> tuple[Array, Array]:
    return map_crystals(lambda cell: pattern.flagged(_crystal(*cell), plan), cells, chunk=chunk)
