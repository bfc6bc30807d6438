"""Sharpening and windows: the reference's amplitudes, E statistics, Wilson plots, the seam."""

import dataclasses

import numpy as np
import pytest

from jaxtal.lattice import Superspace
from jaxtal.reflections import (
    Composition,
    NormalisedE,
    Reflections,
    Sharpening,
    WilsonPlot,
    Window,
    normalised_amplitudes,
)
from jaxtal.reflections._shells import resolution_shells
from jaxtal.scattering import rms_form_factor
from jaxtal.scattering._window_profiles import ball_autocorrelation

BOX = Superspace.periodic([9.0, 11.0, 13.0, 90, 90, 90])


def reflections(law, group="P 2 2 2", limit=6, **options) -> Reflections:
    """Every reflection of a box with the intensity law(stol2, epsilon)."""
    axis = np.arange(limit + 1)
    k = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)[1:]
    blank = Reflections.from_arrays(BOX, group, k, np.ones(len(k)), **options)
    return dataclasses.replace(blank, intensity=law(blank.stol2, blank.epsilon))


@pytest.fixture
def noisy(rng) -> Reflections:
    """Wilson statistics (acentric) of carbon with B = 2.5 A^2 and scale 7."""

    def law(s2, epsilon):
        mean = 7 * epsilon * rms_form_factor("C", s2) ** 2 * np.exp(-5.0 * s2)
        return mean * rng.exponential(size=len(s2))

    return reflections(law, limit=12)


def test_amplitudes_of_the_reference(rng):
    space = Superspace.icosahedral(5.689)
    k = np.unique(rng.integers(-3, 4, size=(60, 6)), axis=0)
    k = k[k.any(axis=1)]
    group = _identity_group(6)
    intensity = rng.uniform(-1, 10, size=len(k))
    refl = Reflections.from_arrays(space, group, k, intensity)
    got = normalised_amplitudes(refl, Composition("Cd5.7Yb", b_iso=1.8), Window("ball", "ball"))
    s = np.linalg.norm(refl.k @ space.parallel, axis=1) / (4 * np.pi)
    t = np.linalg.norm(refl.k @ space.perpendicular, axis=1)
    f = rms_form_factor("Cd5.7Yb", s**2)
    n = len(refl)
    x, y = (q / (q.max() * (1 + 1 / n)) for q in (s, t))
    expected = np.sqrt(np.maximum(refl.intensity, 0)) / (f * np.exp(-1.8 * s**2))
    expected *= (1 + x / 2) * (1 - x) ** 2 * (1 + y / 2) * (1 - y) ** 2
    np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-14)
    assert got.dtype == np.float64


def _identity_group(dimension):
    from jaxtal.symmetry import SpaceGroup, SymOp

    return SpaceGroup.from_operations([SymOp.identity(dimension)])


def test_factors_can_be_had_alone(noisy):
    f = Composition("C", b_iso=2.5).form_factors(noisy)
    w = Window(parallel="hann", perpendicular="ball").factors(noisy)
    np.testing.assert_allclose(
        normalised_amplitudes(noisy, Composition("C", b_iso=2.5), Window("hann")),
        noisy.amplitude / f * w,
        rtol=1e-14,
    )
    np.testing.assert_array_equal(normalised_amplitudes(noisy), noisy.amplitude)
    own = Window(parallel=lambda x: ball_autocorrelation(x, 3))  # a function, not a name
    np.testing.assert_array_equal(own.factors(noisy), Window().factors(noisy))
    assert Window("none", "none").factors(noisy).tolist() == [1.0] * len(noisy)


def test_wilson_plot_recovers_b_and_scale(noisy):
    def exact(s2, epsilon):
        return 3.0 * epsilon * rms_form_factor("C2O", s2) ** 2 * np.exp(-2 * 4.2 * s2)

    clean = reflections(exact)
    fit = WilsonPlot("C2O").fit(clean)
    assert fit.b_iso == pytest.approx(4.2, abs=1e-9)
    assert fit.scale == pytest.approx(3.0, rel=1e-9)
    assert fit.b_sigma < 1e-8
    sharp = normalised_amplitudes(clean, WilsonPlot("C2O"))
    np.testing.assert_allclose(sharp**2, clean.epsilon, rtol=1e-8)

    fit = WilsonPlot("C", shells=12).fit(noisy)
    assert len(fit.count) == len(fit.stol2) == len(fit.log_ratio) == 12
    assert fit.count.sum() == len(noisy)
    assert 0.005 < fit.b_sigma < 0.1
    assert abs(fit.b_iso - 2.5) < 4 * fit.b_sigma
    assert fit.scale == pytest.approx(7, rel=0.1)
    assert f"B = {fit.b_iso:.3f}" in fit.text()


