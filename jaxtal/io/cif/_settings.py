"""Which of its settings a space group is meant in: origins, axes, unique axes."""

import re

import numpy as np

from ...symmetry import SpaceGroup

_ORIGINS = {"1": "2", "2": "1"}


def is_bare(symbol: str, group: SpaceGroup) -> bool:
    """Whether a symbol of a group with two settings leaves open which of them is meant."""
    return group.setting in ("1", "2", "H", "R") and _lookup(f"{symbol}:{group.setting}") == group


def other_origin(group: SpaceGroup) -> SpaceGroup | None:
    """The group with its other origin, None where there is none."""
    if group.setting not in _ORIGINS or group.hm is None:
        return None
    return _lookup(f"{group.hm.split(':')[0]}:{_ORIGINS[group.setting]}")


def with_code(symbol: str, group: SpaceGroup, code: str) -> SpaceGroup | None:
    """The setting of a coordinate-system code ("1", "h", "b2", "cab"); None where all is said.

    Raises:
        ValueError: the group has no such setting.
    """
    origin = re.fullmatch(r"([12])([-abc]*)", code.strip(), re.IGNORECASE)
    axes = (origin[2] if origin else code.strip()).lower()
    if symbol.isdigit() and axes not in ("", "abc", "h", "r"):
        return SpaceGroup.from_name(f"{symbol}:{code.strip()}")
    short = origin[1] if origin else code.strip().upper()
    if short not in ("1", "2", "H", "R"):
        return None  # the symbol says it itself
    if is_bare(symbol, group):
        return _lookup(f"{symbol}:{short}")
    if group.setting in ("1", "2", "H", "R") and group.setting != short:
        raise ValueError(f"expected the setting of {symbol!r}, got {code!r}")
    return None


def fitting_cell(symbol: str, group: SpaceGroup, matrix: np.ndarray) -> SpaceGroup:
    """The setting whose axes fit the cell, of those that the symbol or number leaves open.

    Hexagonal or rhombohedral axes, and the unique axis of a monoclinic group; the setting given
    where none fits.
    """
    candidates: list[SpaceGroup | None] = [group]
    if group.setting == "H" and is_bare(symbol, group):
        candidates.append(_lookup(f"{symbol}:R"))
    elif group.crystal_system == "monoclinic":
        if symbol.isdigit():
            names = [f"{symbol}:{axis}{choice}" for axis in "ca" for choice in ("", "1")]
        else:
            short = re.fullmatch(r"\s*([A-Za-z])\s*(\S[^ ]*)\s*", symbol)
            parts = (short[1], short[2]) if short else ("", "")
            names = [f"{parts[0]} 1 1 {parts[1]}", f"{parts[0]} {parts[1]} 1 1"] if short else []
        candidates += [_lookup(name) for name in names]
    for candidate in candidates:
        if candidate is not None and candidate.number == group.number and _fits(candidate, matrix):
            return candidate
    return group


def same_setting(group: SpaceGroup, named: SpaceGroup, symbol: str) -> bool:
    """Whether a group may be meant by a symbol, which stands for `named` unless more is said."""
    if group.hm is None or named.hm is None or group == named:
        return True
    if group.hm.split(":")[0] == named.hm.split(":")[0]:
        return is_bare(symbol, named)
    # The short symbol of a monoclinic group leaves its unique axis open.
    return _short(group.hm) == _short(symbol)


def _short(symbol: str) -> str:
    """A symbol without blanks, and without the axes that have no symmetry."""
    return re.sub(r"\s|(?<=\s)1(?=\s|$)", "", symbol.split(":")[0]).lower()


def _fits(group: SpaceGroup, matrix: np.ndarray) -> bool:
    try:
        group.check_matrix(matrix)
    except ValueError:
        return False
    return True


def _lookup(name: str) -> SpaceGroup | None:
    try:
        return SpaceGroup.from_name(name)
    except ValueError:
        return None
