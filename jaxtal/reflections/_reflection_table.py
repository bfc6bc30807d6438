"""Rows of a reflection file as they were read, before any symmetry."""

import dataclasses
from typing import Any, Literal

import numpy as np
from jaxtyping import Complex, Float, Int

from ..lattice import cell_to_matrix, matrix_to_cell
from ..symmetry import SpaceGroup, absent
from ._columns import Columns, check_columns
from ._dropped import Dropped
from ._extinct import extinct_strength
from ._merge import merge

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
        redundancy: rows that were merged into each, (n,); None for rows as read.
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
    redundancy: Int[np.ndarray, " n"] | None = None
    dropped: tuple[Dropped, ...] = ()
    cell: Float[np.ndarray, "6"] | None = None
    group: SpaceGroup | None = None
    wavelength: float | int | None = None
    radiation: Radiation | None = None
    composition: str | None = None
    z: float | int | None = None
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

    @property
    def columns(self) -> Columns:
        """Indices, intensities and their uncertainties, checked; amplitudes are squared.

        Raises:
            ValueError: NaN, a negative |F| or sigma; the message names the row.
        """
        data = (self.indices, self.intensity, self.amplitude, self.sigma)
        return check_columns(*data, None, self.indices.shape[1], self.row_name)

    def reindexed(self, index_matrix: Any) -> "ReflectionTable":
        """Change the axes: h' = M h with real M, and the cell with them.

        Rows whose new indices are no integers (of a finer lattice) are left out and counted. The
        group is forgotten.

        Args:
            index_matrix: M, (3, 3); its rows are the new axes in terms of the old ones.

        Raises:
            ValueError: a matrix of another shape, or a singular one.
        """
        M = np.asarray(index_matrix, np.float64)
        if M.shape != 2 * (self.indices.shape[1],) or abs(np.linalg.det(M)) < 1e-9:
            raise ValueError(f"index_matrix: expected {self.indices.shape[1]} independent rows")
        moved = self.indices @ M.T
        whole = np.asarray((np.abs(moved - np.rint(moved)) < 1e-3).all(axis=1))
        dropped = self.dropped
        if not whole.all():
            lost = self.columns.take(~whole)
            dropped += (Dropped.of("not on the new lattice", lost.intensity, lost.sigma),)
        cell = self.cell
        if cell is not None:
            cell = np.asarray(matrix_to_cell(M @ np.asarray(cell_to_matrix(cell))), np.float64)
        table = self._rows(whole)
        indices = np.rint(moved[whole]).astype(np.int64)
        return dataclasses.replace(table, indices=indices, dropped=dropped, cell=cell, group=None)

    def merged(self, group: int | str | SpaceGroup, anomalous: bool = False) -> "ReflectionTable":
        """Merge equivalents by the rule "robust", systematically absent rows left out.

        Args:
            group: a group, or its symbol or number; only its rotations and absences count.
            anomalous: keep Friedel mates apart: equivalents are those of the point group.

        Returns:
            one row for each independent reflection, in order of first appearance, with intensity,
            sigma and redundancy; `dropped` tells what was left out.

        Raises:
            ValueError: absent rows as strong as the others, or bad rows.
        """
        group, columns = SpaceGroup.find(group, self.indices.shape[1]), self.columns
        origin = ~columns.k.any(axis=1)
        gone, dropped = absent(columns.k, group) & ~origin, self.dropped
        rows = np.flatnonzero(~gone & ~origin)
        kept = columns.take(rows)
        if gone.any():
            dropped += (extinct_strength(columns.take(gone), kept, group),)
        if not len(rows):
            raise ValueError(f"{self.source}: expected reflections that {group!r} leaves, got none")
        rotations = group.point_rotations if anomalous else group.laue_rotations
        found = merge(kept, rotations, "robust", rows)
        if found.outliers:
            lost = kept.take(~found.used)
            dropped += (Dropped.of("outliers", lost.intensity, lost.sigma),)
        return dataclasses.replace(
            self,
            indices=found.columns.k,
            intensity=found.columns.intensity,
            amplitude=None,
            sigma=found.columns.sigma,
            structure_factors=None,
            lines=None,
            batch=None,
            redundancy=found.redundancy,
            dropped=dropped,
            group=group,
        )

    def _rows(self, keep: np.ndarray) -> "ReflectionTable":
        per_row = (
            "indices",
            "intensity",
            "amplitude",
            "sigma",
            "structure_factors",
            "lines",
            "batch",
            "redundancy",
        )
        taken = {name: getattr(self, name) for name in per_row}
        return dataclasses.replace(
            self, **{name: value[keep] for name, value in taken.items() if value is not None}
        )

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
