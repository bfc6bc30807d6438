"""The mesh that a `.bf` file was written on, which it does not tell."""

import itertools
import math
import os

import numpy as np
from jaxtyping import Int

from ...fields import Mesh, Stars
from ...symmetry import SpaceGroup
from ...symmetry._orbits import mesh_axes
from ._rows import BasisRows, read_bf_rows

# Nodes beyond twice the largest index: an axis may lack its last waves by systematic absences.
_BEYOND = 4
# Most nodes for each that the waves and the centring account for.
_SPARSE = 4
# Meshes tried before a file is given up: the right one is among the first.
_TRIES = 300


def infer_mesh(path: str | os.PathLike[str], group: SpaceGroup | str | int | None = None) -> Mesh:
    """The smallest mesh whose symmetry-adapted basis has exactly the rows of a `.bf` file.

    Where the waves that a larger mesh has in addition are all cancelled, the file cannot tell.

    Args:
        path: the file, possibly gzipped.
        group: the group expected; by default the one that the file names.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: as `read_bf`, or no mesh has that basis.
    """
    return mesh_of_rows(read_bf_rows(path, group=group))


def mesh_of_rows(rows: BasisRows) -> Mesh:
    """`infer_mesh` of rows already read.

    Raises:
        ValueError: no mesh has that basis.
    """
    group = rows.group
    rotated = [rows.waves @ R for R in group.point_rotations]
    orbits = np.stack(rotated, axis=1)
    matrix = rows.header.bravais.host_matrix(rows.header.parameters)
    for sizes in _candidates(group, orbits, int(rows.sizes.sum()))[:_TRIES]:
        mesh = Mesh(sizes)
        if not _apart(mesh, orbits, rows.sizes):
            continue
        stars = Stars.build(mesh, matrix, group)
        if stars.n_basis == len(rows.waves):
            return mesh
    rows.text.fail(
        f"no mesh has a basis of exactly these {len(rows.waves)} waves under "
        f"{rows.header.group_name or repr(group)}: the file is cut, or of another group or cell",
        rows.header.lines["N_basis"],
    )


def _candidates(
    group: SpaceGroup, orbits: Int[np.ndarray, "rows order D"], n_waves: int
) -> list[tuple[int, ...]]:
    """Meshes on which the group acts and that may hold the waves, fewest nodes first."""
    D = group.dimension
    largest = np.abs(orbits).max(axis=(0, 1))
    # Waves of rows that differ along one axis alone are different modulo the mesh.
    named = orbits[:, 0]
    others = [np.delete(named, axis, axis=1) for axis in range(D)]
    least = [np.unique(rest, axis=0, return_counts=True)[1].max() for rest in others]
    classes, steps = zip(*mesh_axes(group), strict=True)
    # Of every M waves, one in `centred` is allowed by the centring; other absences are planes,
    # rows and points.
    fewest = n_waves * len(group.centering)
    lowest = [
        step * -(-min(int(least[axis]) for axis in axes) // step)
        for axes, step in zip(classes, steps, strict=True)
    ]
    smallest = math.prod(low ** len(axes) for low, axes in zip(lowest, classes, strict=True))
    ranges = []
    for axes, step, low in zip(classes, steps, lowest, strict=True):
        most = 2 * int(largest[list(axes)].max()) + 2 * step + _BEYOND
        # One absurd index must not ask for an absurd mesh.
        room = _SPARSE * fewest / smallest * low ** len(axes)
        ranges.append(range(low, min(most, int(room ** (1 / len(axes))) + 2 * step) + 1, step))
    found = []
    for chosen in itertools.product(*ranges):
        sizes = [0] * D
        for axes, size in zip(classes, chosen, strict=True):
            for axis in axes:
                sizes[axis] = size
        if math.prod(sizes) >= fewest:
            found.append(tuple(sizes))
    return sorted(found, key=lambda sizes: (math.prod(sizes), max(sizes)))


def _apart(mesh: Mesh, orbits: np.ndarray, sizes: np.ndarray) -> bool:
    """True where the stars of all rows differ on a mesh and have the sizes that the file says."""
    first = mesh.ranks(orbits[:, 0])
    if len(np.unique(first)) < len(first):
        return False
    rows, order, D = orbits.shape
    ranks = np.sort(mesh.ranks(orbits.reshape(-1, D)).reshape(rows, order), axis=1)
    distinct = 1 + (ranks[:, 1:] != ranks[:, :-1]).sum(axis=1)
    return bool((distinct == sizes).all()) and len(np.unique(ranks[:, 0])) == rows
