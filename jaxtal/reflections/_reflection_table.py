"""Rows of a reflection file as they were read, before any symmetry."""

import dataclasses

import numpy as np
from jaxtyping import Complex, Float, Int


@dataclasses.dataclass(frozen=True, eq=False)
class ReflectionTable:
    """Measured reflections, one row each, in the order of their file.

    Attributes:
        indices: integer indices, (n, N).
        intensity: I in arbitrary units, (n,), or None where amplitudes were read.
        amplitude: |F|, (n,), or None where intensities were read.
        sigma: standard uncertainty of whichever was read, (n,), or None.
        structure_factors: phased amplitudes, where the file has them, (n,).
        lines: line of the file (from 1) that each row stands in, (n,), where known.
        skipped: rows of the file without a measured value, left out here.
        source: name of the file, for messages.
    """

    indices: Int[np.ndarray, "n N"]
    intensity: Float[np.ndarray, " n"] | None = None
    amplitude: Float[np.ndarray, " n"] | None = None
    sigma: Float[np.ndarray, " n"] | None = None
    structure_factors: Complex[np.ndarray, " n"] | None = None
    lines: Int[np.ndarray, " n"] | None = None
    skipped: int = 0
    source: str = ""

    def __len__(self) -> int:
        return len(self.indices)

    def row_name(self, row: int) -> str:
        """Name a row in messages: by its line in the file where that is known."""
        return f"row {row}" if self.lines is None else f"line {int(self.lines[row])}"

    def __repr__(self) -> str:
        what = [
            name
            for name in ("intensity", "amplitude", "sigma", "structure_factors")
            if getattr(self, name) is not None
        ]
        rows, columns = self.indices.shape
        return (
            f"ReflectionTable({rows} rows, {columns} indices, {', '.join(what)}, {self.source!r})"
        )
