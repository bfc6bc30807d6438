"""Reference models beside measured intensities: CIF with labels and uncertainties, SHELX."""

import json
import pathlib
import re

import gemmi
import numpy as np

from jaxtal.io import read_reflection_table
from jaxtal.refinement import Measurements, Model
from jaxtal.symmetry import SpaceGroup

#: Instructions of SHELX that are no atoms.
_WORDS = {
    "TITL",
    "CELL",
    "ZERR",
    "LATT",
    "SYMM",
    "UNIT",
    "HKLF",
    "PART",
    "AFIX",
    "WGHT",
    "EXTI",
    "FMAP",
    "PLAN",
    "BOND",
    "CONF",
    "ACTA",
    "TEMP",
    "SIZE",
    "TWIN",
    "BASF",
    "MORE",
    "REM",
    "HTAB",
    "EQIV",
    "MPLA",
    "FREE",
    "EXYZ",
    "EADP",
    "OMIT",
    "SHEL",
    "LIST",
    "MOLE",
    "DFIX",
    "SADI",
    "DELU",
    "SIMU",
    "ISOR",
    "FLAT",
    "RTAB",
    "SAME",
    "ANIS",
    "MERG",
    "DAMP",
    "CGLS",
    "STIR",
    "DISP",
    "HFIX",
    "SUMP",
    "RIGU",
    "DANG",
    "BIND",
    "WPDB",
    "XNPD",
    "NEUT",
}
_SIX = ("11", "22", "33", "12", "13", "23")
_ROWS, _COLUMNS = (0, 1, 2, 0, 0, 1), (0, 1, 2, 1, 2, 2)


def value_and_error(text: str) -> tuple[float, float]:
    """1.234(5) -> 1.234, 0.005."""
    match = re.fullmatch(r"([-+]?[\d.]+)(?:\((\d+)\))?", text.strip())
    if match is None:
        return np.nan, np.nan
    decimals = len(match[1].split(".")[1]) if "." in match[1] else 0
    return float(match[1]), int(match[2]) * 10.0**-decimals if match[2] else np.nan


def _symmetric(six) -> np.ndarray:
    out = np.zeros((3, 3))
    out[_ROWS, _COLUMNS] = out[_COLUMNS, _ROWS] = six
    return out


def measurements(folder: pathlib.Path, **options) -> Measurements:
    """The intensities of a folder of reference data."""
    meta = json.loads((folder / "meta.json").read_text())
    table = read_reflection_table(folder / "data.hkl", "shelx")
    options = {"wavelength": meta["wavelength"], "radiation": meta["radiation"]} | options
    return Measurements.from_table(meta["cell"], meta["space_group"], table, **options)


def reference(folder: pathlib.Path, **settings) -> tuple[Model, dict[str, np.ndarray]]:
    """The published model, and the uncertainties of its coordinates and displacements."""
    meta = json.loads((folder / "meta.json").read_text())
    names = ("reference_derived.cif", "reference.cif", "reference.res")
    path = next(folder / name for name in names if (folder / name).exists())
    read = _of_res if path.suffix == ".res" else _of_cif
    atoms, errors = read(path)
    group = SpaceGroup.find(meta["space_group"])
    if path.suffix == ".res":
        # SHELX's occupation holds the share of the site.
        bare = Model.build(meta["cell"], group, **atoms)
        atoms["occupancies"] = bare.occupancies * group.order / bare.multiplicities
    model = Model.build(meta["cell"], group, **atoms, **settings)
    return model, errors


def _of_cif(path: pathlib.Path):
    block = gemmi.cif.read(str(path)).sole_block()
    tags = ["label", "?type_symbol", "fract_x", "fract_y", "fract_z", "?U_iso_or_equiv"]
    table = block.find("_atom_site_", [*tags, "?occupancy"])
    aniso = {
        row[0]: [value_and_error(row[i + 1]) for i in range(6)]
        for row in block.find("_atom_site_aniso_", ["label", *(f"U_{ij}" for ij in _SIX)])
    }
    atoms = {key: [] for key in ("labels", "species", "frac", "u_iso", "u_aniso", "occupancies")}
    errors = {"x": [], "U": []}
    for row in table:
        label = row[0]
        symbol = row[1] if row.has(1) else re.match(r"[A-Za-z]+", label)[0]
        symbol = re.match(r"[A-Za-z]+", symbol)[0].capitalize()
        xyz = [value_and_error(row[i]) for i in (2, 3, 4)]
        U = value_and_error(row[5])[0] if row.has(5) else 0.04
        atoms["labels"].append(label)
        atoms["species"].append(symbol)
        atoms["frac"].append([x for x, _ in xyz])
        atoms["u_iso"].append(U)
        atoms["occupancies"].append(value_and_error(row[6])[0] if row.has(6) else 1.0)
        six = aniso.get(label)
        tensor = np.full((3, 3), np.nan) if six is None else _symmetric([u for u, _ in six])
        atoms["u_aniso"].append(tensor)
        errors["x"].append([e for _, e in xyz])
        errors["U"].append([np.nan] * 6 if six is None else [e for _, e in six])
    return _arrays(atoms), {key: np.array(value) for key, value in errors.items()}


def _of_res(path: pathlib.Path):
    text = re.sub(r"=\s*\n\s*", " ", path.read_text())
    atoms = {key: [] for key in ("labels", "species", "frac", "u_iso", "u_aniso", "occupancies")}
    kinds, free, last = [], [1.0], 0.04
    for line in text.splitlines():
        part = line.split()
        if not part or line[0].isspace():
            continue
        word = part[0].upper()
        if word == "SFAC":
            kinds += [one.capitalize() for one in part[1:] if one.isalpha()]
        elif word == "FVAR":
            free += [float(v) for v in part[1:]]
        elif word == "HKLF":
            break
        elif word[:4] in _WORDS or word in ("L.S.", "END") or len(part) < 6:
            continue
        else:
            numbers = [float(v) for v in part[2:]]
            atoms["labels"].append(part[0])
            atoms["species"].append(kinds[int(part[1]) - 1])
            atoms["frac"].append([_fixed(v) for v in numbers[:3]])
            atoms["occupancies"].append(_variable(numbers[3], free))
            us = numbers[4:]
            if len(us) >= 6:
                u11, u22, u33, u23, u13, u12 = (_fixed(v) for v in us[:6])
                tensor = _symmetric([u11, u22, u33, u12, u13, u23])
                atoms["u_aniso"].append(tensor)
                last = (u11 + u22 + u33) / 3
                atoms["u_iso"].append(last)
            else:
                u = us[0]
                value = -u * last if -5 < u < -0.5 else _variable(u, free)
                atoms["u_iso"].append(value)
                atoms["u_aniso"].append(np.full((3, 3), np.nan))
                last = value if u > 0 else last
    n = len(atoms["labels"])
    return _arrays(atoms), {"x": np.full((n, 3), np.nan), "U": np.full((n, 6), np.nan)}


def _fixed(value: float) -> float:
    return value - 10 if abs(value) > 5 else value


def _variable(value: float, free: list[float]) -> float:
    if abs(value) < 5:
        return value
    n = int((abs(value) + 5) // 10)
    rest = abs(value) - 10 * n
    if n == 1:
        return np.sign(value) * rest
    return rest * (free[n] if value > 0 else 1 - free[n])


def _arrays(atoms):
    return {
        key: value if key in ("labels", "species") else np.array(value)
        for key, value in atoms.items()
    }
