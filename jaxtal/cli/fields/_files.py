"""Files of periodic fields as they are read."""

import dataclasses
import os
import pathlib
from typing import Literal, get_args

import numpy as np

from ...fields import BasisField, Mesh, PeriodicField
from ...fields._waves import LATTICE_TOLERANCE
from ...io import (
    FieldGroupError,
    FieldMeshError,
    read_bf,
    read_field,
    read_field_header,
    read_pscf_group,
    resample_bf,
)
from ...symmetry import SpaceGroup, pscf_group
from .._errors import BadInputError

#: Formats by their ending; a CCP4 map goes by two.
Readable = Literal["rf", "kf", "bf", "ccp4", "map"]
Writable = Literal["rf", "kf", "bf", "ccp4", "map", "cube"]
READ, WRITTEN = get_args(Readable), get_args(Writable)
_MAPS = ("ccp4", "map")
_ENDINGS = {"cub": "cube"}
#: Nodes of 512 x 512 x 512; a slip of the finger shall not fill the memory.
_MOST_NODES = 2**27


@dataclasses.dataclass(frozen=True)
class Loaded:
    """What a file holds.

    Attributes:
        path: as typed.
        kind: its format.
        field: the fields: of a `.bf` file, their coefficients.
        inferred: whether the mesh is a guess, which only `.bf` files need.
        group: the group asked for, else the one that the file names, else None.
    """

    path: str
    kind: str
    field: PeriodicField | BasisField
    inferred: bool
    group: SpaceGroup | None

    @property
    def on_mesh(self) -> PeriodicField:
        """The fields on the mesh."""
        return self.field.field() if isinstance(self.field, BasisField) else self.field


def format_of(path: str, override: str | None, known: tuple[str, ...], option: str) -> str:
    """The format of a file: what the option says, or else the ending of its name.

    Raises:
        BadInputError: neither is a format that is known here.
    """
    plain = path.lower().removesuffix(".gz")
    ending = pathlib.Path(plain).suffix.removeprefix(".")
    kind = override or _ENDINGS.get(ending, ending)
    if kind not in known:
        listed = " ".join(f".{name}" for name in known)
        raise BadInputError(
            f"{path}: expected a field file in {listed}, got {f'.{ending}' if ending else 'none'} "
            f"(see {option})"
        )
    if kind in _MAPS and plain != path.lower():
        raise BadInputError(f"{path}: CCP4 maps are not gzipped here")
    return kind


def load(
    path: str, kind: str, group: str | None, sizes: tuple[int, ...] | None, strict: bool = True
) -> Loaded:
    """Read a file of fields.

    Args:
        path: the file.
        kind: its format.
        group: name, number or file of the group, where it counts instead of the file's.
        sizes: the mesh.
        strict: whether the file must be of that mesh. A `.bf` file is read on it if it is.

    Raises:
        BadInputError: no such file.
        ValueError: what the reader finds wrong, or another mesh.
    """
    if os.path.isdir(path):
        raise BadInputError(f"{path}: expected a file, got a folder")
    if not os.path.exists(path):
        raise BadInputError(f"{path}: no such file")
    mesh = None if sizes is None else Mesh(sizes)
    if mesh is not None and mesh.size > _MOST_NODES:
        raise BadInputError(f"--mesh: expected at most {_MOST_NODES} nodes, got {mesh}")
    try:
        try:
            field = _read(path, kind, mesh, None, strict)
        except FieldGroupError as error:
            # A header may name a file of operations, or (.bf) no group at all.
            if group is None:
                raise BadInputError(f"{error.reason}; give --group") from error
            given = find_group(group, read_field_header(path).dimension)
            field = _read(path, kind, mesh, given, strict)
    except FieldMeshError as error:
        raise BadInputError(f"{error.reason} (--mesh)") from error
    if strict and mesh is not None and field.mesh != mesh:
        raise BadInputError(f"{path}: expected the mesh {mesh} (--mesh), got {field.mesh}")
    asked = field.group
    if group is not None:
        asked = find_group(group, field.mesh.dimension)
        cell = field.bravais.host_matrix(np.asarray(field.parameters))
        try:
            asked.check_matrix(cell, tol=LATTICE_TOLERANCE)
        except ValueError as error:
            raise BadInputError(f"{path}: --group: {error}") from error
    return Loaded(path, kind, field, kind == "bf" and field.mesh != mesh, asked)


def find_group(text: str, dimension: int) -> SpaceGroup:
    """The group with a name or number, or in a group file of PSCF, as --group takes it.

    Raises:
        BadInputError: neither.
        ValueError: a bad group file.
    """
    if os.path.isfile(text):
        return read_pscf_group(text, dimension)
    try:
        if text.isdecimal():
            return SpaceGroup.find(int(text), dimension=dimension)
        return pscf_group(text, dimension)
    except ValueError as error:
        raise BadInputError(f"--group: {error}") from error


def group_label(group: SpaceGroup) -> str:
    """What a group is called in print."""
    return group.hm or f"a group of {group.order} operations"


def _read(
    path: str, kind: str, mesh: Mesh | None, group: SpaceGroup | None, strict: bool
) -> PeriodicField | BasisField:
    if kind != "bf":
        return read_field(path, group=group, kind=f".{kind}")
    if mesh is not None and not strict:
        field, placement = resample_bf(path, mesh, group=group)
        if not len(placement.dropped_lines) and not len(placement.missing):
            return field
        mesh = None
    return read_bf(path, mesh, group=group)
