"""Form factors against the evaluators of gemmi and periodictable, and against known values."""

import pathlib
import re
import subprocess
import sys

import equinox as eqx
import gemmi
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from periodictable import cromermann

from jaxtal.scattering import FormFactors, anomalous, species_label
from jaxtal.scattering._tables import KINDS

S = np.linspace(0.0, 1.9, 25)


def evaluate(species, kind, s=S):
    return np.asarray(FormFactors.build(species, kind)(jnp.asarray(s**2)))


def test_waasmaier_kirfel_equals_periodictable(x64):
    names = ["H", "H1-", "C", "O", "O2-", "Si", "Si4+", "Fe3+", "U6+", "Cf"]
    ours = evaluate(names, "waasmaier-kirfel")
    for row, name in zip(ours, names, strict=True):
        np.testing.assert_allclose(row, cromermann.fxrayatstol(name, S), rtol=1e-13)
        np.testing.assert_allclose(row, cromermann.fxrayatq(name, 4 * np.pi * S), rtol=1e-12)


def test_it92_equals_gemmi_and_restores_its_switch(x64):
    names = ["H", "C", "O2-", "Si", "Si4+", "Fe3+", "Cf"]
    before = gemmi.IT92_get_ignore_charge()
    ours = evaluate(names, "it92")
    assert gemmi.IT92_get_ignore_charge() == before
    gemmi.IT92_set_ignore_charge(False)
    try:
        for row, (element, charge) in zip(
            ours,
            [("H", 0), ("C", 0), ("O", -2), ("Si", 0), ("Si", 4), ("Fe", 3), ("Cf", 0)],
            strict=True,
        ):
            coefs = gemmi.IT92_get_exact(gemmi.Element(element), charge)
            expected = [coefs.calculate_sf(s**2) for s in S]
            np.testing.assert_allclose(row, expected, rtol=1e-6)
    finally:
        gemmi.IT92_set_ignore_charge(before)


def test_electron_equals_gemmi(x64):
    names = ["H", "C", "O", "Si", "U"]
    for row, name in zip(evaluate(names, "electron"), names, strict=True):
        expected = [gemmi.Element(name).c4322.calculate_sf(s**2) for s in S]
        np.testing.assert_allclose(row, expected, rtol=1e-6)


def test_neutron_lengths_and_isotopes(x64):
    names = ["H", "D", "Si", "O2-", "58Ni", "Sm", "Eu", "149Sm", "157Gd"]
    factors = FormFactors.build(names, "neutron")
    values = np.asarray(factors(jnp.asarray(S**2)))
    assert np.ptp(values, axis=1).max() == 0.0
    # Sears (1992), fm; the last four depend on the energy.
    np.testing.assert_allclose(values[:5, 0], [-3.739, 6.671, 4.1491, 5.803, 14.4], rtol=2e-3)
    np.testing.assert_allclose(values[5:, 0], [0.80, 7.22, -19.2, -1.14], atol=0.07)


def test_the_potassium_ion_of_waasmaier_and_kirfel(x64):
    # Against the other table of X-rays; 18 electrons, and none of the neutral atom's outermost.
    ours, theirs = evaluate(["K+"], "waasmaier-kirfel"), evaluate(["K+"], "it92")
    assert ours[0, 0] == pytest.approx(18, abs=2e-3)
    np.testing.assert_allclose(ours, theirs, atol=0.012)
    neutral = evaluate(["K"], "waasmaier-kirfel")
    assert np.abs(ours - neutral)[0, S > 0.3].max() < 0.05


@pytest.mark.parametrize(
    ("kind", "ion", "stand_in"),
    [
        ("waasmaier-kirfel", "S2-", "S"),
        ("waasmaier-kirfel", "N3-", "N"),
        ("waasmaier-kirfel", "P5+", "P"),
        ("waasmaier-kirfel", "Cl5+", "Cl"),  # not Cl1-
        ("waasmaier-kirfel", "Fe6+", "Fe3+"),
        ("waasmaier-kirfel", "D+", "D"),
        ("it92", "Fe4+", "Fe3+"),
        ("electron", "Na+", "Na"),
        ("recp", "O2-", "O"),
    ],
)
def test_an_ion_without_form_factor_takes_the_nearest(kind, ion, stand_in, x64):
    with pytest.warns(UserWarning, match=re.escape(species_label(ion))) as told:
        found = FormFactors.build([ion, "Si", ion], kind)
    assert len(told) == 1
    s2 = jnp.asarray(S**2)
    expected = FormFactors.build([stand_in, "Si", stand_in], kind)
    np.testing.assert_array_equal(found(s2), expected(s2))
    assert found.species[0] == species_label(ion)  # atoms still find their row
    with pytest.raises(ValueError, match=r"no ion|neutral atoms only"):
        FormFactors.build([ion], kind, charges="exact")


