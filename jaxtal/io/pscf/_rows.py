"""The rows of a `.bf` file as they stand."""

import dataclasses
import os

import numpy as np
from jaxtyping import Float, Int

from ...symmetry import SpaceGroup
from ._header import (
    COUNT,
    FieldHeader,
    check_cell,
    check_system,
    group_of,
    read_header,
)
from ._text import FieldText


@dataclasses.dataclass(frozen=True, eq=False)
class BasisRows:
    """What a `.bf` file says, before it is placed into a basis.

    Attributes:
        text: the file.
        header: its header.
        group: its space group.
        coefficients: one row a basis function, (rows, n).
        waves: the wave that names each, (rows, D).
        sizes: number of waves in its star, (rows,).
        lines: line of each row, from 1, (rows,).
    """

    text: FieldText
    header: FieldHeader
    group: SpaceGroup
    coefficients: Float[np.ndarray, "rows n"]
    waves: Int[np.ndarray, "rows D"]
    sizes: Int[np.ndarray, " rows"]
    lines: Int[np.ndarray, " rows"]


def read_bf_rows(
    path: str | os.PathLike[str],
    *,
    group: SpaceGroup | str | int | None = None,
    crystal_system: str | None = None,
) -> BasisRows:
    """Read the rows of a `.bf` file as they stand; see `read_bf`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a file that isn't of this format, naming file and line.
    """
    text = FieldText(path)
    header = read_header(text, COUNT)
    check_system(text, header, crystal_system)
    count = text.integer("the number of basis functions", minimum=1)
    header = dataclasses.replace(header, lines=header.lines | {"N_basis": text.line})
    found = group_of(text, header, group, needed=True)
    assert found is not None
    check_cell(text, header, found)
    n, D = header.n_fields or 0, header.dimension
    table = text.table(count, n + D + 1, "coefficients, a wave and a size")
    lines = text.row_lines()
    integers = table[:, n:]
    bad = np.flatnonzero(((integers % 1 != 0) | (np.abs(integers) > 2**31)).any(axis=1))
    if len(bad):
        text.fail(
            f"expected {D} integer indices and a size in the last columns, got "
            f"{integers[bad[0]].tolist()}",
            int(lines[bad[0]]),
        )
    whole = integers.astype(np.int64)
    return BasisRows(text, header, found, table[:, :n], whole[:, :-1], whole[:, -1], lines)
