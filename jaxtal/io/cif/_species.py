"""Which element a type symbol or a label means, believed only where nothing else can be meant."""

import dataclasses
import re
from collections.abc import Callable

from ...scattering import parse_species

Key = tuple[int, int, int]
Complain = Callable[[str], ValueError]
"""Makes the error about one atom, of what is wrong with it."""

#: Valence form factors of International Tables C, which some files name.
_VALENCE = {"cval": "C", "siva": "Si", "sival": "Si"}
#: Mass number, element, and what follows; not the first letters of a word.
_TYPE = re.compile(r"(\d*)([A-Za-z]{1,2})(?![A-Za-z])(.*)", re.DOTALL)
#: Numbers, charges and marks: "2.5+", "1-", "(VI)".
_AFTER_TYPE = re.compile(r"\s*[\d.+\-*'()]*(?:\([IVXivx]+\))?")
#: Water and hydroxyl, whose hydrogens have no row: Wat, Wat1, O-H, OH2, Ow1, OHa, H2O, H3O+.
_WATER = re.compile(
    r"(?:wat(?:er)?|hoh|[hd]2o|[hd]3o|o[hd][23]|o[-_ ]?[hwd])[a-e]?(?:[\d\s'\"*+\-_.(\[].*)?",
    re.IGNORECASE | re.DOTALL,
)
#: Those that are formulas: of a type symbol they leave open whether the hydrogens count.
_HYDRATED = re.compile(r"(?:hoh|[hd][23]o|o[hd])(?![a-z])", re.IGNORECASE)
#: A number, a charge, a prime or another mark, and whatever comes after it.
_NUMBERED = r"(?:[\d'\"*`#+\-_.()\[\]~^@!?\s].*)?"
#: Sites by which labels call atoms after their element: SiT1, CaM2, NaA, AlVI, Feoct, Oap1.
_SITE = (
    r"(?:[ABDEMQRTXYZ][om]?|I{1,3}|IV|VI{0,3}|IX|XI{0,2}|iv|vi{1,3}|ix|"
    r"[Tt]et|[Oo]ct|[Cc]ub|ap|eq|ax|br|[abcd])"
)
_AFTER_LABEL = re.compile(rf"[-_ ]?{_SITE}?{_NUMBERED}", re.DOTALL)
#: Oxygen and hydrogen are called by what they are bound to as well: OC1, OBm, HN2, Hw.
_AFTER_OXYGEN = re.compile(rf"(?:[A-EGI-Z][A-Eom]?|[a-z]){_NUMBERED}", re.DOTALL)
_AFTER_HYDROGEN = re.compile(rf"(?:[A-Z]|w){_NUMBERED}", re.DOTALL)
#: Two elements in one text: "Fe,Ni", "Fe/Ni", "Fe3+,Al3+", "Fe0.5Ni0.5", "Fe1Ni1".
_MIXED = re.compile(r"([A-Z][a-z]?)[\d.+\-()]*\s*(?:[,/&;:|+\s]|-|_|(?<=[\d)+-]))\s*([A-Z][a-z]?)")
#: What is no atom at all.
_DUMMY = re.compile(r"(?:va|vac|vacancy|void|hole|du|dum|x|xx|q|cg|ct|cnt|bq|lp)(?![a-z])", re.I)
#: In capitals these stand for a kind of site or of element more often than for an element.
_KINDS = ("RE", "TA", "TB", "TE", "TM")
_GROUPS = ("CO", "HO", "NO", "PO")
#: Of the elements beyond no crystal is known: NH4 is no nihonium.
_LAST_ELEMENT = 103


@dataclasses.dataclass(frozen=True)
class Formula:
    """The elements that a file says it has.

    Attributes:
        elements: their symbols; none if the file doesn't say.
    """

    elements: frozenset[str] = frozenset()

    @classmethod
    def of(cls, texts: list[str]) -> "Formula":
        """Read `_chemical_formula_sum`; nothing unless every word is an element and a number."""
        elements = set()
        for word in " ".join(texts).split():
            for part in re.sub(r"(?<=[a-z\d])(?=[A-Z])", " ", word).split():
                match = re.fullmatch(r"([A-Z][a-z]?)[\d.]*(?:\(\d+\))?", part)
                if match is None or not _element(match[1]):
                    return cls()
                elements.add(match[1])
        if elements & {"H", "D", "T"}:
            elements |= {"H", "D"}  # isotopes are counted as one element, or apart
        return cls(frozenset(elements))

    def content(self, texts: list[str], units: int) -> dict[int, float]:
        """Atoms of each atomic number in a cell of that many formula units, without hydrogen."""
        if not self.elements:
            return {}
        found: dict[int, float] = {}
        for symbol, number in re.findall(r"([A-Z][a-z]?)([\d.]*)", texts[0]):
            count = float(number) if re.fullmatch(r"\d+\.?\d*|\.\d+", number) else 1.0
            z = _element(symbol)
            found[z] = found.get(z, 0.0) + count * units
        return {z: count for z, count in found.items() if z > 1}

    def among(self, symbols: list[str]) -> list[str]:
        """Those of some symbols that it has, all of them if it says nothing."""
        return [s for s in symbols if s in self.elements or not self.elements]


