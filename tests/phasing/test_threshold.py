"""Quantiles by bisection against NumPy's."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxtal.phasing import quantile
from jaxtal.phasing._threshold import subsample


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.5, 0.73, 1.0])
def test_exact_quantile_splits_the_values_as_asked(fraction, rng):
    values = jnp.asarray(rng.standard_normal((30, 40)), jnp.float32)
    threshold = float(quantile(values, fraction, exact=True))
    below = float(np.mean(np.asarray(values) < threshold))
    assert abs(below - fraction) < 1.01 / values.size


def test_subsample_estimates_within_its_standard_error(rng):
    values = jnp.asarray(rng.standard_exponential((128, 64, 81)), jnp.float32)
    assert 16000 < subsample(values).size <= 32768
    for fraction in (0.2, 0.5, 0.9):
        below = np.mean(np.asarray(values) < float(quantile(values, fraction)))
        assert abs(below - fraction) < 0.01


def test_subsample_meets_every_plane_of_the_grid():
    """A stride that divided an axis would see one plane only."""
    planes = jnp.asarray(np.broadcast_to(np.arange(64.0), (64, 64, 64)), jnp.float32)
    counts = np.bincount(np.asarray(subsample(planes)).astype(int), minlength=64)
    assert counts.min() > 0.9 * counts.mean()


def test_constant_density_has_its_value_as_every_quantile():
    flat = jnp.full((8, 8), 3.0)
    assert float(quantile(flat, 0.3)) == 3.0
