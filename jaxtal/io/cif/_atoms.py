"""The atom sites of a CIF: species, coordinates, occupancies, displacements."""

import dataclasses
import re

import numpy as np

from ...scattering import cif_scale, parse_species
from ._values import MASS_NUMBER, CifBlock

_FRACT = ("_atom_site_fract_x", "_atom_site_fract_y", "_atom_site_fract_z")
_U_ISO = ("_atom_site_u_iso_or_equiv", "_atom_site_u_equiv_geom_mean")
_B_ISO = ("_atom_site_b_iso_or_equiv", "_atom_site_b_equiv_geom_mean")
_PAIRS = ("11", "22", "33", "12", "13", "23")
_SPECIES = re.compile(r"^(\d*)([A-Za-z]{1,2})(?![A-Za-z])(.*)$")
#: Valence form factors of International Tables C, which some files name.
_VALENCE = {"cval": "C", "siva": "Si", "sival": "Si"}
_LABEL = re.compile(r"^([A-Za-z]{1,2})")


@dataclasses.dataclass
class CifAtoms:
    """Atoms of the asymmetric unit.

    Attributes:
        labels: labels, or "row 1" where there are none.
        species: (atomic number, charge, mass number) of each.
        frac: fractional coordinates, (N, 3).
        occupancies: (N,).
        u_iso: angstrom^2, (N,), 0 for anisotropic atoms.
        u_aniso: CIF convention, angstrom^2, (N, 3, 3), 0 for isotropic atoms; None if all are.
        letters: Wyckoff letters that the file states, "" where it doesn't.
    """

    labels: list[str]
    species: list[tuple[int, int, int]]
    frac: np.ndarray
    occupancies: np.ndarray
    u_iso: np.ndarray
    u_aniso: np.ndarray | None
    letters: list[str]


def read_atoms(block: CifBlock, matrix: np.ndarray) -> CifAtoms:
    """Read the atom sites; dummy atoms (`_atom_site_calc_flag dum`) are left out.

    Args:
        block: the data block.
        matrix: the cell, rows in angstrom.

    Raises:
        CifError: no atoms, an unknown element, a missing or unreadable number.
    """
    n = len(block.texts(_FRACT[0])[1])
    if n == 0:
        raise block.error(_FRACT[0], "expected atoms with fractional coordinates, got none")

    def column(*tags: str) -> tuple[str, list[str | None]]:
        tag, values = block.texts(*tags)
        if values and len(values) != n:
            raise block.error(tag, f"expected one value for each of the {n} atoms")
        return tag, values or [None] * n

    labels = [v or f"row {i + 1}" for i, v in enumerate(column("_atom_site_label")[1])]
    flags = column("_atom_site_calc_flag")[1]
    kept = [i for i in range(n) if (flags[i] or "").lower() not in ("dum", "dummy")]
    if not kept:
        raise block.error(_FRACT[0], "expected atoms, got only dummy atoms")
    symbols = column("_atom_site_type_symbol")[1]
    names = [f"atom {label}" for label in labels]
    xyz = [column(tag)[1] for tag in _FRACT]
    frac = [
        [block.number(tag, x[i], names[i]) for tag, x in zip(_FRACT, xyz, strict=True)]
        for i in kept
    ]

    def optional(tag: str, values: list[str | None], default: float) -> np.ndarray:
        given = [(values[i], names[i]) for i in kept]
        return np.array([default if v is None else block.number(tag, v, row) for v, row in given])

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
    letters = column("_atom_site_wyckoff_symbol", "_atom_site_site_symmetry_wyckoff")[1]
    return CifAtoms(
        labels=[labels[i] for i in kept],
        species=[
            _isotope(block, _species(block, symbols[i], labels[i], names[i]), mass, names[i])
            for i, mass in zip(kept, masses, strict=True)
        ],
        frac=np.array(frac),
        occupancies=optional(*column("_atom_site_occupancy"), default=1.0),
        u_iso=np.where([i in tensors for i in kept], 0.0, u_iso),
        u_aniso=u_aniso[kept] if tensors else None,
        letters=[letters[i] or "" for i in kept],
    )


def _species(block: CifBlock, symbol: str | None, label: str, row: str) -> tuple[int, int, int]:
    """The species of a type symbol, or of the letters with which a label begins."""
    if symbol is not None:
        match = _SPECIES.match(_VALENCE.get(symbol.lower(), symbol))
        if match is not None:
            element = match[2].capitalize()
            # A rest that is no charge ("Fe2.5+", "C1") says nothing about form factors.
            for candidate in (f"{match[1]}{element}{match[3]}", element):
                try:
                    return parse_species(candidate)
                except ValueError:
                    continue
        raise block.error("_atom_site_type_symbol", f"unknown element {symbol!r}", row)
    match = _LABEL.match(label)
    letters = match[1] if match else ""
    candidates = []
    for text in (letters, letters[:1]):
        try:
            candidates.append(parse_species(text.capitalize()))
        except (ValueError, TypeError):
            continue
    two_known = len(letters) == 2 and len(candidates) == 2
    if not candidates or (two_known and letters[1].isupper()):
        raise block.error(
            "_atom_site_label",
            f"expected a label that begins with one element, got {label!r}; "
            "_atom_site_type_symbol would say which",
            row,
        )
    return candidates[0]


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
    index = {label: [i for i, other in enumerate(labels) if other == label] for label in rows}
    tensors = {}
    for r, label in enumerate(rows):
        values = [column[r] for column in columns]
        if all(v is None for v in values):
            continue
        if not index[label]:
            raise block.error(labels_tag, f"no atom of this label: {label!r}")
        numbers = [
            block.number(tag, v, f"atom {label}") for tag, v in zip(tags, values, strict=True)
        ]
        tensor = np.zeros((3, 3))
        for pair, value in zip(_PAIRS, numbers, strict=True):
            i, j = int(pair[0]) - 1, int(pair[1]) - 1
            tensor[i, j] = tensor[j, i] = value
        atoms = index[label]
        turn = rows[:r].count(label)
        for i in atoms if rows.count(label) == 1 else atoms[turn : turn + 1]:
            tensors[i] = tensor * factor
    return tensors
