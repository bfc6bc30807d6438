"""A refined model as CIF: what was measured, refined and found, with uncertainties."""

from importlib.metadata import version

import gemmi
import numpy as np

from ...lattice import matrix_to_cell
from ...refinement import Refinement
from ...refinement._labels import hill_formula
from ...refinement._sum_tables import dispersion, form_factors
from ...reflections import ReflectionTable
from ._cif_figures import experiment_items, refinement_items
from ._cif_geometry import geometry_items
from ._hkl import hkl_lines
from ._values import bracketed

_SIX = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))

#: What checkCIF asks for, and only those know who made the experiment.
_UNKNOWN = (
    "chemical_formula_moiety",
    "chemical_name_systematic",
    "cell_measurement_reflns_used",
    "cell_measurement_temperature",
    "cell_measurement_theta_max",
    "cell_measurement_theta_min",
    "diffrn_ambient_temperature",
    "diffrn_measurement_device_type",
    "diffrn_measurement_method",
    "exptl_absorpt_coefficient_mu",
    "exptl_absorpt_correction_T_max",
    "exptl_absorpt_correction_T_min",
    "exptl_absorpt_correction_type",
    "exptl_crystal_colour",
    "exptl_crystal_description",
    "exptl_crystal_size_max",
    "exptl_crystal_size_mid",
    "exptl_crystal_size_min",
)


def cif_text(found: Refinement, name: str, rows: ReflectionTable | None = None) -> str:
    """The text of the file, with the reflections of a table in it where one is given."""
    return "\n".join(
        [
            f"data_{name}",
            "_audit_creation_method 'jaxtal'",
            f"_computing_structure_refinement 'jaxtal {version('jaxtal')}'",
            "",
            *_content(found),
            "",
            *_cell(found),
            "",
            *experiment_items(found),
            "",
            *refinement_items(found),
            "",
            *_scatterers(found),
            "",
            *_atoms(found),
            "",
            *geometry_items(found),
            *(["", *_embedded(found, rows)] if rows is not None else []),
            "",
        ]
    )


def _content(found: Refinement) -> list[str]:
    model = found.model
    amounts = model.amounts
    # One formula unit: the whole-number amounts of the cell over their greatest divisor.
    whole = [round(n) for n in amounts.values()]
    exact = all(abs(n - w) < 0.02 for n, w in zip(amounts.values(), whole, strict=True))
    Z = int(np.gcd.reduce(whole)) if exact and all(whole) else 1
    unit = {s: n / Z for s, n in amounts.items()}
    weight = sum(gemmi.Element(s).weight * n for s, n in unit.items())
    volume = found.measured.volume
    total = float(model.atomic_numbers @ (model.occupancies * model.multiplicities))
    return [
        f"_chemical_formula_sum '{hill_formula(unit)}'",
        f"_chemical_formula_weight {weight:.2f}",
        f"_cell_formula_units_Z {Z}",
        f"_exptl_crystal_density_diffrn {weight * Z / volume / 0.602214076:.3f}",
        f"_exptl_crystal_F_000 {total:.0f}",
        # What the model does not know, and a journal asks for.
        *(f"_{item} ?" for item in _UNKNOWN),
    ]


def _cell(found: Refinement) -> list[str]:
    group = found.model.group
    tags = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    cell = matrix_to_cell(found.model.matrix)
    lines = [f"_cell_{tag} {v:.8g}" for tag, v in zip(tags, cell, strict=True)]
    lines += [f"_cell_volume {found.measured.volume:.3f}"]
    if group.crystal_system is not None:
        lines += [f"_space_group_crystal_system {group.crystal_system}"]
    if group.number is not None:
        lines += [f"_space_group_IT_number {group.number}"]
    if group.hm is not None:
        lines += [f"_space_group_name_H-M_alt '{group.hm}'"]
    if group.hall is not None:
        quote = '"' if "'" in group.hall else "'"
        lines += [f"_space_group_name_Hall {quote}{group.hall}{quote}"]
    lines += ["", "loop_", "_space_group_symop_id", "_space_group_symop_operation_xyz"]
    return lines + [f"{i} '{op.to_xyz()}'" for i, op in enumerate(group.operations, 1)]


def _scatterers(found: Refinement) -> list[str]:
    """Dispersion of X-rays, or scattering lengths of neutrons, by element."""
    measured = found.measured
    kinds = list(dict.fromkeys(found.model.species))
    if measured.radiation == "xray":
        tags = ("symbol", "scat_dispersion_real", "scat_dispersion_imag", "scat_source")
        values = [dispersion(one, measured.wavelength) for one in kinds]
        source = "'Cromer & Liberman, Acta Cryst. A37 (1981) 267'"
        rows = [
            f"{one} {complex(f).real:.4f} {complex(f).imag:.4f} {source}"
            for one, f in zip(kinds, values, strict=True)
        ]
    elif measured.radiation == "neutron":
        tags = ("symbol", "scat_length_neutron")
        lengths = np.real(form_factors(tuple(kinds), measured)[:, 0])
        rows = [f"{one} {b:.4f}" for one, b in zip(kinds, lengths, strict=True)]
    else:
        tags, rows = ("symbol",), kinds
    return ["loop_", *(f"_atom_type_{tag}" for tag in tags), *rows]


def _embedded(found: Refinement, rows: ReflectionTable) -> list[str]:
    """The reflections as a text, which `read_reflection_table` finds."""
    return ["_shelx_hkl_file", ";", *hkl_lines(rows), ";"]


def _atoms(found: Refinement) -> list[str]:
    model, esds = found.model, found.esds
    riding = model.riding
    tags = ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "U_iso_or_equiv", "adp_type")
    tags += ("occupancy", "site_symmetry_order", "calc_flag", "refinement_flags_posn")
    lines = ["loop_", *(f"_atom_site_{tag}" for tag in tags)]
    for i, label in enumerate(model.labels):
        # What rides has the uncertainties of its carrier: none of its own.
        errors = np.zeros(3) if riding[i] else esds["frac"][i]
        xyz = " ".join(
            bracketed(x, e, 5) for x, e in zip(model.frac[i].tolist(), errors.tolist(), strict=True)
        )
        u_error = 0.0 if riding[i] else float(esds["u_iso"][i])
        u = bracketed(float(model.u_eq[i]), u_error, 4)
        occupancy = bracketed(float(model.occupancies[i]), float(esds["occupancies"][i]), 4)
        occupancy = "1" if occupancy == "1.0000" else occupancy
        order = round(model.group.order / model.multiplicities[i])
        flags = ("R" if riding[i] else "") + ("S" if order > 1 else "")
        lines.append(
            f"{label} {model.species[i]} {xyz} {u} {'Uani' if model.anisotropic[i] else 'Uiso'} "
            f"{occupancy} {order} {'calc' if riding[i] else 'd'} {flags or '.'}"
        )
    if not model.anisotropic.any():
        return lines
    lines += ["", "loop_", "_atom_site_aniso_label"]
    lines += [f"_atom_site_aniso_U_{i + 1}{j + 1}" for i, j in _SIX]
    for i in np.flatnonzero(model.anisotropic):
        U, E = model.u_aniso[i], esds["u_aniso"][i]
        six = " ".join(bracketed(float(U[ij]), float(E[ij]), 5) for ij in _SIX)
        lines.append(f"{model.labels[i]} {six}")
    return lines
