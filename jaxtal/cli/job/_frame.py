"""[space] and [group] of a job: the reciprocal basis and its symmetry."""

import dataclasses
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, Tag

from ...lattice import Superspace
from ...symmetry import SpaceGroup, SymOp
from ._blame import blamed, located
from ._table import Table, chosen, only, told_by
from ._values import Count, IntegerMatrix, Matrix, Positive, SimpleFraction, Text, Vector


class SpaceTable(Table):
    """The reciprocal basis."""


class IcosahedralSpace(SpaceTable):
    """The primitive icosahedral lattice."""

    when: ClassVar[str] = "for an icosahedral lattice"
    lattice: Literal["icosahedral"]
    """"icosahedral", "decagonal", "octagonal" or "dodecagonal" """
    a: Positive
    """angstrom: the six vectors have length pi / a; of axial lattices the edge of the tiles"""


class AxialSpace(SpaceTable):
    """A quasilattice in the plane, periodic along its axis."""

    when: ClassVar[str] = "for an axial lattice"
    lattice: Literal["decagonal", "octagonal", "dodecagonal"]
    a: Positive
    """edge of the tiles, angstrom"""
    c: Positive
    """period of axial lattices, angstrom"""


class CellSpace(SpaceTable):
    """A periodic or modulated crystal."""

    when: ClassVar[str] = "beside cell"
    cell: Vector | Matrix
    """[a, b, c, alpha, beta, gamma] in angstrom and degrees, [a, b, gamma], or rows of vectors"""
    q_vectors: Vector | Matrix | None = None
    """of modulations, in a*, b*, c*: one row for each"""


class BasisSpace(SpaceTable):
    """Any reciprocal basis."""

    when: ClassVar[str] = "beside parallel"
    parallel: Matrix
    """rows of the reciprocal basis in physical space, 1/angstrom, with 2 pi"""
    perpendicular: Matrix | None = None
    """rows of the reciprocal basis in internal space"""


def _kind_of_space(values: Any) -> str:
    way = only(values, "lattice", "cell", "parallel")
    if way != "lattice":
        return way
    names = ("icosahedral", "decagonal", "octagonal", "dodecagonal")
    return "icosahedral" if chosen(values, "lattice", *names) == "icosahedral" else "axial"


Space = Annotated[
    Annotated[IcosahedralSpace, Tag("icosahedral")]
    | Annotated[AxialSpace, Tag("axial")]
    | Annotated[CellSpace, Tag("cell")]
    | Annotated[BasisSpace, Tag("parallel")],
    Discriminator(_kind_of_space),
    told_by(_kind_of_space),
]


class Operation(Table):
    """x' = W x + w."""

    rotation: IntegerMatrix
    """integers [[...], ...]"""
    translation: list[SimpleFraction] | None = None
    """fractions of the cell, as 0.25 or "1/4" """


class GroupTable(Table):
    """The symmetry."""


class NamedGroup(GroupTable):
    """A group of the library."""

    when: ClassVar[str] = "beside name"
    name: Text | Count
    """"P 21/c", 14, "icosahedral P235", "decagonal P10_5/mmc", ..."""


class GeneratedGroup(GroupTable):
    """A group by generators."""

    when: ClassVar[str] = "beside generators"
    generators: Annotated[list[Text | Operation], Field(min_length=1)]
    """strings as "x3,x1,x2,x6,x4,x5" or tables {rotation = [[...], ...], translation = [...]}"""


def _kind_of_group(values: Any) -> str:
    return only(values, "name", "generators")


Group = Annotated[
    Annotated[NamedGroup, Tag("name")] | Annotated[GeneratedGroup, Tag("generators")],
    Discriminator(_kind_of_group),
    told_by(_kind_of_group),
]


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


def read_frame(space: SpaceTable, group: GroupTable, source: str) -> Frame:
    """Make basis and group, which fit each other.

    Raises:
        BadInputError: naming section and key.
    """
    basis, symmetry = _space(space, source), _group(group, source)
    if symmetry.dimension != basis.dimension:
        raise located(
            source,
            "group",
            f"expected a group in {basis.dimension} dimensions as [space] has, got {symmetry!r} "
            f"in {symmetry.dimension}",
        )
    modulated = isinstance(space, CellSpace) and space.q_vectors is not None
    with blamed(source, "group"):
        if modulated:  # satellites that the group permutes need angles in internal space
            basis = basis.symmetrised(symmetry.point_rotations)
        basis.check_group(symmetry.rotations)
    return Frame(basis, symmetry, modulated)


def _space(table: SpaceTable, source: str) -> Superspace:
    match table:
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
    raise AssertionError(f"a kind of [space] without a basis: {table!r}")


def _group(table: GroupTable, source: str) -> SpaceGroup:
    if isinstance(table, NamedGroup):
        with blamed(source, "group", "name"):
            return SpaceGroup.find(table.name)
    assert isinstance(table, GeneratedGroup)
    with blamed(source, "group", "generators"):
        return SpaceGroup.from_generators([_operation(one) for one in table.generators])


def _operation(given: str | Operation) -> SymOp:
    if isinstance(given, str):
        return SymOp.from_xyz(given)
    return SymOp(given.rotation, given.translation)
