"""Values of one CIF block, checked: gemmi parses the syntax, every number is checked here."""

import os
import re
from typing import cast

import numpy as np
from gemmi import cif

#: Mass numbers of isotopes for which the type symbol of a CIF has no letter.
MASS_NUMBER = "_jaxtal_atom_site_mass_number"
_NUMBER = re.compile(r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?(\(\d+\))?$")


class CifError(ValueError):
    """A CIF that holds no valid crystal."""


class CifBlock:
    """One data block: columns by tag, whatever their case and the dots of newer dictionaries.

    Attributes:
        path: the file.
        name: the block's name.
    """

    def __init__(self, path: str | os.PathLike[str], block: cif.Block):
        self.path = os.fspath(path)
        self.name = block.name
        self._items: dict[str, tuple[cif.Item, int]] = {}
        for item in block:
            if item.pair is not None:
                self._items.setdefault(_plain(cast(list[str], item.pair)[0]), (item, 0))
            elif item.loop is not None:
                for column, tag in enumerate(item.loop.tags):
                    self._items.setdefault(_plain(tag), (item, column))

    def error(self, tag: str, message: str, row: str = "") -> CifError:
        """Make an error that says where: file, line, block, row and tag."""
        line = self._items[tag][0].line_number if tag in self._items else None
        where = f"{self.path}{f':{line}' if line else ''}: data_{self.name}: "
        return CifError(f"{where}{row + ': ' if row else ''}{tag}: {message}")

    def __contains__(self, tag: str) -> bool:
        return tag in self._items

    def texts(self, *tags: str) -> tuple[str, list[str | None]]:
        """Find the first of some tags that has known values, and them; None for `?` and `.`.

        Returns:
            (tag, values); if all values are unknown those of the first tag present, ("", []) if
            none is.
        """
        unknown: tuple[str, list[str | None]] = "", []
        for tag in tags:
            if tag not in self._items:
                continue
            item, column = self._items[tag]
            try:
                raw = _values(item, column)
            except UnicodeDecodeError as error:
                raise self.error(tag, f"expected UTF-8 text, got {error}") from error
            values = [None if cif.is_null(v) else cif.as_string(v).strip() for v in raw]
            if any(values):
                return tag, values
            if not unknown[0]:
                unknown = tag, values
        return unknown

    def text(self, *tags: str) -> str | None:
        """Return the single value of the first of some tags that has one."""
        _, values = self.texts(*tags)
        return next((v for v in values if v), None)

    def number(self, tag: str, value: str | None, row: str = "") -> float:
        """Read one number, a standard uncertainty in brackets dropped.

        Raises:
            CifError: it is missing, or not a finite number.
        """
        if value is None:
            raise self.error(tag, "expected a number, got ? or . (unknown)", row)
        if not _NUMBER.match(value):
            raise self.error(tag, f"expected a number, got {value!r}", row)
        number = float(value.split("(")[0])
        if not np.isfinite(number):
            raise self.error(tag, f"expected a finite number, got {value!r}", row)
        return number


def _values(item: cif.Item, column: int) -> list[str]:
    if item.pair is not None:
        return [cast(list[str], item.pair)[1]]
    if item.loop is None:
        return []
    return item.loop.values[column :: item.loop.width()]


def _plain(tag: str) -> str:
    """`_space_group_symop.operation_xyz` and `_Space_Group_symop_operation_xyz` are one tag."""
    return tag.lower().replace(".", "_")


def open_block(path: str | os.PathLike[str], block: str | None) -> CifBlock:
    """The block of a name, or the first one with atoms.

    Raises:
        FileNotFoundError: there is no such file.
        CifError: not a CIF, no such block, or no block with atoms; the message lists the blocks.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(f"{os.fspath(path)}: no such file")
    try:
        document = cif.read(os.fspath(path))
        names = [b.name for b in document]
    except (ValueError, RuntimeError, OSError) as error:  # UnicodeDecodeError is a ValueError
        raise CifError(f"{os.fspath(path)}: expected a CIF, got a syntax error: {error}") from error
    if not names:
        raise CifError(f"{os.fspath(path)}: expected a CIF, got no data block")
    blocks = [CifBlock(path, b) for b in document]
    if block is not None:
        found = [b for b in blocks if b.name.lower() == block.lower()]
    else:
        found = [b for b in blocks if "_atom_site_label" in b or "_atom_site_type_symbol" in b]
    if not found:
        wanted = "one with atoms (_atom_site_label)" if block is None else repr(block)
        raise CifError(f"{os.fspath(path)}: no block {wanted}; the blocks are {', '.join(names)}")
    return found[0]
