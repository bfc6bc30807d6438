"""CIF out: cell, operations and asymmetric unit."""

import os

import numpy as np

from ..._core import write_text
from ...crystal import Crystal, WyckoffCrystal
from ...lattice import cell_to_matrix
from ...scattering import cif_scale, parse_species, species_label
from ._values import MASS_NUMBER


def write_cif(
    crystal: WyckoffCrystal | Crystal, path: str | os.PathLike[str], *, name: str = "jaxtal"
) -> None:
    """Write a symmetric CIF; `read_cif` gives the same crystal back.

    Cell, space group (symbols, number, list of operations) and one row per site with label, type
    symbol ("O2-", "D"), multiplicity, Wyckoff letter, coordinates, occupancy and displacement.
    Isotopes but deuterium are written as their element, since other programs know no symbol of
    them, and in a column of their own, `_jaxtal_atom_site_mass_number`. A `Crystal` is written in
    P1. The file is written whole or not at all.

    Args:
        crystal: concrete (not traced) crystal.
        path: the file.
        name: name of the data block.

    Raises:
        ValueError: a name with blanks, numbers that are not finite, or an invalid crystal.
    """
    if not name or any(c.isspace() for c in name):
        raise ValueError(f"name: expected a block name without blanks, got {name!r}")
    if isinstance(crystal, Crystal):
        crystal = WyckoffCrystal.from_crystal(crystal, symmetry=False)
    crystal.check()
    write_text(path, _text(crystal, name))


def _text(crystal: WyckoffCrystal, name: str) -> str:
    group, plan = crystal.group, crystal.plan
    cell = plan.system.cell(np.asarray(crystal.lattice_parameters, dtype=np.float64))
    matrix = cell_to_matrix(cell)
    lines = [f"data_{name}", "_audit_creation_method 'jaxtal'", ""]
    tags = [f"length_{v}" for v in "abc"] + [f"angle_{v}" for v in ("alpha", "beta", "gamma")]
    lines += [f"_cell_{tag} {_number(v)}" for tag, v in zip(tags, cell, strict=True)]
    lines += [f"_cell_volume {_number(abs(np.linalg.det(matrix)))}", ""]
    if group.number is not None:
        lines += [f"_space_group_IT_number {group.number}"]
    if group.hm is not None:
        lines += [f"_space_group_name_H-M_alt '{group.hm}'"]
    if group.hall is not None:
        lines += [f"_space_group_name_Hall {_quoted(group.hall)}"]
    lines += ["", "loop_", "_space_group_symop_id", "_space_group_symop_operation_xyz"]
    lines += [f"{i} '{op.to_xyz()}'" for i, op in enumerate(group.operations, 1)]
    return "\n".join([*lines, "", *_atom_loops(crystal, matrix), ""])


def _atom_loops(crystal: WyckoffCrystal, matrix: np.ndarray) -> list[str]:
    plan = crystal.plan
    site = np.asarray(plan.site)
    first = np.array([np.flatnonzero(site == s)[0] for s in range(len(plan.letters))])
    frac = plan.host_coordinates(np.asarray(crystal.site_parameters, dtype=np.float64))[first]
    occupancies = np.asarray(crystal.occupancies, dtype=np.float64)
    u_iso = np.asarray(crystal.u_iso, dtype=np.float64)
    tensors = _tensors(crystal, matrix, u_iso, first)
    labels = _labels(crystal)
    symbols, masses = zip(*map(_symbol_and_mass, crystal.species), strict=True)
    lines = ["loop_"] + [
        f"_atom_site_{tag}"
        for tag in (
            "label",
            "type_symbol",
            "site_symmetry_multiplicity",
            "Wyckoff_symbol",
            "fract_x",
            "fract_y",
            "fract_z",
            "occupancy",
            "U_iso_or_equiv",
            "adp_type",
        )
    ]
    lines += [MASS_NUMBER] if any(masses) else []
    for s, symbol in enumerate(symbols):
        U = tensors.get(s)
        cells = [_number(v) for v in (*frac[s], occupancies[s])]
        size = u_iso[s] if U is None else _equivalent(U, matrix)
        lines.append(
            f"{labels[s]:6s} {symbol:5s} {plan.letters[s][:-1]:>3s} {plan.letters[s][-1]} "
            f"{' '.join(cells)} {_number(size)} {'Uiso' if U is None else 'Uani'}"
            + (f" {masses[s] or '.'}" if any(masses) else "")
        )
    if tensors:
        pairs = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
        lines += ["", "loop_", "_atom_site_aniso_label"]
        lines += [f"_atom_site_aniso_U_{i + 1}{j + 1}" for i, j in pairs]
        for s, U in tensors.items():
            lines.append(f"{labels[s]:6s} {' '.join(_number(U[i, j]) for i, j in pairs)}")
    return lines


def _symbol_and_mass(species: str) -> tuple[str, int]:
    """What other programs take for the element, and the mass number where that doesn't say it."""
    number, charge, mass = parse_species(species)
    return (species, 0) if (number, mass) == (1, 2) else (species_label((number, charge)), mass)


def _tensors(
    crystal: WyckoffCrystal, matrix: np.ndarray, u_iso: np.ndarray, first: np.ndarray
) -> dict[int, np.ndarray]:
    """The whole displacement tensor of each anisotropic site, in the CIF convention."""
    if crystal.u_aniso is None:
        return {}
    allowed = crystal.plan.host_tensors(matrix, np.asarray(crystal.u_aniso, np.float64))[first]
    # U_iso I in the CIF convention is U_iso G*_ij / (a*_i a*_j).
    sphere = np.linalg.inv(matrix @ matrix.T) / cif_scale(matrix)
    return {s: U + u_iso[s] * sphere for s, U in enumerate(allowed) if np.any(U)}


def _equivalent(U: np.ndarray, matrix: np.ndarray) -> float:
    return float(np.sum(U * cif_scale(matrix) * (matrix @ matrix.T)) / 3)


def _labels(crystal: WyckoffCrystal) -> list[str]:
    """Si1, Si2, O1: symbol without charge and isotope, counted."""
    counts: dict[str, int] = {}
    labels = []
    for species in crystal.species:
        symbol = "".join(c for c in _symbol_and_mass(species)[0] if c.isalpha())
        counts[symbol] = counts.get(symbol, 0) + 1
        labels.append(f"{symbol}{counts[symbol]}")
    return labels


def _number(value: float) -> str:
    if not np.isfinite(value):
        raise ValueError(f"expected finite numbers to write, got {value}")
    return f"{value + 0.0:.10g}"


def _quoted(text: str) -> str:
    # Hall symbols may hold " (a prime-like axis), which ends no string in single quotes.
    return f'"{text}"' if "'" in text else f"'{text}'"
