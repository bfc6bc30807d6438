"""The header that the field files of PSCF have in common."""

import dataclasses
import os
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from ...fields import Mesh
from ...fields._waves import LATTICE_TOLERANCE
from ...lattice import BravaisLattice
from ...symmetry import SpaceGroup, pscf_group, pscf_name
from ._errors import FieldGroupError
from ._text import FieldText

MESH = ("mesh", "ngrid")
COUNT = ("N_basis", "N_star")
_LABELS = ("dim", "crystal_system", "N_cell_param", "cell_param", "group_name", "N_monomer")


@dataclasses.dataclass(frozen=True, eq=False)
class FieldHeader:
    """Lattice, group and number of fields at the head of a file.

    Attributes:
        bravais: the lattice by name.
        parameters: its parameters, lengths, then angles in degrees (radians in the file), (p,).
        group_name: the space group as the file names it ("I_a_-3_d"), None without one.
        n_fields: number of fields, None in files without fields.
        lines: the line of each label's value in a file, from 1, and of the header's "end".
    """

    bravais: BravaisLattice
    parameters: Float[np.ndarray, " p"]
    group_name: str | None
    n_fields: int | None
    lines: dict[str, int] = dataclasses.field(default_factory=dict)

    @property
    def dimension(self) -> int:
        """D."""
        return self.bravais.dimension

    def text(self) -> str:
        """The header as PSCF writes it."""
        radians = self.parameters.astype(np.float64)
        lengths = self.bravais.n_lengths
        radians[lengths:] = np.deg2rad(radians[lengths:])
        lines = ["format   1   0", "dim", f"{'':10}{self.dimension}"]
        lines += ["crystal_system", f"{'':14}{self.bravais.name}"]
        lines += ["N_cell_param", f"{'':14}{len(radians)}"]
        lines += ["cell_param    ", "".join(f"    {value:18.10e}" for value in radians)]
        if self.group_name is not None:
            lines += ["group_name", f"{'':10}{self.group_name}"]
        if self.n_fields is not None:
            lines += ["N_monomer", f"{'':10}{self.n_fields}"]
        return "\n".join(lines) + "\n"


def read_field_header(path: str | os.PathLike[str]) -> FieldHeader:
    """Read what the head of a `.rf`, `.kf` or `.bf` file says of dimension, cell and group.

    Args:
        path: the file, possibly gzipped.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a bad header, naming file and line.
    """
    return read_header(FieldText(path), (*MESH, *COUNT))


def read_header(text: FieldText, ends: Sequence[str], fields: bool = True) -> FieldHeader:
    """Read a header and the label that ends it.

    Labels in any case and order, values on any line, in quotes or not.

    Args:
        text: the file, at its start.
        ends: labels one of which follows the header ("mesh" and its old name "ngrid").
        fields: whether the number of fields must be there.

    Raises:
        ValueError: no such header, or angles in degrees, naming file and line.
    """
    label = text.word("the label 'format'")
    if label.lower() != "format":
        text.fail(f"expected the label 'format' of a field file of PSCF, got {label!r}")
    version = text.integer("the format's version"), text.integer("the format's version")
    if version != (1, 0):
        text.fail(f"expected format 1 0, got {version[0]} {version[1]}")
    known = {label.lower(): label for label in _LABELS}
    closing = {end.lower() for end in ends}
    found: dict[str, str | int | list[float]] = {}
    lines: dict[str, int] = {}
    while True:
        word = text.word(f"a label, or {' or '.join(ends)}")
        if word.lower() in closing:
            lines["end"] = text.line
            break
        name = known.get(word.lower())
        if name is None:
            text.fail(f"expected a label among {', '.join([*_LABELS, *ends])}, got {word!r}")
        if name in found:
            text.fail(f"{name} occurs twice")
        if name == "cell_param" and "N_cell_param" not in found:
            text.fail("expected N_cell_param before cell_param")
        found[name] = _value(text, name, found)
        lines[name] = text.line
    optional = ("group_name",) if fields else ("group_name", "N_monomer")
    missing = [label for label in _LABELS if label not in found and label not in optional]
    if missing:
        text.fail(f"expected {', '.join(missing)} above this line")
    return _checked(text, found, lines)