def test_tabulated_ions_are_taken_as_they_are():
    every = ["Si4+", "O2-", "K+", "Fe3+"]
    assert FormFactors.build(every).f0[0] == FormFactors.build(["Si4+"], charges="exact").f0[0]
    FormFactors.build(["S2-", "N3-"], "neutron")  # no charge matters
    assert FormFactors.build(["N3-"], "constant").f0[0] == 10
    with pytest.raises(ValueError, match="charges: expected one of"):
        FormFactors.build(every, charges="neutral")
    with pytest.raises(ValueError, match="no element"):
        FormFactors.build(["Lr3+"])


def test_recp_is_the_mott_bethe_form(x64):
    # Carbon at s = 0.3 with the published coefficients, written out.
    s2 = 0.09
    amplitudes = np.array([0.731, 1.195, 0.456, 0.125])
    widths = np.array([36.995, 11.297, 2.814, 0.346])
    expected = 6 - 41.78214 * s2 * np.sum(amplitudes * np.exp(-widths * s2))
    assert evaluate(["C"], "recp", np.array([0.3]))[0, 0] == pytest.approx(expected, rel=1e-14)
    every = FormFactors.build(range(1, 99), "recp")
    np.testing.assert_array_equal(every.f0, np.arange(1, 99))
    # Near the X-ray table for every element but H and He up to s = 0.5.
    s = np.linspace(0.05, 0.5, 10)
    xray = evaluate(list(range(3, 99)), "waasmaier-kirfel", s)
    assert np.abs(evaluate(list(range(3, 99)), "recp", s) / xray - 1).max() < 0.16


def test_constant_is_the_number_of_electrons(x64):
    values = evaluate(["Si", "Si4+", "O2-"], "constant")
    np.testing.assert_array_equal(values, np.array([[14.0], [10.0], [10.0]]) * np.ones(len(S)))


