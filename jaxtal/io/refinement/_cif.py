"""A refined model as CIF: what was measured, refined and found, with uncertainties."""

import gemmi
import numpy as np

from ...lattice import matrix_to_cell
from ...refinement import Refinement
from ...refinement._geometry import bond_lengths
from ...scattering import parse_species, species_label
from ._values import bracketed

_SIX = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
_PROBES = {"xray": "x-ray", "electron": "electron", "neutron": "neutron"}


def cif_text(found: Refinement, name: str) -> str:
    """The text of the file."""
    return "\n".join(
        [
            f"data_{name}",
            "_audit_creation_method 'jaxtal'",
            "",
            *_content(found),
            "",
            *_cell(found),
            "",
            *_experiment(found),
            "",
            *_figures(found),
            "",
            *_atoms(found),
            "",
            *_bonds(found),
            "",
        ]
    )


def _content(found: Refinement) -> list[str]:
    model = found.model
    amounts: dict[str, float] = {}
    for species, n in zip(model.species, model.occupancies * model.multiplicities, strict=True):
        symbol = species_label((parse_species(species)[0],))
        amounts[symbol] = amounts.get(symbol, 0.0) + float(n)
    # One formula unit: the whole-number amounts of the cell over their greatest divisor.
    whole = [round(n) for n in amounts.values()]
    exact = all(abs(n - w) < 0.02 for n, w in zip(amounts.values(), whole, strict=True))
    Z = int(np.gcd.reduce(whole)) if exact and all(whole) else 1
    unit = {s: n / Z for s, n in amounts.items()}
    hill = [s for s in ("C", "H") if "C" in unit and s in unit]
    hill += sorted(set(unit) - set(hill))
    weight = sum(gemmi.Element(s).weight * n for s, n in unit.items())
    volume = found.measured.volume
    total = float(model.atomic_numbers @ (model.occupancies * model.multiplicities))
    return [
        "_chemical_formula_sum '" + " ".join(f"{s}{round(unit[s], 2):g}" for s in hill) + "'",
        f"_chemical_formula_weight {weight:.2f}",
        f"_cell_formula_units_Z {Z}",
        f"_exptl_crystal_density_diffrn {weight * Z / volume / 0.602214076:.3f}",
        f"_exptl_crystal_F_000 {total:.0f}",
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


def _experiment(found: Refinement) -> list[str]:
    measured, figures = found.measured, found.figures
    theta = np.degrees(np.arcsin(np.clip(np.sqrt(measured.stol2) * measured.wavelength, 0, 1)))
    lines = [
        f"_diffrn_radiation_probe {_PROBES[measured.radiation]}",
        f"_diffrn_radiation_wavelength {measured.wavelength:g}",
        f"_diffrn_reflns_number {measured.rows}",
        f"_diffrn_reflns_theta_min {theta.min():.3f}",
        f"_diffrn_reflns_theta_max {theta.max():.3f}",
    ]
    if measured.r_int is not None:
        lines += [f"_diffrn_reflns_av_R_equivalents {measured.r_int:.4f}"]
    for axis, letter in enumerate("hkl"):
        column = measured.hkl[:, axis]
        lines += [f"_reflns_limit_{letter}_min {column.min()}"]
        lines += [f"_reflns_limit_{letter}_max {column.max()}"]
    return [
        *lines,
        f"_reflns_number_total {figures.reflections}",
        f"_reflns_number_gt {figures.strong}",
        "_reflns_threshold_expression 'I > 2\\s(I)'",
        f"_reflns_d_resolution_high {measured.d_min:.4f}",
    ]


def _figures(found: Refinement) -> list[str]:
    figures, model, measured = found.figures, found.model, found.measured
    I, Y, w = measured.intensity, found.calculated.intensity, found.weights
    strong = 2 * measured.sigma < I
    gt = float(np.sqrt(w[strong] @ (I - Y)[strong] ** 2 / max(w[strong] @ I[strong] ** 2, 1e-300)))
    a, b = model.weights
    esds = found.esds
    x = model.extinction
    value = "?" if x is None else bracketed(x, float(esds["extinction"][0]))
    lines = [
        "_refine_ls_structure_factor_coef Fsqd",
        "_refine_ls_matrix_type full",
        "_refine_ls_weighting_scheme calc",
        f"_refine_ls_weighting_details 'w=1/[\\s^2^(Fo^2^)+({a:.4f}P)^2^+{b:.4f}P], "
        "P=(Fo^2^+2Fc^2^)/3'",
        f"_refine_ls_hydrogen_treatment {'constr' if model.hydrogens else 'undef'}",
        f"_refine_ls_extinction_method {'none' if x is None else 'SHELXL'}",
        f"_refine_ls_extinction_coef {value}",
        f"_refine_ls_number_reflns {figures.reflections}",
        f"_refine_ls_number_parameters {figures.parameters}",
        f"_refine_ls_R_factor_all {figures.r1_all:.4f}",
        f"_refine_ls_R_factor_gt {figures.r1:.4f}",
        f"_refine_ls_wR_factor_ref {figures.wr2:.4f}",
        f"_refine_ls_wR_factor_gt {gt:.4f}",
        f"_refine_ls_goodness_of_fit_ref {figures.gof:.3f}",
        f"_refine_ls_shift/su_max {found.largest_shift:.3f}",
        f"_refine_diff_density_max {found.difference.highest:.3f}",
        f"_refine_diff_density_min {found.difference.lowest:.3f}",
        f"_refine_diff_density_rms {found.difference.deviation:.3f}",
    ]
    if found.flack is not None:
        lines += [
            "_refine_ls_abs_structure_details",
            f"; Flack x of {found.flack.pairs} quotients of Friedel mates: Parsons, Flack, Wagner,",
            "Acta Cryst. B69 (2013) 249",
            ";",
            f"_refine_ls_abs_structure_Flack {bracketed(found.flack.value, found.flack.esd)}",
        ]
    for i, fraction in enumerate(model.twin_fractions):
        error = esds["twin_fractions"][i]
        law = " ".join(f"{v:g}" for v in np.ravel(model.twin_laws[i]))
        lines += [f"# share of the twin domain {law}: {bracketed(fraction, error)}"]
    return lines


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


def _bonds(found: Refinement) -> list[str]:
    model = found.model
    tags = ("atom_site_label_1", "atom_site_label_2", "distance", "site_symmetry_2", "publ_flag")
    lines = ["loop_", *(f"_geom_bond_{tag}" for tag in tags)]
    rows = []
    for bond, error in bond_lengths(found):
        code = _symmetry_code(model.group, bond.rotation, bond.translation)
        pair = f"{model.labels[bond.atom]} {model.labels[bond.other]}"
        rows.append(f"{pair} {bracketed(bond.length, error, 4)} {code} ?")
    return lines + rows if rows else []


def _symmetry_code(group, rotation: np.ndarray, translation: np.ndarray) -> str:
    """The operation and translation of an image, "3_565"; "." for the atom itself."""
    W, t = group.rotations, group.translations / group.denominator
    for n in range(len(W)):
        shift = translation - t[n]
        if (W[n] == rotation).all() and np.abs(shift - np.round(shift)).max() < 1e-6:
            steps = np.round(shift).astype(int)
            if n == 0 and not steps.any():
                return "."
            return f"{n + 1}_" + "".join(str(5 + s) for s in steps)
    return "?"
