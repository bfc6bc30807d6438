"""The objective: zero at the target, its residuals, gradients, penalty and symmetry."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import TypeCheckError
from providers import listing

from jaxtal.crystal import WyckoffCrystal, prototype
from jaxtal.descriptors import Descriptor, describe, preset
from jaxtal.reconstruct import Objective, Problem
from jaxtal.reconstruct._overlap import overlap_residuals

SMALL = Descriptor(4, 4, 5.0, n_bins=26)


@pytest.fixture(scope="module")
def quartz() -> Problem:
    with jax.enable_x64(True):
        crystal = prototype("alpha-quartz")
        objective = Objective(distance_weight=1.0)
        return Problem(crystal, objective.plan(describe(crystal, SMALL), crystal))


@pytest.fixture
def problem(quartz, x64) -> Problem:
    return quartz


def variables(crystal: WyckoffCrystal) -> np.ndarray:
    return np.array(eqx.filter_jit(WyckoffCrystal.to_variables)(crystal))


@eqx.filter_jit
def compiled(problem, variables, blur):
    loss, gradient = jax.value_and_grad(problem.loss)(variables, blur)
    return loss, gradient, problem.residuals(variables, blur)


def evaluate(problem, variables, blur=0.0):
    """Loss, gradient and residuals; one program for all tests of one objective."""
    return [np.asarray(x) for x in compiled(problem, jnp.asarray(variables), jnp.asarray(blur))]


@eqx.filter_jit
def overlap(plan, crystal):
    """Largest overlap of two atoms, sum of the squares, and gradient of the sum."""

    def total(crystal):
        found = overlap_residuals(
            crystal.expand(),
            plan.centres,
            plan.multiplicities,
            plan.radii,
            plan.objective.distance_factor,
        )
        return jnp.sum(jnp.square(found)), jnp.max(found)

    (square, largest), gradient = eqx.filter_value_and_grad(total, has_aux=True)(crystal)
    return largest, square, gradient


def test_zero_at_the_target_and_positive_elsewhere(problem):
    start = variables(problem.like)
    assert evaluate(problem, start)[0] < 1e-20
    assert evaluate(problem, start + 0.02)[0] > 1e-4


def test_residuals_square_to_the_loss_for_every_blur(problem):
    moved = variables(problem.like) + 0.03
    for blur in (0.0, 0.2, 1.0):
        loss, _, residuals = evaluate(problem, moved, blur)
        np.testing.assert_allclose(np.sum(residuals**2), loss, rtol=1e-12)


def test_gradient_against_finite_differences(problem, rng):
    """Every free parameter, with every term of the objective switched on."""
    moved = variables(problem.like) + 0.05 * rng.standard_normal(6)
    gradient = evaluate(problem, moved, 0.1)[1]
    step = 1e-6
    for i in range(6):
        shift = step * np.eye(6)[i]
        above, below = (evaluate(problem, v, 0.1)[0] for v in (moved + shift, moved - shift))
        numeric = (above - below) / (2 * step)
        np.testing.assert_allclose(gradient[i], numeric, rtol=1e-6, atol=1e-8)


def test_blur_widens_the_basin(problem):
    """With a cell 15 % too large, only the blurred G(d) pulls the cell back."""
    objective = Objective(spectrum_weight=0.0, distance_weight=0.0)
    start = variables(problem.like)
    start[:2] += np.log(1.15)
    sharp = Problem(problem.like, objective.plan(problem.plan.target, problem.like))
    slope = evaluate(sharp, start, 0.8)[1]
    assert np.all(slope[:2] > 0)


def test_penalty_pushes_atoms_apart(x64):
    crystal = prototype("alpha-quartz")
    objective = Objective(distance_weight=1.0, distance_factor=0.8)
    plan = objective.plan(describe(crystal, SMALL), crystal)
    assert overlap(plan, crystal)[0] == 0
    # Put O on Si: distance zero, which must give a finite gradient.
    collapsed = eqx.tree_at(
        lambda c: c.site_parameters, crystal, jnp.array([0.4697, 0.4697, 0.0, 2 / 3])
    )
    _, penalty, gradient = overlap(plan, collapsed)
    assert penalty > 0.1
    assert np.all(np.isfinite(gradient.site_parameters))


def test_shared_sites_are_not_pushed_apart(x64):
    mixed = WyckoffCrystal.build(
        225,
        4.2,
        [("Mg", "4a", (0, 0, 0)), ("Fe", "4a", (0, 0, 0)), ("O", "4b", (0.5, 0.5, 0.5))],
        occupancies=[0.8, 0.2, 1.0],
    )
    assert overlap(Objective().plan(describe(mixed, SMALL), mixed), mixed)[0] == 0


@pytest.mark.slow
def test_symmetry_changes_nothing_but_the_cost(x64):
    crystal = prototype("h-diamond")
    target = describe(crystal, SMALL)
    thin, full = (Objective().plan(target, crystal, symmetric=s) for s in (True, False))
    lists = [p.description.reflections for p in (thin, full)]
    count = [np.sum(np.asarray(listing(one).multiplicity) > 0) for one in lists]
    assert count[0] < count[1] / 3
    moved = variables(crystal) + 0.02
    losses = [evaluate(Problem(crystal, plan), moved)[0] for plan in (thin, full)]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-10)


def test_targets_of_a_part(x64):
    crystal = prototype("alpha-quartz")
    for descriptor, part in ((SMALL.spectrum, "spectrum"), (SMALL.distribution, "distribution")):
        plan = Objective().plan(descriptor(crystal), crystal)
        assert set(plan.parts(crystal)) == {part, "overlap"}
        assert float(plan(crystal)) < 1e-20


def test_bad_settings():
    with pytest.raises(ValueError, match="distance_weight: expected a number >= 0, got -1"):
        Objective(distance_weight=-1.0)
    with pytest.raises(ValueError, match="at least one of"):
        Objective(spectrum_weight=0.0, distribution_weight=0.0)
    diamond = prototype("diamond")
    with pytest.raises(ValueError, match="expected the description of a Descriptor"):
        Objective().plan(describe(diamond, preset("recp", 2, 2, 4.0)), diamond)
    with pytest.raises((ValueError, TypeCheckError), match="target"):
        Objective().plan(diamond, diamond)
    with pytest.raises(ValueError, match="description of one crystal"):
        Objective().plan(SMALL([diamond, diamond]), diamond)
