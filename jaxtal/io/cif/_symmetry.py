"""The cell and the space group that a CIF states."""

import dataclasses
import functools
import re

import numpy as np

from ...lattice import cell_to_matrix, check_cell
from ...symmetry import SpaceGroup
from ._beyond import magnetic_operations
from ._settings import fitting_cell, is_bare, other_origin, same_setting, with_code
from ._values import CifBlock

_LENGTHS = ("_cell_length_a", "_cell_length_b", "_cell_length_c")
_ANGLES = ("_cell_angle_alpha", "_cell_angle_beta", "_cell_angle_gamma")
_OPERATIONS = ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz")
_HALL = ("_space_group_name_hall", "_symmetry_space_group_name_hall")
_HM = (
    "_space_group_name_h-m_alt",
    "_space_group_name_h-m_full",
    "_space_group_name_h-m_ref",
    "_space_group_name_h-m",
    "_symmetry_space_group_name_h-m",
    "_symmetry_space_group_name_h-m_alt",
    "_symmetry_space_group_name_h-m_full",
)
_NUMBER = ("_space_group_it_number", "_symmetry_int_tables_number", "_symmetry_it_number")
_CODE = ("_space_group_it_coordinate_system_code",)
#: What files say that don't know.
_NOTHING = re.compile(
    r"(?:unknown|none|n/?a|null|unspecified|undefined|not\s+\w+|0|-+|[?.])?", re.IGNORECASE
)


@dataclasses.dataclass(frozen=True)
class StatedGroup:
    """The space group that a file states.

    Attributes:
        group: the group.
        other: the same group with the other origin, if the file leaves that open.
    """

    group: SpaceGroup
    other: SpaceGroup | None = None


def read_cell(block: CifBlock) -> np.ndarray:
    """The six cell parameters, angstrom and degrees; absent angles are 90 (CIF dictionary).

    Raises:
        CifError: no cell, or none that encloses a volume.
    """
    if not any(tag in block for tag in _LENGTHS):
        raise block.error(_LENGTHS[0], "expected a cell, got none")
    values = [block.number(tag, block.text(tag)) for tag in _LENGTHS]
    values += [block.number(tag, block.text(tag)) if tag in block else 90.0 for tag in _ANGLES]
    try:
        return check_cell(values)
    except ValueError as error:
        raise block.error(_LENGTHS[0], str(error)) from error


def read_group(block: CifBlock, cell: np.ndarray) -> SpaceGroup | None:
    """The space group that the file states, None where it states none; see `stated_group`."""
    stated = stated_group(block, cell)
    return None if stated is None else stated.group


