"""Fields from and to files of any format, by the ending of the name."""

import os
import pathlib
from typing import Any

from ..fields import BasisField, Mesh, PeriodicField
from ..lattice import Lattice
from ..symmetry import SpaceGroup
from ._ccp4 import read_ccp4, write_ccp4
from ._cube import field_index, one_field, write_cube
from .pscf._basis import read_bf, write_bf
from .pscf._grid import read_kf, read_rf, write_kf, write_rf
from .pscf._text import is_gzip_name

_READ = (".rf", ".kf", ".bf", ".ccp4", ".map")
_WRITTEN = (*_READ, ".cube", ".cub")
_MAPS = (".ccp4", ".map")


def field_format(path: str | os.PathLike[str]) -> str:
    """The format of a field file: the ending of its name in lower case, before a final ".gz"."""
    name = pathlib.Path(path).name.lower().removesuffix(".gz")
    return pathlib.Path(name).suffix


def read_field(
    path: str | os.PathLike[str],
    *,
    mesh: Any = None,
    group: SpaceGroup | str | int | None = None,
    dtype: Any = None,
    kind: str | None = None,
) -> PeriodicField:
    """Read fields from `.rf`, `.kf`, `.bf` (PSCF, possibly gzipped), `.ccp4` or `.map`.

    Args:
        path: the file.
        mesh: the mesh, or its sizes: of a `.bf` file, by default inferred; of the others the one
            expected.
        group: the group expected; by default the one that the file names.
        dtype: of the values; by default the default width.
        kind: one of these formats, whatever the name is; by default the ending of the name.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: an unknown ending, another mesh than expected, or what the format's reader
            finds wrong; names the file, and the line in text files.
    """
    kind = kind or field_format(path)
    if kind == ".bf":
        return read_bf(path, mesh, group=group, dtype=dtype).field()
    if kind == ".rf":
        return read_rf(path, mesh=mesh, group=group, dtype=dtype)
    if kind == ".kf":
        return read_kf(path, mesh=mesh, group=group, dtype=dtype)
    if kind not in _MAPS or is_gzip_name(path):
        raise ValueError(f"{os.fspath(path)}: expected a field file in {' '.join(_READ)}")
    field = _read_map(path, group, dtype)
    if mesh is not None and field.mesh != Mesh.of(mesh):
        raise ValueError(f"{os.fspath(path)}: expected the mesh {Mesh.of(mesh)}, got {field.mesh}")
    return field


def write_field(
    path: str | os.PathLike[str],
    field: PeriodicField | BasisField,
    *,
    index: Any = None,
    project: bool = False,
) -> None:
    """Write fields as `.rf`, `.kf`, `.bf`, or one of them as `.ccp4`, `.map`, `.cube`, `.cub`.

    Args:
        path: the file, replaced if it exists; all but `.ccp4` and `.map` may end in `.gz`.
        field: the fields; for `.bf` they must state their group and be symmetric.
        index: the one to write; by default all, and the first where only one can be.
        project: whether fields for `.bf` that are not symmetric are averaged over the group.

    Raises:
        ValueError: an unknown ending, no such field, or fields that the format cannot hold; names
            the file.
        OSError: the file cannot be written.
    """
    kind = field_format(path)
    if kind not in _WRITTEN or (kind in _MAPS and is_gzip_name(path)):
        raise ValueError(f"{os.fspath(path)}: expected a field file in {' '.join(_WRITTEN)}")
    if index is not None:
        field = _one(field, field_index(path, index, field.n_fields))
    if kind == ".bf":
        return write_bf(path, _symmetric(path, field, project))
    on_mesh = field.field() if isinstance(field, BasisField) else field
    if kind == ".rf":
        return write_rf(path, on_mesh)
    if kind == ".kf":
        return write_kf(path, on_mesh)
    if kind in (".cube", ".cub"):
        return write_cube(path, on_mesh)
    values = one_field(path, on_mesh, 0)
    return write_ccp4(path, values, on_mesh.host_matrix(), _known(on_mesh.group))


def _one(field: PeriodicField | BasisField, i: int) -> PeriodicField | BasisField:
    if isinstance(field, BasisField):
        return field.with_coefficients(field.coefficients[i][None])
    return field.with_values(field.values[i][None])


def _symmetric(
    path: str | os.PathLike[str], field: PeriodicField | BasisField, project: bool
) -> BasisField:
    if isinstance(field, BasisField):
        return field
    try:
        return BasisField.from_field(field, project=project)
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)}: {error}") from error


def _known(group: SpaceGroup | None) -> SpaceGroup | None:
    return None if group is None or group.hm is None else group


def _read_map(
    path: str | os.PathLike[str], group: SpaceGroup | str | int | None, dtype: Any
) -> PeriodicField:
    values, cell = read_ccp4(path)
    lattice = Lattice.from_parameters(*cell.tolist())
    try:
        return PeriodicField.from_lattice(values, lattice, group, dtype)
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)}: {error}") from error
