"""Self-consistent fields of diblock copolymers, in one and two dimensions, on the field layer.

The same theory as in notebooks/periodic_fields.ipynb, on all nodes with Fourier transforms.
Free energies and cells are those of PSCF 1.3.3 with the same mesh and steps.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxtal.fields import Mesh, StarBasis, Waves
from jaxtal.lattice import BravaisLattice

pytestmark = pytest.mark.usefixtures("x64")
CHI, FRACTION = 20.0, 0.3


def free_energy(w, parameters, plan, bravais, chain):
    """F per chain of basis coefficients (2, n_basis); chain is (f, chi, steps of A, of B)."""
    basis, waves = plan
    f, chi, *steps = chain
    G2 = waves.squared(bravais.lattice(parameters))
    q = jnp.ones(basis.mesh.sizes, w.dtype)
    for a, length, n in zip(w, (f, 1 - f), steps, strict=True):
        h, v = length / n, basis.to_mesh(a)

        def smooth(q, h, v=v, G2=G2):
            spread = basis.mesh.to_waves(jnp.exp(-h * v / 2) * q)
            spread *= jnp.exp(-h * G2 / 6).astype(spread.dtype)
            return jnp.exp(-h * v / 2) * basis.mesh.to_values(spread)

        def step(q, _, h=h, smooth=smooth):
            return (4 * smooth(smooth(q, h / 2), h / 2) - smooth(q, h)) / 3, None

        q, _ = jax.lax.scan(step, q, None, length=n)
    gap, mean = w[0] - w[1], (w[0, 0] + w[1, 0]) / 2
    return -jnp.log(jnp.mean(q)) - 1 + gap @ gap / (4 * chi) - mean + chi / 4


value_and_slopes = jax.jit(jax.value_and_grad(free_energy, argnums=(0, 1)), static_argnums=(3, 4))


def plan_of(name, parameters, sizes, group):
    bravais, mesh = BravaisLattice.find(name, len(sizes)), Mesh(sizes)
    lattice = bravais.lattice(np.asarray(parameters))
    return (StarBasis(group, mesh, lattice), Waves.build(mesh, lattice)), bravais


def first_star(basis, f, chi, amplitude):
    """Fields of a density with the mean and the first star alone."""
    densities = np.zeros((2, basis.n_basis))
    densities[:, :2] = [[f, amplitude], [1 - f, -amplitude]]
    return chi * densities[::-1]


def relax(w, a, plan, bravais, chain, tol):
    """Anderson mixing of the fields and the cell length to a stationary F."""
    x, points, changes = np.append(w.ravel(), a), [], []
    for _ in range(150):
        w, cell = x[:-1].reshape(2, -1), x[-1:]
        F, (slope, stress) = value_and_slopes(
            jnp.asarray(w), jnp.asarray(cell), plan, bravais, chain
        )
        r = np.append(chain[1] * np.asarray(slope)[::-1].ravel(), -np.asarray(stress))
        if np.abs(r).max() < tol:
            return float(F), cell[0]
        points, changes = [*points[-40:], x], [*changes[-40:], r]
        dx, dr = (np.stack(a, 1) - a[-1][:, None] for a in (points, changes))
        mixed = np.linalg.lstsq(dr, r, rcond=1e-13)[0]
        x = x - dx @ mixed + (1 - 0.9 ** len(points)) * (r - dr @ mixed)
    raise AssertionError(f"not converged: {np.abs(r).max():.1e}")


@pytest.mark.parametrize(
    ("name", "sizes", "group", "chain", "start", "expected"),
    [
        ("lamellar", (40,), "P -1", (0.56, 12.0, 56, 44), 1.4, (1.92567500294, 1.38359529)),
        ("hexagonal", (24, 24), "p 6 m m", (0.3, 20.0, 30, 70), 1.7, (2.80222103103, 1.69086689)),
    ],
    ids=["lamellae", "cylinders"],
)
def test_free_energy_and_cell(name, sizes, group, chain, start, expected):
    plan, bravais = plan_of(name, [start], sizes, group)
    f, chi = chain[:2]
    energy, cell = relax(first_star(plan[0], f, chi, 0.3), start, plan, bravais, chain, 1e-9)
    assert energy == pytest.approx(expected[0], abs=2e-9)
    assert cell == pytest.approx(expected[1], abs=5e-6)  # densities by Simpson's rule there


def test_homogeneous_melt():
    plan, bravais = plan_of("hexagonal", [1.6], (12, 12), "p 6 m m")
    w = first_star(plan[0], FRACTION, CHI, 0.0)
    F, (slope, stress) = value_and_slopes(
        jnp.asarray(w), jnp.array([1.6]), plan, bravais, (FRACTION, CHI, 10, 20)
    )
    assert float(F) == pytest.approx(CHI * FRACTION * (1 - FRACTION) - 1, abs=1e-12)
    np.testing.assert_allclose(slope, 0, atol=1e-13)
    np.testing.assert_allclose(stress, 0, atol=1e-13)


def test_slopes_in_an_oblique_cell(rng):
    chain = (FRACTION, CHI, 10, 20)
    cell = np.array([1.7, 1.6, 112.0])
    plan, bravais = plan_of("oblique", cell, (12, 12), "p 2")
    basis, _ = plan
    falloff = 1 / (1 + np.asarray(basis.squared(bravais.lattice(cell))))
    w, along = jnp.asarray(10 * rng.normal(size=(2, 2, basis.n_basis)) * falloff)
    cell = jnp.asarray(cell)
    slopes = value_and_slopes(w, cell, plan, bravais, chain)[1]

    def difference(w_step, cell_step):
        values = [
            float(value_and_slopes(w + k * w_step, cell + k * cell_step, plan, bravais, chain)[0])
            for k in (-2, -1, 1, 2)
        ]
        return np.dot([1, -8, 8, -1], values) / 12

    eps = 1e-3
    in_fields = difference(eps * along, 0 * cell) / eps
    assert float(jnp.sum(slopes[0] * along)) == pytest.approx(in_fields, rel=1e-7)
    for i, step in enumerate((1e-3, 1e-3, 0.05)):
        stress = difference(0 * w, step * jnp.eye(3)[i]) / step
        assert abs(stress) > 1e-4
        assert float(slopes[1][i]) == pytest.approx(stress, rel=1e-7)


def test_same_state_with_less_symmetry():
    """Cylinders in an oblique cell with a twofold axis: the same F, and the same stress."""
    chain = (FRACTION, CHI, 10, 20)
    plan, bravais = plan_of("hexagonal", [1.6], (12, 12), "p 6 m m")
    w = jnp.asarray(first_star(plan[0], FRACTION, CHI, 0.3))
    F, (slope, stress) = value_and_slopes(w, jnp.array([1.6]), plan, bravais, chain)
    skew, oblique = plan_of("oblique", [1.6, 1.6, 120.0], (12, 12), "p 2")
    as_skew = jax.vmap(skew[0].from_mesh)(jax.vmap(plan[0].to_mesh)(w))
    F_skew, (slope_skew, stress_skew) = value_and_slopes(
        as_skew, jnp.array([1.6, 1.6, 120.0]), skew, oblique, chain
    )
    assert float(F_skew) == pytest.approx(float(F), abs=1e-12)
    # An isotropic stress: dF / d gamma is the change of the area alone.
    of_gamma = 1.6 * float(stress[0]) / 2 / np.tan(np.deg2rad(120.0)) * np.pi / 180
    expected = [float(stress[0]) / 2, float(stress[0]) / 2, of_gamma]
    np.testing.assert_allclose(stress_skew, expected, rtol=1e-8)
    assert abs(float(stress[0])) > 1e-3
    back = jax.vmap(plan[0].from_mesh)(jax.vmap(skew[0].to_mesh)(slope_skew))
    np.testing.assert_allclose(back, slope, atol=1e-12)
