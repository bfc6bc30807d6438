"""Symmetric fields as coefficients of a star basis (`.bf`), as PSCF has them."""

import os
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from ..._core import check_finite, host_array
from ...fields import BasisField, Mesh, StarBasis
from ...symmetry import SpaceGroup, pscf_name
from ._header import FieldHeader, check_mesh
from ._infer_mesh import mesh_of_rows
from ._placing import Placement, place_rows
from ._rows import BasisRows, read_bf_rows
from ._text import format_rows, save_text


def read_bf(
    path: str | os.PathLike[str],
    mesh: Any = None,
    *,
    basis: StarBasis | None = None,
    group: SpaceGroup | str | int | None = None,
    crystal_system: str | None = None,
    dtype: Any = None,
) -> BasisField:
    """Read symmetric fields from a file of PSCF ending in `.bf`, all rows, in any order.

    Every row is found a place by the wave that it names, and every basis function must be among
    the rows; see `resample_bf` for files of another mesh. Where two rows of a pair of open stars
    come in the other order, or another wave names a star than here, the coefficients are turned
    accordingly.

    Args:
        path: the file, possibly gzipped.
        mesh: the mesh or its sizes, which the file does not tell; by default `infer_mesh` finds it.
        basis: the basis to read into, by default one of `mesh` and the file's cell and group.
        group: the group expected; by default the one that the file names.
        crystal_system: the lattice expected, by name; by default any.
        dtype: of the coefficients; by default the default width.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a bad header, other rows or columns than the header says, a number that isn't
            finite, another group or lattice than expected; the message names file and line.
        FieldGroupError: no group, or one that no table knows: pass `group`.
        FieldMeshError: rows that have no place in the basis, or functions of the basis without a
            row, naming file and line.

    References:
        PSCF v1.3.3, manual, "Field files" and "Symmetry-Adapted Basis Functions".
    """
    rows = _rows(path, basis, group, crystal_system)
    field, placement = _placed(rows, mesh, basis, dtype)
    placement.check_complete(rows.text.path, rows.header.lines["N_basis"])
    return field


def resample_bf(
    path: str | os.PathLike[str],
    mesh: Any = None,
    *,
    basis: StarBasis | None = None,
    group: SpaceGroup | str | int | None = None,
    crystal_system: str | None = None,
    dtype: Any = None,
) -> tuple[BasisField, Placement]:
    """Read a `.bf` file of one mesh into a basis of another, finer or coarser.

    Rows of waves that the basis has not, or has in a star of another size (the edge of the smaller
    mesh), are left out; functions without a row are zero. This is what PSCF does. Nothing is left
    out by `read_bf(...).field().resample(sizes)`.

    Args:
        path: see `read_bf`.
        mesh: the mesh to read into.
        basis: see `read_bf`.
        group: see `read_bf`.
        crystal_system: see `read_bf`.
        dtype: see `read_bf`.

    Returns:
        the fields, and which rows were left out and which functions are zero.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: as `read_bf`; or two rows for one function, or no constant term.
    """
    return _placed(_rows(path, basis, group, crystal_system), mesh, basis, dtype)


def write_bf(
    path: str | os.PathLike[str], field: BasisField, group_name: str | None = None
) -> None:
    """Write symmetric fields as PSCF's `.bf`, 11 digits, gzipped for `.bf.gz`.

    Args:
        path: the file, replaced if it exists.
        field: the fields.
        group_name: what PSCF calls the group, or its file of operations; default `pscf_name`.

    Raises:
        ValueError: a group without a name, or coefficients that aren't finite.
        OSError: the file cannot be written.
    """
    label = f"{os.fspath(path)}: coefficients"
    coefficients = host_array(field.coefficients, label)
    check_finite(coefficients, label)
    stars = field.basis.stars
    name = group_name or pscf_name(stars.group)
    if name is None:
        raise ValueError(
            f"{os.fspath(path)}: a .bf file must name its group, and {stars.group!r} has no name "
            "in PSCF: pass group_name=..., the name of a file of its operations (write_pscf_group)"
        )
    parameters = np.asarray(field.parameters, np.float64)
    header = FieldHeader(field.bravais, parameters, name, len(coefficients))
    shown = stars.basis_star
    body = bf_body(coefficients.T, stars.characteristic[shown], stars.sizes[shown])
    save_text(path, header.text() + body)


def bf_body(
    coefficients: Float[np.ndarray, "rows n"],
    waves: Int[np.ndarray, "rows D"],
    sizes: Int[np.ndarray, " rows"],
) -> str:
    """What follows the header of a `.bf` file."""
    rows = np.concatenate([coefficients, waves, sizes[:, None]], axis=1)
    n, D = coefficients.shape[1], waves.shape[1]
    columns = "%20.10e" * n + "   " + "%5d" * (D + 1)
    return f"N_basis      \n{'':13}{len(rows)}\n" + format_rows(columns, rows)


def _rows(
    path: str | os.PathLike[str],
    basis: StarBasis | None,
    group: SpaceGroup | str | int | None,
    crystal_system: str | None,
) -> BasisRows:
    if basis is not None and group is None:
        group = basis.group
    return read_bf_rows(path, group=group, crystal_system=crystal_system)


def _placed(
    rows: BasisRows, mesh: Any, basis: StarBasis | None, dtype: Any
) -> tuple[BasisField, Placement]:
    """The rows in a basis: that one, or the one of a mesh, by default of the file's own."""
    text, header = rows.text, rows.header
    with text.naming():
        wanted = None if mesh is None else Mesh.of(mesh)
    if basis is not None and wanted not in (None, basis.mesh):
        raise ValueError(f"{text.path}: expected the mesh of the basis, {basis.mesh}, got {wanted}")
    wanted = wanted if basis is None else basis.mesh
    if wanted is not None and wanted.dimension != header.dimension:
        text.fail(
            f"dim: expected a field in {wanted.dimension} dimensions, as the mesh {wanted}, got "
            f"{header.dimension}",
            header.lines["dim"],
        )
    wanted = wanted or mesh_of_rows(rows)
    check_mesh(text, header, rows.group, wanted)
    matrix, cell = header.bravais.host_matrix(header.parameters), header.parameters
    with text.naming():
        basis = basis or StarBasis(rows.group, wanted, matrix, dtype)
    placement = place_rows(rows, basis)
    with text.naming():
        values = placement.coefficients.T
        return BasisField.from_arrays(values, basis, header.bravais, cell, dtype), placement
