"""Further terms of the objective: values, gradients, one compilation, and what they bring about."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array

from jaxtal.crystal import prototype
from jaxtal.descriptors import Descriptor, describe
from jaxtal.reconstruct import (
    AbstractTerm,
    LevenbergMarquardt,
    Objective,
    Problem,
    PropertyTerm,
    from_descriptor,
)

SMALL = Descriptor(3, 2, 4.0, n_bins=16)
QUIET = {"progress": False}


def number_density(crystal, plan):
    return crystal.frac_coords.shape[0] / crystal.lattice.volume


def first_axis(crystal, plan):
    return crystal.lattice.matrix[0, :2]


class Fit(eqx.Module):
    """A regressor on the descriptor: the kind of function that inverse design is for."""

    centres: Array
    coefficients: Array

    def __call__(self, crystal, plan):
        x = plan(crystal).power_spectrum.ravel()
        gaps = jnp.sum(jnp.square(x[None, :] - self.centres), axis=1)
        return jnp.sum(self.coefficients * jnp.exp(-gaps))


def plan_of(like, max_stretch):
    return SMALL.plan(like, max_stretch=max_stretch, reflections="found")


class Roomy(AbstractTerm):
    least: Array

    def plan(self, like, max_stretch):
        return None

    def residuals(self, crystal, plan):
        return jnp.maximum(0.0, 1 - crystal.lattice.volume / self.least)[None]


@pytest.fixture
def problem(x64, rng) -> Problem:
    """Quartz with a fitted property of its descriptor, a vector of two, and a one-sided term."""
    crystal = prototype("alpha-quartz")
    fit = Fit(jnp.asarray(0.2 * rng.standard_normal((3, 9))), jnp.array([1.0, -0.5, 0.3]))
    objective = (
        Objective()
        + PropertyTerm(fit, 1.4, scale=0.1, weight=0.3, make_plan=plan_of)
        + PropertyTerm(first_axis, (4.0, 0.5), scale=(1.0, 2.0))
        + Roomy(jnp.array(200.0))
    )
    return Problem(crystal, objective.plan(describe(crystal, SMALL), crystal))


@eqx.filter_jit
def evaluate(problem, variables):
    """Loss, gradient, parts, and the loss without terms; one program for all tests."""
    crystal = problem.like.with_variables(variables)
    plan = problem.plan
    parts = plan.parts(crystal)
    value = plan.objective.terms[0].function(crystal.expand(), plan.terms[0])
    plain = dataclasses.replace(plan, objective=Objective(), terms=())(crystal)
    return *jax.value_and_grad(problem.loss)(variables), parts, value, plain


def test_gradient_against_finite_differences(problem, rng):
    """Every free parameter, through a regressor on a descriptor with a plan of its own."""
    moved = problem.like.to_variables() + jnp.asarray(0.03 * rng.standard_normal(6))
    gradient = evaluate(problem, moved)[1]
    step = 1e-6
    for i in range(6):
        shift = step * jnp.eye(6)[i]
        above, below = (evaluate(problem, v)[0] for v in (moved + shift, moved - shift))
        np.testing.assert_allclose(gradient[i], (above - below) / (2 * step), rtol=2e-6, atol=1e-8)


def test_parts_are_what_the_terms_say(problem):
    shift = jnp.asarray(0.02 * np.ones(6))  # typed, as above: the same program
    start = problem.like.to_variables() + shift
    total, _, parts, value, plain = evaluate(problem, start)
    terms = {"term 0", "term 1", "term 2"}
    assert set(parts) == {"spectrum", "distribution", "overlap"} | terms
    np.testing.assert_allclose(sum(parts.values()), total, rtol=1e-12)
    np.testing.assert_allclose(parts["term 0"], 0.3 * ((value - 1.4) / 0.1) ** 2, rtol=1e-10)
    matrix = np.asarray(problem.like.with_variables(start).lattice.matrix)
    expected = (matrix[0, 0] - 4) ** 2 + ((matrix[0, 1] - 0.5) / 2) ** 2
    np.testing.assert_allclose(parts["term 1"], expected, rtol=1e-10)
    volume = np.linalg.det(matrix)
    np.testing.assert_allclose(parts["term 2"], (1 - volume / 200) ** 2, rtol=1e-10)
    large = eqx.tree_at(
        lambda p: p.plan.objective.terms[2].least, problem, jnp.array(float(volume) / 2)
    )
    assert evaluate(large, start)[2]["term 2"] == 0
    # What the terms are added to is what it was without them.
    others = sum(part for name, part in parts.items() if name not in terms)
    np.testing.assert_allclose(plain, others, rtol=1e-10, atol=1e-20)


def test_wanted_values_compile_nothing_anew(x32):
    crystal = prototype("diamond")
    traces = []

    def counted(crystal, plan):
        traces.append(None)
        return number_density(crystal, plan)

    def loss(problem, variables):
        return problem.loss(variables)

    jitted = eqx.filter_jit(loss)
    variables = crystal.to_variables()
    for wanted, weight in ((0.1, 1.0), (0.2, 0.5)):
        objective = Objective() + PropertyTerm(counted, wanted, weight=weight)
        plan = objective.plan(describe(crystal, SMALL), crystal)
        found = jitted(Problem(crystal, plan), variables)
        expected = weight * (8 / float(crystal.lattice.volume) - wanted) ** 2
        np.testing.assert_allclose(found, expected, rtol=1e-4)
        assert found.dtype == jnp.float32
    assert len(traces) == 1


@pytest.mark.slow
def test_a_reconstruction_is_pulled_to_the_wanted_value():
    """Diamond's density weighed against its descriptor: between the two, nearer to the heavier."""
    diamond = prototype("diamond")
    own = float(number_density(diamond.expand(), None))
    wanted, reached = 1.1 * own, []
    for weight in (0.0, 1e2, 1e8):
        objective = Objective() + PropertyTerm(number_density, wanted, scale=own, weight=weight)
        found = from_descriptor(
            describe(diamond, SMALL),
            diamond,
            objective=objective,
            initial=diamond.to_variables()[None, :] + 0.01,
            optimiser=LevenbergMarquardt(steps=20),
            polish=None,
            tolerance=10.0,
            **QUIET,
        )
        assert found.success
        reached.append(float(number_density(found.best.expand(), None)) / own)
    np.testing.assert_allclose([reached[0], reached[2]], [1.0, 1.1], atol=1e-3)
    assert 1.005 < reached[1] < 1.095


