"""Debye-Waller factors and the conventions of U, with gemmi as the second opinion."""

import gemmi
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxtal.scattering import (
    anisotropic_displacement,
    isotropic_displacement,
    u_cart_to_cif,
    u_cif_to_cart,
    u_equivalent,
    u_star,
)
from jaxtal.scattering._displacement import b_from_u, u_from_b, u_from_six, u_to_six

CELL = gemmi.UnitCell(5.1, 6.2, 7.9, 81.0, 97.0, 113.0)
SIX = np.array([[0.011, 0.02, 0.03, 0.004, -0.003, 0.006], [0.05, 0.04, 0.02, 0.0, 0.01, -0.002]])


def matrix():
    return jnp.asarray(np.array(CELL.orth.mat.tolist()).T)


def test_b_and_u(x64):
    u = jnp.array([0.0, 0.01, 0.05])
    np.testing.assert_allclose(b_from_u(u), 8 * np.pi**2 * u, rtol=1e-15)
    np.testing.assert_allclose(u_from_b(b_from_u(u)), u, rtol=1e-15)


def test_six_numbers_round_trip(x64):
    u = u_from_six(jnp.asarray(SIX))
    np.testing.assert_array_equal(u[0, 0], [0.011, 0.004, -0.003])
    np.testing.assert_array_equal(u, np.swapaxes(u, 1, 2))
    np.testing.assert_array_equal(u_to_six(u), SIX)


def gemmi_site(six):
    site = gemmi.SmallStructure.Site()
    site.aniso = gemmi.SMat33d(*six)
    return site


def test_anisotropic_factor_equals_gemmi(x64):
    hkl = np.array([[0, 0, 0], [1, 0, 0], [1, 2, -3], [-4, 1, 2], [0, 5, 5]])
    ours = anisotropic_displacement(u_from_six(jnp.asarray(SIX)), jnp.asarray(hkl), matrix())
    reciprocal = CELL.reciprocal()
    lengths = np.array([reciprocal.a, reciprocal.b, reciprocal.c])
    for row, six in zip(ours, SIX, strict=True):
        tensor = gemmi.SMat33d(*six)
        for value, h in zip(row, hkl, strict=True):
            quadratic = tensor.r_u_r(gemmi.Vec3(*(h * lengths)))
            assert float(value) == pytest.approx(np.exp(-2 * np.pi**2 * quadratic), rel=1e-12)


def test_equivalent_displacement_equals_gemmi(x64):
    small = gemmi.SmallStructure()
    small.cell = CELL
    expected = [CELL.calculate_u_eq(gemmi.SMat33d(*six)) for six in SIX]
    ours = u_equivalent(u_from_six(jnp.asarray(SIX)), matrix())
    np.testing.assert_allclose(ours, expected, rtol=1e-12)


def test_cartesian_route(x64):
    u = u_from_six(jnp.asarray(SIX))
    cart = u_cif_to_cart(u, matrix())
    np.testing.assert_allclose(u_cart_to_cif(cart, matrix()), u, rtol=1e-12, atol=1e-16)
    # The same factor from Cartesian vectors: exp(-q U_cart q / 2), q = 2 pi h inverse(M)^T.
    hkl = jnp.asarray([[1, 2, -3], [2, 0, 1]])
    q = 2 * np.pi * np.asarray(hkl) @ np.linalg.inv(np.asarray(matrix())).T
    expected = np.exp(-0.5 * np.einsum("pi,nij,pj->np", q, np.asarray(cart), q))
    np.testing.assert_allclose(anisotropic_displacement(u, hkl, matrix()), expected, rtol=1e-12)
    # A rotated crystal has the same CIF tensors.
    angle = 0.7
    spin = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1.0]]
    )
    turned = np.einsum("ik,nkl,jl->nij", spin, np.asarray(cart), spin)
    np.testing.assert_allclose(
        u_cart_to_cif(jnp.asarray(turned), matrix() @ spin.T), u, rtol=1e-11, atol=1e-16
    )


def test_isotropic_tensor_gives_the_isotropic_factor(x64):
    u_iso = jnp.array([0.01, 0.03])
    cart = u_iso[:, None, None] * jnp.eye(3)[None]
    u = u_cart_to_cif(cart, matrix())
    hkl = jnp.asarray([[1, 2, -3], [2, 0, 1], [0, 0, 0]])
    stol2 = jnp.asarray(
        [(1 / (2 * CELL.calculate_d(h))) ** 2 for h in np.asarray(hkl)[:2].tolist()]
    )
    stol2 = jnp.append(stol2, 0.0)
    np.testing.assert_allclose(
        anisotropic_displacement(u, hkl, matrix()), isotropic_displacement(u_iso, stol2), rtol=1e-12
    )
    np.testing.assert_allclose(u_equivalent(u, matrix()), u_iso, rtol=1e-12)


def test_shapes_and_dtypes():
    u = u_from_six(jnp.asarray(SIX, jnp.float32))
    cell = matrix().astype(jnp.float32)
    assert anisotropic_displacement(u, jnp.ones((4, 3), int), cell).dtype == jnp.float32
    assert isotropic_displacement(jnp.ones(2), jnp.ones((3, 4))).shape == (2, 3, 4)
    assert u_star(u[0], cell).shape == (3, 3)


def test_gradient_in_the_cell(x64):
    u = u_from_six(jnp.asarray(SIX))
    hkl = jnp.asarray([[1, 2, -3], [2, 0, 1]])

    @jax.jit
    def total(cell):
        return jnp.sum(anisotropic_displacement(u, hkl, cell))

    grad = jax.grad(total)(matrix())
    eps = 1e-5
    for i in range(3):
        for j in range(3):
            step = jnp.zeros((3, 3)).at[i, j].set(eps)
            difference = (total(matrix() + step) - total(matrix() - step)) / (2 * eps)
            np.testing.assert_allclose(grad[i, j], difference, rtol=1e-6, atol=1e-9)
