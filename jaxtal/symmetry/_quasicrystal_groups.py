"""The predefined space groups of quasicrystals: names, and generators from the table.

The table `_data/quasicrystal_groups.txt` is derived by
`tests/reference/generate_quasicrystal_groups.py`. Conventions:

- icosahedral, 6D: r3 and r5 act on the six vectors of `Superspace.icosahedral`. F and I are the
  face-centred and body-centred lattices of *direct* space, in the cell of the primitive lattice:
  F has 32 centring translations (halves, an even number of them; the cell edge is twice that of
  the primitive lattice it contains), so that indices are all even or all odd; I has two, so that
  the sum of the indices is even. (By their reciprocal lattices they are also called I* and F*.)
- pentagonal and decagonal, 5D: k_j at the angles 72 j degrees, j = 1 ... 4, and c*; octagonal:
  45 j, dodecagonal: 30 j degrees, j = 0 ... 3, and c*.
- symbols as in International Tables B, table 4.6.3.1: the second place is a mirror that contains
  vectors of the star (twofold axes normal to such mirrors), the third one between them. A mirror is
  b or n as b and n in tetragonal groups: half a lattice translation in the plane.

Enantiomorphs are listed apart. Of the dodecagonal groups, those that only exchange the second and
third place are one type (the lattice turned by 15 degrees is itself, scaled); both are listed.

References:
    Levitov & Rhyner, J. Phys. France 49, 1835 (1988); Rokhsar, Wright & Mermin, Phys. Rev. B 37,
    8145 (1988) (icosahedral). Rabson, Mermin, Rokhsar & Wright, Rev. Mod. Phys. 63, 699 (1991)
    (axial). International Tables for Crystallography B (2010), section 4.6.3.
"""

import difflib
import functools
import importlib.resources
import re
from fractions import Fraction

import numpy as np

from ._symop import SymOp

_FAMILIES = ("icosahedral", "pentagonal", "decagonal", "octagonal", "dodecagonal")
_HALF = Fraction(1, 2)
# Translations that generate the centring of the 6D cells.
_CENTRING = {
    "P": [],
    "F": [[_HALF if j in (0, i) else Fraction(0) for j in range(6)] for i in range(1, 6)],
    "I": [[_HALF] * 6],
}


def quasicrystal_group_names(family: str | None = None) -> tuple[str, ...]:
    """List the predefined quasicrystal groups by the names that `SpaceGroup.find` takes.

    Args:
        family: "icosahedral" (6D), "pentagonal", "decagonal", "octagonal" or "dodecagonal" (5D,
            primitive lattice); all of them unless given.

    Returns:
        "icosahedral P235", ..., "decagonal P10_5/mmc", ...

    Raises:
        ValueError: another family.
    """
    if family is not None and family not in _FAMILIES:
        raise ValueError(f"expected a family among {', '.join(_FAMILIES)}, got {family!r}")
    return tuple(n for n in _table() if family is None or n.split()[0] == family)


def lookup(name: str) -> str | None:
    """The full name of a predefined group, None where the name is none and claims no family.

    The family may be left out; blanks, underscores, case, and the bars of icosahedral symbols
    don't matter ("Pm35", "P 10_5/m m c", "P105/mmc").

    Raises:
        ValueError: the name begins with a family that has no such group.
    """
    stripped = name.strip().lower()
    family = next((f for f in _FAMILIES if stripped.startswith(f)), "")
    symbol = _squeeze(stripped.removeprefix(family))
    spellings = _spellings()
    for written in (symbol, symbol.replace("_", "")):
        found = [n for n in spellings.get(written, ()) if n.startswith(family)]
        if len(found) == 1:
            return found[0]
    if not family:
        return None
    symbols = [n.removeprefix(family).strip() for n in quasicrystal_group_names(family)]
    near = difflib.get_close_matches(symbol, symbols, n=5, cutoff=0.3)
    raise ValueError(
        f"expected the symbol of a predefined {family} group, got {name!r}; "
        f"{'close matches: ' + ', '.join(near) if near else 'quasicrystal_group_names lists them'}"
    )


def generators(name: str) -> list[SymOp]:
    """Generators of a group by its full name, centring included."""
    operations = [SymOp.from_xyz(text) for text in _table()[name]]
    lattice = name.split()[1][0]
    shifts = _CENTRING[lattice]
    return operations + [SymOp(np.eye(6, dtype=int), shift) for shift in shifts]


@functools.cache
def _table() -> dict[str, tuple[str, ...]]:
    """Full names to generators."""
    path = importlib.resources.files("jaxtal.symmetry") / "_data/quasicrystal_groups.txt"
    found = {}
    for line in path.read_text("utf-8").splitlines():
        if not line.startswith("#"):
            family, symbol, operations = (part.strip() for part in line.split("|"))
            found[f"{family} {symbol}"] = tuple(op.strip() for op in operations.split(";"))
    return found


@functools.cache
def _spellings() -> dict[str, tuple[str, ...]]:
    """Squeezed symbols, with and without underscores, to full names."""
    found: dict[str, list[str]] = {}
    for name in _table():
        family, symbol = name.split(" ", 1)
        written = _squeeze(symbol)
        keys = [written, written.replace("_", "")]
        if family == "icosahedral":
            keys += [key.replace("-", "") for key in keys]
        for key in dict.fromkeys(keys):
            found.setdefault(key, []).append(name)
    return {key: tuple(names) for key, names in found.items()}


def _squeeze(symbol: str) -> str:
    """A symbol without blanks and case; a bar written over a digit goes before it."""
    symbol = re.sub("([0-9]+)[\u0304\u0305]", r"-\1", symbol)
    return re.sub(r"\s+", "", symbol).lower()
