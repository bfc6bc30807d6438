"""Group files of PSCF: the list of all operations of a group, in any dimension."""

import itertools
import os
import re
from fractions import Fraction

from ...symmetry import SpaceGroup, SymOp
from ._text import FieldText, save_text

# Longer ones are no entries of a group in anybody's basis, and beyond 64 bits.
_INTEGER = re.compile(r"[+-]?\d{1,18}")
_RATIONAL = re.compile(r"[+-]?\d{1,18}(/(?=0*[1-9])\d{1,18})?")
#: Larger than any group that is written out; a wrong number is not looped over.
_MOST = 100_000


def read_pscf_group(path: str | os.PathLike[str], dimension: int | None = None) -> SpaceGroup:
    """Read a group file: `dim D`, `size n`, then n operations x' = R x + t.

    Each operation is D rows of D integers (R) and one row of D fractions (t); line breaks are
    free. The group is identified where it is tabulated.

    Args:
        path: the file, gzipped or not.
        dimension: that the group must have, if given.

    Returns:
        the group; equal to the one of the same name (`pscf_group`).

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is truncated or too long, an entry is no integer or no fraction, the
            operations are no group or are in another dimension; names the file and the line.
    """
    text = FieldText(path)
    D = _labelled(text, "dim")
    if dimension is not None and dimension != D:
        text.fail(f"expected a group in {dimension} dimensions, got {D}")
    size = _labelled(text, "size")
    if size > _MOST:
        text.fail(f"expected at most {_MOST} operations, got {size}")
    size_line = text.line
    found: dict[SymOp, int] = {}
    for i in range(size):
        op, line = _operation(text, D, f"operation {i + 1} of {size}")
        if op in found:
            text.fail(f"operation {op.to_xyz()} is already on line {found[op]}", line)
        found[op] = line
    text.table(0, 1, f"operations after the {size} that `size` states")
    if SymOp.identity(D) not in found:
        text.fail("expected the identity among the operations, got none", size_line)
    try:
        return SpaceGroup.from_operations(list(found))
    except ValueError as error:
        for a, b in itertools.product(found, repeat=2):
            if a @ b not in found:
                text.fail(
                    f"expected a group, but {(a @ b).to_xyz()}, the product of {a.to_xyz()} on "
                    f"line {found[a]} and {b.to_xyz()} on line {found[b]}, is missing",
                    max(found[a], found[b]),
                )
        raise ValueError(f"{text.path}:{size_line}: {error}") from error


def write_pscf_group(path: str | os.PathLike[str], group: SpaceGroup) -> None:
    """Write a group file that PSCF reads (in up to three dimensions), whole or not at all.

    Args:
        path: the file; gzipped where its name ends with .gz.
        group: in any dimension.

    Raises:
        OSError: the folder does not exist or cannot be written.
    """
    lines = [f"dim  {group.dimension}", f"size {group.order}"]
    for op in group.operations:
        lines += ["", *("".join(f"{value:3d}" for value in row) for row in op.rotation)]
        lines += ["".join(f"  {value}" for value in op.fractions)]
    save_text(path, "\n".join([*lines, ""]))


def _labelled(text: FieldText, label: str) -> int:
    word = text.word(f"`{label}`")
    if word != label:
        text.fail(f"expected `{label}` of a group file, got {word!r}")
    return text.integer(label, minimum=1)


def _operation(text: FieldText, D: int, what: str) -> tuple[SymOp, int]:
    """The next operation and the line on which it begins."""
    words, line = [], 0
    for i in range(D * (D + 1)):
        kind, pattern = ("an integer", _INTEGER) if i < D * D else ("a fraction", _RATIONAL)
        part = "rotation" if i < D * D else "translation"
        words.append(text.word(f"the {part} of {what}"))
        line = line or text.line
        if not pattern.fullmatch(words[-1]):
            text.fail(f"expected {kind} in the {part} of {what}, got {words[-1]!r}")
    rotation = [[int(word) for word in words[D * i : D * (i + 1)]] for i in range(D)]
    try:
        return SymOp(rotation, [Fraction(word) for word in words[D * D :]]), line
    except ValueError as error:
        text.fail(f"{what}: {error}", line)
