"""Fields in three dimensions as Gaussian cube files, which viewers of molecules read."""

import os
from typing import Any

import ase.units
import numpy as np

from .._core import check_finite, host_array
from ..fields import PeriodicField
from ._pscf_text import save_text

_PER_LINE = 6


def write_cube(
    path: str | os.PathLike[str],
    field: PeriodicField,
    index: int = 0,
    *,
    atoms: Any = None,
    comment: str = "periodic field",
) -> None:
    """Write one field of a cell as a Gaussian cube: cell in bohr, values with 14 digits.

    Args:
        path: the file, replaced if it exists, gzipped for a name in .gz.
        field: the fields, three-dimensional; lengths are taken as angstrom.
        index: which of them.
        atoms: ASE atoms to go with it; default none.
        comment: the first line.

    Raises:
        ValueError: another number of dimensions, no such field, values that aren't finite, or a
            comment of several lines.
        OSError: the file cannot be written.

    References:
        Gaussian, manual, utility "cubegen".
    """
    values = np.asarray(one_field(field, index))
    if "\n" in comment:
        raise ValueError(f"comment: expected one line, got {comment!r}")
    check_finite(values, "values")
    matrix = field.host_matrix() / ase.units.Bohr
    steps = matrix / np.array(values.shape)[:, None]
    numbers = () if atoms is None else atoms.numbers
    lines = [comment, "values at nodes, the last axis fastest; lengths in bohr"]
    lines += [_row(len(numbers), np.zeros(3))]
    lines += [_row(n, step) for n, step in zip(values.shape, steps, strict=True)]
    if atoms is not None:
        positions = atoms.positions / ase.units.Bohr
        lines += [_row(int(Z), [0.0, *x]) for Z, x in zip(numbers, positions, strict=True)]
    rows = values.reshape(-1, values.shape[2]).tolist()
    for row in rows:
        words = [f"{value:21.13E}" for value in row]
        lines += ["".join(words[i : i + _PER_LINE]) for i in range(0, len(words), _PER_LINE)]
    save_text(path, "\n".join(lines) + "\n")


def one_field(field: PeriodicField, index: int) -> np.ndarray:
    """One field on a three-dimensional mesh, on the host.

    Raises:
        ValueError: another number of dimensions, or no such field.
    """
    if field.mesh.dimension != 3:
        raise ValueError(
            f"expected a field in 3 dimensions, got one in {field.mesh.dimension} "
            "(see PeriodicField.expand)"
        )
    if not 0 <= index < field.n_fields:
        raise ValueError(f"index: expected 0 to {field.n_fields - 1}, got {index}")
    return host_array(field.values[index], "values")


def _row(first: int, rest: Any) -> str:
    return f"{first:5d}" + "".join(f"{value:18.12f}" for value in rest)
