"""Real spherical harmonics against SciPy's Legendre functions, and their identities."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cells import finite
from jaxtyping import TypeCheckError
from scipy.special import lpmv

from jaxtal.descriptors.expansion import degree_list, real_spherical_harmonics

POLES = np.array([[0, 0, 1.0], [0, 0, -2.0], [1, 0, 0], [0, -3.0, 0], [1e-3, 0, 1]])


def by_scipy(xyz: np.ndarray, l_max: int, degrees: str) -> np.ndarray:
    unit = xyz / np.linalg.norm(xyz, axis=1)[:, None]
    phi = np.arctan2(unit[:, 1], unit[:, 0])
    columns = []
    for l in degree_list(l_max, degrees):
        for m in range(-l, l + 1):
            k = abs(m)
            norm = (2 * l + 1) / (4 * math.pi) * math.factorial(l - k) / math.factorial(l + k)
            # lpmv carries the Condon-Shortley sign; these harmonics do not
            y = (-1) ** k * math.sqrt(norm) * lpmv(k, l, unit[:, 2])
            wave = np.cos(k * phi) if m >= 0 else np.sin(k * phi)
            columns.append(y if m == 0 else math.sqrt(2) * y * wave)
    return np.stack(columns, axis=1)


@pytest.mark.parametrize("degrees", ["all", "even"])
def test_against_scipy(x64, rng, degrees):
    xyz = np.concatenate([rng.standard_normal((200, 3)) * rng.uniform(0.01, 9, (200, 1)), POLES])
    expected = by_scipy(xyz, 14, degrees)
    got = jax.jit(real_spherical_harmonics, static_argnums=(1, 2))(jnp.asarray(xyz), 14, degrees)
    assert got.shape == (205, 225 if degrees == "all" else 120)
    assert np.abs(np.asarray(got) - expected).max() < 1e-12
    assert np.abs(real_spherical_harmonics(xyz, 14, degrees) - expected).max() < 1e-12


@pytest.mark.parametrize("degrees", ["all", "even"])
def test_float32_accuracy(rng, degrees):
    xyz = np.float32(rng.standard_normal((500, 3)))
    got = jax.jit(real_spherical_harmonics, static_argnums=(1, 2))(jnp.asarray(xyz), 10, degrees)
    assert got.dtype == jnp.float32
    assert (
        np.abs(np.asarray(got) - real_spherical_harmonics(np.float64(xyz), 10, degrees)).max()
        < 5e-6
    )


def test_addition_theorem(x64, rng):
    # sum_m Y_lm(u) Y_lm(v) = (2l + 1) / 4 pi P_l(u . v)
    u, v = rng.standard_normal((2, 40, 3))
    Y, Z = real_spherical_harmonics(u, 10), real_spherical_harmonics(v, 10)
    cosine = np.sum(u * v, axis=1) / np.linalg.norm(u, axis=1) / np.linalg.norm(v, axis=1)
    for l in range(11):
        block = slice(l * l, (l + 1) ** 2)
        expected = (2 * l + 1) / (4 * np.pi) * lpmv(0, l, cosine)
        assert np.allclose(np.sum(Y[:, block] * Z[:, block], axis=1), expected, atol=1e-13)


def test_orthonormal_on_the_sphere():
    # Gauss-Legendre in z and equal steps in phi integrate products up to degree 2 x 10 exactly.
    z, w = np.polynomial.legendre.leggauss(12)
    phi = 2 * np.pi * np.arange(24) / 24
    z, phi = np.meshgrid(z, phi, indexing="ij")
    s = np.sqrt(1 - z**2)
    xyz = np.stack([s * np.cos(phi), s * np.sin(phi), z], axis=-1).reshape(-1, 3)
    Y = real_spherical_harmonics(xyz, 10)
    weight = np.repeat(w, 24) * 2 * np.pi / 24
    assert np.allclose(Y.T @ (weight[:, None] * Y), np.eye(121), atol=1e-12)


def test_parity_and_even_degrees(x64, rng):
    xyz = rng.standard_normal((20, 3))
    Y, mirrored = real_spherical_harmonics(xyz, 9), real_spherical_harmonics(-xyz, 9)
    sign = np.concatenate([np.full(2 * l + 1, (-1.0) ** l) for l in range(10)])
    assert np.allclose(mirrored, Y * sign, atol=1e-13)
    even = real_spherical_harmonics(xyz, 9, "even")
    assert np.allclose(even, Y[:, sign > 0], atol=1e-13)


@pytest.mark.parametrize("degrees", ["all", "even"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_zero_vector_is_finite(x64, dtype, degrees):
    xyz = jnp.asarray([[0, 0, 0], [0, 0, 1e-30], [0, 0, 2.0]], dtype)

    def total(x):
        return jnp.sum(real_spherical_harmonics(x, 6, degrees))

    value, slope = jax.jit(jax.value_and_grad(total))(xyz)
    assert value.dtype == slope.dtype == dtype
    assert finite((value, slope))


def test_gradient(x64, rng):
    xyz = jnp.asarray(rng.standard_normal((5, 3)))
    weights = jnp.asarray(rng.standard_normal((5, 45)))

    @jax.jit
    def total(x):
        return jnp.sum(weights * real_spherical_harmonics(x, 8, "even"))

    slope = np.asarray(jax.jit(jax.grad(total))(xyz))
    # Homogeneous of degree zero: no slope along the vector.
    assert np.abs(np.sum(slope * np.asarray(xyz), axis=1)).max() < 1e-12
    eps = 1e-6
    for i, j in ((0, 0), (2, 1), (4, 2)):
        step = np.zeros((5, 3))
        step[i, j] = eps
        expected = float(total(xyz + step) - total(xyz - step)) / (2 * eps)
        assert abs(slope[i, j] - expected) < 1e-7 * (1 + abs(expected))


def test_bad_input():
    with pytest.raises(ValueError, match="l_max"):
        real_spherical_harmonics(jnp.ones((1, 3)), -1)
    with pytest.raises((ValueError, TypeCheckError), match="degrees"):
        degree_list(3, "odd")
