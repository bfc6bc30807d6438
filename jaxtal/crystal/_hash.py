"""A name of a crystal's structure that no choice of cell, origin or order changes."""

import dataclasses
import hashlib
from typing import Any

import numpy as np

from ..scattering import species_label
from ._host_crystals import host_crystal
from ._wyckoff_crystal import WyckoffCrystal

#: Space groups that come in a left and a right one: the second of each pair.
_MIRRORED = {
    78: 76, 95: 91, 96: 92, 145: 144, 153: 151, 154: 152, 170: 169, 172: 171, 179: 178, 181: 180,
    213: 212,
}  # fmt: skip


def structure_hash(crystal: Any, *, symprec: float = 0.01) -> str:
    """Name the kind of a structure: formula, space group, occupied orbits and a digest of them.

    For tables in which equal structures must meet: "O2Si-152-9-1c5d6a..." is the formula, the
    number of the space group (of the lower of two mirror images), the atoms in a primitive cell,
    and 12 hexadecimal digits of a SHA-256 over these and the element, occupancy and multiplicity
    of every orbit. It is the same on every machine.

    Only the symmetry found within `symprec` counts, and charges, isotopes and displacement
    parameters do not: cell, origin, orientation, order, hand, volume, and all strains and
    displacements that keep the symmetry change nothing. No number is rounded, where two equal
    crystals could fall on different sides of an edge; the edge that remains is `symprec`: noise of
    about that size may lower the symmetry found. Different structures may share a hash (same group,
    elements and multiplicities, other coordinates): compare those that do, by `CrystalMetric` or
    `match_crystals`.

    Args:
        crystal: one of any kind (`host_crystal`).
        symprec: tolerance of the search for symmetry, angstrom.

    Raises:
        ValueError: something that is no crystal, traced, or in which no symmetry can be found.
    """
    given = host_crystal(crystal)
    nothing = np.zeros(len(given), np.int64)
    atoms = dataclasses.replace(
        given, charges=nothing, isotopes=nothing, u_iso=np.zeros(len(given)), u_aniso=None
    )
    found = WyckoffCrystal.from_crystal(atoms, symprec=symprec)
    group = found.group
    if group.number is None:
        raise ValueError(f"crystal: expected a tabulated space group, got {group!r}")
    centring = len(group.centering)
    multiplicities = [int(label[:-1]) // centring for label in found.plan.letters]
    percent = np.rint(100 * np.asarray(found.occupancies, np.float64)).astype(int)
    orbits = sorted(zip(found.species, percent.tolist(), multiplicities, strict=True))
    number = _MIRRORED.get(group.number, group.number)
    size = sum(multiplicities)
    name = f"{_formula(atoms.atomic_numbers)}-{number}-{size}"
    digest = hashlib.sha256(f"{name}-{orbits}".encode()).hexdigest()
    return f"{name}-{digest[:12]}"


def _formula(numbers: np.ndarray) -> str:
    """Reduced formula of the sites, symbols in alphabetical order."""
    elements, counts = np.unique(numbers, return_counts=True)
    counts = counts // np.gcd.reduce(counts)
    parts = sorted((species_label(int(z)), int(n)) for z, n in zip(elements, counts, strict=True))
    return "".join(f"{symbol}{n if n > 1 else ''}" for symbol, n in parts)
