"""Text of field files: words with their lines, tables of numbers, gzip."""

import contextlib
import gzip
import os
import re
import warnings
from collections.abc import Iterator
from typing import NoReturn

import numpy as np
from jaxtyping import Float

from ..._core import gunzip, write_bytes, write_text

#: A word, in quotes where old files have it so.
_WORD = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"|\S+")
#: Fortran writes 1.0D+03.
_FORTRAN = re.compile(r"(?<=[0-9.])[dD](?=[+-]?\d)")
_EXPONENT = re.compile(r"[eEdD][+-]?(\d+)$")
_DECIMALS = re.compile(r"\.(\d*)$")
_INTEGER = re.compile(r"[+-]?\d+")
#: Equal numbers of decimals from here on are those of a program, not of a hand.
_BY_PROGRAM = 6
_GZIP = b"\x1f\x8b"


class FieldText:
    """The text of a file, consumed from its start; errors name the file and the line.

    Attributes:
        path: the file.
    """

    def __init__(self, path: str | os.PathLike[str]):
        """Read a file, gunzipped where it is gzipped.

        Raises:
            FileNotFoundError: there is no such file.
            IsADirectoryError: it is a folder.
            ValueError: it is no text.
        """
        self.path = os.fspath(path)
        self._text = _read(self.path)
        self._at = 0
        self._word = 0

    @property
    def line(self) -> int:
        """Number of the line of the last word, from 1."""
        return self._text.count("\n", 0, self._word) + 1

    def at(self, line: int | None = None) -> str:
        """File and line as messages name them, by default the line of the last word."""
        return f"{self.path}:{line or self.line}"

    def fail(self, message: str, line: int | None = None) -> NoReturn:
        """Raise a `ValueError` that names the file and a line, by default that of the last word."""
        raise ValueError(f"{self.at(line)}: {message}")

    @contextlib.contextmanager
    def naming(self) -> Iterator[None]:
        """Put the file before the message of a `ValueError` about what it holds."""
        try:
            yield
        except ValueError as error:
            raise ValueError(f"{self.path}: {error}") from error

    def word(self, what: str) -> str:
        """The next word without quotes; a file that ends before it is an error."""
        match = _WORD.search(self._text, self._at)
        if match is None:
            last = self._text.rstrip().count("\n") + 1
            self.fail(f"expected {what}, got the end of the file: is it truncated?", last)
        self._word, self._at = match.span()
        return match.group().strip("'\"").strip()

    def integer(self, what: str, minimum: int = 0) -> int:
        """The next word as an integer that isn't smaller than some number."""
        word = self.word(what)
        if not re.fullmatch(r"[+-]?\d{1,18}", word):
            self.fail(f"expected an integer for {what}, got {word!r}")
        value = int(word)
        if value < minimum:
            self.fail(f"expected {what} of at least {minimum}, got {value}")
        return value

    def number(self, what: str) -> float:
        """The next word as a finite number."""
        word = self.word(what)
        value = _number(word)
        if value is None or not np.isfinite(value):
            self.fail(f"expected a finite number for {what}, got {word!r}")
        return value

    def table(self, rows: int, columns: int, what: str) -> Float[np.ndarray, "rows columns"]:
        """All that is left of the file as a table of finite numbers, one row a line.

        A last line that does not end must hold a last number as long as those above it.
        """
        body = self._text[self._at :]
        counts = np.array([len(line.split()) for line in body.split("\n")])
        filled = counts[counts > 0]
        values = None
        if len(filled) == rows and (filled == columns).all():
            values = _numbers(body)
        if values is None or len(values) != rows * columns or not np.isfinite(values).all():
            values = self._careful(body, rows, columns, what)
        self._first_row = counts > 0
        if rows and not body.endswith("\n") and _is_cut(body):
            word = body.split()[-1]
            self.fail(
                f"expected a number as those above it at the end, got {word!r}: is the file "
                "truncated?",
                self.row_line(rows - 1),
            )
        return values.reshape(rows, columns)

    def row_line(self, row: int) -> int:
        """Number of the line of a row of the table, from 1."""
        return self.line + int(np.flatnonzero(self._first_row)[row])

    def row_lines(self) -> np.ndarray:
        """Numbers of the lines of all rows of the table, from 1."""
        return self.line + np.flatnonzero(self._first_row)

    def _careful(self, body: str, rows: int, columns: int, what: str) -> np.ndarray:
        """The same table word by word, for what is wrong with it, or for Fortran's exponents."""
        found: list[list[float]] = []
        line = last = self.line
        lines = body.split("\n")
        for line, text in enumerate(lines, self.line):
            words = text.split()
            cut = ": is the file truncated?" if line - self.line == len(lines) - 1 else ""
            if not words:
                continue
            if len(found) == rows:
                self.fail(f"expected {rows} rows of {what}, got more", line)
            if len(words) != columns:
                self.fail(f"expected {columns} columns of {what}, got {len(words)}{cut}", line)
            values = [_number(word) for word in words]
            for word, value in zip(words, values, strict=True):
                if value is None or not np.isfinite(value):
                    self.fail(f"expected a finite number among {what}, got {word!r}{cut}", line)
            found.append([value for value in values if value is not None])
            last = line
        if len(found) < rows:
            self.fail(
                f"expected {rows} rows of {what}, got {len(found)}: is the file truncated?", last
            )
        return np.array(found)


