"""Rows of a reflection file as they were read, before any symmetry."""

import dataclasses
from typing import Any, Literal

import numpy as np
from jaxtyping import Complex, Float, Int

from ..symmetry import SpaceGroup
from ._dropped import Dropped

Radiation = Literal["xray", "electron", "neutron"]


@dataclasses.dataclass(frozen=True, eq=False)
class ReflectionTable:
    """Measured reflections, one row each, in the order of their file, and what the file says.

    Attributes:
        indices: integer indices, (n, N).
        intensity: I in arbitrary units, (n,), or None where amplitudes were read.
        amplitude: |F|, (n,), or None where intensities were read.
        sigma: standard uncertainty of whichever was read, (n,), or None.
        structure_factors: phased amplitudes, where the file has them, (n,).
        lines: line of the file (from 1) that each row stands in, (n,), where known.
        batch: number of the batch, or flag of the free set, of each row, (n,), where given.
        dropped: what was left out while reading: reason, number of rows, mean I and I / sigma.
        cell: a, b, c (angstrom), alpha, beta, gamma (degrees), (6,), where known.
        group: the space group that the file states; before a solution often a guess.
        wavelength: angstrom, where known.
        radiation: "xray", "electron" or "neutron", where known.
        composition: of the cell or of a formula unit, as "C12 H22 O11", where known.
        z: formula units in the cell, where known.
        notes: what else there is to say about the file.
        source: name of the file, for messages.
    """

    indices: Int[np.ndarray, "n N"]
    intensity: Float[np.ndarray, " n"] | None = None
    amplitude: Float[np.ndarray, " n"] | None = None
    sigma: Float[np.ndarray, " n"] | None = None
    structure_factors: Complex[np.ndarray, " n"] | None = None
    lines: Int[np.ndarray, " n"] | None = None
    batch: Int[np.ndarray, " n"] | None = None
    dropped: tuple[Dropped, ...] = ()
    cell: Float[np.ndarray, "6"] | None = None
    group: SpaceGroup | None = None
    wavelength: float | None = None
    radiation: Radiation | None = None
    composition: str | None = None
    z: float | None = None
    notes: tuple[str, ...] = ()
    source: str = ""

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def skipped(self) -> int:
        """Number of rows left out while reading."""
        return sum(one.rows for one in self.dropped)

    def row_name(self, row: int) -> str:
        """Name a row in messages: by its line in the file where that is known."""
        return f"row {row}" if self.lines is None else f"line {int(self.lines[row])}"

    def stating(self, **values: Any) -> "ReflectionTable":
        """Say what the file leaves open: `cell`, `group`, `wavelength`, ...; None changes nothing.

        Args:
            values: attributes of the table; a group may be a symbol or a number.
        """
        given = {key: value for key, value in values.items() if value is not None}
        if "group" in given:
            given["group"] = SpaceGroup.find(given["group"])
        if "cell" in given:
            given["cell"] = np.asarray(given["cell"], np.float64)
        return dataclasses.replace(self, **given)

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
