"""The atom sites of a CIF: species, coordinates, occupancies, displacements."""

import dataclasses
import re
import warnings
from collections.abc import Callable

import numpy as np

from ...scattering import cif_scale, parse_species
from ._species import Formula, Key, species_of_label, species_of_type
from ._values import MASS_NUMBER, CifBlock, CifError

_FRACT = ("_atom_site_fract_x", "_atom_site_fract_y", "_atom_site_fract_z")
_U_ISO = ("_atom_site_u_iso_or_equiv", "_atom_site_u_equiv_geom_mean")
_B_ISO = ("_atom_site_b_iso_or_equiv", "_atom_site_b_equiv_geom_mean")
_LETTERS = (
    "_atom_site_wyckoff_symbol",
    "_atom_site_site_symmetry_wyckoff",
    "_atom_site_wyckoff_letter",
)
_MULTIPLICITIES = ("_atom_site_site_symmetry_multiplicity", "_atom_site_symmetry_multiplicity")
#: A count that a file may state; anything longer is none.
_COUNT = re.compile(r"[0-9]{1,9}")
_PAIRS = ("11", "22", "33", "12", "13", "23")

Column = Callable[..., tuple[str, list[str | None]]]
"""Values of the first of some tags, one for each row of the atoms."""


@dataclasses.dataclass
class CifAtoms:
    """Atoms of the asymmetric unit.

    Attributes:
        labels: labels, or "row 1" where there are none.
        species: (atomic number, charge, mass number) of each.
        frac: fractional coordinates, (N, 3).
        occupancies: (N,).
        u_iso: angstrom^2, (N,), also of anisotropic atoms where the file states it.
        u_aniso: CIF convention, angstrom^2, (N, 3, 3), 0 for isotropic atoms; None if all are.
        letters: Wyckoff letters that the file states, "" where it doesn't.
        multiplicities: atoms per cell of each that the file states, None where it doesn't.
        content: atoms of each atomic number in the cell, by stated formula and formula units;
            empty if one isn't.
    """

    labels: list[str]
    species: list[Key]
    frac: np.ndarray
    occupancies: np.ndarray
    u_iso: np.ndarray
    u_aniso: np.ndarray | None
    letters: list[str]
    multiplicities: list[int | None]
    content: dict[int, float]

    @property
    def anisotropic(self) -> np.ndarray:
        """Which atoms have a tensor, (N,)."""
        if self.u_aniso is None:
            return np.zeros(len(self.labels), bool)
        return np.asarray(self.u_aniso.any(axis=(1, 2)))


def read_atoms(block: CifBlock, matrix: np.ndarray) -> CifAtoms:
    """Read the atom sites; dummy atoms (`_atom_site_calc_flag dum`) are left out.

    Args:
        block: the data block.
        matrix: the cell, rows in angstrom.

    Raises:
        CifError: no atoms, an unknown element, a missing or unreadable number.
    """
    column = _columns(block)
    xyz = [column(tag)[1] for tag in _FRACT]
    n = len(xyz[0])
    if not any(xyz[0]):
        hint = ""
        if any(block.texts("_atom_site_cartn_x")[1]):
            hint = " (Cartesian ones, as in a file of the PDB, are not read)"
        raise block.error(_FRACT[0], f"expected atoms with fractional coordinates, got none{hint}")
    given = column("_atom_site_label")[1]
    labels = [v or f"row {i + 1}" for i, v in enumerate(given)]
    flags = column("_atom_site_calc_flag")[1]
    kept = [i for i in range(n) if (flags[i] or "").lower() not in ("dum", "dummy")]
    if not kept:
        raise block.error(_FRACT[0], "expected atoms, got only dummy atoms")
    names = [f"atom {label}" for label in labels]
    frac = [
        [block.number(tag, x[i], names[i]) for tag, x in zip(_FRACT, xyz, strict=True)]
        for i in kept
    ]

    def optional(tag: str, values: list[str | None], default: float) -> np.ndarray:
        chosen = [(values[i], names[i]) for i in kept]
        return np.array([default if v is None else block.number(tag, v, row) for v, row in chosen])

    tag, values = column(*_U_ISO)
    if any(values):
        u_iso = optional(tag, values, default=0.0)
    else:
        u_iso = optional(*column(*_B_ISO), default=0.0) / (8 * np.pi**2)
    u_aniso = np.zeros((n, 3, 3))
    tensors = _tensors(block, matrix, labels)
    for i, tensor in tensors.items():
        u_aniso[i] = tensor
    masses = optional(*column(MASS_NUMBER), default=0.0)
    letters = column(*_LETTERS)[1]
    multiplicities = column(*_MULTIPLICITIES)[1]
    species, content = _species(block, column, labels, kept)
    return CifAtoms(
        labels=[labels[i] for i in kept],
        species=[
            _isotope(block, one, mass, names[i])
            for i, one, mass in zip(kept, species, masses, strict=True)
        ],
        frac=np.array(frac),
        occupancies=optional(*column("_atom_site_occupancy"), default=1.0),
        u_iso=u_iso,
        u_aniso=u_aniso[kept] if tensors else None,
        letters=[letters[i] or "" for i in kept],
        multiplicities=[
            int(text) if (text := multiplicities[i]) and _COUNT.fullmatch(text) else None
            for i in kept
        ],
        content=content,
    )


