"""What a composition says of the atoms in a primitive cell (host)."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ...scattering import parse_species

#: Atoms of a primitive cell at most where their number is not told.
MOST_ATOMS = 12


def contents(
    composition: str | Mapping[str, int], atoms: int | None
) -> tuple[list[tuple[int, int, int]], list[tuple[int, ...]]]:
    """Species, and how many of each there may be in a primitive cell.

    Args:
        composition: a formula, "TiO2" or "Ti O2", or numbers by species.
        atoms: in the primitive cell; None for all multiples of the formula of up to 12 atoms.

    Raises:
        ValueError: no formula, an unknown species, or a number of atoms that is no multiple.
    """
    counts = _counts(composition)
    names = sorted(counts)
    try:
        species = [parse_species(name) for name in names]
    except ValueError as error:
        raise ValueError(f"composition: {error}") from error
    unit = [counts[name] for name in names]
    smallest = _reduced(unit)
    size = sum(smallest)
    if atoms is None:
        multiples = range(1, max(MOST_ATOMS // size, sum(unit) // size) + 1)
    elif isinstance(atoms, int) and atoms > 0 and atoms % size == 0:
        multiples = [atoms // size]
    else:
        raise ValueError(
            f"atoms: expected a multiple of the {size} of the formula {composition}, got {atoms}"
        )
    return species, [tuple(n * k for n in smallest) for k in multiples]


def _counts(composition: Any) -> dict[str, int]:
    from ase.formula import Formula

    if isinstance(composition, Mapping):
        counts = dict(composition)
    elif isinstance(composition, str):
        try:
            counts = Formula(composition.replace(" ", "")).count()
        except ValueError as error:
            raise ValueError(
                f"composition: expected a formula such as 'TiO2', got {composition!r}"
            ) from error
    else:
        raise ValueError(
            f"composition: expected a formula or numbers by species, got {composition!r}"
        )
    if not counts:
        raise ValueError(f"composition: expected at least one species, got {composition!r}")
    for name, number in counts.items():
        if isinstance(number, bool) or int(number) != number or number < 1:
            raise ValueError(f"composition: expected whole numbers >= 1, got {number} of {name}")
    return {name: int(number) for name, number in counts.items()}


def _reduced(unit: Sequence[int]) -> list[int]:
    common = math.gcd(*unit)
    return [n // common for n in unit]
