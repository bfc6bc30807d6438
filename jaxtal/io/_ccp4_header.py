"""The header of a CCP4 or MRC map: byte order, counts, cell, symmetry, checked against the file."""

import dataclasses
import os

import numpy as np
from jaxtyping import Float

from ..lattice import check_cell
from ..symmetry import SpaceGroup, SymOp

_LENGTH = 1024
#: Numbers of a map by its mode, without their byte order; the others hold transforms, or 4 bits.
_MODES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}
_AXES = [(1, 2, 3), (1, 3, 2), (2, 1, 3), (2, 3, 1), (3, 1, 2), (3, 2, 1)]
#: More operations than any space group has on its conventional cell.
_MOST_COPIES = 192


@dataclasses.dataclass(frozen=True, eq=False)
class Ccp4Header:
    """What a map says of itself.

    Attributes:
        counts: columns, rows and sections; columns run fastest.
        dtype: of the numbers, with their byte order.
        starts: first index along columns, rows, sections.
        sampling: nodes of the cell along a, b, c.
        cell: cell parameters, angstrom and degrees, (6,).
        axes: cell axis (0, 1, 2) of columns, rows, sections.
        number: of the space group; 0 or 1 for none.
        operations: those listed in the file, perhaps none.
        offset: where the numbers begin, bytes.
    """

    counts: tuple[int, int, int]
    dtype: np.dtype
    starts: tuple[int, int, int]
    sampling: tuple[int, int, int]
    cell: Float[np.ndarray, "6"]
    axes: tuple[int, int, int]
    number: int
    operations: tuple[SymOp, ...]
    offset: int

    def symmetry(self) -> tuple[SymOp, ...]:
        """The operations by which nodes that the file lacks follow from those that it has.

        Raises:
            ValueError: the number is that of no space group.
        """
        if self.operations or self.number <= 1:
            return self.operations
        return tuple(SpaceGroup.from_number(self.number).operations)


def read_ccp4_header(path: str | os.PathLike[str], data: bytes) -> Ccp4Header:
    """Read and check the header of a map, and the length of what follows.

    Args:
        path: the file, for messages.
        data: all of it.

    Raises:
        ValueError: no map, or one that is cut, is no real density, or has no cell; names the file
            and the words of the header.

    References:
        A. Cheng et al., "MRC2014: extensions to the MRC format header", J. Struct. Biol. 192
        (2015) 146. CCP4, documentation of the library cmaplib.
    """
    name = os.fspath(path)

    def refuse(expected: str, got: object) -> ValueError:
        return ValueError(f"{name}: expected a CCP4 map: expected {expected}, got {got}")

    if len(data) < _LENGTH:
        raise refuse(f"a header of {_LENGTH} bytes", f"a file of {len(data)}")
    # The order of the axes takes three small numbers: in the wrong byte order they are none.
    orders = [o for o in "<>" if tuple(np.frombuffer(data, f"{o}i4", 3, 64).tolist()) in _AXES]
    if not orders:
        raise refuse(
            "axes 1, 2, 3 in some order (words 17-19), in either byte order",
            np.frombuffer(data, "<i4", 3, 64).tolist(),
        )
    order = orders[0]
    words = np.frombuffer(data, f"{order}i4", 56)
    counts, mode, starts, sampling = words[:3], int(words[3]), words[4:7], words[7:10]
    number, extended = int(words[22]), int(words[23])
    for what, values, place in (("counts", counts, "1-3"), ("sampling", sampling, "8-10")):
        if (values < 1).any():
            raise refuse(f"positive {what} (words {place})", values.tolist())
    if mode not in _MODES:
        raise refuse(f"real numbers, mode {', '.join(map(str, _MODES))} (word 4)", f"mode {mode}")
    if extended < 0:
        raise refuse("a length of the symmetry records of at least 0 (word 24)", extended)
    dtype = np.dtype(f"{order}{_MODES[mode]}")
    nodes = int(np.prod(counts, dtype=object))
    size = _LENGTH + extended + nodes * dtype.itemsize
    if size != len(data):
        columns, rows, sections = counts.tolist()
        raise refuse(
            f"{size} bytes for {columns} x {rows} x {sections} numbers of mode {mode} and "
            f"{extended} bytes of symmetry records",
            f"{len(data)}: cut, or another format?",
        )
    whole = int(np.prod(sampling, dtype=object))
    if whole > _MOST_COPIES * nodes:
        raise ValueError(
            f"{name}: expected the map of a whole cell, got {nodes} nodes of a cell of {whole}"
        )
    if not 0 <= number <= 230:
        raise refuse("the number of a space group (word 23)", number)
    lengths = np.frombuffer(data, f"{order}f4", 6, 40).astype(np.float64)
    if not lengths[:3].any():
        raise ValueError(
            f"{name}: expected the edges of a cell (words 11-13), got 0 0 0, which programs for "
            "electron microscopy write for none; set the size of its voxels"
        )
    try:
        cell = check_cell(lengths)
    except ValueError as error:
        raise ValueError(f"{name}: cell (words 11-16): {error}") from error
    return Ccp4Header(
        counts=_three(counts),
        dtype=dtype,
        starts=_three(starts),
        sampling=_three(sampling),
        cell=cell,
        axes=_three(words[16:19] - 1),
        number=number,
        operations=_operations(data[_LENGTH : _LENGTH + extended]),
        offset=_LENGTH + extended,
    )


def _three(values: np.ndarray) -> tuple[int, int, int]:
    a, b, c = (int(v) for v in values)
    return a, b, c


def _operations(records: bytes) -> tuple[SymOp, ...]:
    """Operations of 80 characters each; records of other kinds (of microscopes) are none."""
    found = []
    for start in range(0, len(records), 80):
        for text in records[start : start + 80].decode("latin-1").strip("\0 \n").split("*"):
            if not text.strip():
                continue
            try:
                found.append(SymOp.from_xyz(text))
            except ValueError:
                return ()
    return tuple(found)
