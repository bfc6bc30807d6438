"""What each algorithm does to a density and to amplitudes, and the seam for new ones."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxtal import phasing
from jaxtal.phasing import Observed, replace_moduli


def observed(lower, upper=None, real=None) -> Observed:
    lower = jnp.asarray(lower, jnp.float32)
    upper = lower if upper is None else jnp.asarray(upper, jnp.float32)
    real = jnp.zeros(lower.shape, bool) if real is None else jnp.asarray(real)
    return Observed(lower, upper, real, jnp.ones_like(lower))


def test_replaced_moduli_lie_between_the_bounds_and_keep_the_phase():
    f = jnp.asarray([3 + 4j, 3 + 4j, 3 + 4j, 0.3 + 0.4j, 0j, 0j], jnp.complex64)
    bounds = observed([2, 0, 0, 0, 7, 0], [2, 0, np.inf, 2, 7, 1])
    moved = np.asarray(replace_moduli(f, bounds))
    expected = [1.2 + 1.6j, 0, 3 + 4j, 0.3 + 0.4j, 7, 0]
    np.testing.assert_allclose(moved, expected, rtol=1e-6)


def test_replacing_moduli_is_differentiable_everywhere(x64):
    f = jnp.asarray([1.0 + 2j, 0j, 1e-30j, -3.0 + 0j])
    lower = jnp.asarray([2.0, 1.0, 0.5, 0.0])
    bounds = Observed(lower, lower, jnp.zeros(4, bool), jnp.ones(4))

    def total(t):
        return jnp.sum(replace_moduli(f + t * jnp.asarray([1.0, 0, 0, 1j]), bounds).imag)

    slope, eps = float(jax.grad(total)(0.0)), 1e-6
    expected = (float(total(eps)) - float(total(-eps))) / (2 * eps)
    np.testing.assert_allclose(slope, expected, atol=1e-8)
    zeros = jax.grad(lambda x: jnp.sum(replace_moduli(jax.lax.complex(x, x), bounds).real))
    assert np.isfinite(np.asarray(zeros(jnp.zeros(4)))).all()


def test_sweep_down_reflects_the_lowest_fraction_and_sinks(rng):
    density = jnp.asarray(rng.standard_normal(1000), jnp.float32)
    algorithm = phasing.SweepDown(0.6, 0.9, exact=True)
    state = algorithm.init(observed([1.0]), jnp.ones(1, jnp.complex64), jax.random.key(0))
    changed, state = algorithm.flip_density(density, state)
    threshold = np.quantile(np.asarray(density), 0.6, method="inverted_cdf")
    lowest = np.asarray(density) < threshold
    assert abs(int(np.sum(np.asarray(changed != density))) - 600) <= 1
    np.testing.assert_allclose(
        np.asarray(changed)[lowest], 2 * threshold - np.asarray(density)[lowest], atol=0.02
    )
    assert float(state) == pytest.approx(0.54)


def test_charge_flipping_thresholds_and_clip():
    density = jnp.asarray([-2.0, 0.1, 1.0, 9.0])
    fixed = phasing.ChargeFlipping(threshold=0.5)
    np.testing.assert_allclose(fixed.flip_density(density, ())[0], [2.0, -0.1, 1.0, 9.0])
    rms = float(np.sqrt(np.mean(np.asarray(density) ** 2)))
    automatic = phasing.ChargeFlipping(sigmas=0.9 / rms, clip=8.0 / rms)
    np.testing.assert_allclose(automatic.flip_density(density, ())[0], [2.0, -0.1, 1.0, -9.0])


def test_weak_reflections_are_shifted_by_a_quarter_turn_and_keep_their_modulus():
    algorithm = phasing.ChargeFlipping(weak=0.5)
    bounds = observed([1.0, 2, 3, 4], real=[False, True, False, False])
    back = jnp.asarray([0.5 + 0j, 0.7 + 0j, 2j, 8 + 0j], jnp.complex64)
    weak = algorithm.init(bounds, back, jax.random.key(0))
    new, _ = algorithm.flip_amplitudes(bounds, back, back, weak)
    np.testing.assert_allclose(new, [0.5j, 0.7, 3j, 4], rtol=1e-6)
    reported = algorithm.solution(bounds, new, weak)
    np.testing.assert_allclose(reported, [1.0, 2, 3j, 4], atol=1e-6)
    unmeasured = observed([1.0, 2, 3, 4, 0], [1.0, 2, 3, 4, np.inf])
    weakest = algorithm.init(unmeasured, back, jax.random.key(0))
    assert weakest.tolist() == [True, True, False, False, False]


def test_low_density_elimination_is_shiono_and_woolfsons_formula(rng):
    density = jnp.asarray(rng.standard_normal(50), jnp.float32)
    changed, _ = phasing.LowDensityElimination(peak=0.5).flip_density(density, ())
    scale = 0.2 * 0.5 * float(density.max())
    x = np.asarray(density, np.float64)
    expected = np.where(x > 0, x * (1 - np.exp(-0.5 * (x / scale) ** 2)), 0)
    np.testing.assert_allclose(changed, expected, atol=1e-6)


def test_randomised_median_moves_more_amplitudes_the_more_they_changed(rng):
    algorithm = phasing.RandomisedMedian(threshold=1.0)
    n = 2000
    f = jnp.ones(n, jnp.complex64)
    angle = jnp.asarray(np.repeat([0.01, 2.5], n // 2), jnp.float32)
    back = jax.lax.complex(jnp.cos(angle), jnp.sin(angle))
    bounds = observed(np.ones(n))
    state = algorithm.init(bounds, f, jax.random.key(3))
    new, (_, threshold) = algorithm.flip_amplitudes(bounds, f, back, state)
    moved = np.asarray(new != f)
    assert moved[: n // 2].mean() < 0.05
    # |back - f| = 2 sin(1.25): amplitudes stay where 1 > 2 u 1.898, a share of 0.263.
    assert abs(moved[n // 2 :].mean() - (1 - 0.5 / (2 * np.sin(1.25)))) < 0.05
    assert float(threshold) == pytest.approx(0.998)


def test_relaxed_reflections_stay_at_a_solution():
    """Where both projections agree the iterate is a fixed point and the amplitudes the answer."""
    algorithm = phasing.RelaxedReflections(beta=0.7, support=0.5)
    bounds = observed([1.0, 2.0])
    f = jnp.asarray([1j, -2.0], jnp.complex64)
    x = algorithm.init(bounds, f, jax.random.key(0))
    new, moved = algorithm.flip_amplitudes(bounds, f, f, x)
    np.testing.assert_allclose(moved, f, atol=1e-6)
    np.testing.assert_allclose(new, f, atol=1e-6)
    np.testing.assert_allclose(algorithm.solution(bounds, new, moved), f, atol=1e-6)
    density, _ = algorithm.flip_density(jnp.asarray([-1.0, 5.0, 2.0, -3.0]), x)
    np.testing.assert_array_equal(density, [0.0, 5.0, 2.0, 0.0])


class Flip(phasing.AbstractAlgorithm):
    """The example of the documentation."""

    threshold: float

    def flip_density(self, density, state):
        return jnp.where(density < self.threshold, -density, density), state


def test_the_documented_example_is_charge_flipping(rng):
    density = jnp.asarray(rng.standard_normal((4, 5)), jnp.float32)
    ours = eqx.filter_jit(Flip(0.3).flip_density)(density, ())[0]
    theirs = phasing.ChargeFlipping(threshold=0.3).flip_density(density, ())[0]
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: phasing.SweepDown(1.5), "fraction: expected"),
        (lambda: phasing.SweepDown(0.8, 2.0), "decrement: expected"),
        (lambda: phasing.ChargeFlipping(weak=1.0), "weak: expected"),
        (lambda: phasing.LowDensityElimination(peak=0.0), "peak: expected"),
        (lambda: phasing.RelaxedReflections(beta=-3.0), "beta: expected"),
        (lambda: phasing.RelaxedReflections(support=1.0), "support: expected"),
    ],
)
def test_numbers_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
