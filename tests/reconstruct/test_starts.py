"""Starting points: the paper's perturbation and fully random crystals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxtal.crystal import prototype, prototype_names
from jaxtal.descriptors import describe
from jaxtal.reconstruct import estimate_volume, perturb, random_crystal

KEYS = jax.random.split(jax.random.key(5), 64)


@pytest.mark.slow
def test_perturbation_has_the_stated_size():
    """Each generator moves by d_coor in angstrom, the cell by at most d_lat / 2."""
    quartz = prototype("alpha-quartz")
    first = np.searchsorted(np.asarray(quartz.plan.site), [0, 1])
    for key in KEYS[:8]:
        still = perturb(quartz, key, 0.1, 0.0)
        moved = perturb(quartz, key, 0.1, 0.5)
        ratio = np.asarray(moved.lattice_parameters / quartz.lattice_parameters)
        assert np.all(np.abs(ratio - 1) <= 0.05)
        a, b = still.expand(), moved.expand()
        step = np.asarray(b.frac_coords - a.frac_coords)[first]
        np.testing.assert_allclose(
            np.linalg.norm(step @ np.asarray(a.lattice.matrix), axis=1), 0.5, rtol=1e-4
        )


@pytest.mark.slow
def test_only_the_cell_of_diamond_moves():
    diamond = prototype("diamond")
    moved = perturb(diamond, KEYS[0], 0.1, 0.3)
    assert diamond.site_parameters.shape == (0,)
    assert moved.lattice_parameters[0] != diamond.lattice_parameters[0]
    np.testing.assert_array_equal(moved.expand().frac_coords, diamond.expand().frac_coords)


def test_random_crystals_fill_their_range():
    quartz = prototype("alpha-quartz")
    crystals = jax.vmap(lambda k: random_crystal(quartz, k, 0.2))(KEYS)
    ratio = np.asarray(crystals.lattice_parameters / quartz.lattice_parameters[None])
    assert ratio.min() > 0.8
    assert ratio.max() < 1.2
    assert ratio.std() > 0.08
    sites = np.asarray(crystals.site_parameters)
    assert 0 <= sites.min() < 0.05
    assert 0.95 < sites.max() < 1


def test_random_crystals_at_a_volume():
    crystals = jax.vmap(lambda k: random_crystal(prototype("rutile"), k, 0.2, 70.0))(KEYS)
    volumes = jax.vmap(lambda c: c.lattice.volume)(crystals)
    np.testing.assert_allclose(volumes, 70.0, rtol=1e-5)


def test_seeded():
    quartz = prototype("alpha-quartz")
    a, b = (perturb(quartz, KEYS[3], 0.1, 0.5) for _ in range(2))
    np.testing.assert_array_equal(a.to_variables(), b.to_variables())
    assert np.any(a.to_variables() != perturb(quartz, KEYS[4], 0.1, 0.5).to_variables())


@pytest.mark.parametrize("name", ["alpha-quartz", "rutile", "rock-salt", "corundum", "perovskite"])
def test_volume_from_the_total_intensity(name):
    """Wilson's estimate is crude for small cells: within a factor of 1.5 here."""
    assert name in prototype_names()
    crystal = prototype(name)
    estimate = estimate_volume(describe(crystal, n_max=2, l_max=0, q_max=6.0), crystal)
    assert 1 / 1.5 < estimate / float(crystal.lattice.volume) < 1.5


def test_variables_round_trip():
    for name in prototype_names():
        crystal = prototype(name)
        again = crystal.with_variables(crystal.to_variables())
        np.testing.assert_allclose(again.lattice_parameters, crystal.lattice_parameters, rtol=1e-5)
        assert jnp.array_equal(again.site_parameters, crystal.site_parameters)
