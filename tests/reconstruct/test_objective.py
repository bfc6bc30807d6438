"""The objective: zero at the target, its residuals, gradients, penalty and symmetry."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxtal.crystal import WyckoffCrystal, prototype
from jaxtal.descriptors import Descriptor, PairDistribution, preset
from jaxtal.reconstruct import Objective, Problem

SMALL = Descriptor(4, 4, 5.0, n_bins=26)


@pytest.fixture
def problem(x64) -> Problem:
    crystal = prototype("alpha-quartz")
    objective = Objective(
        SMALL,
        pair_distribution=PairDistribution(r_max=4.0, n_bins=20),
        pair_weight=0.5,
        distance_weight=1.0,
    )
    return Problem(crystal, objective, objective.plan(crystal), objective.target(crystal))


def test_zero_at_the_target_and_positive_elsewhere(problem):
    start = problem.like.to_variables()
    assert problem.loss(start) < 1e-20
    assert problem.loss(start + 0.02) > 1e-4


def test_residuals_square_to_the_loss_for_every_blur(problem):
    moved = problem.like.to_variables() + 0.03
    for blur in (0.0, 0.2, 1.0):
        residuals = problem.residuals(moved, blur)
        np.testing.assert_allclose(jnp.sum(residuals**2), problem.loss(moved, blur), rtol=1e-12)


def test_a_pair_distribution_that_is_missing_is_not_left_out(problem):
    start = problem.like.to_variables()
    for what in ("plan", "target"):
        none = eqx.tree_at(lambda p, what=what: getattr(p, what).pairs, problem, None)
        with pytest.raises(ValueError, match=f"{what}: the objective weighs g"):
            jax.eval_shape(none.loss, start)


def test_gradient_against_finite_differences(problem, rng):
    """Every free parameter, with every term of the objective switched on."""
    moved = problem.like.to_variables() + jnp.asarray(0.05 * rng.standard_normal(6))
    loss = eqx.filter_jit(lambda v: problem.loss(v, 0.1))
    gradient = eqx.filter_jit(jax.grad(lambda v: problem.loss(v, 0.1)))(moved)
    step = 1e-6
    for i in range(6):
        shift = step * jnp.eye(6)[i]
        numeric = (loss(moved + shift) - loss(moved - shift)) / (2 * step)
        np.testing.assert_allclose(gradient[i], numeric, rtol=1e-6, atol=1e-8)


def test_blur_widens_the_basin(problem):
    """With a cell 15 % too large, only the blurred G(d) pulls the cell back."""
    objective = Objective(SMALL, spectrum_weight=0.0, distance_weight=0.0)
    start = problem.like.to_variables().at[:2].add(np.log(1.15))
    sharp = Problem(problem.like, objective, problem.plan, problem.target)
    slope = jax.grad(sharp.loss)(start, 0.8)
    assert np.all(np.asarray(slope[:2]) > 0)


def test_penalty_pushes_atoms_apart(x64):
    crystal = prototype("alpha-quartz")
    objective = Objective(SMALL, distance_weight=1.0, distance_factor=0.8)
    plan = objective.plan(crystal)
    assert jnp.max(objective._overlap(crystal.expand(), plan)) == 0
    # Put O on Si: distance zero, which must give a finite gradient.
    collapsed = eqx.tree_at(
        lambda c: c.site_parameters, crystal, jnp.array([0.4697, 0.4697, 0.0, 2 / 3])
    )

    def penalty(c):
        return jnp.sum(jnp.square(objective._overlap(c.expand(), plan)))

    gradient = eqx.filter_grad(penalty)(collapsed)
    assert penalty(collapsed) > 0.1
    assert np.all(np.isfinite(gradient.site_parameters))


def test_shared_sites_are_not_pushed_apart(x64):
    mixed = WyckoffCrystal.build(
        225,
        4.2,
        [("Mg", "4a", (0, 0, 0)), ("Fe", "4a", (0, 0, 0)), ("O", "4b", (0.5, 0.5, 0.5))],
        occupancies=[0.8, 0.2, 1.0],
    )
    objective = Objective(SMALL)
    assert jnp.max(objective._overlap(mixed.expand(), objective.plan(mixed))) == 0


def test_symmetry_changes_nothing_but_the_cost(x64):
    crystal = prototype("h-diamond")
    objective = Objective(SMALL)
    target = objective.target(crystal)
    thin, full = objective.plan(crystal), objective.plan(crystal, symmetric=False)
    count = [int(jnp.sum(plan.spectrum.points.multiplicity > 0)) for plan in (thin, full)]
    assert count[0] < count[1] / 3
    moved = crystal.with_variables(crystal.to_variables() + 0.02)
    losses = [objective(moved, plan, target) for plan in (thin, full)]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-10)


def test_bad_settings():
    with pytest.raises(ValueError, match="pair_weight: expected a number >= 0, got -1"):
        Objective(SMALL, pair_weight=-1.0)
    with pytest.raises(ValueError, match="at least one of"):
        Objective(SMALL, spectrum_weight=0.0, distribution_weight=0.0)
    with pytest.raises(ValueError, match="expected a Descriptor"):
        Objective(preset("recp"))
