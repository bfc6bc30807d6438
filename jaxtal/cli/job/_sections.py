"""[[section]] of a job: planes to draw."""

import dataclasses
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Discriminator, Field, Tag, model_validator

from ...density import Plane
from ...lattice import Superspace
from ._blame import blamed
from ._table import Table, refusal, told_by
from ._values import FileStem, IntegerMatrix, Matrix, Pixels, Positive, Share, Vector


class SectionTable(Table):
    """A plane to draw, and the files of its picture."""

    name: FileStem | None = None
    """of the files, default section1, section2, ..."""
    origin: Vector | Literal["peak"] | None = None
    """a corner (of planes along lattice vectors) or the middle, in lattice coordinates; or "peak":
    the highest peak lies in the middle, wherever the phases put it"""
    shape: Pixels | Annotated[list[Pixels], Field(min_length=2, max_length=2)] = 256
    """pixels, [n, m] or both the same"""
    clip: list[Share] = Field([0.0, 1.0], min_length=2, max_length=2)
    """[low, high]: where the colours begin and end, shares of the largest value of the density"""
    outline: bool = True
    """whether cells are outlined"""

    @model_validator(mode="after")
    def _check_clip(self) -> "SectionTable":
        low, high = self.clip
        if not low < high:
            raise refusal(f"clip: expected low < high, got {self.clip}")
        return self


class LatticeSection(SectionTable):
    """A plane along lattice vectors."""

    when: ClassVar[str] = "beside lattice"
    lattice: IntegerMatrix
    """two lattice vectors; or physical or perpendicular vectors, or one of each; or peaks_edge"""
    repeat: list[Positive] = Field([1.0, 1.0], min_length=2, max_length=2)
    """cells to show along the two"""


class VectorSection(SectionTable):
    """A plane along vectors of physical or internal space, or one of each."""

    when: ClassVar[str] = "without lattice vectors"
    physical: Matrix | None = None
    """edges in physical space, angstrom"""
    perpendicular: Matrix | None = None
    """edges in internal space"""


class PeakSection(SectionTable):
    """A square in the plane of the highest peak and the two peaks nearest to it."""

    when: ClassVar[str] = "beside peaks_edge"
    peaks_edge: Positive
    """edge of a square in the plane of the highest peak and its two nearest, angstrom"""


def _kind_of_section(values: Any) -> str:
    if not isinstance(values, dict):
        return "vectors"
    return "lattice" if "lattice" in values else "peaks" if "peaks_edge" in values else "vectors"


Section = Annotated[
    Annotated[LatticeSection, Tag("lattice")]
    | Annotated[PeakSection, Tag("peaks")]
    | Annotated[VectorSection, Tag("vectors")],
    Discriminator(_kind_of_section),
    told_by(_kind_of_section),
]


@dataclasses.dataclass(frozen=True, eq=False)
class SectionPlan:
    """One plane to draw: name of its files, where it lies, and how it is drawn.

    What depends on peaks is placed when there are some: `at_peak` planes are moved to the highest
    one, those with an `edge` are squares through it and its two nearest.
    """

    name: str
    plane: Plane
    at_peak: bool
    edge: float | None
    shape: tuple[int, int]
    clip: tuple[float, float]
    outline: bool


def plan_section(table: SectionTable, source: str, space: Superspace, which: int) -> SectionPlan:
    """Place a section: along two vectors of the lattice, of physical or internal space, or mixed.

    Args:
        table: what the job says.
        source: the job, as messages call it.
        space: reciprocal basis.
        which: number of the section, from 1.

    Raises:
        BadInputError: naming section and key.
    """
    rows, columns = [table.shape] * 2 if isinstance(table.shape, int) else table.shape
    low, high = table.clip
    key = "lattice, origin" if isinstance(table, LatticeSection) else ""
    with blamed(source, f"section {which}", key):
        plane = _plane(table, space)
    name = table.name or f"section{which}"
    edge = table.peaks_edge if isinstance(table, PeakSection) else None
    at_peak = table.origin == "peak" or edge is not None
    colours = (low, high)
    return SectionPlan(name, plane, at_peak, edge, (rows, columns), colours, table.outline)


def _plane(table: SectionTable, space: Superspace) -> Plane:
    if isinstance(table, PeakSection):
        if space.dimension != 3 or space.n_physical != 3:
            raise ValueError(f"peaks_edge: expected a crystal in 3 dimensions, got {space}")
        # Only its size counts until there are peaks.
        return Plane.physical(space, *(table.peaks_edge * np.eye(3)[:2]))
    origin = np.array(table.origin) if isinstance(table.origin, list) else None
    if isinstance(table, LatticeSection):
        u, v = _vectors(table.lattice, 2)
        return Plane.rational(u, v, origin, space, (table.repeat[0], table.repeat[1]))
    assert isinstance(table, VectorSection)
    r, s = table.physical, table.perpendicular
    if r is not None and s is not None:
        (u,), (v,) = _vectors(r, 1), _vectors(s, 1)
        return Plane.mixed(space, u, v, origin)
    rows = s if r is None else r
    if rows is None:
        raise ValueError("expected vectors in lattice, physical or perpendicular, got none")
    u, v = _vectors(rows, 2)
    along = Plane.perpendicular if r is None else Plane.physical
    return along(space, u, v, origin)


def _vectors(rows: list[Any], count: int) -> list[Any]:
    if len(rows) != count:
        raise ValueError(f"expected {count} vector{'s' * (count > 1)} here, got {len(rows)}")
    return rows
