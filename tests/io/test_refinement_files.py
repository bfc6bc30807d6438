"""A refined crystal as files: what a journal's check asks for, geometry, reflections inside."""

import dataclasses

import gemmi
import numpy as np
import pytest

from jaxtal.io import read_ccp4, read_reflection_table, write_refinement
from jaxtal.refinement import Measurements, Model, refine
from jaxtal.refinement._geometry import bond_angles, bond_lengths
from jaxtal.refinement._least_squares import Problem
from jaxtal.reflections import ReflectionTable

CELL = (6.5, 7.4, 8.6, 90, 101, 90)
#: What checkCIF asks for and a refinement knows.
KNOWN = (
    "_chemical_formula_sum",
    "_chemical_formula_weight",
    "_cell_formula_units_Z",
    "_cell_volume",
    "_cell_length_a",
    "_cell_angle_beta",
    "_space_group_crystal_system",
    "_space_group_name_H-M_alt",
    "_space_group_name_Hall",
    "_exptl_crystal_density_diffrn",
    "_exptl_crystal_F_000",
    "_diffrn_radiation_probe",
    "_diffrn_radiation_type",
    "_diffrn_radiation_wavelength",
    "_diffrn_reflns_number",
    "_diffrn_reflns_av_R_equivalents",
    "_diffrn_reflns_av_unetI/netI",
    "_diffrn_reflns_limit_h_min",
    "_diffrn_reflns_limit_l_max",
    "_diffrn_reflns_theta_min",
    "_diffrn_reflns_theta_max",
    "_diffrn_reflns_theta_full",
    "_diffrn_measured_fraction_theta_max",
    "_diffrn_measured_fraction_theta_full",
    "_reflns_number_total",
    "_reflns_number_gt",
    "_reflns_threshold_expression",
    "_reflns_d_resolution_high",
    "_refine_ls_structure_factor_coef",
    "_refine_ls_matrix_type",
    "_refine_ls_weighting_scheme",
    "_refine_ls_weighting_details",
    "_refine_ls_hydrogen_treatment",
    "_refine_ls_extinction_method",
    "_refine_ls_number_reflns",
    "_refine_ls_number_parameters",
    "_refine_ls_number_restraints",
    "_refine_ls_R_factor_all",
    "_refine_ls_R_factor_gt",
    "_refine_ls_wR_factor_ref",
    "_refine_ls_wR_factor_gt",
    "_refine_ls_goodness_of_fit_ref",
    "_refine_ls_restrained_S_all",
    "_refine_ls_shift/su_max",
    "_refine_ls_shift/su_mean",
    "_refine_diff_density_max",
    "_refine_diff_density_min",
    "_refine_diff_density_rms",
    "_computing_structure_refinement",
)


@pytest.fixture(scope="module")
def found():
    """A bent molecule C-C-O on general sites, a heavy atom at the inversion, noise of 2 %."""
    cart = np.array([[1.2, 1.5, 2.0], [2.7, 1.5, 2.0], [3.2, 2.8, 2.2]])
    matrix = Model.build(CELL, "P 21/c", ["C"], [[0, 0, 0]]).matrix
    frac = np.concatenate([cart @ np.linalg.inv(matrix), [[0, 0, 0]]])
    model = Model.build(CELL, "P 21/c", ["C", "C", "O", "S"], frac, u_iso=0.02).replace(scale=5.0)
    axes = [np.arange(-n, n + 1) for n in (8, 9, 10)]
    hkl = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    hkl = np.concatenate([hkl, hkl[::2]])
    ones = np.ones(len(hkl))
    plain = Measurements.from_arrays(CELL, "P 21/c", hkl, ones, ones, d_min=0.8, friedel=True)
    exact = Problem(plain).calculate(model).intensity
    sigma = 0.02 * (exact + exact.mean())
    noisy = exact + sigma * np.random.default_rng(0).normal(size=len(exact))
    data = dataclasses.replace(plain, intensity=noisy, sigma=sigma, r_int=0.02)
    return refine(data, model, weights=(0, 0))


def block_of(path):
    return gemmi.cif.read(str(path)).sole_block()


