"""`PowderLoss`: dissimilarity of powder patterns as a PyTorch module."""

import jax
import jax.numpy as jnp
import torch
from jaxtyping import Array

from ..crystal import Crystal
from ..diffraction import PowderPattern, ReciprocalPlan, xrd_loss
from ..lattice import Lattice
from ._arguments import Cells, padded_cells
from ._function import torch_function
from ._per_crystal import map_crystals, per_crystal


class PowderLoss(torch.nn.Module):
    """1 - similarity of each crystal's powder pattern and a wanted one, in PyTorch.

    `jaxtal.diffraction.xrd_loss` of `PowderPattern`, compiled once for each shape of a batch.

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
        super().__init__()
        if pattern.displacements:
            raise ValueError("pattern: expected none with displacements (see b_overall instead)")
        self.pattern, self.plan, self.width = pattern, plan, float(width)
        self.chunk, self.pad_to = chunk, pad_to

    def forward(
        self,
        lattice: torch.Tensor,
        frac: torch.Tensor,
        species: torch.Tensor,
        mask: torch.Tensor | None = None,
        target: torch.Tensor | None = None,
        *,
        num_atoms: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Losses 0..1, shape (B,); 0 with gradient 0 for crystals that have outgrown the plan.

        Args:
            lattice: rows a, b, c, shape (B, 3, 3), angstrom.
            frac: fractional coordinates, shape (B, N, 3); or with `num_atoms`, (sum N, 3).
            species: atomic numbers, shape (B, N); or with `num_atoms`, (sum N,).
            mask: True for atoms, shape (B, N), default all.
            target: patterns on `pattern.samples`, shape (B, n_points), or (n_points,) for all
                crystals; of any scale, not differentiated.
            num_atoms: atoms of each crystal, shape (B,), instead of `mask`.

        Raises:
            ValueError: no target, shapes or types that contradict each other or the plan, species
                weights, or as `to_jax`.
        """
        return self.flagged(lattice, frac, species, mask, target, num_atoms=num_atoms)[0]

    def flagged(
        self,
        lattice: torch.Tensor,
        frac: torch.Tensor,
        species: torch.Tensor,
        mask: torch.Tensor | None = None,
        target: torch.Tensor | None = None,
        *,
        num_atoms: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Losses as `forward` has them, and False for the crystals that have none, shape (B,)."""
        cells = self._cells(lattice, frac, species, mask, num_atoms)
        n, points = len(lattice), self.pattern.n_points
        if target is None or tuple(target.shape) not in ((points,), (n, points)):
            found = None if target is None else tuple(target.shape)
            raise ValueError(f"target: expected patterns of shape ({n}, {points}), got {found}")
        wanted = target.detach().to(cells[0]).expand(n, points)
        return _losses(cells, wanted, self.pattern, self.plan, self.width, self.chunk)

    def patterns(
        self,
        lattice: torch.Tensor,
        frac: torch.Tensor,
        species: torch.Tensor,
        mask: torch.Tensor | None = None,
        *,
        num_atoms: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Patterns (B, n_points), differentiable, and False for incomplete ones, shape (B,)."""
        cells = self._cells(lattice, frac, species, mask, num_atoms)
        return _patterns(cells, self.pattern, self.plan, self.chunk)

    def _cells(self, lattice, frac, species, mask, num_atoms) -> Cells:
        if species.is_floating_point():
            raise ValueError(f"species: expected atomic numbers, got {species.dtype}")
        return padded_cells(lattice, frac, species, mask, num_atoms, self.pad_to)

    def extra_repr(self) -> str:
        return f"{self.pattern.wavelength}, {self.pattern.limits}, width={self.width}"


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
        (lattice, frac), (species, mask, wanted) = smooth, fixed
        values, complete = pattern.flagged(_crystal(lattice, frac, species, mask), plan)
        # Before the pattern is made, so that a crystal without one has no gradient either.
        values = jnp.where(complete, values, jax.lax.stop_gradient(values))
        loss = xrd_loss(values[None], wanted[None], step=pattern.step, width=width)[0]
        return jnp.where(complete, loss, 0.0), complete

    return per_crystal(one, (lattice, frac), (species, mask, target), (pattern, plan), chunk)


@torch_function
def _patterns(cells, pattern, plan, chunk) -> tuple[Array, Array]:
    def one(cell) -> tuple[Array, Array]:
        lattice, frac, species, mask = cell
        return pattern.flagged(_crystal(lattice, frac, species, mask), plan)

    return map_crystals(jax.checkpoint(one), cells, chunk)
