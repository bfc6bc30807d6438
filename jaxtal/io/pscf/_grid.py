"""Fields on a mesh, in real space (`.rf`) or as Fourier coefficients (`.kf`), as PSCF has them."""

import dataclasses
import math
import os
from typing import Any

import numpy as np
from jaxtyping import Complex, Float

from ..._core import check_finite, host_array
from ...fields import Mesh, PeriodicField
from ...symmetry import SpaceGroup, pscf_name
from ._header import (
    MESH,
    FieldHeader,
    check_cell,
    check_mesh,
    check_system,
    group_of,
    read_header,
)
from ._text import FieldText, format_rows, save_text

# Largest violation of F(-n) = conj F(n) in a file, relative to the largest coefficient: what
# single precision leaves.
_FRIEDEL = 1e-6


def read_rf(
    path: str | os.PathLike[str],
    *,
    group: SpaceGroup | str | int | None = None,
    crystal_system: str | None = None,
    mesh: Any = None,
    dtype: Any = None,
) -> PeriodicField:
    """Read fields sampled on the nodes of a mesh, from a file of PSCF ending in `.rf`.

    Args:
        path: the file, possibly gzipped.
        group: the group expected; by default the one that the file names, or none.
        crystal_system: the lattice expected, by name; by default any.
        mesh: the mesh expected, or its sizes; by default any.
        dtype: of the values; by default the default width.

    Returns:
        the fields; lengths in the file's unit, angles in degrees.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a bad header, other rows or columns than the header says, a number that isn't
            finite, another group, lattice or mesh than expected, a group that mesh and cell do not
            fit; the message names file and line.

    References:
        PSCF v1.3.3, manual, "Field files"; PSCF writes index 0 fastest.
    """
    text = FieldText(path)
    header, found, mesh = _head(text, group, crystal_system, mesh)
    table = text.table(mesh.size, header.n_fields or 0, "values on the mesh")
    reversed_axes = table.T.reshape(-1, *mesh.sizes[::-1])
    values = reversed_axes.transpose(0, *range(mesh.dimension, 0, -1))
    return _field(text, values, header, found, dtype)


def write_rf(path: str | os.PathLike[str], field: PeriodicField) -> None:
    """Write fields on the nodes of their mesh as PSCF's `.rf`, 14 digits, gzipped for `.rf.gz`.

    The group is named where it has a name (`pscf_name`).

    Raises:
        ValueError: values that aren't finite, naming the file.
        OSError: the file cannot be written.
    """
    values = _host_values(path, field)
    axes = range(values.ndim - 1, 0, -1)
    rows = values.transpose(0, *axes).reshape(len(values), -1).T
    body = format_rows("  %21.13e" * len(values), rows)
    save_text(path, header_of(field).text() + _mesh_text(values.shape[1:]) + body)


def read_kf(
    path: str | os.PathLike[str],
    *,
    group: SpaceGroup | str | int | None = None,
    crystal_system: str | None = None,
    mesh: Any = None,
    dtype: Any = None,
) -> PeriodicField:
    """Read fields given by Fourier coefficients on a mesh, from a file of PSCF ending in `.kf`.

    The rows hold F(n) = (1/M) sum_m f(m) exp(-2 pi i n.m/N) for the stored waves, n_D <= N_D / 2,
    after their number. (The old Fortran program halved the first index instead: such files have
    another number of rows and are refused.)

    Args:
        path: the file, possibly gzipped.
        group: the group expected; by default the one that the file names, or none.
        crystal_system: the lattice expected, by name; by default any.
        mesh: the mesh expected, or its sizes; by default any.
        dtype: of the values; by default the default width.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: as `read_rf`; or rows not numbered 0, 1, ..., or coefficients of no real field.
    """
    text = FieldText(path)
    header, found, mesh = _head(text, group, crystal_system, mesh)
    n_fields = header.n_fields or 0
    n_waves = math.prod(mesh.half_shape)
    table = text.table(n_waves, 1 + 2 * n_fields, "coefficients (a number, then pairs)")
    wrong = np.flatnonzero(table[:, 0] != np.arange(n_waves))
    if len(wrong):
        text.fail(
            f"expected the number {wrong[0]} of a wave in the first column, got "
            f"{table[wrong[0], 0]:g}",
            text.row_line(int(wrong[0])),
        )
    waves = (table[:, 1::2] + 1j * table[:, 2::2]).T.reshape(-1, *mesh.half_shape)
    _check_friedel(text, mesh, waves)
    axes = tuple(range(1, mesh.dimension + 1))
    values = np.fft.irfftn(waves, s=mesh.sizes, axes=axes, norm="forward")
    return _field(text, values, header, found, dtype)


