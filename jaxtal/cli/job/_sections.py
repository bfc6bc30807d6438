"""[[section]] of a job: planes to draw."""

import dataclasses
from typing import Annotated, Any, ClassVar

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
    origin: Vector | None = None
    """the point in the middle, in lattice coordinates"""
    shape: Pixels | Annotated[list[Pixels], Field(min_length=2, max_length=2)] = 256
    """pixels, [n, m] or both the same"""
    clip: list[Share] = Field([0.0, 1.0], min_length=2, max_length=2)
    """[low, high]: where the colours begin and end, shares of the largest value"""
    outline: bool = True
    """whether cells are outlined"""

    @model_validator(mode="after")
    def _check_clip(self) -> "SectionTable":
        low, high = self.clip
        if not (low < 1 and high > 0):
            raise refusal(f"clip: expected low < 1 and high > 0, got {self.clip}")
        return self


class LatticeSection(SectionTable):
    """A plane along lattice vectors."""

    when: ClassVar[str] = "beside lattice"
    lattice: IntegerMatrix
    """two lattice vectors; or physical or perpendicular vectors, or one of each"""
    repeat: list[Positive] = Field([1.0, 1.0], min_length=2, max_length=2)
    """cells to show along the two"""


class VectorSection(SectionTable):
    """A plane along vectors of physical or internal space, or one of each."""

    when: ClassVar[str] = "without lattice vectors"
    physical: Matrix | None = None
    """edges in physical space, angstrom"""
    perpendicular: Matrix | None = None
    """edges in internal space"""


def _kind_of_section(values: Any) -> str:
    return "lattice" if isinstance(values, dict) and "lattice" in values else "vectors"


Section = Annotated[
    Annotated[LatticeSection, Tag("lattice")] | Annotated[VectorSection, Tag("vectors")],
    Discriminator(_kind_of_section),
    told_by(_kind_of_section),
]


@dataclasses.dataclass(frozen=True, eq=False)
class SectionPlan:
    """One plane to draw: name of its files, where it lies, and how it is drawn."""

    name: str
    plane: Plane
    shape: tuple[int, int]
    clip: tuple[float, float]
    outline: bool


def plan_section(
    table: LatticeSection | VectorSection, source: str, space: Superspace, which: int
) -> SectionPlan:
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
    return SectionPlan(name, plane, (rows, columns), (low, high), table.outline)


def _plane(table: LatticeSection | VectorSection, space: Superspace) -> Plane:
    origin = None if table.origin is None else np.array(table.origin)
    if isinstance(table, LatticeSection):
        u, v = _vectors(table.lattice, 2)
        return Plane.rational(u, v, origin, space, (table.repeat[0], table.repeat[1]))
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