def _columns(block: CifBlock) -> Column:
    """Columns of the atoms: of the loop that holds the coordinates, others joined by label.

    Raises:
        CifError: what a column says twice differs, or it can't be told which atoms it is about.
    """
    loops = [(loop, xs) for loop, xs in block.places(_FRACT[0]) if any(xs)]
    main, n = (loops[0][0], len(loops[0][1])) if loops else (None, 0)
    labels = next((v for loop, v in block.places("_atom_site_label") if loop == main), [])

    def aligned(tag: str) -> list[list[str | None]]:
        found = []
        for loop, values in block.places(tag):
            keys = next((v for one, v in block.places("_atom_site_label") if one == loop), None)
            if loop == main:
                found.append(values)
            elif tag == "_atom_site_label" or not any(values):
                continue
            elif keys is not None and len(keys) == len(values) and len(set(keys)) == len(keys):
                row = dict(zip(keys, values, strict=True))
                found.append([row.get(label) for label in labels])
            elif len(values) == n:
                found.append(values)
            else:
                raise block.error(tag, f"expected one value for each of the {n} atoms")
        return found

    def column(*tags: str) -> tuple[str, list[str | None]]:
        first = ""
        for tag in tags:
            if tag in block and (values := block.one_of(tag, aligned(tag))):
                if len(values) != n:
                    raise block.error(tag, f"expected one value for each of the {n} atoms")
                return tag, values
            first = first or (tag if tag in block else "")
        return first, [None] * n

    return column


def _species(
    block: CifBlock, column: Column, labels: list[str], kept: list[int]
) -> tuple[list[Key], dict[int, float]]:
    """Species of the atoms that are kept, and the content of the cell by the stated formula."""
    formulas = [
        text for _, values in block.places("_chemical_formula_sum") for text in values if text
    ]
    formula = Formula.of(formulas)
    symbols = column("_atom_site_type_symbol")[1]
    # With hydrogens of such names listed, H2O is the one that is bound to O2.
    hydrogens = any(re.match(r"[HD](?![23]O|[a-z])", labels[i]) and not symbols[i] for i in kept)
    found: list[Key] = []
    known: dict[tuple[str | None, str], Key] = {}
    for i in kept:
        symbol, label = symbols[i], labels[i]
        # Thousands of atoms have few symbols.
        key = (symbol, "" if symbol else label)
        if key not in known:
            tag = "_atom_site_type_symbol" if symbol else "_atom_site_label"

            def complain(message: str, tag: str = tag, label: str = label) -> CifError:
                return block.error(tag, message, f"atom {label}")

            if not symbol and hydrogens and re.match(r"[HD][23]O", label):
                raise complain(
                    f"got {label!r}, water or a hydrogen of that name; _atom_site_type_symbol "
                    "would say which"
                )
            known[key] = (
                species_of_type(symbol, formula, complain)
                if symbol
                else species_of_label(label, formula, complain)
            )
        found.append(known[key])
    units = block.places("_cell_formula_units_z")
    text = next((v for _, values in units for v in values if v and _COUNT.fullmatch(v)), None)
    content = {} if text is None else formula.content(formulas, int(text))
    return found, content


def _isotope(
    block: CifBlock, species: tuple[int, int, int], mass: float, row: str
) -> tuple[int, int, int]:
    """The species with the mass number that `write_cif` puts beside it, 0 for none."""
    if not mass:
        return species
    try:
        return parse_species((*species[:2], int(mass)))
    except ValueError as error:
        raise block.error(MASS_NUMBER, str(error), row) from error


def _tensors(block: CifBlock, matrix: np.ndarray, labels: list[str]) -> dict[int, np.ndarray]:
    """U of each anisotropic atom, by index, in the CIF convention (angstrom^2)."""
    labels_tag, rows = block.texts("_atom_site_aniso_label")
    if not rows:
        return {}
    kind = next((k for k in ("u", "b", "beta") if f"_atom_site_aniso_{k}_11" in block), None)
    if kind is None:
        return {}
    factor = {
        "u": np.ones((3, 3)),
        "b": np.full((3, 3), 1 / (8 * np.pi**2)),
        "beta": 1 / (2 * np.pi**2 * cif_scale(matrix)),
    }[kind]
    tags = [f"_atom_site_aniso_{kind}_{pair}" for pair in _PAIRS]
    columns = [block.texts(tag)[1] or [None] * len(rows) for tag in tags]
    # Mixed sites may repeat a label: as many rows are taken in order, a single one for all.
    plain = [_plain_label(label) for label in labels]
    tensors, seen = {}, dict.fromkeys(rows, 0)
    for r, label in enumerate(rows):
        values = [column[r] if r < len(column) else None for column in columns]
        turn = seen[label]
        seen[label] += 1
        if all(v is None for v in values):
            continue
        atoms = [i for i, other in enumerate(labels) if other == label]
        if not atoms and label:
            atoms = [i for i, other in enumerate(plain) if other == _plain_label(label)]
        try:
            if not atoms:
                raise block.error(labels_tag, f"no atom of this label: {label!r}")
            numbers = [
                block.number(tag, v, f"atom {label}") for tag, v in zip(tags, values, strict=True)
            ]
        except CifError as error:
            warnings.warn(f"{error}; this displacement tensor is left out", stacklevel=2)
            continue
        tensor = np.zeros((3, 3))
        for pair, value in zip(_PAIRS, numbers, strict=True):
            i, j = int(pair[0]) - 1, int(pair[1]) - 1
            tensor[i, j] = tensor[j, i] = value
        for i in atoms if rows.count(label) == 1 else atoms[turn : turn + 1]:
            tensors[i] = tensor * factor
    return tensors


def _plain_label(label: str | None) -> str:
    """A label without marks and case: O-h1 is Oh1."""
    return re.sub(r"[^a-z0-9]", "", (label or "").lower())
