"""Fields in three dimensions as Gaussian cube files, which viewers of molecules read."""

import operator
import os
from typing import Any

import numpy as np
from jaxtyping import Float

from .._core import check_finite, host_array
from ..fields import PeriodicField
from .pscf._text import save_text

_PER_LINE = 6
#: Largest difference of the metrics of one cell, relative to the lengths of its axes.
_SAME_CELL = 1e-5


def write_cube(
    path: str | os.PathLike[str],
    field: PeriodicField,
    index: Any = 0,
    *,
    atoms: Any = None,
    comment: str = "periodic field",
) -> None:
    """Write one field of a cell as a Gaussian cube: cell in bohr, values with 14 digits.

    Args:
        path: the file, replaced if it exists, gzipped for a name in .gz.
        field: the fields, three-dimensional; lengths are taken as angstrom.
        index: which of them.
        atoms: ASE atoms to go with it; default none. If they have a cell, it must have the lengths
            and angles of the field's but may be turned: their fractional coordinates count. Without
            one, their positions are Cartesian in the frame of `field.host_matrix()`, angstrom.
        comment: the first line.

    Raises:
        ValueError: another number of dimensions, no such field, values or positions that aren't
            finite, atoms in another cell, or a comment of several lines; names the file.
        OSError: the file cannot be written.

    References:
        Gaussian, manual, utility "cubegen".
    """
    values = one_field(path, field, index)
    if len(comment.splitlines()) > 1:
        raise ValueError(f"{os.fspath(path)}: comment: expected one line, got {comment!r}")
    from ase.units import Bohr

    matrix = field.host_matrix() / Bohr
    steps = matrix / np.array(values.shape)[:, None]
    numbers = () if atoms is None else atoms.numbers
    lines = [comment, "values at nodes, the last axis fastest; lengths in bohr"]
    lines += [_row(len(numbers), np.zeros(3))]
    lines += [_row(n, step) for n, step in zip(values.shape, steps, strict=True)]
    if atoms is not None:
        positions = _positions(path, atoms, field.host_matrix()) / Bohr
        lines += [_row(int(Z), [0.0, *x]) for Z, x in zip(numbers, positions, strict=True)]
    rows = values.reshape(-1, values.shape[2]).tolist()
    for row in rows:
        words = [f"{value:21.13E}" for value in row]
        lines += ["".join(words[i : i + _PER_LINE]) for i in range(0, len(words), _PER_LINE)]
    save_text(path, "\n".join(lines) + "\n")


def one_field(
    path: str | os.PathLike[str], field: PeriodicField, index: Any
) -> Float[np.ndarray, "N1 N2 N3"]:
    """One field on a three-dimensional mesh for a file, finite, on the host.

    Raises:
        ValueError: another number of dimensions, no such field, or values that aren't finite.
    """
    name = os.fspath(path)
    if field.mesh.dimension != 3:
        raise ValueError(
            f"{name}: expected a field in 3 dimensions, got one in {field.mesh.dimension} "
            "(see PeriodicField.expand)"
        )
    values = host_array(field.values[field_index(path, index, field.n_fields)], f"{name}: values")
    check_finite(values, f"{name}: values")
    return values


def field_index(path: str | os.PathLike[str], index: Any, n_fields: int) -> int:
    """The number of a field to write, checked.

    Raises:
        ValueError: no integer, or no such field.
    """
    try:
        number = -1 if isinstance(index, bool) else operator.index(index)
    except TypeError:
        number = -1
    if not 0 <= number < n_fields:
        raise ValueError(
            f"{os.fspath(path)}: index: expected an integer from 0 to {n_fields - 1}, got {index!r}"
        )
    return number


def _positions(
    path: str | os.PathLike[str], atoms: Any, matrix: Float[np.ndarray, "3 3"]
) -> Float[np.ndarray, "n 3"]:
    """Positions of atoms in the frame of a lattice, by their fractional coordinates."""
    name = f"{os.fspath(path)}: atoms"
    positions = host_array(atoms.positions, name)
    check_finite(positions, name)
    if atoms.cell.rank < 3:
        return positions
    cell = atoms.cell.array
    lengths = np.linalg.norm(matrix, axis=1)
    difference = np.abs(cell @ cell.T - matrix @ matrix.T) / np.outer(lengths, lengths)
    if difference.max() > _SAME_CELL:
        from ase.cell import Cell

        raise ValueError(
            f"{name}: expected the cell of the field, "
            f"{Cell(matrix).cellpar().round(5).tolist()}, got "
            f"{atoms.cell.cellpar().round(5).tolist()}"
        )
    return atoms.get_scaled_positions(wrap=False) @ matrix


def _row(first: int, rest: Any) -> str:
    return f"{first:5d}" + "".join(f"{value:18.12f}" for value in rest)
