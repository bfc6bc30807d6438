"""Form factors of compositions, and windows: closed forms, the beta function, gradients, dtypes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import betainc

from jaxtal.scattering import FormFactors, debye_waller, rms_form_factor, window_profile
from jaxtal.scattering._sharpening import composition_amounts
from jaxtal.scattering._window_profiles import PROFILES, ball_autocorrelation, gaussian

NAMES = [*PROFILES, "ball1", "ball2", "ball4", "ball5", "ball6"]
S2 = np.linspace(0.0, 1.0, 7) ** 2


def test_compositions_are_read():
    assert composition_amounts("Cd5.7Yb") == {"Cd": 5.7, "Yb": 1.0}
    assert composition_amounts(" C22 H23 N O.5 ") == {"C": 22, "H": 23, "N": 1, "O": 0.5}
    assert composition_amounts("CH3CH2OH") == {"C": 2, "H": 6, "O": 1}
    assert composition_amounts({"Si4+": 1, "O2-": 2, 14: 3}) == {"Si4+": 1, "O2-": 2, "Si": 3}


@pytest.mark.parametrize("kind", ["waasmaier-kirfel", "it92", "electron", "recp", "neutron"])
def test_rms_factor_agrees_with_the_jax_tables(x64, kind):
    f = np.asarray(FormFactors.build(["Cd", "Yb"], kind)(jnp.asarray(S2)))
    expected = np.sqrt((5.7 * f[0] ** 2 + f[1] ** 2) / 6.7) * np.exp(-1.8 * S2)
    got = rms_form_factor("Cd5.7Yb", S2, b_iso=1.8, kind=kind)
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, expected, rtol=1e-13)
    np.testing.assert_allclose(debye_waller(S2, 1.8), np.exp(-1.8 * S2), rtol=1e-15)


def test_one_element_keeps_its_form_factor_without_x64():
    got = rms_form_factor({"Fe": 3.0}, S2)
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, np.asarray(FormFactors.build(["Fe"])(jnp.asarray(S2)))[0], 1e-5)
    assert got[0] == pytest.approx(26, abs=0.05)
    np.testing.assert_array_equal(got.reshape(7, 1), rms_form_factor("Fe7", S2[:, None]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: composition_amounts("Cd5.7-Yb"), "cannot read '-Yb'"),
        (lambda: composition_amounts("Xx2"), "element symbol"),
        (lambda: composition_amounts(""), "at least one element"),
        (lambda: composition_amounts({"Cd": 0.0}), "positive amount of Cd"),
        (lambda: composition_amounts({"Cd": float("nan")}), "positive amount of Cd"),
        (lambda: rms_form_factor("Cd", np.array([-0.1])), r"s\^2 >= 0"),
        (lambda: rms_form_factor("Cd", np.array([np.nan])), r"stol2\[0\]"),
        (lambda: rms_form_factor("Cd", S2, b_iso=np.inf), "finite B"),
        (lambda: rms_form_factor("Cd", S2, kind="wk"), "form-factor kind"),
        (lambda: window_profile("kaiser"), "expected a window among none, ball"),
        (lambda: window_profile("ball0"), "ball1, ball2"),
        (lambda: ball_autocorrelation(S2, dimension=0), "positive integer"),
        (lambda: gaussian(S2, width=0.0), "width"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("dimension", [1, 2, 3, 4, 5, 6, 9])
def test_ball_windows_are_the_incomplete_beta_function(dimension):
    x = np.linspace(0, 1, 41)
    expected = betainc((dimension + 1) / 2, 0.5, 1 - x**2)
    np.testing.assert_allclose(ball_autocorrelation(x, dimension), expected, rtol=0, atol=2e-15)
    np.testing.assert_array_equal(
        window_profile(f"ball{dimension}")(x), ball_autocorrelation(x, dimension)
    )


def test_ball_window_is_the_overlap_of_two_discs():
    # Counting points of a fine mesh in both discs: an independent route to D = 2.
    axis = np.linspace(-0.5, 0.5, 801)
    inside = np.hypot(*np.meshgrid(axis, axis)) <= 0.5
    for shift in (80, 240, 560):
        overlap = (inside[:, shift:] & inside[:, :-shift]).sum() / inside.sum()
        assert ball_autocorrelation(shift / 800, 2) == pytest.approx(overlap, abs=2e-3)


@pytest.mark.parametrize("name", NAMES)
def test_windows_fall_from_one_to_their_end(name):
    w = window_profile(name)
    x = np.linspace(0, 1, 101)
    values = w(x)
    assert values[0] == pytest.approx(1, abs=1e-15)
    assert (np.diff(values) <= 1e-15).all()
    assert np.abs(w(np.array([1.0, 1.5, 40.0]))).max() == 0
    end = {"none": 1.0, "gaussian": np.exp(-0.5 / 0.16)}.get(name, 0.0)
    assert w(np.nextafter(1.0, 0.0)) == pytest.approx(end, abs=1e-7)
    assert w(x.astype(np.float32)).dtype == np.float32
    np.testing.assert_allclose(w(x.astype(np.float32)), values, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_windows_in_jax_agree_and_have_finite_gradients(x64, name):
    w = window_profile(name)
    x = np.array([0.0, 0.2, 0.55, 0.9, 1.0, 1.7])
    np.testing.assert_allclose(np.asarray(w(jnp.asarray(x))), w(x), rtol=1e-14, atol=1e-15)
    slope = np.asarray(jax.vmap(jax.grad(w))(jnp.asarray(x)))
    assert np.isfinite(slope).all()
    numeric = (w(x[1:4] + 1e-6) - w(x[1:4] - 1e-6)) / 2e-6
    np.testing.assert_allclose(slope[1:4], numeric, rtol=1e-7, atol=1e-9)
    assert jax.jit(w)(jnp.asarray(x, jnp.float32)).dtype == jnp.float32
