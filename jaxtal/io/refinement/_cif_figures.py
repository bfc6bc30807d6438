"""What was measured and how well the model fits, as items of a CIF."""

import numpy as np

from ...refinement import Measurements, Model, Refinement
from ._values import bracketed

_PROBES = {"xray": "x-ray", "electron": "electron", "neutron": "neutron"}
#: sin(theta)/lambda to which data should be complete, 1/A (the journals').
_FULL = 0.6
#: Characteristic lines, angstrom; how near a wavelength has to be to one.
_LINES = {"MoK\\a": 0.7107, "CuK\\a": 1.5418, "AgK\\a": 0.5608, "CoK\\a": 1.7902, "GaK\\a": 1.3414}
_NEAR = 1.5e-3
_EXTINCTION = "'Fc^*^=kFc[1+0.001xFc^2^\\l^3^/sin(2\\q)]^-1/4^'"


def experiment_items(found: Refinement) -> list[str]:
    measured, figures = found.measured, found.figures
    sine = np.clip(np.sqrt(measured.stol2) * measured.wavelength, 0, 1)
    theta = np.degrees(np.arcsin(sine))
    # Full: to sin(theta)/lambda = 0.6 1/A, or as far as the data go.
    full = min(float(np.degrees(np.arcsin(min(_FULL * measured.wavelength, 1.0)))), theta.max())
    merged = "?" if measured.r_int is None else f"{measured.r_int:.4f}"
    noise = measured.sigma.sum() / max(float(np.abs(measured.intensity).sum()), 1e-300)
    lines = [
        f"_diffrn_radiation_probe {_PROBES[measured.radiation]}",
        f"_diffrn_radiation_type {_radiation_type(measured)}",
        f"_diffrn_radiation_wavelength {measured.wavelength:g}",
        f"_diffrn_reflns_number {measured.rows}",
        f"_diffrn_reflns_av_R_equivalents {merged}",
        f"_diffrn_reflns_av_unetI/netI {noise:.4f}",
        f"_diffrn_reflns_theta_min {theta.min():.3f}",
        f"_diffrn_reflns_theta_max {theta.max():.3f}",
        f"_diffrn_reflns_theta_full {full:.3f}",
    ]
    d_full = max(measured.d_min, 0.5 / _FULL)
    for name, d_min in (("max", measured.d_min), ("full", d_full)):
        lines += [f"_diffrn_measured_fraction_theta_{name} {_share(measured.completeness(d_min))}"]
    for name, d_min in (("max", measured.d_min), ("full", d_full)):
        both, apart = (measured.completeness(d_min, friedel=one) for one in (True, False))
        lines += [f"_diffrn_reflns_Laue_measured_fraction_{name} {_share(both)}"]
        lines += [f"_diffrn_reflns_point_group_measured_fraction_{name} {_share(apart)}"]
    given = measured.index_range
    given = (
        np.stack([measured.hkl.min(axis=0), measured.hkl.max(axis=0)]) if given is None else given
    )
    for axis, letter in enumerate("hkl"):
        lines += [f"_diffrn_reflns_limit_{letter}_min {given[0, axis]}"]
        lines += [f"_diffrn_reflns_limit_{letter}_max {given[1, axis]}"]
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
        f"_reflns_d_resolution_low {0.5 / np.sqrt(measured.stol2.min()):.4f}",
    ]


def _share(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "?"


def _radiation_type(measured: Measurements) -> str:
    """The characteristic line of an X-ray tube, if it is one."""
    if measured.radiation != "xray":
        return measured.radiation
    near = {name: abs(v / measured.wavelength - 1) for name, v in _LINES.items()}
    name = min(near, key=lambda one: near[one])
    return name if near[name] < _NEAR else "?"


def refinement_items(found: Refinement) -> list[str]:
    figures, model, measured = found.figures, found.model, found.measured
    I, Y, w = measured.intensity, found.calculated.intensity, found.weights
    strong = 2 * measured.sigma < I
    gt = float(np.sqrt(w[strong] @ (I - Y)[strong] ** 2 / max(w[strong] @ I[strong] ** 2, 1e-300)))
    chi2 = float(w @ (I - Y) ** 2)
    alone = np.sqrt(chi2 / max(figures.reflections - figures.parameters, 1))
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
        f"_refine_ls_hydrogen_treatment {_hydrogen_treatment(model)}",
        f"_atom_sites_solution_hydrogens {'geom' if model.hydrogens else '?'}",
        f"_refine_ls_extinction_method {'none' if x is None else 'SHELXL'}",
        f"_refine_ls_extinction_expression {_EXTINCTION if x is not None else '?'}",
        f"_refine_ls_extinction_coef {value}",
        f"_refine_ls_number_reflns {figures.reflections}",
        f"_refine_ls_number_parameters {figures.parameters}",
        f"_refine_ls_number_restraints {figures.restraints}",
        f"_refine_ls_R_factor_all {figures.r1_all:.4f}",
        f"_refine_ls_R_factor_gt {figures.r1:.4f}",
        f"_refine_ls_wR_factor_ref {figures.wr2:.4f}",
        f"_refine_ls_wR_factor_gt {gt:.4f}",
        f"_refine_ls_goodness_of_fit_ref {alone:.3f}",
        f"_refine_ls_restrained_S_all {figures.gof:.3f}",
        f"_refine_ls_shift/su_max {found.largest_shift:.3f}",
        f"_refine_ls_shift/su_mean {found.mean_shift:.3f}",
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


def _hydrogen_treatment(model: Model) -> str:
    hydrogen = model.atomic_numbers == 1
    if not hydrogen.any():
        return "undef"
    ride = model.riding[hydrogen]
    return "constr" if ride.all() else "mixed" if ride.any() else "refall"
