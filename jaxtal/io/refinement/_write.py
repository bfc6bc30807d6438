"""One door for what a refinement leaves behind."""

import os
import pathlib

from ..._core import write_text
from ...refinement import Refinement
from .._ccp4 import write_ccp4
from ._cif import cif_text
from ._res import res_text


def write_refinement(
    found: Refinement, path: str | os.PathLike[str], *, name: str | None = None
) -> None:
    """Write a refined crystal; the ending of the name says how.

    .cif: symmetric, with standard uncertainties in brackets, displacement tensors, R factors, bond
    lengths and what else is known of the items that checkCIF asks for. .res: for SHELXL, with
    riding groups as AFIX; it refines the same model. .ccp4 (.map): the difference density over the
    cell.

    Args:
        found: of `refine` or `complete_model`.
        path: file in .cif, .res, .ccp4 or .map.
        name: of the data block, or title; default the name of the file.

    Raises:
        ValueError: another ending, or a name with blanks.
    """
    file = pathlib.Path(path)
    title = file.stem if name is None else name
    if not title or any(c.isspace() for c in title):
        raise ValueError(f"name: expected one without blanks, got {title!r}")
    ending = file.suffix.lower()
    if ending == ".cif":
        write_text(path, cif_text(found, title))
    elif ending == ".res":
        write_text(path, res_text(found, title))
    elif ending in (".ccp4", ".map"):
        write_ccp4(path, found.difference.values, found.model.matrix, found.model.group)
    else:
        raise ValueError(f"{path}: expected a file in .cif, .res, .ccp4 or .map")
