"""Phased reflections as a table of text."""

import csv
import os
import pathlib
from typing import Any

import numpy as np
from jaxtyping import Complex, Float, Int

from .._core import check_finite, host_array
from ._atomic import write_text


def write_phases_csv(
    path: str | os.PathLike[str],
    k: Any,
    intensity: Any,
    F: Any,
) -> None:
    """Write indices, intensities and phased amplitudes, one reflection a line.

    The header reads "k1, k2, ..., kn, I, real(ampl), imag(ampl)"; numbers have five significant
    digits and are separated by ", ", as in the tables of the toolkit ChargeFlipPhaser.

    Args:
        path: the file, replaced if it exists.
        k: integer indices, (n, N).
        intensity: measured intensities, (n,).
        F: complex amplitudes, (n,).

    Raises:
        ValueError: columns of different lengths, or numbers that are not finite.
    """
    k = np.asarray(k)
    I, F = host_array(intensity, "intensity"), host_array(F, "F", np.complex128)
    if k.ndim != 2 or k.dtype.kind not in "iu" or I.shape != (len(k),) or F.shape != (len(k),):
        raise ValueError(
            f"expected integer k (n, N), intensity (n,) and F (n,), got {k.dtype} {k.shape}, "
            f"{I.shape} and {F.shape}"
        )
    check_finite(I, "intensity")
    check_finite(F, "F")
    names = [*(f"k{i + 1}" for i in range(k.shape[1])), "I", "real(ampl)", "imag(ampl)"]
    lines = [", ".join(names)]
    for indices, i, f in zip(k.tolist(), I.tolist(), F.tolist(), strict=True):
        numbers = (f"{value + 0.0:.5g}" for value in (i, f.real, f.imag))
        lines.append(", ".join([*map(str, indices), *numbers]))
    write_text(path, "\n".join(lines) + "\n")


def read_phases_csv(
    path: str | os.PathLike[str],
) -> tuple[Int[np.ndarray, "n N"], Float[np.ndarray, " n"], Complex[np.ndarray, " n"]]:
    """Read what `write_phases_csv`, or the toolkit ChargeFlipPhaser, wrote.

    Returns:
        indices (n, N), intensities (n,), amplitudes (n,).

    Raises:
        ValueError: another header, or a line with other columns (named).
        OSError: the file cannot be read.
    """
    text = pathlib.Path(path).read_text(encoding="utf-8")
    rows = list(csv.reader(text.splitlines(), skipinitialspace=True))
    header = [name.strip() for name in rows[0]] if rows else []
    N = len(header) - 3
    wanted = [*(f"k{i + 1}" for i in range(N)), "I", "real(ampl)", "imag(ampl)"]
    if N < 1 or header != wanted:
        raise ValueError(
            f"{path}: expected the columns k1, ..., kn, I, real(ampl), imag(ampl), got {header}"
        )
    table = np.zeros((len(rows) - 1, N + 3))
    for number, row in enumerate(rows[1:], start=2):
        try:
            table[number - 2] = [float(value) for value in row]
        except ValueError as error:
            raise ValueError(
                f"{path}, line {number}: expected {N + 3} numbers, got {row}"
            ) from error
    if not (table[:, :N] == np.round(table[:, :N])).all():
        raise ValueError(f"{path}: expected integer indices")
    return table[:, :N].astype(np.int64), table[:, N], table[:, N + 1] + 1j * table[:, N + 2]
