"""A molecule: atoms in space, and the bonds about which parts of it turn."""

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from ..._core import check_finite, host_array
from ._connectivity import bonds, reached, relative_distances, rotatable, turns


@dataclasses.dataclass(frozen=True)
class Molecule:
    """Atoms in space, and the bonds about which parts of it turn.

    Attributes:
        numbers: atomic numbers, shape (N,).
        positions: shape (N, 3), angstrom, the mean at the origin.
        bonded: which atoms are bonded, shape (N, N).
        torsions: bonds (b, c) about which it turns.
    """

    numbers: Int[np.ndarray, " N"]
    positions: Float[np.ndarray, "N 3"]
    bonded: Bool[np.ndarray, "N N"]
    torsions: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, atoms: Any, torsions: Any = (), name: str = "molecule") -> "Molecule":
        """Take the atoms of ASE `Atoms`, whatever cell they are in.

        Args:
            atoms: one molecule in one piece.
            torsions: quadruples (a, b, c, d) of atoms, counted from 0, whose torsion about b-c is
                free; or "find" for all single bonds that are in no ring and turn more than
                hydrogen.
            name: what messages call it.

        Raises:
            ValueError: no atoms, several pieces, or torsions that it lacks.
        """
        if not (hasattr(atoms, "numbers") and hasattr(atoms, "positions")):
            raise ValueError(f"{name}: expected ASE Atoms, got {type(atoms).__name__}")
        numbers = np.array(atoms.numbers, int)
        positions = host_array(atoms.positions, name)
        if not len(numbers):
            raise ValueError(f"{name}: expected atoms, got none")
        check_finite(positions, name)
        if numbers.min() < 1:
            raise ValueError(f"{name}: expected elements, got atom {int(numbers.argmin())} of none")
        positions = positions - positions.mean(axis=0)
        relative = relative_distances(numbers, positions)
        bonded = bonds(relative)
        inside = reached(bonded, 0)
        if not inside.all():
            raise ValueError(
                f"{name}: expected one molecule, got atom {int(inside.argmin())} without any bonds "
                "that lead to atom 0 (give each molecule by itself, not folded into a cell)"
            )
        if isinstance(torsions, str):
            if torsions != "find":
                raise ValueError(f"{name}: expected quadruples or 'find', got {torsions!r}")
            axes = rotatable(relative, numbers, positions)
        else:
            axes = [_axis(bonded, positions, torsion, name) for torsion in torsions]
        if len({frozenset(axis) for axis in axes}) < len(axes):
            raise ValueError(f"{name}: expected one torsion for each bond, got {list(torsions)}")
        return cls(numbers, positions, bonded, tuple(axes))

    def side(self, b: int, c: int) -> Bool[np.ndarray, " N"]:
        """The atoms beyond a bond, on the side of c."""
        return reached(self.bonded, c, (b, c))


def _axis(bonded: np.ndarray, positions: np.ndarray, torsion: Any, name: str) -> tuple[int, int]:
    """The bond of a torsion.

    Raises:
        ValueError: no torsion of this molecule, or one that nothing can turn.
    """
    told = f"{name}: torsion {torsion}"
    is_quadruple = isinstance(torsion, Sequence | np.ndarray) and len(torsion) == 4
    atoms = [int(i) for i in torsion] if is_quadruple else []
    if len(set(atoms)) < 4 or min(atoms) < 0 or max(atoms) >= len(bonded):
        raise ValueError(f"{told}: expected four different atoms of 0 to {len(bonded) - 1}")
    for i, j in itertools.pairwise(atoms):
        if not bonded[i, j]:
            raise ValueError(f"{told}: expected bonds between neighbours, got none of {i} and {j}")
    b, c = atoms[1:3]
    moved = reached(bonded, c, (b, c))
    if moved[b]:
        raise ValueError(f"{told}: expected a bond in no ring, got {b}-{c} in one")
    if not turns(positions, moved, b, c) or not turns(positions, ~moved, b, c):
        raise ValueError(f"{told}: expected a part to turn, got atoms on the axis {b}-{c} alone")
    return b, c
