"""The radial distribution G(d): totals, smooth and hard bins, errors."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cells import atoms, finite, relative, stored
from providers import listing
from scipy.interpolate import BSpline

from jaxtal.crystal import Crystal
from jaxtal.descriptors import RadialDistribution
from jaxtal.descriptors.expansion._b_spline import cubic_b_spline
from jaxtal.diffraction import ReciprocalPoints, ReciprocalSpace
from jaxtal.lattice import Lattice


def points_at(q, intensity) -> ReciprocalPoints:
    """Points along x."""
    q = jnp.asarray(q)
    return ReciprocalPoints(
        q=jnp.stack([q, 0 * q, 0 * q], axis=1),
        intensity=jnp.asarray(intensity, q.dtype),
        multiplicity=jnp.full(q.shape, 2.0, q.dtype),
        complete=jnp.asarray(True),
        specification=ReciprocalSpace(5.0),
    )


def test_bins_are_cubic_b_splines(x64):
    t = np.linspace(0, 1, 11)[:-1]
    knot = BSpline.basis_element(np.arange(-2, 3), extrapolate=False)
    got = np.asarray(cubic_b_spline(jnp.asarray(t)))
    for row, k in zip(got, (-1, 0, 1, 2), strict=True):
        assert np.allclose(row, np.nan_to_num(knot(t - k)), atol=1e-15)
    assert np.allclose(got.sum(axis=0), 1, atol=1e-15)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_smooth_bins(x64, dtype, rng):
    rdf = RadialDistribution(21, 5.0)
    h = 0.25
    q = np.concatenate([rng.uniform(0.6, 4.4, 50), [0.0, 4.99, 2.5]])
    intensity = rng.uniform(size=53)
    binned = jax.jit(lambda points: rdf.from_points(points)[1])
    got = binned(points_at(jnp.asarray(q, dtype), intensity))
    assert got.dtype == dtype
    knot = BSpline.basis_element(np.arange(-2, 3), extrapolate=False)
    centres = rdf.rdf_centres
    assert np.allclose(centres, h * np.arange(21))
    expected = [2 * np.sum(intensity * np.nan_to_num(knot((q - c) / h))) for c in centres]
    assert relative(got, expected) < (1e-14 if dtype == "float64" else 1e-6)
    inner = binned(points_at(jnp.asarray(q[:50], dtype), intensity[:50]))
    assert relative(jnp.sum(inner), 2 * np.sum(intensity[:50])) < 1e-6


def test_hard_bins(x64, rng):
    rdf = RadialDistribution(21, 5.0, histogram=True)
    q, intensity = rng.uniform(0, 4.999, 200), rng.uniform(size=200)
    got = jax.jit(lambda x: rdf.from_points(x)[1])(points_at(q, intensity))
    edges = 0.25 * (np.arange(22) - 0.5)
    expected, _ = np.histogram(q, edges, weights=2 * intensity)
    assert np.allclose(got, expected, rtol=1e-13)


def test_of_a_crystal(x64):
    crystal = stored("alpha-quartz")
    for histogram in (False, True):
        rdf = RadialDistribution(41, 5.0, histogram=histogram)
        plan = rdf.plan(crystal)
        G = plan(crystal).rdf
        assert G.shape == (41,)
        points = plan.reflections(crystal)
        total = jnp.sum(points.intensity * points.multiplicity)
        assert abs(float(jnp.sum(G) / total) - 1) < 1e-3
        # A thinned list gives the same.
        matrix, frac, numbers = atoms(crystal)
        same = Crystal.from_arrays(matrix, frac, numbers)
        threefold = np.array([np.eye(3), [[0, -1, 0], [1, -1, 0], [0, 0, 1]]])
        turns = np.stack([threefold[0], threefold[1], threefold[1] @ threefold[1]])
        thin = rdf.plan(same, laue=np.concatenate([turns, -turns]))
        assert len(listing(thin).hkl) < len(listing(plan).hkl) / 2
        assert relative(thin(same).rdf, G) < 1e-12


def test_gradient(x64):
    rdf = RadialDistribution(21, 5.0)
    weights = jnp.asarray(np.linspace(-1, 1, 21) ** 3)
    intensity = jnp.asarray([0.3, 0.5, 0.7, 0.1])

    @jax.jit
    def loss(q):
        G = rdf.from_points(points_at(q, intensity))[1]
        assert G is not None
        return jnp.sum(weights * G)

    q = jnp.asarray([0.0, 1.0, 2.37, 4.8])  # the origin, a bin centre, two ordinary points
    slope = jax.jit(jax.grad(loss))(q)
    assert finite(slope)
    eps = 1e-6
    for i in (1, 2, 3):
        step = eps * np.eye(4)[i]
        expected = float(loss(q + step) - loss(q - step)) / (2 * eps)
        assert abs(float(slope[i]) - expected) < 1e-8


def test_a_crystal_that_outgrows_its_plan_is_an_error(x64):
    crystal = stored("rutile")
    rdf = RadialDistribution(11, 4.0)
    plan = rdf.plan(crystal)
    grown = eqx.tree_at(lambda c: c.lattice, crystal, Lattice(1.2 * crystal.lattice.matrix))
    assert bool(plan(crystal).complete)
    assert finite(plan(grown))
    with pytest.raises(eqx.EquinoxRuntimeError, match="outgrown its plan"):
        plan(grown).checked()


def test_bad_input():
    with pytest.raises(ValueError, match="n_bins: expected at least 4"):
        RadialDistribution(3)
    with pytest.raises(ValueError, match="q_max: expected a positive"):
        RadialDistribution(21, -1.0)
    assert RadialDistribution(21, space=ReciprocalSpace(4.0)).rdf_centres[-1] == 4.0
