"""SHELX reflection files: fixed columns, three indices."""

import os

import numpy as np

from ...reflections import ReflectionTable
from ._columns import read_lines

_FIELDS = ((0, 4, "h"), (4, 8, "k"), (8, 12, "l"), (12, 20, "value"), (20, 28, "sigma"))


def read_hkl(path: str | os.PathLike[str], hklf: int = 4) -> ReflectionTable:
    """Read a SHELX reflection file in FORMAT(3I4, 2F8.2): h, k, l, I or F, sigma.

    The list ends at the first line with the indices 0 0 0, at the first empty line, or with the
    file. As in Fortran, a value without a decimal point is in hundredths.

    Args:
        path: the file, possibly gzipped.
        hklf: 4: the columns hold I and sigma(I). 3: F and sigma(F).

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a field that is no number, or no reflection; the message names file and line.

    References:
        G. M. Sheldrick, The SHELX-97 Manual (1997), chapter 2 (HKLF).
    """
    if hklf not in (3, 4):
        raise ValueError(f"hklf: expected 3 (F) or 4 (I), got {hklf!r}")
    rows, lines = [], []
    for number, line in enumerate(read_lines(path), 1):
        if not line.strip():
            break
        row = [_field(path, number, line, *field) for field in _FIELDS]
        if row[:3] == [0, 0, 0]:
            break
        rows.append(row)
        lines.append(number)
    if not rows:
        raise ValueError(f"{os.fspath(path)}: expected reflections, got none before 0 0 0")
    data = np.array(rows)
    return ReflectionTable(
        indices=data[:, :3].astype(np.int64),
        intensity=data[:, 3] if hklf == 4 else None,
        amplitude=data[:, 3] if hklf == 3 else None,
        sigma=data[:, 4],
        lines=np.array(lines),
        source=os.fspath(path),
    )


def _field(
    path: str | os.PathLike[str], number: int, line: str, start: int, end: int, name: str
) -> float:
    text = line[start:end].strip()
    index = end <= 12
    try:
        value = float(int(text)) if index else float(text)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise ValueError(
            f"{os.fspath(path)}:{number}: expected {'an integer' if index else 'a number'} for "
            f"{name} in columns {start + 1}-{end}, got {line[start:end]!r}"
        )
    implied = not index and text.lstrip("+-").isdecimal()
    return value / 100 if implied else value
