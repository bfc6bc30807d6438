"""One door for what a refinement leaves behind."""

import os
import pathlib

from ..._core import write_text
from ...refinement import Refinement
from ...reflections import ReflectionTable
from .._ccp4 import write_ccp4
from ._cif import cif_text
from ._res import res_text


def write_refinement(
    found: Refinement,
    path: str | os.PathLike[str],
    *,
    name: str | None = None,
    reflections: ReflectionTable | bool = False,
    density: bool = False,
) -> None:
    """Write a refined crystal; the ending of the name says how.

    .cif: symmetric, with standard uncertainties in brackets, displacement tensors, R factors, bonds
    and angles, and what else is known of the items that checkCIF asks for; those that only the
    experimenter knows are "?". .res: for SHELXL, with riding groups as AFIX; it refines the same
    model. .ccp4 (.map): the difference density over the cell.

    Args:
        found: of `refine` or `complete_model`.
        path: file in .cif, .res, .ccp4 or .map.
        name: of the data block, or title; default the name of the file.
        reflections: of a CIF: True puts the merged intensities into it, a table its rows, as
            `_shelx_hkl_file`, which `read_reflection_table` reads.
        density: of a map: write the density of F_o instead of the difference.

    Raises:
        ValueError: another ending, a name with blanks, or reflections that SHELX has no columns
            for.
    """
    file = pathlib.Path(path)
    title = file.stem if name is None else name
    if not title or any(c.isspace() for c in title):
        raise ValueError(f"name: expected one without blanks, got {title!r}")
    ending = file.suffix.lower()
    if ending == ".cif":
        rows = _merged(found) if reflections is True else reflections or None
        write_text(path, cif_text(found, title, rows))
    elif ending == ".res":
        write_text(path, res_text(found, title))
    elif ending in (".ccp4", ".map"):
        values = found.density if density else found.difference.values
        write_ccp4(path, values, found.model.matrix, found.model.group)
    else:
        raise ValueError(f"{path}: expected a file in .cif, .res, .ccp4 or .map")


def _merged(found: Refinement) -> ReflectionTable:
    """The intensities that were refined against."""
    measured = found.measured
    if measured.overlap is not None:
        raise ValueError("reflections: expected those of a single crystal, got powder lines")
    return ReflectionTable(measured.hkl, measured.intensity, sigma=measured.sigma)
