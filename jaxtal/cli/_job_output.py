"""[[section]] and [output] of a job: planes to draw and files to write."""

import dataclasses
import re

import numpy as np

from ..density import Plane
from ..lattice import Superspace
from ._job_kinds import FLAG, MATRIX, TEXT, VECTOR, WHOLE_MATRIX, either, integer, items, number
from ._job_table import JobTable

SECTION_KEYS = (
    *("name", "origin", "lattice", "physical", "perpendicular", "repeat", "shape", "clip"),
    "outline",
)
OUTPUT_KEYS = ("csv", "npz", "ccp4", "density", "peaks", "peaks_above")
#: Names of the other files of a run.
_TAKEN = ("phases", "density", "peaks", "summary")


@dataclasses.dataclass(frozen=True, eq=False)
class SectionPlan:
    """One plane to draw: name of its files, where it lies, and how it is drawn."""

    name: str
    plane: Plane
    shape: tuple[int, int]
    clip: tuple[float, float]
    outline: bool


@dataclasses.dataclass(frozen=True)
class OutputPlan:
    """Files to write besides the summary and the sections; `peaks` is how many to list."""

    csv: bool
    npz: bool
    ccp4: bool
    density: bool
    peaks: int
    peaks_above: float


def read_output(table: JobTable, space: Superspace) -> OutputPlan:
    """Which files to write; a CCP4 map by default where there can be one.

    Raises:
        BadInputError: a map of a crystal that is not three-dimensional, or a wrong value.
    """
    periodic = space.dimension == space.n_physical == 3
    ccp4 = table.get("ccp4", FLAG, periodic)
    if ccp4 and not periodic:
        raise table.error(
            f"ccp4: expected a crystal in 3 dimensions for a map, got one in {space.dimension}"
        )
    peaks = table.get("peaks", either(FLAG, integer(1)), False)
    above = table.get("peaks_above", number(least=0), 0.1)
    if above >= 1:
        raise table.error(f"peaks_above: expected a share of the highest below 1, got {above:g}")
    return OutputPlan(
        csv=table.get("csv", FLAG, True),
        npz=table.get("npz", FLAG, True),
        ccp4=ccp4,
        density=table.get("density", FLAG, False),
        peaks=(50 if peaks else 0) if isinstance(peaks, bool) else peaks,
        peaks_above=above,
    )


def read_section(table: JobTable, space: Superspace, which: int) -> SectionPlan:
    """One section: along two vectors of the lattice, of physical or internal space, or one each.

    Raises:
        BadInputError: naming section and key.
    """
    name = table.get("name", TEXT, f"section{which}").removesuffix(".png")
    if not re.fullmatch(r"[\w.+-]+", name) or name.startswith(".") or name in _TAKEN:
        raise table.error(
            f"name: expected letters, digits, '_', '-', '+', '.' and none of "
            f"{', '.join(_TAKEN)}, got {name!r}"
        )
    clip = table.get("clip", items(number(least=0), 2), [0.0, 1.0])
    if not (clip[0] < 1 and 0 < clip[1] <= 1):
        raise table.error(f"clip: expected [low, high] with low < 1 and 0 < high <= 1, got {clip}")
    shape = table.get("shape", either(integer(2), items(integer(2), 2)), 256)
    both = [shape, shape] if isinstance(shape, int) else shape
    plane = _plane(table, space)
    outline = table.get("outline", FLAG, True)
    return SectionPlan(name, plane, (both[0], both[1]), (clip[0], clip[1]), outline)


def _plane(table: JobTable, space: Superspace) -> Plane:
    origin = table.get("origin", VECTOR, None)
    if "lattice" in table:
        table.refuse(["physical", "perpendicular"], "beside lattice")
        vectors = table.get("lattice", WHOLE_MATRIX)
        repeat = table.get("repeat", items(number(above=0), 2), [1.0, 1.0])
        with table.blamed("lattice, origin"):
            u, v = _vectors(vectors, 2)
            return Plane.rational(u.tolist(), v.tolist(), origin, space, (repeat[0], repeat[1]))
    table.refuse(["repeat"], "without lattice vectors")
    r, s = (table.get(key, MATRIX, None) for key in ("physical", "perpendicular"))
    if r is None and s is None:
        raise table.error("expected vectors in lattice, physical or perpendicular, got none")
    with table.blamed():
        if r is None:
            first, second = _vectors(s, 2)
            return Plane.perpendicular(space, first, second, origin)
        if s is None:
            first, second = _vectors(r, 2)
            return Plane.physical(space, first, second, origin)
        return Plane.mixed(space, _vectors(r, 1)[0], _vectors(s, 1)[0], origin)


def _vectors(rows: np.ndarray, count: int) -> np.ndarray:
    if len(rows) != count:
        raise ValueError(f"expected {count} vector{'s' * (count > 1)} here, got {len(rows)}")
    return rows