def test_e_values_have_unit_mean_in_every_shell(noisy):
    for sharpening in (NormalisedE(), NormalisedE(shells=7), NormalisedE(shells=1)):
        e2 = normalised_amplitudes(noisy, sharpening) ** 2
        assert e2.mean() == pytest.approx(1, abs=1e-9)
    shell = resolution_shells(noisy.stol2, 7)
    e2 = normalised_amplitudes(noisy, NormalisedE(shells=7)) ** 2
    np.testing.assert_allclose(np.bincount(shell, e2) / np.bincount(shell), 1, atol=1e-9)
    # Acentric statistics: <|E|> = sqrt(pi)/2, <|E^2 - 1|> = 2/e.
    assert np.sqrt(e2).mean() == pytest.approx(np.pi**0.5 / 2, abs=0.02)
    assert np.abs(e2 - 1).mean() == pytest.approx(2 / np.e, abs=0.03)


def test_e_values_take_epsilon_out_and_keep_it_on_request():
    refl = reflections(lambda s2, epsilon: 5.0 * epsilon)
    assert set(refl.epsilon) == {1, 2}
    np.testing.assert_allclose(normalised_amplitudes(refl, NormalisedE()), 1, rtol=1e-12)
    kept = normalised_amplitudes(refl, NormalisedE(with_epsilon=False))
    np.testing.assert_allclose(kept**2, refl.epsilon, rtol=1e-12)


def test_few_reflections_are_enough_for_e_values_and_a_wilson_plot():
    one = Reflections.from_arrays(BOX, "P 1", [[1, 0, 0]], [4.0])
    np.testing.assert_allclose(normalised_amplitudes(one, NormalisedE()), 1, rtol=1e-12)
    fit = WilsonPlot("C").fit(one)
    assert (fit.b_iso, fit.b_sigma, fit.reliable) == (3.0, np.inf, False)
    assert "assumed" in fit.text()
    np.testing.assert_allclose(normalised_amplitudes(one, WilsonPlot("C")), 1, rtol=1e-12)
    assert Window().factors(one)[0] == pytest.approx(1.25 * 0.25)
    two = Reflections.from_arrays(BOX, "P 1", [[1, 0, 0], [2, 0, 0]], [4.0, 0.0])
    np.testing.assert_allclose(normalised_amplitudes(two, NormalisedE(shells=2)), [1, 0], atol=1e-9)
    zero = Reflections.from_arrays(BOX, "P 1", [[1, 0, 0]], [-4.0])
    with pytest.raises(ValueError, match="positive intensity, got none in 1"):
        normalised_amplitudes(zero, NormalisedE())
    with pytest.raises(ValueError, match="positive mean intensity, got none from 1"):
        WilsonPlot("C").fit(zero)
    pair = Reflections.from_arrays(BOX, "P 1", [[1, 0, 0], [2, 0, 0]], [4.0, 1.0])
    assert np.isnan(WilsonPlot("C").fit(pair).b_sigma)


def test_shells_keep_equal_lengths_together():
    s2 = np.array([0.1, 0.1, 0.1, 0.1, 0.2, 0.3, 0.3 + 1e-17, 0.4])
    np.testing.assert_array_equal(resolution_shells(s2, 4), [0, 0, 0, 0, 1, 1, 1, 2])
    counts = np.bincount(resolution_shells(np.linspace(0, 1, 1000), 10))
    assert len(counts) == 10
    assert counts.min() >= 99
    with pytest.raises(ValueError, match="positive number, got 0"):
        resolution_shells(s2, 0)


def test_your_own_sharpening(noisy):
    class Flat:
        def __init__(self, value):
            self.value = value

        def form_factors(self, reflections):
            return np.broadcast_to(self.value, len(reflections)).astype(float)

    assert isinstance(Flat(2.0), Sharpening)
    np.testing.assert_array_equal(normalised_amplitudes(noisy, Flat(2.0)), noisy.amplitude / 2)
    with pytest.raises(
        ValueError, match=r"positive form factors, got 0\.0 for reflection \[0, 0, 1\]"
    ):
        normalised_amplitudes(noisy, Flat(0.0))
    with pytest.raises(ValueError, match="expected finite windows, got nan in reflection 0"):
        Window(parallel=lambda x: x * np.nan).factors(noisy)
    with pytest.raises(ValueError, match="expected a window among"):
        Window(parallel="square").factors(noisy)