@pytest.mark.parametrize("kind", ["waasmaier-kirfel", "it92"])
def test_f0_is_the_number_of_electrons(kind, x64):
    names = list(range(1, 99))
    factors = FormFactors.build(names, kind)
    assert np.abs(np.asarray(factors.f0) / np.array(names) - 1).max() < 2e-3
    ions = FormFactors.build(["Si4+", "Al3+", "Na+", "F-", "Fe2+"], kind)
    np.testing.assert_allclose(ions.f0, [10, 10, 10, 10, 24], rtol=5e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_f0_is_the_value_at_zero(kind, x64):
    factors = FormFactors.build(["H", "C", "Si", "O"], kind)
    np.testing.assert_allclose(factors(jnp.zeros(1))[:, 0], factors.f0, rtol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_in_stol2(kind, x64):
    factors = FormFactors.build(["H", "Si", "O"], kind)
    eps = 1e-6
    for s2 in (0.0, 0.01, 0.5):
        grad = jax.jacobian(factors)(jnp.array(s2))
        difference = (factors(jnp.array(s2 + eps)) - factors(jnp.array(s2 - eps))) / (2 * eps)
        np.testing.assert_allclose(grad, difference, rtol=1e-6, atol=1e-7)


def test_dtype_follows_the_argument(x64):
    for dtype in (jnp.float32, jnp.float64):
        factors = FormFactors.build(["Si"], fp=[0.2], dtype=dtype)
        for other in (jnp.float32, jnp.float64):
            s2 = jnp.linspace(0, 1, 5, dtype=other)
            assert factors(s2).dtype == other
            assert factors.complex_factors(s2).dtype == (
                jnp.complex64 if other == jnp.float32 else jnp.complex128
            )


def test_default_dtype_is_float32_without_x64(x32):
    factors = FormFactors.build(["Si", "O"])
    assert factors.a.dtype == jnp.float32
    assert factors.keys.dtype == jnp.int32
    double = [cromermann.fxrayatstol(name, S) for name in ("Si", "O")]
    np.testing.assert_allclose(factors(jnp.asarray(S**2)), double, rtol=1e-5)


def test_shapes_jit_vmap():
    factors = FormFactors.build(["Si", "O"])
    s2 = jnp.linspace(0, 1, 24).reshape(2, 3, 4)
    whole = factors(s2)
    assert whole.shape == (2, 2, 3, 4)
    np.testing.assert_allclose(eqx.filter_jit(factors)(s2), whole, rtol=1e-6)
    batched = jax.vmap(factors, out_axes=1)(s2.reshape(2, 12))
    np.testing.assert_allclose(batched.reshape(whole.shape), whole, rtol=1e-6)
    assert factors(jnp.zeros((0,))).shape == (2, 0)


def test_anomalous_and_complex_factors(x64):
    fp, fpp = anomalous(["Si", "Fe3+", "H"], 1.5405929)
    # International Tables C 4.2.6.8, Cu K alpha: Si 0.254, 0.330; Fe -1.134, 3.197.
    np.testing.assert_allclose(fp, [0.254, -1.134, 0.0], atol=0.03)
    np.testing.assert_allclose(fpp, [0.330, 3.197, 0.0], atol=0.03)
    factors = FormFactors.build(["Si", "Fe3+", "H"], fp=fp, fpp=fpp)
    s2 = jnp.asarray(S**2)
    full = factors.complex_factors(s2)
    np.testing.assert_allclose(full.real, factors(s2) + fp[:, None], rtol=1e-14)
    np.testing.assert_allclose(full.imag, fpp[:, None] * np.ones(len(S)), rtol=1e-14)
    with pytest.raises(ValueError, match="fp or fpp"):
        FormFactors.build(["Si"]).complex_factors(s2)


def test_rows_of_species():
    factors = FormFactors.build(["Si4+", "O2-", "O"])
    np.testing.assert_array_equal(factors.index_of([14, 8, "O2-", "Si4+"]), [0, 2, 1, 0])
    np.testing.assert_array_equal(factors.index_of(np.array([8, 14, 8])), [2, 0, 2])
    with pytest.raises(ValueError, match="got 'Fe'"):
        factors.index_of([26])
    with pytest.raises(ValueError, match="got 'Si3\\+'"):
        factors.index_of(["Si3+"])


@pytest.mark.parametrize(
    ("species", "kind", "message"),
    [
        (["Si3+"], "waasmaier-kirfel", "ions of Si in it: Si4\\+"),
        (["O3-"], "it92", "ions of O in it: O2-, O1-"),
        (["Ne2+"], "waasmaier-kirfel", "in it: none"),
        (["Og"], "waasmaier-kirfel", "no element 'Og'"),
        (["Si4+"], "electron", "neutral atoms only"),
        (["Si4+"], "recp", "neutral atoms only"),
        (["Lr"], "recp", "no element 'Lr'"),
        (["Po"], "neutron", "neutron scattering length"),
        (["Si"], "wk", "form-factor kind among"),
        ([], "recp", "at least one"),
        ("SiO", "recp", "sequence"),
    ],
)
def test_missing_entries_are_named(species, kind, message):
    with pytest.raises(ValueError, match=message):
        FormFactors.build(species, kind, charges="exact")


def test_bad_dispersion_is_refused():
    with pytest.raises(ValueError, match="shape"):
        FormFactors.build(["Si"], fp=[0.1, 0.2])
    with pytest.raises(ValueError, match="finite"):
        FormFactors.build(["Si"], fpp=[np.nan])
    with pytest.raises(ValueError, match=r"0\.1\.\.10"):
        anomalous(["Si"], 0.0)
    with pytest.raises(ValueError, match="uranium"):
        anomalous(["Np"], 1.0)


def test_the_data_file_is_complete():
    folder = pathlib.Path(sys.modules[FormFactors.__module__].__file__).parent
    rows = np.loadtxt(folder / "_data/doyle_turner_smith_burge.csv", delimiter=",")
    np.testing.assert_array_equal(rows[:, 0], np.arange(1, 99))
    assert (rows[:, 1:] >= 0).all()


def test_importing_the_room_reads_no_table():
    code = "import sys, jaxtal.scattering; assert 'periodictable' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
