"""Radial bases: orthonormality, reference values, behaviour at the origin."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cells import finite
from scipy.special import eval_chebyt, jv, spherical_jn

from jaxtal.descriptors import ChebyshevBasis, OrthonormalBasis, SphericalBesselBasis
from jaxtal.descriptors.compat import GaussianBasis, PaperBesselBasis

Q_MAX = 7.5
BASES = [
    OrthonormalBasis(),
    SphericalBesselBasis(),
    PaperBesselBasis(),
    ChebyshevBasis(),
    GaussianBasis(),
]


def quadrature() -> tuple[np.ndarray, np.ndarray]:
    x, w = np.polynomial.legendre.leggauss(200)
    return (x + 1) / 2 * Q_MAX, w / 2 * Q_MAX


def test_default_basis_is_orthonormal(x64):
    q, w = quadrature()
    R = np.asarray(OrthonormalBasis()(jnp.asarray(q), 10, Q_MAX))
    assert np.allclose((R * w * q**2) @ R.T, np.eye(10), atol=1e-12)
    assert not np.allclose((R * w) @ R.T, np.eye(10), atol=0.1)


def condition(basis) -> float:
    """Condition number of the Gram matrix in dq of ten functions scaled to unit norm."""
    q, w = quadrature()
    R = np.asarray(basis(jnp.asarray(q), 10, Q_MAX)) * np.sqrt(w)
    # Through the singular values of R, which lose half as many digits as those of R R^T.
    values = np.linalg.svd(R / np.linalg.norm(R, axis=1)[:, None], compute_uv=False)
    return float((values[0] / values[-1]) ** 2)


def test_bessel_sets_are_far_from_orthonormal(x64):
    assert 2.8e12 < condition(PaperBesselBasis()) < 3.0e12
    assert 3.8e5 < condition(SphericalBesselBasis()) < 4.0e5


def test_reference_values(x64):
    q, _ = quadrature()
    x = q / Q_MAX
    expected = {
        "OrthonormalBasis": [
            np.sqrt(2 / Q_MAX) * np.sin((n + 1) * np.pi * x) / q for n in range(6)
        ],
        "SphericalBesselBasis": [spherical_jn(n, 7 * np.pi * x) for n in range(6)],
        "PaperBesselBasis": [np.sqrt(2 / Q_MAX) * jv(n, np.pi * x) for n in range(6)],
        "ChebyshevBasis": [eval_chebyt(n, 2 * x - 1) for n in range(6)],
        "GaussianBasis": [np.exp(-2 * (6 * x - n - 0.5) ** 2) for n in range(6)],
    }
    for basis in BASES:
        got = np.asarray(basis(jnp.asarray(q), 6, Q_MAX))
        assert np.allclose(got, expected[type(basis).__name__], rtol=0, atol=1e-12), basis


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("basis", BASES, ids=repr)
def test_finite_everywhere_in_both_types(x64, basis, dtype):
    q = jnp.asarray([0.0, 1e-30, 1e-12, 1e-5, 1e-3, 1.0, Q_MAX], dtype)

    @jax.jit
    def both(x):
        return basis(x, 10, Q_MAX), jax.grad(lambda y: jnp.sum(basis(y, 10, Q_MAX)))(x)

    values, slope = both(q)
    assert values.dtype == slope.dtype == dtype
    assert values.shape == (10, 7)
    assert finite((values, slope))
    # The values near the origin are those at the origin.
    assert np.abs(values[:, 1:4] - values[:, :1]).max() < 2e-3
    assert basis(q, 1, Q_MAX).shape == (1, 7)


@pytest.mark.parametrize("basis", BASES, ids=repr)
def test_gradient(x64, basis):
    q = jnp.asarray([0.01, 0.4, 2.2, 6.9])
    eps = 1e-5
    evaluate = jax.jit(lambda x: basis(x, 8, Q_MAX))
    slope = np.asarray(jax.jit(jax.jacfwd(evaluate))(q))
    ahead, behind = (np.asarray(evaluate(q + s * eps)) for s in (1, -1))
    expected = (ahead - behind) / (2 * eps)
    assert np.allclose(np.einsum("npp->np", slope), expected, rtol=1e-7, atol=1e-8)


def test_bad_input():
    with pytest.raises(ValueError, match="width: expected a positive"):
        GaussianBasis(width=0.0)
