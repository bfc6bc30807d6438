"""[space] and [group] of a job: the reciprocal basis and its symmetry."""

import dataclasses

from ...lattice import Superspace
from ...symmetry import SpaceGroup, SymOp
from ._blame import blamed, located
from ._tables import (
    AxialSpace,
    BasisSpace,
    CellSpace,
    IcosahedralSpace,
    JobTables,
    NamedGroup,
    Operation,
)


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


def read_frame(tables: JobTables, source: str) -> Frame:
    """Make basis and group, which fit each other.

    Raises:
        BadInputError: naming section and key.
    """
    basis, group = _space(tables, source), _group(tables, source)
    if group.dimension != basis.dimension:
        raise located(
            source,
            "group",
            f"expected a group in {basis.dimension} dimensions as [space] has, got {group!r} "
            f"in {group.dimension}",
        )
    modulated = isinstance(tables.space, CellSpace) and tables.space.q_vectors is not None
    with blamed(source, "group"):
        if modulated:  # satellites that the group permutes need angles in internal space
            basis = basis.symmetrised(group.point_rotations)
        basis.check_group(group.rotations)
    return Frame(basis, group, modulated)


def _space(tables: JobTables, source: str) -> Superspace:
    match tables.space:
        case IcosahedralSpace(a=a):
            return Superspace.icosahedral(a)
        case AxialSpace(lattice=name, a=a, c=c):
            return getattr(Superspace, name)(a, c)
        case CellSpace(cell=cell, q_vectors=None):
            with blamed(source, "space", "cell"):
                return Superspace.periodic(cell)
        case CellSpace(cell=cell, q_vectors=q):
            with blamed(source, "space", "cell, q_vectors"):
                return Superspace.modulated(cell, q)
        case BasisSpace(parallel=parallel, perpendicular=perpendicular):
            with blamed(source, "space"):
                return Superspace.from_matrices(parallel, perpendicular)
    raise AssertionError("a job of measured reflections has a space")


def _group(tables: JobTables, source: str) -> SpaceGroup:
    table = tables.group
    if isinstance(table, NamedGroup):
        with blamed(source, "group", "name"):
            return SpaceGroup.find(table.name)
    assert table is not None, "a job of measured reflections has a group"
    with blamed(source, "group", "generators"):
        return SpaceGroup.from_generators([_operation(one) for one in table.generators])


def _operation(given: str | Operation) -> SymOp:
    if isinstance(given, str):
        return SymOp.from_xyz(given)
    return SymOp(given.rotation, given.translation)
