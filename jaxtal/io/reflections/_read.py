"""One door for the files that hold measured reflections."""

import os
import pathlib
from typing import Any, Literal

from ...reflections import Reflections, ReflectionTable
from ...symmetry import SpaceGroup
from ..cif._symmetry import read_cell, read_group
from ._cif import open_reflection_block, read_reflection_cif
from ._columns import read_lines, read_reflection_csv
from ._shelx import read_hkl

_CIF = (".cif", ".fcf", ".sf")


def read_reflections(
    path: str | os.PathLike[str],
    cell: Any = None,
    group: SpaceGroup | int | str | None = None,
    *,
    hklf: int = 4,
    block: str | None = None,
    **options: Any,
) -> Reflections:
    """Read measured reflections and merge them under their group.

        read_reflections("data.hkl", cell=[7.1, 8.2, 9.3, 90, 105, 90], group="P 21/c")
        read_reflections("data.fcf")                     # cell and group as the file says

    The name decides how a file is read: .cif, .fcf and .sf as CIF, .csv as phased reflections
    (k1, ..., kn, I), .hkl as CIF where it is one and as SHELX otherwise; .gz is unpacked. Columns
    of other files are chosen with `read_reflection_columns`.

    Args:
        path: the file.
        cell: a `Superspace`, or the cell of a periodic crystal as in `Reflections.from_arrays`;
            default, for a CIF, its own.
        group: group, symbol or number; default, for a CIF, its own.
        hklf: of a SHELX file: 4 for I, 3 for F.
        block: of a CIF: name of the data block.
        options: `merge`, `min_i_over_sigma`, `d_min`, ... of `Reflections.from_arrays`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: an unknown ending, no cell or group, or reflections that are not valid; the
            message names file and line.
    """
    form = _form(path)
    table = read_reflection_table(path, form, hklf=hklf, block=block)
    if form == "cif" and table.indices.shape[1] == 3 and (cell is None or group is None):
        data = open_reflection_block(path, block)
        if cell is None:
            cell = read_cell(data)
        if group is None:
            group = read_group(data, read_cell(data))
    for name, value in (("cell", cell), ("group", group)):
        if value is None:
            raise ValueError(f"{os.fspath(path)}: expected a {name}, got none in the file or call")
    assert group is not None
    return Reflections.from_table(cell, group, table, **options)


def read_reflection_table(
    path: str | os.PathLike[str],
    form: Literal["cif", "csv", "shelx"] | None = None,
    *,
    hklf: int = 4,
    block: str | None = None,
) -> ReflectionTable:
    """Read the rows of a file of reflections as they stand, for `Reflections.from_table`.

    Args:
        path: the file.
        form: "cif", "csv" (k1, ..., kn, I, real(ampl), imag(ampl)) or "shelx"; default by the name,
            see `read_reflections`.
        hklf: of a SHELX file: 4 for I, 3 for F.
        block: of a CIF: name of the data block, default the first with reflections.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: an unknown form or ending, or a file that is not valid; names file and line.
    """
    form = form or _form(path)
    if form == "cif":
        return read_reflection_cif(path, block)
    if form == "csv":
        return read_reflection_csv(path)
    if form == "shelx":
        return read_hkl(path, hklf)
    raise ValueError(f"form: expected cif, csv or shelx, got {form!r}")


def _form(path: str | os.PathLike[str]) -> Literal["cif", "csv", "shelx"]:
    name = pathlib.Path(path).name.lower().removesuffix(".gz")
    if name.endswith(_CIF) or (name.endswith(".hkl") and _looks_like_cif(path)):
        return "cif"
    if name.endswith(".csv"):
        return "csv"
    if name.endswith(".hkl"):
        return "shelx"
    raise ValueError(
        f"{os.fspath(path)}: expected .hkl, .cif, .fcf, .sf or .csv; `read_reflection_columns` "
        "reads any columns of text"
    )


def _looks_like_cif(path: str | os.PathLike[str]) -> bool:
    lines = (line.strip().lower() for line in read_lines(path))
    first = next((line for line in lines if line and not line.startswith("#")), "")
    return first.startswith(("data_", "loop_", "_"))