def stated_group(block: CifBlock, cell: np.ndarray) -> StatedGroup | None:
    """The space group that the file states, and whether its origin is left open.

    The list of operations decides, then the Hall symbol, then the Hermann-Mauguin symbol or the
    number, with the coordinate-system code where there is one; these must not contradict each
    other. A rhombohedral symbol without axes, and a monoclinic one or a number without the unique
    axis, are taken on the axes that fit the cell.

    Raises:
        CifError: operations that are no group, an unknown symbol, or a contradiction.
    """
    number, symbols = _number(block), _symbols(block)
    tag, operations = block.texts(*_OPERATIONS)
    operations = [op for op in operations if op and not _NOTHING.fullmatch(op)]
    if not operations:
        tag, operations = magnetic_operations(block)
    if operations:
        try:
            group = _group_of(tuple(_bare(op) for op in operations if op))
            _in_space(group)
        except ValueError as error:
            raise block.error(tag, str(error)) from error
        for source, other in [number, *((t, _number_of(s)) for t, s in symbols)]:
            if group.number and other and other != group.number:
                raise block.error(
                    source,
                    f"expected space group {group.number}, that of the {group.order} operations "
                    f"listed, got {other}",
                )
        return StatedGroup(group)
    hall = _hall(block, bool(symbols or number[1]))
    named = [(t, _named(block, t, symbol)) for t, symbol in symbols[:1]]
    stated = [*hall, *named, *((t, SpaceGroup.from_name(str(n))) for t, n in [number] if n)]
    if not stated:
        return None
    first, group = stated[0]
    for source, other in [*stated[1:], *_understood(symbols[1:])]:
        if other.number != group.number:
            raise block.error(
                source,
                f"expected space group {group.number}, that of {first}, got {other.number}; the "
                "file contradicts itself",
            )
    code = block.text(*_CODE)
    if hall:
        if named and not same_setting(group, named[0][1], symbols[0][1]):
            raise block.error(
                named[0][0],
                f"expected the setting of {first}, {group.hm!r}, got {symbols[0][1]!r}; the file "
                "contradicts itself",
            )
        return StatedGroup(group)
    symbol = symbols[0][1] if named else str(group.number)
    try:
        chosen = with_code(symbol, group, code) if code and not _NOTHING.fullmatch(code) else None
    except ValueError as error:
        raise block.error(_CODE[0], str(error)) from error
    if chosen is not None:
        return StatedGroup(chosen)
    if not is_bare(symbol, group):
        return StatedGroup(fitting_cell(symbol, group, cell_to_matrix(cell)))
    return StatedGroup(fitting_cell(symbol, group, cell_to_matrix(cell)), other_origin(group))


@functools.lru_cache(maxsize=512)
def _group_of(operations: tuple[str, ...]) -> SpaceGroup:
    """The group of a list of operations; files of one program share their lists."""
    return SpaceGroup.from_operations(operations)


def _bare(operation: str) -> str:
    """An operation without a number in front of it: "1 x,y,z"."""
    return re.sub(r"^\s*\d+\s+(?=[-+xyz\d.])", "", operation, flags=re.IGNORECASE)


def _number(block: CifBlock) -> tuple[str, int | None]:
    tag, values = block.texts(*_NUMBER)
    text = next((v for v in values if v), None)
    if text is None or _NOTHING.fullmatch(text):
        return "", None
    number = block.number(tag, text)
    if number != round(number) or not 1 <= number <= 230:
        raise block.error(tag, f"expected a space-group number 1..230, got {text!r}")
    return tag, int(number)


def _symbols(block: CifBlock) -> list[tuple[str, str]]:
    """Tag and text of each Hermann-Mauguin symbol."""
    found = [(tag, block.text(tag)) for tag in _HM if tag in block]
    return [(tag, text) for tag, text in found if text and not _NOTHING.fullmatch(text)]


def _hall(block: CifBlock, others: bool) -> list[tuple[str, SpaceGroup]]:
    """The group of the Hall symbol, in a list that may be empty."""
    tag = block.texts(*_HALL)[0]
    text = block.text(*_HALL)
    if not text or _NOTHING.fullmatch(text):
        return []
    try:
        return [(tag, SpaceGroup.from_hall(text))]
    except ValueError:
        if others:
            return []
        raise block.error(tag, f"unknown symbol {text!r}") from None


def _named(block: CifBlock, tag: str, symbol: str) -> SpaceGroup:
    try:
        group = SpaceGroup.from_name(symbol)
        _in_space(group)
    except ValueError as error:
        raise block.error(tag, str(error)) from error
    return group


def _understood(symbols: list[tuple[str, str]]) -> list[tuple[str, SpaceGroup]]:
    found = []
    for tag, symbol in symbols:
        try:
            found.append((tag, SpaceGroup.from_name(symbol)))
        except ValueError:
            continue
    return found


def _number_of(symbol: str) -> int | None:
    """The number of a Hermann-Mauguin symbol, None if it isn't understood."""
    try:
        return SpaceGroup.from_name(symbol).number
    except ValueError:
        return None


def _in_space(group: SpaceGroup) -> None:
    if group.dimension != 3:
        raise ValueError(f"expected a group in 3 dimensions, got {group!r}")
