"""Phased reflections as a table of text."""

import os
from typing import Any

import numpy as np

from ..._core import check_finite, host_array, write_text


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
