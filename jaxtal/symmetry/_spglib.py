"""Questions to spglib, alike in all its versions (without jax, unlike the helpers of `_core`)."""

import warnings
from collections.abc import Callable
from typing import Any


def dataset(cell: tuple, symprec: float, hall_number: int = 0) -> Any:
    """spglib's symmetry dataset of (matrix, coordinates, species); None where it finds nothing."""
    import spglib

    return _ask(spglib.get_symmetry_dataset, cell, symprec=symprec, hall_number=hall_number)


def space_group_type(hall_number: int) -> Any:
    """Names of one of the 530 settings."""
    import spglib

    return _ask(spglib.get_spacegroup_type, hall_number)


def _ask(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    # By its version spglib answers a failure with None, or warns (on success too), or raises.
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*OLD_ERROR_HANDLING.*")
            return function(*args, **kwargs)
    except Exception as error:
        if type(error).__name__ != "SpglibError":
            raise
        return None
