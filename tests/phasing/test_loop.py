"""The loop: one program or many give the same cycles; observers see what happened."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxtal import phasing
from jaxtal.grids import Grid
from jaxtal.phasing import PhasingProblem, SweepDown, Transform, begin, host_cycles, scan_cycles
from jaxtal.phasing._figures_of_merit import r_value
from jaxtal.phasing._loop import random_start
from jaxtal.phasing._observers import flipped_fraction


@pytest.fixture(scope="module")
def model():
    return phasing.model("2d", q_max=12.0)


@pytest.fixture(scope="module")
def setting(model):
    problem = PhasingProblem.build(model.reflections)
    grid = Grid(np.eye(2, dtype=int), (25, 26), np.array([0.3, 0.7]))
    transform = Transform.build(problem.orbits, grid)
    return problem.observed(), transform, jax.tree.map(lambda x: x[None], transform)


ALGORITHMS = {
    "sweep": SweepDown(0.8, 0.98),
    "flip": phasing.ChargeFlipping(sigmas=1.0, weak=0.2),
    "median": phasing.RandomisedMedian(),
    "elimination": phasing.LowDensityElimination(),
    "rrr": phasing.RelaxedReflections(0.5, 0.1),
}


@pytest.mark.parametrize("name", ALGORITHMS)
def test_scan_and_host_driven_loops_agree(name, setting):
    observed, transform, stacked = setting
    algorithm = ALGORITHMS[name]
    state = begin(observed, algorithm, jax.random.key(1))
    scanned, _ = scan_cycles(stacked, observed, algorithm, state, 6)
    hosted, _ = host_cycles(transform, observed, algorithm, state, 6)
    np.testing.assert_allclose(scanned.f, hosted.f, atol=2e-3 * float(observed.lower.max()))


def test_chunks_give_the_bits_of_the_whole(setting):
    observed, _, stacked = setting
    algorithm = SweepDown(0.8, 0.98)
    state = begin(observed, algorithm, jax.random.key(1))
    whole, _ = scan_cycles(stacked, observed, algorithm, state, 8)
    half, _ = scan_cycles(stacked, observed, algorithm, state, 4)
    rest, _ = scan_cycles(stacked, observed, algorithm, half, 4)
    np.testing.assert_array_equal(rest.f, whole.f)


def test_starts_can_be_mapped(setting):
    observed, _, stacked = setting
    algorithm = SweepDown(0.8, 0.98)
    keys = jax.random.split(jax.random.key(2), 3)
    states = jax.vmap(lambda key: begin(observed, algorithm, key))(keys)
    mapped, _ = jax.vmap(lambda s: scan_cycles(stacked, observed, algorithm, s, 3))(states)
    for i, key in enumerate(keys):
        alone, _ = scan_cycles(stacked, observed, algorithm, begin(observed, algorithm, key), 3)
        np.testing.assert_allclose(mapped.f[i], alone.f, atol=1e-4)


def test_random_starts_have_the_measured_moduli_and_signs_where_symmetry_asks():
    model = phasing.model("quartz", d_min=1.5)
    observed = PhasingProblem.build(model.reflections).observed()
    f = np.asarray(random_start(observed, jax.random.key(0)))
    np.testing.assert_allclose(np.abs(f), observed.lower, rtol=1e-6)
    assert observed.real.any()
    assert not np.imag(f)[np.asarray(observed.real)].any()


def test_observers_record_every_cycle(setting):
    observed, transform, stacked = setting
    algorithm = SweepDown(0.8, 0.98, exact=True)
    state = begin(observed, algorithm, jax.random.key(1))
    seen = (
        phasing.extrema,
        phasing.deciles,
        phasing.r_factor,
        flipped_fraction,
        phasing.phase_change,
    )
    _, records = scan_cycles(stacked, observed, algorithm, state, 5, seen)
    extrema, deciles, r, flipped, change = jax.tree.map(np.asarray, records)
    density = np.asarray(transform.to_density(state.f))
    assert deciles.shape == (5, 11)
    np.testing.assert_allclose(deciles[0], np.quantile(density, np.arange(11) / 10), atol=0.05)
    np.testing.assert_allclose(extrema["max"], deciles[:, -1])
    np.testing.assert_allclose(flipped, 0.8 * 0.98 ** np.arange(5), atol=0.01)
    assert ((r > 0) & (r < 1)).all()
    assert ((change > 0) & (change < np.pi)).all()
    _, hosted = host_cycles(transform, observed, algorithm, state, 5, seen)
    for ours, theirs in zip(jax.tree.leaves(records), jax.tree.leaves(hosted), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0.02, atol=1e-3)


def test_measures_of_a_delta():
    """Equal amplitudes in phase: R is zero, and the ratio that of the Dirichlet kernel."""
    model = phasing.model("2d", q_max=12.0)
    observed = PhasingProblem.build(model.reflections).observed()
    assert float(r_value(observed, 3.0 * observed.lower.astype(jnp.complex64))) < 1e-6
    density = jnp.asarray([0.0, 1.0, 1.0, 1.0, 11.0])
    assert float(phasing.extrema_ratio(density)) == pytest.approx(10.0, rel=1e-4)