def test_what_a_journal_asks_for_is_there(found, tmp_path):
    write_refinement(found, tmp_path / "a.cif")
    block = block_of(tmp_path / "a.cif")
    values = {tag: block.find_value(tag) for tag in KNOWN}
    assert {tag for tag, value in values.items() if value in (None, "?", ".")} == set()
    assert gemmi.cif.as_string(values["_chemical_formula_sum"]) == "C4 O2 S"
    assert values["_cell_formula_units_Z"] == "2"
    assert values["_diffrn_radiation_type"] == r"MoK\a"
    assert float(values["_diffrn_measured_fraction_theta_full"]) == 1.0
    assert float(values["_diffrn_reflns_theta_full"]) == pytest.approx(25.242, abs=1e-3)
    assert values["_diffrn_reflns_limit_h_min"] == "-8"
    # What nobody but the experimenter knows is asked for by name.
    assert block.find_value("_exptl_crystal_colour") == "?"
    assert [row[0] for row in block.find(["_atom_type_symbol"])] == ["C", "O", "S"]
    assert len(block.find(["_geom_bond_distance"])) == 2
    assert len(block.find(["_geom_angle"])) == 1


def test_completeness_counts_what_is_missing(found):
    data = found.measured
    assert data.completeness() == 1.0
    columns = {name: getattr(data, name)[::2] for name in ("hkl", "intensity", "sigma")}
    half = dataclasses.replace(data, **columns)
    assert half.completeness() == pytest.approx(0.5, abs=0.05)
    # Friedel mates of a group without inversion, listed half.
    polar = Measurements.from_arrays(
        CELL, "P 21", data.hkl, data.intensity, data.sigma, friedel=False
    )
    # The glide's absences are missing in both.
    assert polar.completeness(1.2) < 0.95
    assert polar.completeness(1.2, friedel=False) < 0.7 * polar.completeness(1.2)


def test_uncertainties_of_lengths_and_angles(found):
    """Against finite differences of the geometry by every free parameter."""
    free, model = found.parameters, found.model

    def geometry(step):
        moved = dataclasses.replace(found, model=free.shifted(model, step))
        lengths = [bond.length for bond, _ in bond_lengths(moved)]
        return np.array([*lengths, *(angle for *_, angle, _ in bond_angles(moved))])

    eps = 1e-6
    slopes = np.array([(geometry(s) - geometry(-s)) / (2 * eps) for s in eps * np.eye(free.count)])
    expected = np.sqrt(np.einsum("pg,pq,qg->g", slopes, found.covariance, slopes))
    errors = [error for _, error in bond_lengths(found)]
    errors += [error for *_, error in bond_angles(found)]
    np.testing.assert_allclose(errors, expected, rtol=1e-4)
    assert geometry(np.zeros(free.count))[-1] == pytest.approx(111.0, abs=1.0)


def test_reflections_inside_the_cif(found, tmp_path):
    write_refinement(found, tmp_path / "a.cif", reflections=True)
    again = read_reflection_table(tmp_path / "a.cif")
    np.testing.assert_array_equal(again.indices, found.measured.hkl)
    scale = float(np.median(again.intensity / found.measured.intensity))
    for name in ("intensity", "sigma"):
        given, kept = getattr(found.measured, name), getattr(again, name)
        np.testing.assert_allclose(kept, scale * given, atol=0.06)
    raw = ReflectionTable(np.array([[1, 0, -2]]), np.array([3.2e6]), sigma=np.array([1e3]))
    write_refinement(found, tmp_path / "b.cif", reflections=raw)
    assert "   1   0  -2 32000.0 10.0000" in (tmp_path / "b.cif").read_text()
    far = ReflectionTable(np.array([[1000, 0, 0]]), np.ones(1), sigma=np.ones(1))
    with pytest.raises(ValueError, match="three digits"):
        write_refinement(found, tmp_path / "c.cif", reflections=far)
    assert not (tmp_path / "c.cif").exists()


def test_the_density_of_the_model(found, tmp_path):
    write_refinement(found, tmp_path / "a.ccp4", density=True)
    values, _ = read_ccp4(tmp_path / "a.ccp4")
    highest = np.unravel_index(int(values.argmax()), values.shape)
    images = np.array([[0, 0, 0], [0, 0.5, 0.5]])
    off = np.array(highest) / values.shape - images
    assert np.abs(off - np.round(off)).max(axis=1).min() < 0.02
    assert values.max() > 20 * np.abs(found.difference.values).max()
