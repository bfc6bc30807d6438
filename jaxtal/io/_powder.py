"""Measured powder patterns: columns of angle and intensity."""

import os
import pathlib
import re

import numpy as np
from jaxtyping import Float

#: What separates columns, and how comments begin in files of powder patterns.
_SEPARATOR = re.compile(r"[\s,;]+")
_COMMENTS = ("#", "!", "'", "/*", "%", ";")


def read_powder(
    path: str | os.PathLike[str],
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Read a measured powder pattern: two columns (.xy), with errors behind them or not (.xye).

    Columns stand apart by spaces, commas or semicolons. Lines above the first one with two numbers
    are skipped, and comments everywhere.

    Args:
        path: the file.

    Returns:
        2 theta in degrees, increasing, (n,), and the intensity, (n,).

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line without two finite numbers, angles that do not increase, or fewer than
            ten points; the message names file and line.
    """
    rows: list[list[float]] = []
    text = pathlib.Path(path).read_text(encoding="utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith(_COMMENTS):
            continue
        values = _numbers(line)
        if values is None:
            if not rows:
                continue  # a header
            raise ValueError(
                f"{path}: line {number}: expected an angle and an intensity, got {line.strip()!r}"
            )
        if rows and not values[0] > rows[-1][0]:
            raise ValueError(
                f"{path}: line {number}: expected angles that increase, got {values[0]:g} after "
                f"{rows[-1][0]:g}"
            )
        rows.append(values)
    if len(rows) < 10:
        raise ValueError(
            f"{path}: expected at least ten lines of angle and intensity (.xy), got {len(rows)}; "
            "files of diffractometers (.raw, .xrdml) are exported as .xy by their programs"
        )
    table = np.array(rows)
    return table[:, 0], table[:, 1]


def _numbers(line: str) -> list[float] | None:
    try:
        values = [float(word) for word in _SEPARATOR.split(line.strip())[:2]]
    except ValueError:
        return None
    return values if len(values) == 2 and all(np.isfinite(values)) else None
