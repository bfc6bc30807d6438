"""[space] and [group] of a job: the reciprocal basis and its symmetry."""

import dataclasses
from typing import Any

from ..lattice import Superspace
from ..symmetry import SpaceGroup, SymOp
from ._job_kinds import (
    FRACTION,
    MATRIX,
    TABLE,
    TEXT,
    VECTOR,
    WHOLE_MATRIX,
    choice,
    either,
    integer,
    items,
    number,
)
from ._job_table import JobTable

SPACE_KEYS = ("lattice", "a", "c", "cell", "q_vectors", "parallel", "perpendicular")
GROUP_KEYS = ("name", "generators")
_AXIAL = ("decagonal", "octagonal", "dodecagonal")


@dataclasses.dataclass(frozen=True, eq=False)
class Frame:
    """Where reflections live.

    Attributes:
        space: reciprocal basis.
        group: symmetry.
        modulated: satellites around main reflections, whose internal "length" is their order.
    """

    space: Superspace
    group: SpaceGroup
    modulated: bool


def read_frame(space: JobTable, group: JobTable) -> Frame:
    """Basis and group, which fit each other.

    Raises:
        BadInputError: naming section and key.
    """
    basis = _space(space)
    symmetry = _group(group)
    if symmetry.dimension != basis.dimension:
        raise group.error(
            f"expected a group in {basis.dimension} dimensions as [space] has, got {symmetry!r} "
            f"in {symmetry.dimension}"
        )
    modulated = "q_vectors" in space
    with group.blamed():
        if modulated:  # satellites that the group permutes need angles in internal space
            basis = basis.symmetrised(symmetry.point_rotations)
        basis.check_group(symmetry.rotations)
    return Frame(basis, symmetry, modulated)


def _space(table: JobTable) -> Superspace:
    way = table.only("lattice", "cell", "parallel")
    own = {"lattice": ("a", "c"), "cell": ("q_vectors",), "parallel": ("perpendicular",)}[way]
    others = [key for key in SPACE_KEYS if key != way and key not in own]
    table.refuse(others, f"beside {way}")
    if way == "cell":
        cell = table.get("cell", either(VECTOR, MATRIX))
        q = table.get("q_vectors", either(VECTOR, MATRIX), None)
        with table.blamed("cell" if q is None else "cell, q_vectors"):
            return Superspace.periodic(cell) if q is None else Superspace.modulated(cell, q)
    if way == "parallel":
        bases = table.get("parallel", MATRIX), table.get("perpendicular", MATRIX, None)
        with table.blamed():
            return Superspace.from_matrices(*bases)
    lattice = table.get("lattice", choice("icosahedral", *_AXIAL))
    lengths = [table.get("a", number(above=0))]
    if lattice in _AXIAL:
        lengths.append(table.get("c", number(above=0)))
    else:
        table.refuse(["c"], "for an icosahedral lattice")
    return getattr(Superspace, lattice)(*lengths)


def _group(table: JobTable) -> SpaceGroup:
    if table.only("name", "generators") == "name":
        name = table.get("name", either(TEXT, integer(1)))
        with table.blamed("name"):
            return SpaceGroup.find(name)
    given = table.get("generators", items(either(TEXT, TABLE)))
    with table.blamed("generators"):
        return SpaceGroup.from_generators([_operation(table, one) for one in given])


def _operation(table: JobTable, given: str | dict[str, Any]) -> SymOp:
    if isinstance(given, str):
        return SymOp.from_xyz(given)
    one = JobTable(given, table.source, "group.generators", ("rotation", "translation"))
    rotation = one.get("rotation", WHOLE_MATRIX)
    return SymOp(rotation.tolist(), one.get("translation", items(FRACTION), None))
