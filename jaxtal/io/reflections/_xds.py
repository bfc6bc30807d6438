"""XDS_ASCII: unmerged or merged intensities of XDS and XSCALE."""

import os
import re
from typing import Any

import numpy as np

from ...lattice import check_cell
from ...reflections import ReflectionTable
from ...symmetry import SpaceGroup
from ._columns import read_lines
from ._instructions import ELECTRON_WAVELENGTH
from ._measured import measured_table
from ._numbers import parse_integer, parse_number

#: Columns counted from 1, where the header says nothing.
_ITEMS = {"H": 1, "K": 2, "L": 3, "IOBS": 4, "SIGMA(IOBS)": 5}
_KEY = re.compile(r"([A-Z][A-Z0-9_'()-]*)\s*=\s*(.*?)(?=\s+[A-Z][A-Z0-9_'()-]*=|\s*$)")


def looks_like_xds(lines: list[str]) -> bool:
    """Whether the first line is a header of XDS_ASCII."""
    first = lines[0].upper().replace(" ", "") if lines else ""
    return first.startswith("!FORMAT=XDS_ASCII")


def read_xds(path: str | os.PathLike[str]) -> ReflectionTable:
    """Read XDS_ASCII, with cell, wavelength and space-group number of its header.

    A negative sigma marks a misfit: it is left out where rows are unmerged, as XDS itself does.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: another format, a line that lacks a column, something that is no number; the
            message names file and line.

    References:
        W. Kabsch, Acta Cryst. D66 (2010) 125.
    """
    source, lines = os.fspath(path), read_lines(path, any_text=True)
    if not looks_like_xds(lines):
        raise ValueError(f"{source}:1: expected !FORMAT=XDS_ASCII")
    header: dict[str, str] = {}
    items: dict[str, int] = {}
    rows: list[list[float]] = []
    at: list[int] = []
    needed: list[int] = []
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if text.startswith("!"):
            if text.upper().startswith("!END_OF_DATA"):
                break
            for key, value in _KEY.findall(text[1:].strip()):
                if key.startswith("ITEM_"):
                    items[key[5:]] = parse_integer(value.strip()) or 0
                else:
                    header.setdefault(key, value.strip())
            continue
        if not text:
            continue
        if not needed:
            columns = {**_ITEMS, **items}
            needed = [columns[name] - 1 for name in _ITEMS]
            if min(needed) < 0:
                raise ValueError(f"{source}: expected ITEM columns numbered from 1, got {items}")
        rows.append(_row(source, number, text.split(), needed))
        at.append(number)
    if not rows:
        raise ValueError(f"{source}: expected reflections, got none")
    data = np.array(rows)
    return measured_table(
        data[:, :3].astype(np.int64),
        data[:, 3],
        data[:, 4],
        lines=np.array(at),
        keep_negative_sigma=header.get("MERGE", "").upper().startswith("T"),
        source=source,
        **_stated(header, source),
    )


def _row(source: str, number: int, words: list[str], needed: list[int]) -> list[float]:
    if len(words) <= max(needed):
        raise ValueError(
            f"{source}:{number}: expected at least {max(needed) + 1} columns, got {len(words)}"
        )
    found = []
    for i, column in enumerate(needed):
        value = parse_integer(words[column]) if i < 3 else parse_number(words[column])
        if value is None or not np.isfinite(value):
            kind = "an integer" if i < 3 else "a number"
            raise ValueError(
                f"{source}:{number}: expected {kind} for {list(_ITEMS)[i]} in column {column + 1}, "
                f"got {words[column]!r}"
            )
        found.append(float(value))
    return found


def _stated(header: dict[str, str], source: str) -> dict[str, Any]:
    stated: dict[str, Any] = {}
    numbers = [parse_number(word) for word in header.get("UNIT_CELL_CONSTANTS", "").split()]
    if numbers:
        if len(numbers) != 6 or None in numbers:
            raise ValueError(f"{source}: UNIT_CELL_CONSTANTS: expected six numbers, got {numbers}")
        try:
            stated["cell"] = check_cell(np.array(numbers, float))
        except ValueError as error:
            raise ValueError(f"{source}: UNIT_CELL_CONSTANTS: {error}") from error
    number = parse_integer(header.get("SPACE_GROUP_NUMBER", ""))
    if number:
        try:
            stated["group"] = SpaceGroup.from_number(number)
        except ValueError as error:
            raise ValueError(f"{source}: SPACE_GROUP_NUMBER: {error}") from error
    wavelength = parse_number(header.get("X-RAY_WAVELENGTH", ""))
    if wavelength and np.isfinite(wavelength) and wavelength > 0:
        stated["wavelength"] = wavelength
        stated["radiation"] = "electron" if wavelength < ELECTRON_WAVELENGTH else "xray"
    return stated