def write_kf(path: str | os.PathLike[str], field: PeriodicField) -> None:
    """Write the Fourier coefficients of fields as PSCF's `.kf`, 14 digits, gzipped for `.kf.gz`.

    Raises:
        ValueError: values that aren't finite, naming the file.
        OSError: the file cannot be written.
    """
    values = _host_values(path, field)
    waves = np.fft.rfftn(values, axes=tuple(range(1, values.ndim)), norm="forward")
    save_text(path, header_of(field).text() + kf_body(waves, values.shape[1:]))


def kf_body(waves: Complex[np.ndarray, "n *half"], sizes: tuple[int, ...]) -> str:
    """What follows the header of a `.kf` file."""
    flat = waves.reshape(len(waves), -1).T
    columns = np.stack([np.real(flat), np.imag(flat)], axis=-1).reshape(len(flat), -1)
    rows = np.concatenate([np.arange(len(flat))[:, None], columns], axis=1)
    return _mesh_text(sizes) + format_rows("%5d" + "  %21.13e%21.13e" * len(waves), rows)


def header_of(field: PeriodicField, group_name: str | None = None) -> FieldHeader:
    """The header of a file of a field."""
    if group_name is None and field.group is not None:
        group_name = pscf_name(field.group)
    parameters = np.asarray(field.parameters, np.float64)
    return FieldHeader(field.bravais, parameters, group_name, len(field.values))


def _host_values(
    path: str | os.PathLike[str], field: PeriodicField
) -> Float[np.ndarray, "n *sizes"]:
    """Values for a file in float64 on the host, finite."""
    name = f"{os.fspath(path)}: values"
    values = host_array(field.values, name)
    check_finite(values, name)
    return values


def _mesh_text(sizes: tuple[int, ...]) -> str:
    return "mesh \n" + " " * 11 + "".join(f"{n:10d}" for n in sizes) + "\n"


def _head(
    text: FieldText, group: SpaceGroup | str | int | None, crystal_system: str | None, mesh: Any
) -> tuple[FieldHeader, SpaceGroup | None, Mesh]:
    """What stands above the table, found to be what was asked for."""
    header = read_header(text, MESH)
    check_system(text, header, crystal_system)
    found = Mesh([text.integer("the mesh", minimum=1) for _ in range(header.dimension)])
    with text.naming():
        expected = found if mesh is None else Mesh.of(mesh)
    if found != expected:
        text.fail(f"expected the mesh {expected}, got {found}")
    header = dataclasses.replace(header, lines=header.lines | {"mesh": text.line})
    space_group = group_of(text, header, group)
    if space_group is not None:
        check_mesh(text, header, space_group, found)
        check_cell(text, header, space_group)
    return header, space_group, found


def _field(
    text: FieldText,
    values: np.ndarray,
    header: FieldHeader,
    group: SpaceGroup | None,
    dtype: Any,
) -> PeriodicField:
    with text.naming():
        return PeriodicField.from_arrays(
            np.ascontiguousarray(values), header.bravais, header.parameters, group, dtype=dtype
        )


def _check_friedel(text: FieldText, mesh: Mesh, waves: np.ndarray) -> None:
    """The waves whose inverse is stored as well must be conjugate to it."""
    last = mesh.sizes[-1]
    axes = tuple(range(1, mesh.dimension))
    scale = np.abs(waves).max()
    number = np.arange(waves[0].size).reshape(mesh.half_shape)
    for plane in (0, last // 2) if last % 2 == 0 else (0,):
        here = waves[..., plane]
        inverse = np.roll(np.flip(here, axes), 1, axes) if axes else here
        change = np.abs(inverse.conj() - here).max(axis=0)
        if change.max() > _FRIEDEL * scale:
            worst = np.unravel_index(int(change.argmax()), change.shape)
            wave = [*map(int, worst), plane]
            text.fail(
                f"expected F(-n) = conj F(n) of a real field, got a difference of "
                f"{change.max():.2e} for the wave {wave}",
                text.row_line(int(number[(*worst, plane)])),
            )
