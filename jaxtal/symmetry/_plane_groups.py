"""The two line groups and the seventeen plane groups: names, numbers, generators.

Settings are the standard ones of International Tables A: the mirrors of p m, p g and c m are
normal to x, hexagonal axes include 120 degrees, c is centred at (1/2, 1/2).

References:
    International Tables for Crystallography A (2016), section 2.2; E (2010) for one dimension.
"""

import functools
import re
from typing import NamedTuple

from ._closure import close
from ._symop import SymOp

_CENTRING = "x+1/2,y+1/2"


class LowGroup(NamedTuple):
    """A line group or a plane group.

    Attributes:
        dimension: 1 or 2.
        number: in International Tables, 1 to 2 or 1 to 17.
        name: Hermann-Mauguin symbol, "p 2 m g".
        generators: operator strings.
        spellings: other symbols without blanks.
    """

    dimension: int
    number: int
    name: str
    generators: tuple[str, ...]
    spellings: tuple[str, ...] = ()

    def operations(self) -> list[SymOp]:
        """All operations, the identity first."""
        identity = SymOp.identity(self.dimension)
        return close([identity, *map(SymOp.from_xyz, self.generators)], max_order=12)


GROUPS = (
    LowGroup(1, 1, "P 1", ()),
    LowGroup(1, 2, "P -1", ("-x",), ("pm",)),
    LowGroup(2, 1, "p 1", ()),
    LowGroup(2, 2, "p 2", ("-x,-y",), ("p211",)),
    LowGroup(2, 3, "p m", ("-x,y",), ("p1m1",)),
    LowGroup(2, 4, "p g", ("-x,y+1/2",), ("p1g1",)),
    LowGroup(2, 5, "c m", ("-x,y", _CENTRING), ("c1m1",)),
    LowGroup(2, 6, "p 2 m m", ("-x,-y", "-x,y"), ("pmm",)),
    LowGroup(2, 7, "p 2 m g", ("-x,-y", "-x+1/2,y"), ("pmg",)),
    LowGroup(2, 8, "p 2 g g", ("-x,-y", "-x+1/2,y+1/2"), ("pgg",)),
    LowGroup(2, 9, "c 2 m m", ("-x,-y", "-x,y", _CENTRING), ("cmm",)),
    LowGroup(2, 10, "p 4", ("-y,x",)),
    LowGroup(2, 11, "p 4 m m", ("-y,x", "-x,y"), ("p4m",)),
    LowGroup(2, 12, "p 4 g m", ("-y,x", "-x+1/2,y+1/2"), ("p4g",)),
    LowGroup(2, 13, "p 3", ("-y,x-y",)),
    LowGroup(2, 14, "p 3 m 1", ("-y,x-y", "-y,-x")),
    LowGroup(2, 15, "p 3 1 m", ("-y,x-y", "y,x")),
    LowGroup(2, 16, "p 6", ("x-y,x",)),
    LowGroup(2, 17, "p 6 m m", ("x-y,x", "-y,-x"), ("p6m",)),
)

#: Kinds of groups by dimension, for messages.
KINDS = {1: "line", 2: "plane"}


def by_name(name: str, dimension: int) -> LowGroup:
    """A group from its symbol in any case, with or without blanks or underscores.

    Raises:
        ValueError: an unknown symbol; the message lists all of them.
    """
    wanted = _squeeze(name)
    listed = [group for group in GROUPS if group.dimension == dimension]
    for group in listed:
        if wanted in (_squeeze(group.name), str(group.number), *group.spellings):
            return group
    known = ", ".join(group.name for group in listed)
    raise ValueError(
        f"expected the symbol of a {KINDS[dimension]} group, got {name!r}; known are {known}"
    )


def by_number(number: int, dimension: int) -> LowGroup:
    """A group from its number.

    Raises:
        ValueError: there is no such number.
    """
    listed = [group for group in GROUPS if group.dimension == dimension]
    for group in listed:
        if group.number == number:
            return group
    raise ValueError(
        f"expected a {KINDS[dimension]}-group number from 1 to {len(listed)}, got {number!r}"
    )


def by_operations(operations: tuple[SymOp, ...]) -> LowGroup | None:
    """The tabulated group with exactly these operations, in any order, if any."""
    return _operations().get(frozenset(operations))


@functools.cache
def _operations() -> dict[frozenset[SymOp], LowGroup]:
    return {frozenset(group.operations()): group for group in GROUPS}


def _squeeze(symbol: str) -> str:
    return re.sub(r"[\s_]", "", symbol).lower()
