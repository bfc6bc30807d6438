"""The space group and the cell that a CIF states."""

import numpy as np

from ..lattice import cell_to_matrix, check_cell
from ..symmetry import SpaceGroup
from ._cif_values import CifBlock

_LENGTHS = ("_cell_length_a", "_cell_length_b", "_cell_length_c")
_ANGLES = ("_cell_angle_alpha", "_cell_angle_beta", "_cell_angle_gamma")
_OPERATIONS = ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz")
_HALL = ("_space_group_name_hall", "_symmetry_space_group_name_hall")
_HM = (
    "_space_group_name_h-m_alt",
    "_space_group_name_h-m_full",
    "_symmetry_space_group_name_h-m",
    "_symmetry_space_group_name_h-m_alt",
)
_NUMBER = ("_space_group_it_number", "_symmetry_int_tables_number")


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
    """The space group that the file states, None where it states none.

    The list of operations decides, then the Hall symbol, then the Hermann-Mauguin symbol or the
    number; these must not contradict the operations. A rhombohedral symbol without axes is taken
    on the axes that fit the cell.

    Raises:
        CifError: operations that are no group, an unknown symbol, or a contradiction.
    """
    tag, operations = block.texts(*_OPERATIONS)
    stated = _number(block)
    if any(operations):
        try:
            group = SpaceGroup.from_operations([op for op in operations if op])
            _in_space(group)
        except ValueError as error:
            raise block.error(tag, str(error)) from error
        if group.number is not None:
            for source, number in (stated, _number_of_symbol(block)):
                if number and number != group.number:
                    raise block.error(
                        source,
                        f"expected space group {group.number}, that of the {group.order} "
                        f"operations listed, got {number}",
                    )
        return group
    hall, symbol = block.text(*_HALL), _symbol(block)
    if hall:
        try:
            return SpaceGroup.from_hall(hall)
        except ValueError:
            if not symbol and not stated[1]:
                raise block.error(block.texts(*_HALL)[0], f"unknown symbol {hall!r}") from None
    if symbol:
        tag = block.texts(*_HM)[0]
        try:
            group = SpaceGroup.from_name(symbol)
            _in_space(group)
            return _on_fitting_axes(group, symbol, cell)
        except ValueError as error:
            raise block.error(tag, str(error)) from error
    if stated[1]:
        try:
            return _on_fitting_axes(SpaceGroup.from_number(stated[1]), str(stated[1]), cell)
        except ValueError as error:
            raise block.error(stated[0], str(error)) from error
    return None


def _number(block: CifBlock) -> tuple[str, int | None]:
    tag, values = block.texts(*_NUMBER)
    if not tag or values[0] is None:
        return "", None
    number = block.number(tag, values[0])
    if number != round(number) or not 1 <= number <= 230:
        raise block.error(tag, f"expected a space-group number 1..230, got {values[0]!r}")
    return tag, int(number)


def _symbol(block: CifBlock) -> str | None:
    """The Hermann-Mauguin symbol; older files write screw axes as P2(1)/c."""
    symbol = block.text(*_HM)
    return None if symbol is None else symbol.replace("(", "").replace(")", "")


def _number_of_symbol(block: CifBlock) -> tuple[str, int | None]:
    """The number of the Hermann-Mauguin symbol, None if there is none or it isn't understood."""
    symbol = _symbol(block)
    if symbol is None:
        return "", None
    try:
        return block.texts(*_HM)[0], SpaceGroup.from_name(symbol).number
    except ValueError:
        return "", None


def _in_space(group: SpaceGroup) -> None:
    if group.dimension != 3:
        raise ValueError(f"expected a group in 3 dimensions, got {group!r}")


def _on_fitting_axes(group: SpaceGroup, symbol: str, cell: np.ndarray) -> SpaceGroup:
    if group.setting != "H" or ":" in symbol:
        return group
    rhombohedral = SpaceGroup.from_name(f"{symbol}:R")
    matrix = cell_to_matrix(cell)
    for candidate in (group, rhombohedral):
        try:
            candidate.check_matrix(matrix)
        except ValueError:
            continue
        return candidate
    return group
