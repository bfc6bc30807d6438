"""Bessel functions against scipy, in both precisions, with derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from jaxtal.descriptors.compat import cylindrical_bessel
from jaxtal.descriptors.expansion import spherical_bessel

X = np.concatenate(
    [
        np.linspace(0.0, 40.0, 1601),
        [1e-30, 1e-12, 1e-6, 1e-3, 0.999, 1.0, 1.001, np.pi, 2 * np.pi, 4.493409457909064],
    ]
)
FAMILIES = {
    "spherical": (spherical_bessel, scipy.special.spherical_jn),
    "cylindrical": (cylindrical_bessel, scipy.special.jv),
}


def reference(name: str, n_max: int, x: np.ndarray) -> np.ndarray:
    return np.stack([FAMILIES[name][1](n, x) for n in range(n_max)], axis=-1)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("n_max", [1, 10, 30])
def test_float64_matches_scipy(x64, name, n_max):
    expected = reference(name, n_max, X)
    got = np.asarray(jax.jit(FAMILIES[name][0], static_argnums=1)(jnp.asarray(X), n_max))
    assert got.shape == (*X.shape, n_max)
    assert np.abs(got - expected).max() < 1e-13
    # where the function is monotonic (x < n) it may be tiny: relative accuracy holds there too
    tiny = (X[:, None] < np.arange(n_max)[None, :]) & (np.abs(expected) > 1e-290)
    np.testing.assert_allclose(got[tiny], expected[tiny], rtol=1e-12)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("n_max", [12, 30])
def test_float32_matches_scipy(name, n_max):
    x = X.astype(np.float32)
    got = FAMILIES[name][0](jnp.asarray(x), n_max)
    assert got.dtype == jnp.float32
    assert np.abs(np.asarray(got) - reference(name, n_max, x.astype(float))).max() < 1e-6


@pytest.mark.parametrize("name", FAMILIES)
def test_derivatives(x64, name):
    function = FAMILIES[name][0]
    x = jnp.asarray(np.concatenate([[0.0, 1e-9], np.linspace(0.3, 37.0, 90)]))
    evaluate = jax.jit(lambda v: function(v, 12))
    primal, slope = jax.jit(lambda v: jax.jvp(evaluate, (v,), (jnp.ones_like(v),)))(x)
    np.testing.assert_allclose(np.asarray(primal), np.asarray(evaluate(x)), atol=1e-15)
    step = 1e-5
    numeric = (evaluate(x + step) - evaluate(x - step)) / (2 * step)
    assert float(jnp.abs(slope - numeric).max()) < 1e-10
    # at zero only order 1 has a slope, and the second derivative is finite too
    first = np.zeros(12)
    first[1] = 1 / 3 if name == "spherical" else 1 / 2
    np.testing.assert_allclose(np.asarray(slope[0]), first, atol=1e-15)
    second = jax.jit(jax.hessian(lambda v: function(v, 3).sum()))(jnp.zeros(()))
    np.testing.assert_allclose(
        float(second), -1 / 3 + 2 / 15 if name == "spherical" else -1 / 2 + 1 / 4, atol=1e-14
    )


@pytest.mark.parametrize("name", FAMILIES)
def test_reverse_mode_at_zero_float32(name):
    gradient = jax.jit(jax.grad(lambda v: FAMILIES[name][0](v, 12).sum()))(jnp.zeros(3))
    assert np.all(np.isfinite(np.asarray(gradient)))


@pytest.mark.parametrize("name", FAMILIES)
def test_parity_and_vmap(x64, name):
    function = FAMILIES[name][0]
    x = jnp.asarray([[0.0, 0.5, 3.0], [7.0, 12.5, 31.0]])
    sign = (-1.0) ** np.arange(8)
    np.testing.assert_allclose(
        np.asarray(function(-x, 8)), np.asarray(function(x, 8)) * sign, atol=1e-15
    )
    mapped = jax.vmap(lambda row: function(row, 8))(x)
    np.testing.assert_allclose(np.asarray(mapped), np.asarray(function(x, 8)), atol=1e-15)


def test_bad_input():
    with pytest.raises(ValueError, match="n_max must be between 1 and 30"):
        spherical_bessel(jnp.zeros(2), 0)
    with pytest.raises(ValueError, match="got 31"):
        cylindrical_bessel(jnp.zeros(2), 31)
    with pytest.raises(ValueError, match="x_max"):
        cylindrical_bessel(jnp.zeros(2), 3, x_max=-1.0)
    assert np.isnan(np.asarray(cylindrical_bessel(jnp.asarray([5.0]), 3, x_max=4.0))).all()
