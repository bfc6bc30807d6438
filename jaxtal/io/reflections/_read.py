"""One door for the files that hold measured reflections."""

import os
import pathlib
from typing import Any, Literal

import numpy as np

from ...reflections import DataReport, Reflections, ReflectionTable
from ...symmetry import SpaceGroup
from ._cif import read_reflection_cif
from ._columns import read_lines, read_reflection_columns, read_reflection_csv
from ._instructions import Instructions, instructions_beside, read_instructions
from ._mtz import read_mtz
from ._shelx import read_hkl
from ._xds import looks_like_xds, read_xds

Form = Literal["cif", "csv", "shelx", "columns", "xds", "mtz"]
_CIF = (".cif", ".fcf", ".sf", ".mmcif", ".ent")
_TEXT = (".txt", ".dat", ".asc", ".xds", ".tsv")


def read_reflections(
    path: str | os.PathLike[str],
    cell: Any = None,
    group: SpaceGroup | int | str | None = None,
    *,
    form: Form | None = None,
    hklf: int | None = None,
    domain: int | None = None,
    block: str | None = None,
    instructions: str | os.PathLike[str] | None = None,
    **options: Any,
) -> Reflections:
    """Read measured reflections and merge them under their group.

        read_reflections("data.hkl", cell=[7.1, 8.2, 9.3, 90, 105, 90], group="P 21/c")
        read_reflections("data.fcf")                     # cell and group as the file says
        read_reflections("data.hkl")                     # "data.ins" says cell and group

    Equivalents are merged without outliers (merge="robust"), and weak systematically absent rows
    are left out (extinct="drop"); strong ones are an error, since they contradict the group. Where
    nobody states a group, the Laue class that the data have is taken, see `DataReport`. The rows
    as they were read, with wavelength, radiation and composition, are `.table` of the result.
    Forms of files, and where cell and group come from: see `read_reflection_table`.

    Args:
        path: the file.
        cell: a `Superspace`, or the cell of a periodic crystal as in `Reflections.from_arrays`;
            default as the file says.
        group: group, symbol or number; default as the file says, or else the Laue class found.
        form: of the file, default by its name and first line.
        hklf: of a SHELX file: 4 for I, 3 for F, 5 for several domains; default as its instructions
            say.
        domain: of HKLF 5: the domain whose rows are wanted.
        block: of a CIF: name of the data block.
        instructions: .ins or .res of a SHELX file.
        options: `merge`, `min_i_over_sigma`, `d_min`, ... of `Reflections.from_arrays`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: an unknown ending, no cell, no group in other than three dimensions, or
            reflections that are not valid; the message names file and line.
    """
    options = {"merge": "robust", "extinct": "drop", **options}
    table = read_reflection_table(
        path, form, hklf=hklf, domain=domain, block=block, instructions=instructions
    )
    cell = table.cell if cell is None else cell
    group = table.group if group is None else group
    if cell is None:
        raise ValueError(f"{os.fspath(path)}: expected a cell, got none in the file or call")
    if group is None:
        if np.shape(cell) != (6,):
            raise ValueError(f"{os.fspath(path)}: expected a group, got none in the file or call")
        laue = DataReport.of(table.stating(cell=cell)).laue
        here = table.stating(cell=cell).reindexed(laue.index_matrix)
        return Reflections.from_table(laue.cell, laue.group, here, **options)
    return Reflections.from_table(cell, group, table, **options)


def read_reflection_table(
    path: str | os.PathLike[str],
    form: Form | None = None,
    *,
    hklf: int | None = None,
    domain: int | None = None,
    block: str | None = None,
    instructions: str | os.PathLike[str] | None = None,
) -> ReflectionTable:
    """Read the rows of a file of reflections as they stand, and what it says of the crystal.

    Forms, found by the file's name and its first line; .gz is unpacked:

        shelx      .hkl: 3I4,2F8,I4. Cell, group, wavelength and contents come from the
                   instructions given, a .ins or .res of the same name, or text below the list
        cif        .cif, .fcf, .sf, .hkl that is one: lists, or SHELX text inside
        xds        XDS_ASCII
        mtz        .mtz
        csv        .csv: k1, ..., kn, I, real(ampl), imag(ampl)
        columns    .txt, .dat, .asc: h, k, l, I, sigma separated by blanks or commas; other
                   columns are chosen with `read_reflection_columns`

    Args:
        path: the file.
        form: one of these, default as above.
        hklf: of a SHELX file or columns: 4 for I, 3 for F, 5 for several domains (SHELX alone).
        domain: of HKLF 5: the domain whose rows are wanted.
        block: of a CIF: name of the data block, default the first with reflections.
        instructions: .ins or .res of a SHELX file or of columns.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: an unknown form or ending, or a file that is not valid; names file and line.
    """
    form = form or _form(path)
    told = _instructions(path, instructions) if form in ("shelx", "columns") else None
    if form == "cif":
        return read_reflection_cif(path, block)
    if form == "csv":
        return read_reflection_csv(path)
    if form == "xds":
        return read_xds(path)
    if form == "mtz":
        return read_mtz(path)
    if form == "shelx":
        return read_hkl(path, hklf, domain, told)
    if form == "columns":
        return _columns(path, hklf, told)
    raise ValueError(f"form: expected cif, columns, csv, mtz, shelx or xds, got {form!r}")


def _columns(
    path: str | os.PathLike[str], hklf: int | None, told: Instructions | None
) -> ReflectionTable:
    wanted = hklf or (told.hklf if told and told.hklf else 4)
    if wanted not in (3, 4):
        where = told.path if told and not hklf else os.fspath(path)
        raise ValueError(
            f"{where}: hklf: expected 3 (F) or 4 (I) of separated columns, got {wanted}"
        )
    intensity, amplitude = (3, None) if wanted == 4 else (None, 3)
    table = read_reflection_columns(path, [0, 1, 2], intensity, amplitude=amplitude, sigma=4)
    return told.told(table) if told else table


def _instructions(
    path: str | os.PathLike[str], given: str | os.PathLike[str] | None
) -> Instructions | None:
    found = instructions_beside(path) if given is None else pathlib.Path(given)
    if found is None:
        return None
    return read_instructions(read_lines(found, any_text=True), os.fspath(found))


def _form(path: str | os.PathLike[str]) -> Form:
    name = pathlib.Path(path).name.lower().removesuffix(".gz")
    if name.endswith(".mtz"):
        return "mtz"
    if name.endswith(_CIF):
        return "cif"
    if name.endswith(".csv"):
        return "csv"
    if name.endswith((".hkl", *_TEXT)):
        lines = read_lines(path, any_text=True)
        if looks_like_xds(lines):
            return "xds"
        if _looks_like_cif(lines):
            return "cif"
        return "shelx" if name.endswith(".hkl") else "columns"
    raise ValueError(
        f"{os.fspath(path)}: expected .hkl, .cif, .fcf, .sf, .mtz, .csv, .txt or XDS_ASCII; "
        "`read_reflection_columns` reads any columns of text"
    )


def _looks_like_cif(lines: list[str]) -> bool:
    texts = (line.strip().lower() for line in lines)
    first = next((line for line in texts if line and not line.startswith("#")), "")
    return first.startswith(("data_", "loop_", "_"))