def test_terms_alone_make_an_objective(problem):
    """No descriptor, no penalty: what is left are the terms."""
    weights = dict.fromkeys(("spectrum_weight", "distribution_weight", "distance_weight"), 0.0)
    objective = Objective(**weights, terms=[Roomy(jnp.array(200.0))])
    parts = objective.plan(problem.plan.target, problem.like).parts(problem.like)
    assert list(parts) == ["term 0"]
    expected = (1 - float(problem.like.lattice.volume) / 200) ** 2
    np.testing.assert_allclose(parts["term 0"], expected, rtol=1e-10)


def test_bad_terms():
    def f(crystal, plan):
        return crystal.lattice.volume

    with pytest.raises(ValueError, match=r"function: expected f\(crystal, plan\), got 3"):
        PropertyTerm(3, 1.0)
    with pytest.raises(ValueError, match="wanted: expected finite numbers, got nan"):
        PropertyTerm(f, float("nan"))
    with pytest.raises(ValueError, match="scale: expected positive numbers, got 0"):
        PropertyTerm(f, 1.0, scale=0)
    with pytest.raises(ValueError, match=r"scale: expected a number or the shape \(\) of wanted"):
        PropertyTerm(f, 1.0, scale=(1.0, 2.0))
    with pytest.raises(ValueError, match="weight: expected a number >= 0, got -1"):
        PropertyTerm(f, 1.0, weight=-1.0)
    with pytest.raises(ValueError, match=r"terms\[0\]: expected an AbstractTerm"):
        Objective(terms=[f])  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError):
        _ = Objective() + 1.0  # pyright: ignore[reportOperatorIssue]
    with pytest.raises(ValueError, match="or terms"):
        Objective(spectrum_weight=0.0, distribution_weight=0.0)
    diamond = prototype("diamond")
    with pytest.raises(ValueError, match=r"values of the shape \(2,\) of wanted, got \(\)"):
        PropertyTerm(f, (1.0, 2.0)).residuals(diamond.expand(), None)