def save_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text file whole or not at all, gzipped where its name ends with .gz.

    Equal texts make equal files: no time is kept.

    Raises:
        OSError: the folder does not exist or cannot be written.
    """
    if not is_gzip_name(path):
        return write_text(path, text)

    def compress(file):
        with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as zipped:
            zipped.write(text.encode())

    return write_bytes(path, compress)


def is_gzip_name(path: str | os.PathLike[str]) -> bool:
    """Whether a file of this name is gzipped: it ends with .gz, in any case."""
    return os.fspath(path).lower().endswith(".gz")


def format_rows(columns: str, rows: np.ndarray) -> str:
    """Lines of a table; `columns` is a format in printf's notation."""
    template = columns + "\n"
    return "".join([template % tuple(row) for row in rows.tolist()])


def _read(path: str) -> str:
    if os.path.isdir(path):
        raise IsADirectoryError(f"{path}: expected a file, got a folder")
    if not os.path.exists(path):
        raise FileNotFoundError(f"{path}: no such file")
    with open(path, "rb") as file:
        data = file.read()
    try:
        if data.startswith(_GZIP):
            data = gunzip(data)
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except ValueError as error:
        raise ValueError(f"{path}: expected text, got something else: {error}") from error
    # Alone, a carriage return ends a line, too: old files of the Macintosh.
    return text if "\n" in text else text.replace("\r", "\n")


def _is_cut(body: str) -> bool:
    """Whether the last number of a table, with no newline after it, has lost its end.

    It has fewer digits in the exponent, or decimals, than all numbers above it in its column; or it
    is an integer and its line shorter than those above, all of one length. Numbers as they are
    typed, 1.5 below 1.25, are left alone.
    """
    *above, last = [line.rstrip() for line in body.split("\n") if line.strip()]
    if not above:
        return False
    words = [line.split()[-1] for line in above]
    word = last.split()[-1]
    if _shortest(_EXPONENT, words) > _shortest(_EXPONENT, [word]):
        return True
    if _shortest(_DECIMALS, words) > max(_shortest(_DECIMALS, [word]), _BY_PROGRAM - 1):
        return not _EXPONENT.search(word)
    if len(above) > 1 and all(_INTEGER.fullmatch(one) for one in [*words, word]):
        (length, *others) = {len(line) for line in above}
        return not others and len(last) < length
    return False


def _shortest(part: re.Pattern[str], words: list[str]) -> int:
    """Least number of digits in a part of numbers, 0 where one has none."""
    found = [part.search(word) for word in words]
    return min(len(match.group(1)) if match else 0 for match in found)


def _number(word: str) -> float | None:
    try:
        return None if "_" in word else float(_FORTRAN.sub("e", word))
    except ValueError:
        return None


def _numbers(text: str) -> np.ndarray | None:
    """All numbers of a text, None where something else is among them."""
    with warnings.catch_warnings():
        # This one alone, lest another deprecation of NumPy's turns numbers into text.
        warnings.filterwarnings("error", ".*could not be read to its end", DeprecationWarning)
        try:
            return np.fromstring(text, sep=" ")
        except (DeprecationWarning, ValueError):
            return None
