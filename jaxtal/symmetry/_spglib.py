"""Questions to spglib whose answer may be that there is none."""

from typing import Any

import spglib

from .._core.host import call_spglib


def dataset(cell: tuple, symprec: float, hall_number: int = 0) -> Any:
    """spglib's symmetry dataset of (matrix, coordinates, species); None where it finds nothing."""
    try:
        return call_spglib(
            spglib.get_symmetry_dataset, cell, symprec=symprec, hall_number=hall_number
        )
    except ValueError:
        return None


def space_group_type(hall_number: int) -> Any:
    """Names of one of the 530 settings; None where spglib has none."""
    try:
        return call_spglib(spglib.get_spacegroup_type, hall_number)
    except ValueError:
        return None
