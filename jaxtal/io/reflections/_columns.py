"""Reflections in columns of text: by the names of a header line, or by number."""

import os
import re
from collections.abc import Sequence
from typing import NoReturn

import numpy as np

from ..._core import gunzip
from ...reflections import ReflectionTable
from ._measured import measured_table
from ._numbers import parse_number

_INDEX = re.compile(r"k(\d+)")

Column = str | int


def read_reflection_columns(
    path: str | os.PathLike[str],
    indices: Sequence[Column],
    intensity: Column | None = None,
    *,
    amplitude: Column | None = None,
    sigma: Column | None = None,
    header_line: int | None = None,
    delimiter: str | None = None,
    comment: str = "#",
) -> ReflectionTable:
    """Read reflections from a text file, one a line, in any number of dimensions.

    Columns are named as in the header line, or numbered from 0. With names, the header is the
    first line that holds all of them (it may be a comment) unless its number is given; what stands
    above is skipped. With numbers, lines at the top without any number in those columns are
    skipped. Empty lines and comments are skipped everywhere. A row with zero intensity and the
    indices 0, ..., 0 (SHELX), -512 0 0 (CRYSTALS) or 999 999 999 (Jana) ends the list; rows
    "-1 -1" were not measured.

    Args:
        path: the file, possibly gzipped.
        indices: columns of the N indices, in the order of the basis.
        intensity: column of I.
        amplitude: column of |F|, instead of I.
        sigma: column of the standard uncertainty of I or of |F|.
        header_line: number of the header line, from 1.
        delimiter: what separates columns; by default a comma or semicolon where the line has one,
            white space otherwise.
        comment: what a comment starts with.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: no such columns, a line that lacks one, something that is no number, an index
            that is no integer, no reflection at all; the message names file, line and column.
    """
    if (intensity is None) == (amplitude is None):
        raise ValueError("expected a column of either intensity or amplitude")
    if len(indices) == 0:
        raise ValueError("indices: expected at least one column, got none")
    value = amplitude if intensity is None else intensity
    columns = [*indices, value, *([] if sigma is None else [sigma])]
    reader = _Reader(path, delimiter, comment)
    start, numbers, width = reader.find(columns, header_line)
    numbered = any(isinstance(column, int) for column in columns)
    rows, lines = [], []
    for line, fields in reader.data(start):
        if not rows and numbered and not _any_number(fields, numbers):
            continue
        if width is not None and len(fields) != width:
            reader.fail(line, f"expected {width} columns as in the header, got {len(fields)}")
        if len(fields) <= max(numbers):
            reader.fail(line, f"expected at least {max(numbers) + 1} columns, got {len(fields)}")
        row = [reader.number(line, columns[i], fields[j]) for i, j in enumerate(numbers)]
        if _ends(row, len(indices)):
            break
        rows.append(row)
        lines.append(line)
    if not rows:
        raise ValueError(f"{reader.path}: expected reflections, got no line of numbers")
    data, at = np.array(rows), np.array(lines)
    n = len(indices)
    return measured_table(
        _integers(reader, data[:, :n], at, columns),
        data[:, n],
        None if sigma is None else data[:, n + 1],
        amplitude=intensity is None,
        lines=at,
        source=reader.path,
    )


def read_reflection_csv(path: str | os.PathLike[str]) -> ReflectionTable:
    """Read phased reflections: the columns k1, ..., kn, I, real(ampl), imag(ampl).

    Without the last two columns the structure factors are None.

    Args:
        path: the file, possibly gzipped.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: other columns; otherwise as `read_reflection_columns`.
    """
    reader = _Reader(path, ",", "#")
    header = next((fields for _, fields in reader.data(0)), [])
    names = [name for name in header if _INDEX.fullmatch(name)]
    if not names or names != [f"k{i + 1}" for i in range(len(names))] or "I" not in header:
        raise ValueError(
            f"{reader.path}: expected the columns k1, ..., kn, I, real(ampl), imag(ampl), got "
            f"{', '.join(header)}"
        )
    table = read_reflection_columns(path, names, "I", delimiter=",")
    parts = ["real(ampl)", "imag(ampl)"]
    if not set(parts) <= set(header):
        return table
    real, imag = (
        read_reflection_columns(path, names, part, delimiter=",").intensity for part in parts
    )
    if real is None or imag is None:
        return table
    return ReflectionTable(
        indices=table.indices,
        intensity=table.intensity,
        structure_factors=real + 1j * imag,
        lines=table.lines,
        source=table.source,
    )


