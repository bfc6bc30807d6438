"""Looking up space-group symbols in all tabulated settings.

The settings and their operations are gemmi's (564 of them, the 530 of International Tables B
among them); spglib's symbols serve as further spellings (full international and Schoenflies).
"""

import difflib
import functools
import importlib.resources
import re

import gemmi

from ._basis_change import BasisChange
from ._spglib import space_group_type
from ._symop import SymOp

# gemmi's own default for some of the 24 groups with two origins is the first;
# International Tables A give origin choice 2 (and hexagonal axes) as the standard.
_PREFER = "2H"
# ICSD writes the setting as trailing letters: S and Z are origin choices 1 and 2, RS rhombohedral
# axes, HR hexagonal ones of a rhombohedral lattice.
_ICSD_SUFFIX = {"S": "1", "Z": "2", "H": "H", "R": "R", "RS": "R", "HR": "H"}
# In brackets, or in words: "(1)", "[origin choice 2]", "(hexagonal axes)", ", origin 1".
_WORDS = re.compile(
    r"^(?P<symbol>.*?)[\s,;:]*[(\[{]?\s*(?:origin\s*(?:choice)?\s*(?:at|no\.?)?\s*(?P<origin>[12])"
    r"|o(?P<short>[12])|(?P<axes>hex|rhomb?)[a-z]*\s*(?:axes|setting)?)\s*[)\]}]?$",
    re.IGNORECASE,
)
_BRACKETS = re.compile(r"^(?P<symbol>.*?)\s*[(\[{]\s*(?P<choice>[12HR])\s*[)\]}]$", re.IGNORECASE)


def operations_of(entry: gemmi.SpaceGroup) -> tuple[SymOp, ...]:
    """The operations of one setting, exact, identity first, centring translations last."""
    return tuple(from_gemmi(op) for op in entry.operations())


