"""The judgement of measured reflections before any structure."""

import dataclasses
import functools
from typing import Any

import numpy as np

from ...lattice import cell_to_matrix, check_cell
from ...scattering import composition_amounts
from ...symmetry import SpaceGroup
from .._merge import merge
from .._reflection_table import ReflectionTable
from .._reflections import Reflections
from .._shells import shell_count
from .._wilson import WilsonFit, WilsonPlot
from ._absences import Element, find_elements
from ._centring import Centring, allowed, find_centring
from ._completeness import RowsOf, Shell, shells, sphere
from ._laue import Laue, find_laue
from ._report_text import report_dict, report_text
from ._statistics import IntensityStatistics, intensity_statistics
from ._warnings import find_warnings

#: Form factors of each radiation.
_KINDS = {"electron": "electron", "neutron": "neutron"}
#: What stands in for a composition that nobody told.
_ASSUMED = "C"
_LARGEST_INDEX = 1 << 14
#: Of intensities, and of one over them: their squares are taken.
_LARGEST = 1e60


@dataclasses.dataclass(frozen=True, eq=False)
class DataReport:
    """What measured rows say before any structure: symmetry, completeness, statistics, twins.

        report = DataReport.of(io.read_reflection_table("data.hkl"))
        print(report.text())
        report.reflections.expanded()        # merged under the Laue class found; complete in P 1

    Attributes:
        table: the rows, in the cell and indices as given.
        centring: of the cell as given, by the data.
        laue: Laue class by the data, its group, cell and index matrix, and all candidates.
        reflections: merged under that group (rule "robust"), with its cell and indices.
        elements: screw axes and glide planes, and how strong is what they extinguish.
        r_int: sum |I - <I>| / sum |I| over rows with equivalents; None without.
        r_sigma: sum sigma / sum I of the merged reflections; None without uncertainties.
        shells: of resolution.
        statistics: moments and N(z) of E^2; None for too few reflections.
        wilson: Wilson plot; None where no intensity is positive.
        extinct: what the stated group extinguishes: rows, mean I and I / sigma, or why it can't
            be; None where no group is stated.
        warnings: what should be looked at, one sentence each.
    """

    table: ReflectionTable
    centring: Centring
    laue: Laue
    reflections: Reflections
    elements: tuple[Element, ...]
    r_int: float | None
    r_sigma: float | None
    shells: tuple[Shell, ...]
    statistics: IntensityStatistics | None
    wilson: WilsonFit | None
    extinct: str | None
    warnings: tuple[str, ...]

    @classmethod
    def of(cls, table: ReflectionTable, tol: float = 0.03) -> "DataReport":
        """Judge the rows of a file.

        Args:
            table: rows in three dimensions, with a cell. What it states of group and composition
                is compared with the data, and decides nothing that these decide.
            tol: largest relative violation of the metric by a rotation that is tried.

        Raises:
            ValueError: no cell, other than three indices, indices that are not usable, or bad rows.
        """
        where = f"{table.source}: " if table.source else ""
        if table.cell is None:
            raise ValueError(
                f"{where}expected a cell (--cell, or instructions beside it), got none"
            )
        if table.indices.shape[1] != 3:
            raise ValueError(f"{where}expected three indices, got {table.indices.shape[1]}")
        try:
            return cls._of(table, check_cell(table.cell), tol)
        except ValueError as error:
            if str(error).startswith(where):
                raise
            raise ValueError(f"{where}{error}") from error

    @classmethod
    def _of(cls, table: ReflectionTable, cell: np.ndarray, tol: float) -> "DataReport":
        columns = table.columns
        columns = columns.take(np.flatnonzero(columns.k.any(axis=1)))
        if len(columns.k) < 2:
            raise ValueError(f"expected reflections, got {len(columns.k)}")
        far = np.abs(columns.k).max(axis=1) >= _LARGEST_INDEX
        if far.any():
            raise ValueError(f"expected indices below {_LARGEST_INDEX}, got {columns.k[far][0]}")
        size = np.abs(columns.intensity).max()
        if size > 0 and not 1 / _LARGEST < size < _LARGEST:
            raise ValueError(f"expected intensities up to {_LARGEST:g}, got one of {size:g}")
        centring = find_centring(columns, _is_hexagonal(cell))
        laue = find_laue(columns, cell, centring, tol, table.group)
        here = table.reindexed(laue.index_matrix)
        inside = allowed(here.indices, "P") & _on_lattice(here.indices, laue.group)
        refl = Reflections.from_table(laue.cell, laue.group, here._rows(inside), merge="robust")
        matrix = np.asarray(cell_to_matrix(laue.cell))
        kept = here._rows(inside).columns
        kept = kept.take(np.flatnonzero(kept.k.any(axis=1)))
        d_min = float(2 * np.pi / refl.q_parallel.max())
        hkl = sphere(matrix, d_min)
        possible = None if hkl is None else hkl[_on_lattice(hkl, laue.group)]
        merged = merge(kept, laue.group.laue_rotations, "robust", np.arange(len(kept.k)))
        rows = RowsOf(kept.k, kept.intensity, merged.orbit)
        count = shell_count(len(refl), 100, 1, 10)
        report = cls(
            table=table,
            centring=centring,
            laue=laue,
            reflections=refl,
            elements=find_elements(kept, laue.group, possible),
            r_int=rows.r_int(np.ones(len(kept.k), bool)),
            r_sigma=_r_sigma(refl),
            shells=shells(refl, matrix, laue.group, rows, count),
            statistics=intensity_statistics(refl),
            wilson=_wilson(table, refl),
            extinct=_extinct(table),
            warnings=(),
        )
        return dataclasses.replace(report, warnings=find_warnings(report, _heavy(table)))

    @property
    def d_min(self) -> float:
        """Smallest spacing, angstrom."""
        return float(2 * np.pi / self.reflections.q_parallel.max())

    @property
    def d_max(self) -> float:
        """Largest spacing, angstrom."""
        return float(2 * np.pi / self.reflections.q_parallel.min())

    @functools.cached_property
    def completeness(self) -> float | None:
        """Independent reflections measured over those possible, absences not counted as missing."""
        if any(shell.possible is None for shell in self.shells):
            return None
        possible = sum(shell.possible or 0 for shell in self.shells)
        return sum(shell.unique for shell in self.shells) / possible if possible else None

    @property
    def redundancy(self) -> float:
        """Rows of each independent reflection."""
        return sum(shell.rows for shell in self.shells) / len(self.reflections)

    def text(self) -> str:
        """The report in some lines."""
        return report_text(self)

    def as_dict(self) -> dict[str, Any]:
        """The report for machines: numbers, texts, lists and dictionaries alone.

        Keys: `source`, `rows`, `dropped` [{`reason`, `rows`, `mean_intensity`,
        `mean_i_over_sigma`}], `stated` {`cell`, `space_group`, `wavelength`, `radiation`,
        `composition`, `z`, `extinct`}, `centring`, `centrings` and `elements` (screw axes and glide
        planes: `kind`, `symbol`, `direction`, `translation`), each with {`name`, `rows`, `others`,
        `ratio`, `mean_i_over_sigma`, `significant`, `verdict`} of what it extinguishes,
        `obverse_reverse_twin` (fraction or null), `laue_class`, `laue_group`, `cell`,
        `index_matrix`, `laue_candidates` [{`laue_class`, `r_int`, `compared`, `worst_r`,
        `completeness`, `accepted`, `chosen`}], `unique`, `r_int`, `r_sigma`, `redundancy`,
        `outliers`, `d_max`, `d_min`, `completeness`, `shells` [{`d_max`, `d_min`, `rows`,
        `unique`, `possible`, `completeness`, `mean_intensity`, `i_over_sigma`, `r_int`}],
        `statistics` {`count`, `d_min`, `e2_minus_1`, `e4`, `l_mean`, `l_square`, `l_pairs`},
        `wilson` {`b_iso`, `b_sigma`, `scale`, `reliable`}, `twin_operations` [{`matrix`, `r`,
        `fraction`, `pairs`}], `warnings`. What is unknown is null. `jaxtal data --json` adds `file`
        and lists these under `files`, beside `skipped` [{`file`, `reason`}] and `pictures`.
        """
        return report_dict(self)

    def __repr__(self) -> str:
        return (
            f"DataReport({self.laue.chosen.name}, {len(self.table)} rows, "
            f"{len(self.reflections)} independent, d >= {self.d_min:.3g} A, "
            f"{len(self.warnings)} warnings)"
        )


