"""Species labels ("Si4+", "D", 14) and their keys (atomic number, charge, mass number)."""

import functools
import operator
import re
from collections.abc import Sequence
from typing import SupportsIndex

import gemmi
import numpy as np
from jaxtyping import Int

Species = str | SupportsIndex | tuple[SupportsIndex, ...]
"""What a user may call a species: a label, an atomic number, or (Z[, charge[, mass number]])."""

_LABEL = re.compile(r"^(?P<mass>\d+)?(?P<symbol>[A-Z][a-z]?)(?P<charge>\d*[+-]|[+-]\d+)?$")
_HYDROGEN = {"D": 2, "T": 3}


@functools.lru_cache(maxsize=256)
def _element(symbol: str) -> int:
    number = gemmi.Element(symbol).atomic_number
    # gemmi answers 0 for a symbol that it does not know.
    if number == 0 or gemmi.Element(number).name != symbol:
        raise ValueError(f"expected an element symbol such as 'Si', got {symbol!r}")
    return number


def _check_isotope(number: int, mass: int, given: object) -> None:
    if mass == 0:
        return
    import periodictable

    known = sorted(periodictable.elements[number].isotopes)
    if mass not in known:
        name = gemmi.Element(number).name
        raise ValueError(
            f"expected an isotope of {name} with mass number {known[0]}..{known[-1]}, "
            f"got {mass} in species {given!r}"
        )


def _parse_label(label: str) -> tuple[int, int, int]:
    match = _LABEL.match(label)
    if match is None:
        raise ValueError(
            f"expected a species label such as 'Si', 'Si4+', 'O2-', 'D' or '18O', got {label!r}"
        )
    mass = int(match["mass"] or 0)
    symbol = match["symbol"]
    if symbol in _HYDROGEN:
        if mass not in (0, _HYDROGEN[symbol]):
            raise ValueError(f"mass number {mass} contradicts the symbol in species {label!r}")
        symbol, mass = "H", _HYDROGEN[symbol]
    number = _element(symbol)
    charge = 0
    if match["charge"]:
        digits = match["charge"].strip("+-")
        charge = int(digits or 1) * (1 if "+" in match["charge"] else -1)
    return number, charge, mass


def parse_species(species: Species) -> tuple[int, int, int]:
    """Return the key (atomic number, charge, isotope mass number) of one species.

    Args:
        species: a label ("Si", "Si4+", "Na+", "O2-", "D", "T", "18O"), an atomic number (14), or
            a tuple (Z,), (Z, charge) or (Z, charge, mass number).

    Returns:
        (atomic number, charge in e, mass number); mass number 0 is the natural mixture.

    Raises:
        ValueError: for an unknown element or isotope, or a label that is not of this form.
    """
    if isinstance(species, str):
        key = _parse_label(species)
    elif isinstance(species, tuple):
        if not 1 <= len(species) <= 3:
            raise ValueError(f"expected (Z, charge, mass number), got {species!r}")
        padded = [operator.index(part) for part in species] + [0, 0]
        key = (padded[0], padded[1], padded[2])
    else:
        key = (operator.index(species), 0, 0)
    if not 1 <= key[0] <= 118:
        raise ValueError(f"expected an atomic number from 1 to 118, got {key[0]} in {species!r}")
    if key[1] > key[0]:
        raise ValueError(f"charge {key[1]:+d} exceeds the atomic number in species {species!r}")
    _check_isotope(key[0], key[2], species)
    return key


def species_label(species: Species) -> str:
    """Write the label of a species, for instance (14, 4, 0) -> "Si4+" and (1, 0, 2) -> "D".

    Args:
        species: anything that `parse_species` accepts.

    Returns:
        Mass number (if not natural), symbol, charge with its sign last; "D" and "T" for 2H and 3H.

    Raises:
        ValueError: as `parse_species`.
    """
    number, charge, mass = parse_species(species)
    symbol = gemmi.Element(number).name
    if number == 1 and mass in (2, 3):
        symbol, mass = ("D", "T")[mass - 2], 0
    sign = "" if charge == 0 else f"{abs(charge)}{'+' if charge > 0 else '-'}"
    return f"{mass or ''}{symbol}{sign}"


def isotope_mass(number: int, mass_number: int) -> float:
    """Look up the mass of an isotope, in unified atomic mass units.

    Args:
        number: atomic number.
        mass_number: of the isotope.

    Raises:
        ValueError: no such isotope is known.
    """
    _check_isotope(number, mass_number, (number, 0, mass_number))
    import periodictable

    return float(periodictable.elements[number][mass_number].mass)


def species_keys(
    species: Sequence[Species] | Int[np.ndarray, " S"],
) -> Int[np.ndarray, "S 3"]:
    """Keys of several species as one integer array.

    Args:
        species: S labels, atomic numbers or tuples.

    Returns:
        (S, 3) integers: atomic number, charge, mass number (0 = natural).

    Raises:
        ValueError: as `parse_species`.
    """
    keys = [parse_species(one) for one in species]
    return np.asarray(keys, dtype=np.int32).reshape(len(keys), 3)
