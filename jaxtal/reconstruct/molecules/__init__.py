"""Crystals of molecules whose shapes are known: what varies is how they lie, and their torsions.

Molecules (`Molecule`) are put on Wyckoff positions (`placed`). `Poses` are the coordinates of all
sites as a function of centres, quaternions and torsions, and `MoleculeProblem` is the objective on
these, by the arrays of `SearchProblem` for free atoms.
"""

from ._from_molecules import from_molecules as from_molecules
