"""ASE `Atoms` in and out."""

from typing import TYPE_CHECKING, Any

from ..crystal import Crystal, WyckoffCrystal

if TYPE_CHECKING:
    from ase import Atoms


def from_ase(atoms: "Atoms", symprec: float = 1e-3, *, dtype: Any = None) -> WyckoffCrystal:
    """Symmetric crystal of ASE `Atoms`, the symmetry found by spglib (standard setting).

    Args:
        atoms: a periodic cell; see `Crystal.from_ase` for the arrays that are read.
        symprec: distance tolerance, angstrom.
        dtype: floating-point type, default JAX's current one.

    Raises:
        ValueError: no cell, bad atoms, or no symmetry at this tolerance.
    """
    return WyckoffCrystal.from_ase(atoms, symprec=symprec, dtype=dtype)


def crystal_from_ase(atoms: "Atoms", *, dtype: Any = None) -> Crystal:
    """P1 content of ASE `Atoms`, on their own axes; see `Crystal.from_ase`."""
    return Crystal.from_ase(atoms, dtype=dtype)


def to_ase(crystal: Crystal | WyckoffCrystal) -> "Atoms":
    """ASE `Atoms` with occupancies and displacements; see `Crystal.to_ase`."""
    return crystal.to_ase()
