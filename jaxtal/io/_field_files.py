"""Fields from and to files of any format, by the ending of the name."""

import os
import pathlib
from typing import Any

from ..fields import BasisField, Mesh, PeriodicField
from ..lattice import Lattice
from ..symmetry import SpaceGroup
from ._ccp4 import read_ccp4, write_ccp4
from ._cube import one_field, write_cube
from ._pscf_basis import read_bf, write_bf
from ._pscf_grid import read_kf, read_rf, write_kf, write_rf

_READ = (".rf", ".kf", ".bf", ".ccp4", ".map")
_WRITTEN = (*_READ, ".cube", ".cub")
#: Formats of several fields; the others hold one.
_PSCF = (".rf", ".kf", ".bf")


def field_format(path: str | os.PathLike[str]) -> str:
    """The format of a field file: the ending of its name in lower case, before a final ".gz"."""
    name = pathlib.Path(path).name.lower().removesuffix(".gz")
    return pathlib.Path(name).suffix


def read_field(
    path: str | os.PathLike[str],
    *,
    mesh: Mesh | None = None,
    group: SpaceGroup | str | int | None = None,
    dtype: Any = None,
) -> PeriodicField:
    """Read fields from `.rf`, `.kf`, `.bf` (PSCF, possibly gzipped), `.ccp4` or `.map`.

    Args:
        path: the file.
        mesh: the mesh of a `.bf` file, by default inferred; of the others the one expected.
        group: the group expected; by default the one that the file names.
        dtype: of the values; by default the default width.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: an unknown ending, another mesh than expected, or what the format's reader
            finds wrong.
    """
    kind = field_format(path)
    if kind == ".bf":
        return read_bf(path, mesh, group=group, dtype=dtype).field()
    if kind == ".rf":
        field = read_rf(path, group=group, dtype=dtype)
    elif kind == ".kf":
        field = read_kf(path, group=group, dtype=dtype)
    elif kind in _READ and not os.fspath(path).endswith(".gz"):
        field = _read_map(path, group, dtype)
    else:
        raise ValueError(f"{path}: expected a field file in {' '.join(_READ)}")
    if mesh is not None and field.mesh != mesh:
        raise ValueError(f"{path}: expected the mesh {mesh}, got {field.mesh}")
    return field


def write_field(
    path: str | os.PathLike[str],
    field: PeriodicField | BasisField,
    *,
    index: int | None = None,
    project: bool = False,
) -> None:
    """Write fields as `.rf`, `.kf`, `.bf`, or one of them as `.ccp4`, `.map`, `.cube`, `.cub`.

    Args:
        path: the file, replaced if it exists; all but `.ccp4` and `.map` may end in `.gz`.
        field: the fields; for `.bf` they must state their group and be symmetric.
        index: the one to write; by default all, and the first where only one can be.
        project: whether fields for `.bf` that are not symmetric are averaged over the group.

    Raises:
        ValueError: an unknown ending, or fields that the format cannot hold.
        OSError: the file cannot be written.
    """
    kind = field_format(path)
    if kind not in _WRITTEN or (kind in (".ccp4", ".map") and os.fspath(path).endswith(".gz")):
        raise ValueError(f"{path}: expected a field file in {' '.join(_WRITTEN)}")
    if kind == ".bf":
        symmetric = field
        if not isinstance(symmetric, BasisField):
            symmetric = BasisField.from_field(symmetric, project=project)
        if index is not None:
            chosen = symmetric.coefficients[_checked(index, symmetric.n_fields)][None]
            symmetric = symmetric.with_coefficients(chosen)
        return write_bf(path, symmetric)
    on_mesh = field.field() if isinstance(field, BasisField) else field
    if kind not in _PSCF:
        index = index or 0
    elif index is not None:
        on_mesh = on_mesh.with_values(on_mesh.values[_checked(index, on_mesh.n_fields)][None])
    if kind == ".rf":
        return write_rf(path, on_mesh)
    if kind == ".kf":
        return write_kf(path, on_mesh)
    if kind in (".cube", ".cub"):
        return write_cube(path, on_mesh, index or 0)
    values = one_field(on_mesh, index or 0)
    return write_ccp4(path, values, on_mesh.host_matrix(), _known(on_mesh.group))


def _checked(index: int, n_fields: int) -> int:
    if not 0 <= index < n_fields:
        raise ValueError(f"index: expected 0 to {n_fields - 1}, got {index}")
    return index


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
