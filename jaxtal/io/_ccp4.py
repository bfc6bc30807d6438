"""Density maps in three dimensions as CCP4 files, which every viewer of density reads."""

import os
import pathlib
from typing import Any

import gemmi
import numpy as np
from jaxtyping import Float

from .._core import check_finite, host_array, write_bytes
from ..lattice import matrix_to_cell
from ..symmetry import SpaceGroup
from ._ccp4_header import Ccp4Header, read_ccp4_header

#: Largest difference of two copies of a node, relative to the largest value: single precision.
_SAME_NODE = 1e-5


def write_ccp4(
    path: str | os.PathLike[str],
    values: Any,
    cell: Any,
    group: SpaceGroup | None = None,
) -> None:
    """Write a density over a whole cell, or a box taken as one, in single precision.

    Args:
        path: the file, replaced if it exists.
        values: density at (i / n1, j / n2, k / n3) along a, b, c, (n1, n2, n3).
        cell: cell parameters (6), angstrom and degrees, or edges, rows, angstrom, (3, 3).
        group: space group named in the header; default P1. The whole cell is written anyway.

    Raises:
        ValueError: a map that is not three-dimensional or not finite, a bad cell, or a group that
            the format has no number for; names the file.
        OSError: the file cannot be written.
    """
    file = os.fspath(path)
    array = host_array(values, f"{file}: values", np.float32)
    if array.ndim != 3 or 0 in array.shape:
        raise ValueError(f"{file}: values: expected a map (n1, n2, n3), got shape {array.shape}")
    check_finite(array, f"{file}: values")
    parameters = host_array(cell, f"{file}: cell")
    if parameters.ndim == 2:
        parameters = matrix_to_cell(parameters)
    if parameters.shape != (6,) or not (parameters > 0).all():
        raise ValueError(f"{file}: cell: expected six positive parameters or (3, 3), got {cell}")
    name = "P 1"
    if group is not None:
        if group.dimension != 3 or group.hm is None:
            raise ValueError(
                f"{file}: group: expected a tabulated space group in 3 dimensions, got {group}"
            )
        name = group.hm
    ccp4 = gemmi.Ccp4Map()
    ccp4.grid = gemmi.FloatGrid(np.ascontiguousarray(array))
    ccp4.grid.set_unit_cell(gemmi.UnitCell(*parameters.tolist()))
    ccp4.grid.spacegroup = gemmi.find_spacegroup_by_name(name)
    ccp4.update_ccp4_header(2)
    # gemmi's own writer says nothing when the disk is full.
    words = 256 + ccp4.header_i32(24) // 4  # with the symmetry records
    header = np.array([ccp4.header_i32(i + 1) for i in range(words)], np.int32)
    write_bytes(path, lambda out: out.write(header.tobytes() + array.tobytes(order="F")))


def read_ccp4(
    path: str | os.PathLike[str],
) -> tuple[Float[np.ndarray, "n1 n2 n3"], Float[np.ndarray, "6"]]:
    """Read a map of a whole cell: values along a, b, c, and the cell parameters.

    Both byte orders; numbers of 8, 16 and 32 bits; axes in any order. Nodes that are missing follow
    from the symmetry that the file states; nodes that it holds more than once must agree.

    Returns:
        Values at (i / n1, j / n2, k / n3), in single precision; the cell, angstrom and degrees.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: not a CCP4 map, not of a whole cell, without a cell, with a value that is not
            finite, or copies of a node that differ; names the file, and the node.
    """
    name = os.fspath(path)
    data = pathlib.Path(path).read_bytes()
    header = read_ccp4_header(path, data)
    given = np.frombuffer(data, header.dtype, offset=header.offset).astype(np.float32)
    # Sections run slowest in the file.
    given = np.transpose(given.reshape(header.counts[::-1]), np.argsort(header.axes[::-1]))
    starts = np.array(header.starts)[np.argsort(header.axes)]
    nodes = [
        (start + np.arange(n)) % size
        for start, n, size in zip(starts, given.shape, header.sampling, strict=True)
    ]
    bad = np.argwhere(~np.isfinite(given))
    if len(bad):
        node = [int(along[i]) for along, i in zip(nodes, bad[0], strict=True)]
        raise ValueError(
            f"{name}: not finite: expected a number at node {node}, got {given[tuple(bad[0])]}"
        )
    values = np.full(header.sampling, np.nan, np.float32)
    # Backwards, so that the first copy of a node stays; forwards, to compare the others.
    values[np.ix_(*(along[::-1] for along in nodes))] = given[::-1, ::-1, ::-1]
    change = np.abs(values[np.ix_(*nodes)] - given)
    if change.max() > _SAME_NODE * np.abs(given).max():
        place = np.unravel_index(int(change.argmax()), change.shape)
        node = [int(along[i]) for along, i in zip(nodes, place, strict=True)]
        raise ValueError(
            f"{name}: expected equal copies of node {node}, got {values[tuple(node)]:g} and "
            f"{given[place]:g}: a box larger than the cell that is not periodic?"
        )
    if np.isnan(values).any():
        _fill(name, values, header)
    return values, header.cell


def _fill(name: str, values: Float[np.ndarray, "n1 n2 n3"], header: Ccp4Header) -> None:
    """Give nodes that are missing the values of their images."""
    sizes = np.array(header.sampling)
    known = np.argwhere(~np.isnan(values))
    found = values[tuple(known.T)]
    for op in header.symmetry():
        # Node n maps to W n + w in units of the cell's edges.
        images = sizes * (known / sizes @ np.array(op.rotation).T + np.array(op.fractions, float))
        target = np.rint(images).astype(int)
        if np.abs(images - target).max() > 1e-6 * sizes.max():
            raise ValueError(
                f"{name}: expected a mesh that fits the symmetry, got {header.sampling} and the "
                f"operation {op.to_xyz()}"
            )
        target = tuple((target % sizes).T)
        empty = np.isnan(values[target])
        values[target] = np.where(empty, found, values[target])
    missing = np.argwhere(np.isnan(values))
    if len(missing):
        raise ValueError(
            f"{name}: expected the map of a whole cell, got a part of one: node "
            f"{missing[0].tolist()} is missing"
        )
