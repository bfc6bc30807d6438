"""Files of periodic fields as they are read."""

import dataclasses
import gzip
import os
import pathlib
import re
import zlib

from ..fields import BasisField, Mesh, PeriodicField
from ..io import read_bf, read_ccp4, read_kf, read_pscf_group, read_rf, resample_bf
from ..lattice import Lattice
from ..symmetry import SpaceGroup, pscf_group
from ._errors import BadInputError

#: Formats by their ending; a CCP4 map goes by two.
READ = ("rf", "kf", "bf", "ccp4", "map")
WRITTEN = (*READ, "cube")
_MAPS = ("ccp4", "map")
_ENDINGS = {"cub": "cube"}
#: Where messages of the library advise an argument, and the option that it is here.
_ADVICE = {"pass group=...": "give --group", "resample_bf reads it": "see --mesh"}
_HEAD = 4096
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
    path: str, kind: str, group: str | None, sizes: list[int] | None, strict: bool = True
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
        field = _read(path, kind, mesh, None, strict)
    except ValueError as error:
        # A header may name a file of operations, or (.bf) no group at all.
        if group is None or "pass group=..." not in str(error):
            raise BadInputError(_advised(error)) from error
        field = _read(path, kind, mesh, find_group(group, _dimension(path)), strict)
    if strict and mesh is not None and field.mesh != mesh:
        raise BadInputError(f"{path}: expected the mesh {mesh} (--mesh), got {field.mesh}")
    asked = field.group if group is None else find_group(group, field.mesh.dimension)
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
    if kind == "rf":
        return read_rf(path, group=group)
    if kind == "kf":
        return read_kf(path, group=group)
    if kind == "bf":
        if mesh is not None and not strict:
            field, placement = resample_bf(path, mesh, group=group)
            if not len(placement.dropped_lines) and not len(placement.missing):
                return field
            mesh = None
        return read_bf(path, mesh, group=group)
    values, cell = read_ccp4(path)
    try:
        return PeriodicField.from_lattice(values, Lattice.from_parameters(*cell.tolist()))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _advised(error: ValueError) -> str:
    message = str(error)
    for argument, option in _ADVICE.items():
        message = message.replace(argument, option)
    return message


def _dimension(path: str) -> int:
    """The number of dimensions in the header of a file that has got that far."""
    with open(path, "rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    try:
        with gzip.open(path) if zipped else open(path, "rb") as file:
            head = file.read(_HEAD).decode(errors="replace")
    except (OSError, EOFError, zlib.error) as error:
        raise BadInputError(f"{path}: {error}") from error
    found = re.search(r"\bdim\b['\"]?\s+(\d+)", head, re.IGNORECASE)
    return int(found[1]) if found else 3
