"""Density maps in three dimensions as CCP4 files, which every viewer of density reads."""

import os
from typing import Any

import gemmi
import numpy as np
from jaxtyping import Float

from .._core import check_finite, host_array, replacing
from ..lattice import matrix_to_cell
from ..symmetry import SpaceGroup


def write_ccp4(
    path: str | os.PathLike[str],
    values: Any,
    cell: Any,
    group: SpaceGroup | None = None,
) -> None:
    """Write a density over a whole cell, or a box taken as one, in single precision.

    Args:
        path: the file, replaced if it exists.
        values: density at (i / n1, j / n2, k / n3) along a, b, c, (n1, n2, n3).
        cell: cell parameters (6), angstrom and degrees, or edges, rows, angstrom, (3, 3).
        group: space group named in the header; default P1. The whole cell is written anyway.

    Raises:
        ValueError: a map that is not three-dimensional or not finite, a bad cell, or a group that
            the format has no number for.
        OSError: the file cannot be written.
    """
    array = host_array(values, "values", np.float32)
    if array.ndim != 3 or 0 in array.shape:
        raise ValueError(f"values: expected a map (n1, n2, n3), got shape {array.shape}")
    check_finite(array, "values")
    parameters = host_array(cell, "cell")
    if parameters.ndim == 2:
        parameters = matrix_to_cell(parameters)
    if parameters.shape != (6,) or not (parameters > 0).all():
        raise ValueError(f"cell: expected six positive parameters or (3, 3), got {cell}")
    name = "P 1"
    if group is not None:
        if group.dimension != 3 or group.hm is None:
            raise ValueError(
                f"group: expected a tabulated space group in 3 dimensions, got {group}"
            )
        name = group.hm
    ccp4 = gemmi.Ccp4Map()
    ccp4.grid = gemmi.FloatGrid(np.ascontiguousarray(array))
    ccp4.grid.set_unit_cell(gemmi.UnitCell(*parameters.tolist()))
    ccp4.grid.spacegroup = gemmi.find_spacegroup_by_name(name)
    ccp4.update_ccp4_header(2)
    with replacing(path) as temporary:
        ccp4.write_ccp4_map(str(temporary))


def read_ccp4(
    path: str | os.PathLike[str],
) -> tuple[Float[np.ndarray, "n1 n2 n3"], Float[np.ndarray, "6"]]:
    """Read a map of a whole cell: values along a, b, c, and the cell parameters.

    Raises:
        ValueError: not a CCP4 map of a whole cell.
    """
    try:
        ccp4 = gemmi.read_ccp4_map(os.fspath(path))
        ccp4.setup(float("nan"))
    except (RuntimeError, OSError) as error:
        raise ValueError(f"{path}: expected a CCP4 map: {error}") from error
    values = np.array(ccp4.grid, dtype=np.float32)
    if np.isnan(values).any():
        raise ValueError(f"{path}: expected the map of a whole cell, got a part of one")
    return values, np.array(ccp4.grid.unit_cell.parameters)