def group_of(
    text: FieldText, header: FieldHeader, group: SpaceGroup | str | int | None, needed: bool = False
) -> SpaceGroup | None:
    """The space group of a file: what its header names, which must be `group` where that is given.

    A name that no table knows is PSCF's way to name a file of operations; `group` is then taken
    at its word.

    Raises:
        FieldGroupError: an unknown name without `group`, no group at all where one is needed.
        ValueError: another group than `group`, or no such group.
    """
    name, dimension, lines = header.group_name, header.dimension, header.lines
    if group is not None and not isinstance(group, SpaceGroup):
        try:
            group = SpaceGroup.find(group, dimension)
        except ValueError as error:
            raise ValueError(f"{text.path}: group: {error}") from error
    if group is not None and group.dimension != dimension:
        text.fail(
            f"a field in {dimension} dimensions cannot have the group {group!r} in "
            f"{group.dimension}",
            lines["dim"],
        )
    if name is None:
        if needed and group is None:
            raise FieldGroupError(f"{text.at(lines['end'])}: the file names no group")
        return group
    where = text.at(lines["group_name"])
    try:
        named = pscf_group(name, dimension)
    except ValueError as error:
        if group is not None:
            return group
        raise FieldGroupError(f"{where}: group_name {name!r}: {error}") from None
    if group is not None and set(group.operations) != set(named.operations):
        raise ValueError(
            f"{where}: expected the group {pscf_name(group) or repr(group)}, got group_name {name}"
        )
    return named if group is None else group


def check_mesh(text: FieldText, header: FieldHeader, group: SpaceGroup, mesh: Mesh) -> None:
    """Check that a mesh fits the group of a file.

    Raises:
        ValueError: it does not; names the line of the mesh or, where the file tells none, of the
            group.
    """
    try:
        mesh.check_group(group)
    except ValueError as error:
        lines = header.lines
        text.fail(str(error), lines.get("mesh") or lines.get("group_name") or lines["end"])


def check_cell(text: FieldText, header: FieldHeader, group: SpaceGroup) -> None:
    """Check that the cell of a file fits a group.

    Raises:
        ValueError: it does not, naming its line.
    """
    try:
        group.check_matrix(header.bravais.host_matrix(header.parameters), tol=LATTICE_TOLERANCE)
    except ValueError as error:
        text.fail(str(error), header.lines["cell_param"])


def check_system(text: FieldText, header: FieldHeader, crystal_system: str | None) -> None:
    """Check that a file is of the lattice that was asked for, if one was.

    Raises:
        ValueError: another one, or no such lattice.
    """
    if crystal_system is None:
        return
    try:
        expected = BravaisLattice.find(crystal_system, header.dimension)
    except ValueError as error:
        raise ValueError(f"{text.path}: crystal_system: {error}") from error
    if expected != header.bravais:
        text.fail(
            f"expected a {expected.name} lattice, got crystal_system {header.bravais.name}",
            header.lines["crystal_system"],
        )


def _value(text: FieldText, name: str, found: dict) -> str | int | list[float]:
    if name in ("crystal_system", "group_name"):
        return text.word(name)
    if name == "cell_param":
        return [text.number(name) for _ in range(found["N_cell_param"])]
    return text.integer(name, minimum=1)


def _checked(text: FieldText, found: dict, lines: dict[str, int]) -> FieldHeader:
    try:
        bravais = BravaisLattice.find(found["crystal_system"], found["dim"])
    except ValueError as error:
        text.fail(f"crystal_system: {error}", lines["crystal_system"])
    parameters = np.array(found["cell_param"])
    if len(parameters) == bravais.n_parameters:
        angles = parameters[bravais.n_lengths :]
        if (angles >= np.pi).any():
            first = angles[angles >= np.pi][0]
            text.fail(
                f"cell_param: expected angles in radians, below pi, as PSCF has them, got {first:g}"
                f": degrees? In radians that is {np.deg2rad(first):.10g}",
                lines["cell_param"],
            )
        parameters[bravais.n_lengths :] = np.rad2deg(angles)
    parameters = bravais.check(parameters, f"{text.at(lines['cell_param'])}: cell_param")
    names = found.get("group_name"), found.get("N_monomer")
    return FieldHeader(bravais, parameters, *names, lines)