def species_of_type(symbol: str, formula: Formula, complain: Complain) -> Key:
    """Key of the species of a type symbol: "Fe3+", "O-2", "D", "Cval", "18O", "H2O".

    Raises:
        ValueError: anything else.
    """
    text = _VALENCE.get(symbol.lower(), symbol).strip()
    match = _TYPE.fullmatch(text)
    if match is not None and _AFTER_TYPE.fullmatch(match[3]):
        mass, given, rest = match.groups()
        element = given.capitalize()
        if element == "T" and not mass:
            raise complain(f"expected an element, got {symbol!r}: a tetrahedral site? Tritium: 3H")
        number = _element(element)
        if number and (number <= _LAST_ELEMENT or given == element):
            if _is_group(given, rest) and element not in formula.elements:
                raise complain(
                    f"unknown element {symbol!r}: an element ({element}) or a group of atoms? "
                    "Write the element as in the periodic table, or list the atoms of the group"
                )
            # A rest that is no charge ("Fe2.5+", "C1") says nothing about form factors.
            for candidate in (f"{mass}{element}{rest.strip()}", f"{mass}{element}"):
                try:
                    return parse_species(candidate)
                except ValueError:
                    continue
    if _WATER.fullmatch(text) and not _HYDRATED.match(text):
        return parse_species("O")
    raise complain(f"unknown element {symbol!r}{_hint(symbol)}")


def species_of_label(label: str, formula: Formula, complain: Complain) -> Key:
    """Key of the element that a label begins with: "Si1", "OW2", "CaM2", "Wat".

    Raises:
        ValueError: it begins with no element, may mean several, or one that the formula lacks.
    """
    if _WATER.fullmatch(label):
        return parse_species("O")
    found = [] if _DUMMY.match(label) else _candidates(label)
    upper = re.match(r"[A-Z]{2}", label)
    unsure = len(found) > 1 or (upper is not None and upper[0] in _KINDS)
    possible = formula.among(found)
    if len(possible) == 1 and not (unsure and not formula.elements):
        return parse_species(possible[0])
    advice = "_atom_site_type_symbol would say which"
    if not found:
        raise complain(
            "expected a label that begins with one element, followed by a number, a charge or a "
            f"site, got {label!r}{_hint(label)}; {advice}"
        )
    which = " or ".join(found)
    if not possible:
        named = " ".join(sorted(formula.elements))
        raise complain(
            f"expected an element of the formula ({named}), got {label!r}, which looks like "
            f"{which}; {advice}"
        )
    raise complain(
        f"expected a label that begins with one element, got {label!r}, which may be {which} or "
        f"something else; {advice}"
    )


def _candidates(label: str) -> list[str]:
    """The elements that a label may begin with; one if its case is that of an element."""
    pair = re.match(r"[A-Za-z]{2}", label)
    found = []
    if pair is not None and _known(pair[0].capitalize()):
        if _AFTER_LABEL.fullmatch(label[2:]) and not _names_another(label[2:]):
            found.append(pair[0].capitalize())
        if not pair[0].isupper():
            return found  # "Co1" is no carbon, "Cation" neither
    single = label[:1].upper()
    if _known(single) and single != "T":
        rest = label[1:]
        forms = [_AFTER_LABEL]
        forms += {"O": [_AFTER_OXYGEN], "H": [_AFTER_HYDROGEN], "D": [_AFTER_HYDROGEN]}.get(
            single, []
        )
        # In "CO1" both may be meant, whatever the rest.
        if found or (any(form.fullmatch(rest) for form in forms) and not _names_another(rest)):
            found.append(single)
    return found


def _names_another(rest: str) -> bool:
    """Whether another element follows: "Fe1Ni1", "Fe-Ni", "Fe+Co"."""
    match = re.search(r"[\d.+\-_)/,\s]([A-Z][a-z])(?![a-z])", rest)
    return match is not None and bool(_element(match[1]))


def _is_group(given: str, rest: str) -> bool:
    """Whether capitals of a type symbol may be a group: CO3, PO4, NO3; CO, HO, NO, PO themselves.

    A charge makes an ion of an element: CO2+ is cobalt.
    """
    if len(given) < 2 or not given.isupper() or re.search(r"[+-]", rest):
        return False
    return given in _GROUPS or bool(rest and _element(given[0]) and _element(given[1]))


def _hint(text: str) -> str:
    """What to do about texts that are often met."""
    if _HYDRATED.match(text):
        return (
            ": the oxygen of water or hydroxyl is O, its hydrogens have rows of their own or none"
        )
    mixed = _MIXED.search(text)
    if mixed and _element(mixed[1]) and _element(mixed[2]):
        return (
            ": species that share a site have a row each "
            f"({mixed[1]}, {mixed[2]}), with equal coordinates and their own occupancies"
        )
    if _DUMMY.match(text):
        return ": vacancies, centroids and other dummies are no atoms; take their rows out"
    return ""


def _known(symbol: str) -> bool:
    return 0 < (_element(symbol) or 0) <= _LAST_ELEMENT


def _element(symbol: str) -> int:
    """Atomic number, 0 of what is no element."""
    try:
        return parse_species(symbol)[0]
    except ValueError:
        return 0