def _is_hexagonal(cell: np.ndarray) -> bool:
    right = np.abs(cell[3:] - [90, 90, 120]).max() < 1.5
    return bool(right and abs(cell[0] / cell[1] - 1) < 0.03)


def _on_lattice(k: np.ndarray, group: SpaceGroup) -> np.ndarray:
    return (k @ group.centering.T % group.denominator == 0).all(axis=1)


def _r_sigma(refl: Reflections) -> float | None:
    total = float(np.abs(refl.intensity).sum())
    if refl.sigma is None or total <= 0:
        return None
    return float(refl.sigma.sum() / total)


def _wilson(table: ReflectionTable, refl: Reflections) -> WilsonFit | None:
    kind = _KINDS.get(table.radiation or "", "waasmaier-kirfel")
    # A formula that can't be read is as good as none.
    for composition in (table.composition, _ASSUMED):
        if composition is not None:
            try:
                return WilsonPlot(composition, kind=kind).fit(refl)
            except ValueError:
                continue
    return None


def _extinct(table: ReflectionTable) -> str | None:
    """How strong are the rows that the stated group extinguishes."""
    if table.group is None:
        return None
    name = table.group.hm or f"group of order {table.group.order}"
    try:
        found = table.merged(table.group)
    except ValueError as error:
        return f"{name}: {str(error).removeprefix(f'{table.source}: ')}"
    lost = [one for one in found.dropped if one.reason == "systematically absent"]
    return f"{name}: {lost[0].text()}" if lost else f"{name}: no systematically absent rows"


def _heavy(table: ReflectionTable) -> float | None:
    """Atoms in the composition that are no hydrogens."""
    if table.composition is None:
        return None
    try:
        amounts = composition_amounts(table.composition)
    except ValueError:
        return None
    return sum(amount for name, amount in amounts.items() if name not in ("H", "D"))