def from_gemmi(op: gemmi.Op) -> SymOp:
    """Convert one operation (gemmi counts in 1/24)."""
    return SymOp([[v // op.DEN for v in row] for row in op.rot], op.tran, op.DEN)


def to_gemmi(op: SymOp) -> gemmi.Op | None:
    """Convert one three-dimensional operation; None where w isn't a multiple of 1/24."""
    if op.dimension != 3 or gemmi.Op.DEN % op.denominator:
        return None
    converted = gemmi.Op("x,y,z")
    converted.rot = [[v * converted.DEN for v in row] for row in op.rotation]
    converted.tran = [v * (converted.DEN // op.denominator) for v in op.translation]
    return converted


@functools.cache
def reference_settings() -> dict[int, gemmi.SpaceGroup]:
    """The standard setting of International Tables A for each number."""
    return {s.number: s for s in gemmi.spacegroup_table() if s.is_reference_setting()}


def settings_of_the_standard_axes() -> list[gemmi.SpaceGroup]:
    """The 230 groups in the standard setting, both origins and both axes where there are two."""
    symbols = {number: entry.hm for number, entry in reference_settings().items()}
    return [
        entry
        for entry in gemmi.spacegroup_table()
        if entry.hm == symbols[entry.number]
        and (entry.is_reference_setting() or entry.ext.strip("\0") in set("12HR"))
    ]


@functools.cache
def _changes_of_basis() -> dict[str, str]:
    """Maps from the standard setting that differ from gemmi's; see `_data/settings.txt`."""
    text = (importlib.resources.files("jaxtal.symmetry") / "_data/settings.txt").read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {name.strip(): xyz.strip() for name, xyz in (line.split("|") for line in lines)}


def from_standard(entry: gemmi.SpaceGroup) -> BasisChange:
    """Exact coordinates in a setting from those in the standard setting.

    The operations leave this open up to the normaliser, which can exchange Wyckoff letters; the
    choice agrees with the letters of International Tables (and spglib).
    """
    return BasisChange.from_xyz(_changes_of_basis().get(entry.xhm(), entry.basisop.triplet()))


def by_number(number: int, choice: str | None = None) -> gemmi.SpaceGroup:
    """A group in its standard setting, or in the setting named by `choice` ("1", "R", "c3", ...).

    Raises:
        ValueError: there is no such number or setting.
    """
    if number not in reference_settings():
        raise ValueError(f"expected a space-group number from 1 to 230, got {number}")
    if choice is None:
        return reference_settings()[number]
    listed = [s for s in gemmi.spacegroup_table() if s.number == number]
    for entry in listed:
        if choice.lower() in (entry.ext.strip("\0").lower(), entry.qualifier.lower()):
            return entry
    known = sorted({q for s in listed for q in (s.ext.strip("\0"), s.qualifier) if q})
    raise ValueError(
        f"space group {number} has no setting {choice!r}; it has {known or 'only one'}"
    )


def by_name(name: str) -> gemmi.SpaceGroup:
    """A group from its Hermann-Mauguin symbol, spelled with or without blanks.

    Understood: short and full symbols, ``:1 :2 :H :R`` with or without a blank, underscores
    (``P2_1/c``, and PSCF's ``P_42%m_n_m``), screws in brackets (``P2(1)/c``), ICSD's trailing
    S Z H R RS HR, settings in brackets or words (``(1)``, ``(origin 1)``, ``hexagonal axes``),
    Schoenflies symbols (``Oh^7``), ``227`` and ``227:1``.

    Raises:
        ValueError: the symbol is unknown; the message lists close matches.
    """
    text = re.sub(r"\s+", " ", name.replace("_", "").replace("%", "/")).strip()
    text = re.sub(r"\s*:\s*", ":", text)
    digits = re.fullmatch(r"(\d+)(?::([-\w]+))?", text)
    if digits:
        return by_number(int(digits[1]), digits[2])
    for candidate in _readings(text):
        entry = gemmi.find_spacegroup_by_name(candidate, prefer=_PREFER) if candidate else None
        entry = entry or _more_spellings().get(_squeeze(candidate))
        if entry is not None:
            return entry
    symbols = {_squeeze(s.xhm()): s.xhm() for s in gemmi.spacegroup_table()}
    near = difflib.get_close_matches(_squeeze(text), symbols, n=5, cutoff=0.5)
    hint = f"; close matches: {', '.join(symbols[key] for key in near)}" if near else ""
    raise ValueError(f"expected a space-group symbol, got {name!r}{hint}")


def _readings(text: str) -> list[str]:
    """A symbol, and what it may be when its setting is spelled in another way."""
    readings = [text]
    words, brackets = _WORDS.match(text), _BRACKETS.match(text)
    if words:
        choice = words["origin"] or words["short"] or words["axes"][0].upper()
        readings.append(f"{words['symbol']}:{choice}")
    elif brackets:
        readings.append(f"{brackets['symbol']}:{brackets['choice'].upper()}")
    # Older files write screw axes as P2(1)/c.
    readings += [spelling.replace("(", "").replace(")", "") for spelling in readings]
    suffix = re.fullmatch(r"([^:]+?)\s*(RS|HR|[SZHR])", text)
    if suffix:
        readings.append(f"{suffix[1]}:{_ICSD_SUFFIX[suffix[2]]}")
        readings.append(suffix[1].replace("(", "").replace(")", "") + f":{_ICSD_SUFFIX[suffix[2]]}")
    readings += [reading for spelling in list(readings) for reading in full_monoclinic(spelling)]
    return list(dict.fromkeys(readings))


def full_monoclinic(symbol: str) -> list[str]:
    """The full symbols that a short monoclinic one may stand for, unique axes b, c and a.

    "P 21/b" is "P 1 1 21/b" (no such glide is perpendicular to b), "P 2/m" any of three.
    """
    short = re.fullmatch(
        r"\s*([PABCIF])\s*((?:21?|21?\s*/\s*[mabcn]|[mabcnd]))\s*", symbol, re.IGNORECASE
    )
    if short is None:
        return []
    centring, element = short[1].upper(), re.sub(r"\s", "", short[2]).lower()
    return [
        f"{centring} 1 {element} 1",
        f"{centring} 1 1 {element}",
        f"{centring} {element} 1 1",
    ]


def by_hall(hall: str) -> tuple[tuple[SymOp, ...], gemmi.SpaceGroup | None]:
    """Operations of a Hall symbol and the tabulated setting they are, if any.

    Raises:
        ValueError: the symbol isn't a Hall symbol.
    """
    try:
        operations = gemmi.symops_from_hall(hall)
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"expected a Hall symbol, got {hall!r}: {error}") from error
    entry = gemmi.find_spacegroup_by_ops(operations)
    return tuple(from_gemmi(op) for op in operations), entry


def by_operations(operations: tuple[SymOp, ...]) -> gemmi.SpaceGroup | None:
    """The tabulated setting with exactly these operations, if any."""
    converted = [op for op in map(to_gemmi, operations) if op is not None]
    if len(converted) < len(operations):
        return None
    entry = gemmi.find_spacegroup_by_ops(gemmi.GroupOps(converted))
    # gemmi compares what it could sort into centring and symmetry; make sure nothing was dropped.
    return entry if entry and set(operations_of(entry)) == set(operations) else None


@functools.cache
def _more_spellings() -> dict[str, gemmi.SpaceGroup]:
    """Full international and Schoenflies symbols, squeezed, to settings."""
    by_hall_symbol = {s.hall: s for s in gemmi.spacegroup_table()}
    found: dict[str, gemmi.SpaceGroup] = {}
    for hall_number in range(1, 531):
        kind = space_group_type(hall_number)
        entry = by_hall_symbol.get(kind.hall_symbol) if kind else None
        if kind is None or entry is None:
            continue
        symbol = _squeeze(kind.international_full)
        standard = entry.is_reference_setting()
        if entry.ext.strip("\0"):
            found[f"{symbol}:{entry.ext.lower()}"] = entry
        for spelling in (symbol, _squeeze(kind.schoenflies)):
            if standard or (spelling not in found and spelling == symbol):
                found[spelling] = entry
    return found


def _squeeze(symbol: str) -> str:
    """A symbol without blanks, underscores and case."""
    return re.sub(r"[\s_]", "", symbol).lower()