class _Reader:
    """Lines of a file, and messages that say where."""

    def __init__(self, path: str | os.PathLike[str], delimiter: str | None, comment: str):
        self.path = os.fspath(path)
        self.delimiter, self.comment = delimiter, comment
        self.lines = read_lines(path)

    def split(self, line: str) -> list[str]:
        mark = self.delimiter
        if mark is None:
            mark = "," if "," in line else ";" if ";" in line else None
        fields = line.split(mark)
        return [field.strip().strip('"') for field in fields]

    def data(self, start: int):
        """(number from 1, fields) of every line from `start` that is no comment and not empty."""
        for i in range(start, len(self.lines)):
            text = self.lines[i].strip()
            if text and not (self.comment and text.startswith(self.comment)):
                yield i + 1, self.split(text)

    def find(
        self, columns: Sequence[Column], header_line: int | None
    ) -> tuple[int, list[int], int | None]:
        """Where the data start, the number of each column, and the number of all columns."""
        names = [column for column in columns if isinstance(column, str)]
        if any(isinstance(c, int) and c < 0 for c in columns):
            raise ValueError(f"expected columns numbered from 0, got {list(columns)}")
        if not names:
            return (header_line or 0), [int(column) for column in columns], None
        if header_line is not None and not 1 <= header_line <= len(self.lines):
            raise ValueError(f"{self.path}: no line {header_line}, it has {len(self.lines)}")
        numbers = range(len(self.lines)) if header_line is None else [header_line - 1]
        for i in numbers:
            fields = self.split(self.lines[i].strip().removeprefix(self.comment or "").strip())
            if set(names) <= set(fields):
                twice = [name for name in names if fields.count(name) > 1]
                if twice:
                    self.fail(i + 1, f"the column {twice[0]!r} occurs twice in the header")
                found = [fields.index(c) if isinstance(c, str) else int(c) for c in columns]
                return i + 1, found, len(fields)
        where = f"line {header_line}" if header_line is not None else "any line"
        raise ValueError(
            f"{self.path}: expected a header with the columns {', '.join(names)}, not in {where}"
        )

    def number(self, line: int, column: Column, text: str) -> float:
        value = parse_number(text)
        if value is None:
            self.fail(line, f"expected a number in column {column!r}, got {text!r}")
        if not np.isfinite(value):
            self.fail(line, f"expected a finite number in column {column!r}, got {text!r}")
        return value

    def fail(self, line: int, message: str) -> NoReturn:
        raise ValueError(f"{self.path}:{line}: {message}")


def read_lines(path: str | os.PathLike[str], any_text: bool = False) -> list[str]:
    """Lines of a text file, gunzipped where its name ends with .gz.

    Args:
        path: the file.
        any_text: take bytes that are no UTF-8 for Latin-1, and zeros for blanks.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no text.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(f"{os.fspath(path)}: no such file")
    try:
        with open(path, "rb") as file:
            data = file.read()
        if os.fspath(path).endswith(".gz"):
            data = gunzip(data)
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            if not any_text:
                raise
            text = data.decode("latin-1")
        # Not `splitlines`, for which a form feed or a stray Latin-1 byte ends a line, too.
        return text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)}: expected UTF-8 text, got {error}") from error


def _any_number(fields: list[str], numbers: list[int]) -> bool:
    return any(j < len(fields) and parse_number(fields[j]) is not None for j in numbers)


def _ends(row: list[float], n: int) -> bool:
    """Whether a row is the mark at the end of a list of SHELX, CRYSTALS or Jana."""
    marks = ([0.0] * n, [-512.0, 0.0, 0.0], [999.0] * 3)
    return not any(row[n:]) and row[:n] in marks


def _integers(
    reader: _Reader, values: np.ndarray, lines: np.ndarray, columns: Sequence[Column]
) -> np.ndarray:
    bad = np.argwhere((values != np.rint(values)) | (np.abs(values) >= 2**31))
    if len(bad):
        row, column = bad[0]
        reader.fail(
            int(lines[row]),
            f"expected an integer index in column {columns[column]!r}, got {values[row, column]:g}",
        )
    return values.astype(np.int64)
