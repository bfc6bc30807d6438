"""Which atoms of a molecule are bonded, and what turns about a bond."""

import numpy as np
from jaxtyping import Bool, Float, Int

#: Atoms are bonded within so many times the sum of their covalent radii.
_BONDED = 1.25
#: Shorter bonds, in the same unit, are double ones or like them, and do not turn.
_DOUBLE = 0.93
#: Distance from an axis below which an atom does not move, angstrom.
_ON_AXIS = 0.05


def relative_distances(
    numbers: Int[np.ndarray, " N"], positions: Float[np.ndarray, "N 3"]
) -> Float[np.ndarray, "N N"]:
    """Distances over the sums of covalent radii; infinite from an atom to itself."""
    from ase.data import covalent_radii

    radii = covalent_radii[numbers]
    gap = np.linalg.norm(positions[:, None] - positions[None], axis=-1)
    return gap / (radii[:, None] + radii[None]) + np.diag(np.full(len(numbers), np.inf))


def bonds(relative: Float[np.ndarray, "N N"]) -> Bool[np.ndarray, "N N"]:
    """Which pairs are bonded, of their `relative_distances`."""
    return relative < _BONDED


def reached(
    bonded: Bool[np.ndarray, "N N"], atom: int, without: tuple[int, int] | None = None
) -> Bool[np.ndarray, " N"]:
    """The atoms that bonds lead to from one of them, one bond left out."""
    bonded = bonded.copy()
    if without is not None:
        bonded[without] = bonded[without[::-1]] = False
    seen = np.zeros(len(bonded), bool)
    new = np.arange(len(bonded)) == atom
    while new.any():
        seen |= new
        new = bonded[new].any(axis=0) & ~seen
    return seen


def turns(
    positions: Float[np.ndarray, "N 3"], moved: Bool[np.ndarray, " N"], b: int, c: int
) -> bool:
    """Whether any of some atoms is off the axis of a bond."""
    axis = (positions[c] - positions[b]) / np.linalg.norm(positions[c] - positions[b])
    arms = np.linalg.norm(np.cross(positions - positions[b], axis), axis=1)
    return bool(np.any(arms[moved] > _ON_AXIS))


def rotatable(
    relative: Float[np.ndarray, "N N"],
    numbers: Int[np.ndarray, " N"],
    positions: Float[np.ndarray, "N 3"],
) -> list[tuple[int, int]]:
    """Bonds about which a torsion is free.

    They are single by their length, in no ring, and on either side hold an atom beside hydrogen
    that turning moves: methyl groups stay as they are.
    """
    bonded, found = bonds(relative), []
    for b, c in np.argwhere(np.triu(bonded)).tolist():
        side = reached(bonded, c, (b, c))
        heavy = numbers > 1
        sides = (side & heavy, ~side & heavy)
        if side[b] or relative[b, c] < _DOUBLE:
            continue
        if all(turns(positions, moved, b, c) for moved in sides):
            found.append((b, c))
    return found
