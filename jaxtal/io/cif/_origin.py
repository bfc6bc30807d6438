"""Which of two origins the atoms of a CIF refer to, where its symbol doesn't say."""

import collections

import numpy as np

from ...symmetry import SpaceGroup
from ._atoms import CifAtoms
from ._symmetry import StatedGroup


def group_of_atoms(stated: StatedGroup, atoms: CifAtoms, matrix: np.ndarray) -> SpaceGroup:
    """The group with the origin that fits what the file states about its atoms.

    Stated multiplicities and Wyckoff letters decide, then the formula and the number of formula
    units; where neither does, the origin is that of International Tables' choice 2.

    Args:
        stated: the group, and the same with its other origin.
        atoms: of the asymmetric unit.
        matrix: the cell, rows in angstrom.
    """
    if stated.other is None:
        return stated.group
    usual, other = (_misfits(group, atoms, matrix) for group in (stated.group, stated.other))
    return stated.other if other < usual else stated.group


def _misfits(group: SpaceGroup, atoms: CifAtoms, matrix: np.ndarray) -> tuple[int, bool]:
    """How many atoms contradict what is stated of them, and whether the cell's content does."""
    wrong, content = 0, collections.Counter[int]()
    rows = zip(atoms.frac, atoms.multiplicities, atoms.letters, strict=True)
    for (x, multiplicity, letter), species, occupancy in zip(
        rows, atoms.species, atoms.occupancies, strict=True
    ):
        position, _ = group.locate(x, matrix, 0.02)
        said = letter.lstrip("0123456789")
        wrong += (multiplicity is not None and multiplicity != position.multiplicity) or (
            bool(said) and said != position.letter
        )
        content[species[0]] += position.multiplicity * occupancy
    stated = {z: n for z, n in atoms.content.items() if z in content}
    return wrong, any(abs(content[z] - n) > 0.02 * n for z, n in stated.items())
