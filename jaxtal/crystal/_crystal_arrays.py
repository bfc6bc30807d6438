"""`CrystalArrays`: one crystal or many as arrays that nobody checks, for compiled loops."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ..lattice import Lattice
from ._batch import CrystalBatch
from ._crystal import Crystal
from ._host_atoms import HostAtoms


class CrystalArrays(eqx.Module):
    """One crystal, or many with their axis first, as arrays taken as they are.

    What a loop inside `jit` hands to a plan: making one costs nothing and checks nothing, padding
    may hold anything, and sites may be mixed, with weights in which results are differentiable.

        plan(CrystalArrays(matrix, frac_coords, weights, mask))

    Attributes:
        matrix: lattice vectors as rows, shape (*B, 3, 3), angstrom; either hand.
        frac_coords: fractional coordinates, shape (*B, N, 3).
        species: atomic numbers, shape (*B, N); or how much of each of the plan's `elements` is at
            each site, shape (*B, N, Z).
        mask: True for atoms, shape (*B, N).
    """

    matrix: Float[Array, "*B 3 3"]
    frac_coords: Float[Array, "*B N 3"]
    species: Int[Array, "*B N"] | Float[Array, "*B N Z"]
    mask: Bool[Array, "*B N"]

    @classmethod
    def of_batch(cls, batch: CrystalBatch) -> "CrystalArrays":
        """Take the arrays of a batch."""
        return cls(batch.matrix, batch.frac_coords, batch.atomic_numbers, batch.mask)

    @property
    def mixed(self) -> bool:
        """Whether sites hold weights of elements instead of atomic numbers."""
        return jnp.issubdtype(self.species.dtype, jnp.floating)

    def to_host(self) -> list[HostAtoms]:
        """Copy the crystals to the host; places without atoms are left out.

        Raises:
            ValueError: traced values, weights of elements, or numbers that are not finite.
        """
        if self.mixed:
            raise ValueError("species: expected atomic numbers on the host, got weights")
        arrays = (self.matrix, self.frac_coords, self.species, self.mask)
        if self.matrix.ndim == 2:
            arrays = tuple(x[None] for x in arrays)
        return CrystalBatch(*arrays).to_host()

    def to_crystal(self) -> Crystal:
        """Return one crystal of whole, neutral atoms at rest; pure.

        Raises:
            ValueError: weights of elements.
        """
        if self.mixed:
            raise ValueError(
                "species: expected atomic numbers, got weights of elements, which a plan with "
                'reflections="found" takes'
            )
        numbers = self.species
        nothing = jnp.zeros_like(numbers)
        return Crystal(
            lattice=Lattice(self.matrix),
            frac_coords=self.frac_coords,
            atomic_numbers=numbers,
            occupancies=self.mask.astype(self.matrix.dtype),
            u_iso=jnp.zeros(numbers.shape, self.matrix.dtype),
            u_aniso=None,
            charges=nothing,
            isotopes=nothing,
            mask=self.mask,
        )
