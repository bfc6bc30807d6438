"""Site-symmetry symbols follow the axes: their places change with the setting."""

import re
from fractions import Fraction

from ._basis_change import BasisChange


def oriented(symbol: str, number: int, from_standard: BasisChange) -> str:
    """An oriented site-symmetry symbol of the standard setting, turned to another setting.

    The places of an orthorhombic symbol belong to a, b, c ("m2m" becomes "mm2" when b becomes c);
    the second and third places of a tetragonal one belong to a and a + b and change places in the
    C and F cells, turned by 45 degrees. Elsewhere the symbol doesn't depend on the setting; in
    cells that are no such choice of axes the standard symbol is kept.

    Args:
        symbol: as in International Tables A, e.g. "2/m..".
        number: of the space group.
        from_standard: the change of coordinates.
    """
    P = from_standard.fractions
    used = [[j for j, value in enumerate(row) if value] for row in P]
    if 16 <= number <= 74 and symbol not in ("1", "-1"):
        places = re.findall(r"2/m|2|m|\.", symbol)
        if sorted(used) == [[0], [1], [2]]:
            return "".join(places[row[0]] for row in used)
    turned = [abs(value) for value in P[0][:2]] == [Fraction(1, 2)] * 2 and used[2] == [2]
    if 75 <= number <= 142 and turned and symbol not in ("1", "-1"):
        first, rest = re.fullmatch(r"(4/m|-4|4|2/m|2|m|\.)(.*)", symbol).groups()  # pyright: ignore
        return first + "".join(reversed(_last_two(rest)))
    return symbol


def _last_two(rest: str) -> list[str]:
    """Second and third place of a tetragonal symbol; two letters may share one ("mm.")."""
    if rest.startswith("."):
        return [".", rest[1:]]
    if rest.endswith("."):
        return [rest[:-1], "."]
    return re.findall(r"2/m|2|m", rest)
