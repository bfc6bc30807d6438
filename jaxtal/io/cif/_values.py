"""Values of one CIF block, checked: gemmi parses the syntax, every number is checked here."""

import os
import re
from typing import cast

import numpy as np
from gemmi import cif

#: Mass numbers of isotopes for which the type symbol of a CIF has no letter.
MASS_NUMBER = "_jaxtal_atom_site_mass_number"
#: A number with its uncertainty: 0.25, .25(1), 90.(0), 73.1(2)e-1, 1.2E-1.
_NUMBER = re.compile(
    r"([+-]?(?:\d+\.?\d*|\.\d+))(?:[eEdD]([+-]?\d+))?(?:\(\d*\.?\d+\))?(?:[eEdD]([+-]?\d+))?"
)
#: A fraction, as some write coordinates: 1/3, -2/3, 1./2.
_FRACTION = re.compile(r"([+-]?\d+)\.?/(\d+)\.?")


class CifError(ValueError):
    """A CIF that holds no valid crystal."""


class CifBlock:
    """One data block: columns by tag, whatever their case and the dots of newer dictionaries.

    Attributes:
        path: the file.
        name: the block's name.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        block: cif.Block,
        document: cif.Document | None = None,
    ):
        self.path = os.fspath(path)
        self.name = block.name.strip()
        self._document = document  # which the block is a part of, and gone without
        #: Place in the block, item, and column of each time that a tag is given.
        self._items: dict[str, list[tuple[int, cif.Item, int]]] = {}
        self._loops: dict[int, list[str]] = {}
        for place, item in enumerate(block):
            if item.pair is not None:
                tag = _plain(cast(list[str], item.pair)[0])
                self._items.setdefault(tag, []).append((place, item, 0))
            elif item.loop is not None:
                for column, tag in enumerate(item.loop.tags):
                    self._items.setdefault(_plain(tag), []).append((place, item, column))

    def error(self, tag: str, message: str, row: str = "") -> CifError:
        """Make an error that says where: file, line, block, row and tag."""
        line = self._items[tag][0][1].line_number if tag in self._items else None
        where = f"{self.path}{f':{line}' if line else ''}: data_{self.name}: "
        return CifError(f"{where}{row + ': ' if row else ''}{tag}: {message}")

    def __contains__(self, tag: str) -> bool:
        return tag in self._items

    def tags(self) -> list[str]:
        """List all tags, in lower case, dots of newer dictionaries as underscores."""
        return list(self._items)

    def raw_text(self, tag: str) -> str:
        """Return a text as it stands, blanks at its ends included."""
        place, item, column = self._items[tag][0]
        return cif.as_string(self._values(place, item, column)[0])

    def texts(self, *tags: str) -> tuple[str, list[str | None]]:
        """Find the first of some tags that has known values, and them; None for `?` and `.`.

        Returns:
            (tag, values); if all values are unknown those of the first tag present, ("", []) if
            none is.

        Raises:
            CifError: the tag is given several times, with different values.
        """
        unknown: tuple[str, list[str | None]] = "", []
        for tag in tags:
            listed = [values for _, values in self.places(tag)]
            if values := self.one_of(tag, listed):
                return tag, values
            if listed and not unknown[0]:
                unknown = tag, listed[0]
        return unknown

    def one_of(self, tag: str, listed: list[list[str | None]]) -> list[str | None] | None:
        """Return what a tag says, given once or several times; None where it says nothing.

        Raises:
            CifError: it says different things.
        """
        known = [values for values in listed if any(values)]
        if any(values != known[0] for values in known):
            raise self.error(tag, "given several times, with different values")
        return known[0] if known else None

    def places(self, tag: str) -> list[tuple[int | None, list[str | None]]]:
        """Return a number for the loop (None outside of one) and values of each time it is given.

        Values are None for `?` and `.`.
        """
        return [
            (
                None if item.loop is None else place,
                [None if cif.is_null(v) else cif.as_string(v).strip() or None for v in values],
            )
            for place, item, column in self._items.get(tag, [])
            for values in [self._values(place, item, column)]
        ]

    def _values(self, place: int, item: cif.Item, column: int) -> list[str]:
        if item.pair is not None:
            return [cast(list[str], item.pair)[1]]
        if item.loop is None:
            return []
        if place not in self._loops:  # gemmi makes a new list at every call
            self._loops[place] = list(item.loop.values)
        return self._loops[place][column :: item.loop.width()]

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
        if fraction := _FRACTION.fullmatch(value):
            if not int(fraction[2]):
                raise self.error(tag, f"expected a number, got {value!r}", row)
            return int(fraction[1]) / int(fraction[2])
        match = _NUMBER.fullmatch(value)
        if match is None or (match[2] and match[3]):
            raise self.error(tag, f"expected a number, got {value!r}", row)
        number = float(f"{match[1]}e{match[2] or match[3] or 0}")
        if not np.isfinite(number):
            raise self.error(tag, f"expected a finite number, got {value!r}", row)
        return number


def _plain(tag: str) -> str:
    """`_space_group_symop.operation_xyz` and `_Space_Group_symop_operation_xyz` are one tag."""
    return tag.lower().replace(".", "_")
