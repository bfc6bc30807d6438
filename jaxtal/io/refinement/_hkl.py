"""Reflections as SHELX writes them: 3I4, 2F8, with as many digits as fit."""

import numpy as np

from ...reflections import ReflectionTable

#: Intensities of one power of ten more or less are scaled.
_LEAST, _MOST = 1e2, 99999.0


def hkl_lines(table: ReflectionTable) -> list[str]:
    """The lines of a file of intensities, HKLF 4, the end mark included.

    Args:
        table: three indices, with uncertainties.

    Raises:
        ValueError: another number of indices, no uncertainties, or indices of more than three
            digits.
    """
    columns = table.columns
    k, I, sigma = columns.k, columns.intensity, columns.sigma
    if k.shape[1] != 3 or sigma is None:
        raise ValueError(f"expected h, k, l, I and sigma to write, got {table!r}")
    if np.abs(k).max(initial=0) > 999:
        raise ValueError(f"expected indices of three digits, got {np.abs(k).max()}")
    top = float(max(np.abs(I).max(initial=0.0), sigma.max(initial=0.0))) or 1.0
    scale = 1.0 if _LEAST <= top <= _MOST else 10.0 ** (4 - np.floor(np.log10(top)))
    rows = zip(k.tolist(), (scale * I).tolist(), (scale * sigma).tolist(), strict=True)
    lines = [f"{h:4d}{m:4d}{l:4d}{_eight(v)}{_eight(s)}" for (h, m, l), v, s in rows]
    return [*lines, f"{0:4d}{0:4d}{0:4d}{0.0:8.2f}{0.0:8.2f}"]


def _eight(value: float) -> str:
    """Seven characters with a point, after a blank."""
    for decimals in range(5, 0, -1):
        text = f"{value:.{decimals}f}"
        if len(text) <= 7:
            return text.rjust(8)
    return f"{value:.0f}.".rjust(8)
