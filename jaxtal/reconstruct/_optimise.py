"""Many starts at once through optax, in compiled chunks so that progress can be shown."""

import abc
import contextlib
from collections.abc import Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, PyTree

from ..crystal import WyckoffCrystal
from ._objective import ObjectivePlan


class AbstractOptimiser(eqx.Module):
    """A stage of the search: an optax transformation and the schedule of its blur."""

    @property
    @abc.abstractmethod
    def steps(self) -> int:
        """Number of iterations."""

    @abc.abstractmethod
    def init(self, variables: Float[Array, " v"]) -> PyTree:
        """Optimiser state of one start."""

    @abc.abstractmethod
    def step(
        self, variables: Float[Array, " v"], state: PyTree, index: Array, problem: "Problem"
    ) -> tuple[Array, PyTree, Array]:
        """One iteration: new variables, new state, and the loss before it."""


class Problem(eqx.Module):
    """Everything one start is scored with; an argument of the compiled loop."""

    like: WyckoffCrystal
    plan: ObjectivePlan

    def loss(self, variables: Float[Array, " v"], blur: Any = 0.0) -> Float[Array, ""]:
        """The objective at some unconstrained variables."""
        return jnp.sum(jnp.square(self.residuals(variables, blur)))

    def residuals(self, variables: Float[Array, " v"], blur: Any = 0.0) -> Float[Array, " r"]:
        """The residuals whose squares add up to the objective."""
        crystal = self.like.with_variables(variables)
        return self.plan.residuals(crystal, blur)


class Adam(AbstractOptimiser):
    """Adam with a cosine-decaying rate, while the blur of G(d) falls to zero as (1 - t)^2.

    Attributes:
        steps: iterations.
        learning_rate: first step in the unconstrained variables: fractional coordinates, and
            logarithms of cell lengths.
        blur: first width of the Gaussian on G(d), 1/angstrom.
        arrived: loss below which a start is left alone. Adam's steps have the size of its rate
            however small the gradient, and would throw it out again.
    """

    steps: int = eqx.field(static=True, default=400)  # pyright: ignore[reportIncompatibleMethodOverride]
    learning_rate: float = eqx.field(static=True, default=0.06)
    blur: float = eqx.field(static=True, default=0.6)
    arrived: float = eqx.field(static=True, default=1e-9)

    def __check_init__(self):
        _positive(steps=self.steps, learning_rate=self.learning_rate)
        if self.blur < 0:
            raise ValueError(f"blur: expected a width >= 0 1/angstrom, got {self.blur}")

    def init(self, variables: Float[Array, " v"]) -> PyTree:
        with _optax_in(variables):
            return self._transformation.init(variables)

    def step(
        self, variables: Float[Array, " v"], state: PyTree, index: Array, problem: Problem
    ) -> tuple[Array, PyTree, Array]:
        left = 1 - index.astype(variables.dtype) / self.steps
        loss, gradient = jax.value_and_grad(problem.loss)(variables, self.blur * left * left)
        # A start that has run into a singularity stays where it is instead of becoming NaN.
        gradient = jnp.where(jnp.isfinite(gradient), gradient, 0.0)
        with _optax_in(variables):
            updates, state = self._transformation.update(gradient, state)
        moved = variables + _cast(updates, variables)
        return jnp.where(loss < self.arrived, variables, moved), state, loss

    @property
    def _transformation(self) -> optax.GradientTransformation:
        return optax.adam(optax.cosine_decay_schedule(self.learning_rate, self.steps))


class LBFGS(AbstractOptimiser):
    """Limited-memory BFGS with a zoom line search, on the objective without blur.

    Attributes:
        steps: iterations.
        memory: pairs of steps and gradients kept.
    """

    steps: int = eqx.field(static=True, default=60)  # pyright: ignore[reportIncompatibleMethodOverride]
    memory: int = eqx.field(static=True, default=10)

    def __check_init__(self):
        _positive(steps=self.steps, memory=self.memory)

    def init(self, variables: Float[Array, " v"]) -> PyTree:
        with _optax_in(variables):
            return self._transformation.init(variables)

    def step(
        self, variables: Float[Array, " v"], state: PyTree, index: Array, problem: Problem
    ) -> tuple[Array, PyTree, Array]:
        # The line search has just been here: its value and gradient are in the state.
        with _optax_in(variables), jax.numpy_rank_promotion("allow"):
            loss, gradient = optax.value_and_grad_from_state(problem.loss)(variables, state=state)
            updates, new_state = self._transformation.update(
                gradient,
                state,
                variables,
                value=loss,
                grad=gradient,
                value_fn=problem.loss,
            )
        moved = variables + _cast(updates, variables)
        finite = jnp.all(jnp.isfinite(moved))
        return jnp.where(finite, moved, variables), new_state, jnp.asarray(loss)

    @property
    def _transformation(self) -> optax.GradientTransformationExtraArgs:
        return optax.lbfgs(memory_size=self.memory)


class LevenbergMarquardt(AbstractOptimiser):
    """Damped Gauss-Newton steps on the residuals, on the objective without blur.

        min |r + J step|^2 + lambda m |step|^2,   m = max diag(J^T J)

    with lambda divided by 4 after a step that lowers the loss, and multiplied by 3 after one that
    does not and is refused. The last digits of a crystal that has more symmetry than its group,
    where the loss rises with the fourth power only, need this: first-order methods stall there.
    The damping is the same for all variables: scaled with each one's own curvature it would not
    hold those that the loss hardly sees.

    Attributes:
        steps: iterations.
        damping: first lambda.

    References:
        D. W. Marquardt, J. Soc. Indust. Appl. Math. 11 (1963) 431.
    """

    steps: int = eqx.field(static=True, default=40)  # pyright: ignore[reportIncompatibleMethodOverride]
    damping: float = eqx.field(static=True, default=1e-5)

    def __check_init__(self):
        _positive(steps=self.steps, damping=self.damping)

    def init(self, variables: Float[Array, " v"]) -> PyTree:
        return jnp.asarray(self.damping, variables.dtype)

    def step(
        self, variables: Float[Array, " v"], state: PyTree, index: Array, problem: Problem
    ) -> tuple[Array, PyTree, Array]:
        r, push = jax.linearize(problem.residuals, variables)
        J = jax.vmap(push)(jnp.eye(variables.shape[0], dtype=variables.dtype)).T
        m = jnp.max(jnp.sum(J * J, axis=0)) + jnp.finfo(variables.dtype).tiny
        # By QR of [J; sqrt(lambda m)]: the normal equations would square the condition number.
        identity = jnp.eye(variables.shape[0], dtype=variables.dtype)
        stacked = jnp.concatenate([J, jnp.sqrt(state * m) * identity])
        Q, R = jnp.linalg.qr(stacked)
        projected = jnp.matmul(r, Q[: r.shape[0]], precision="highest")
        change = -jax.scipy.linalg.solve_triangular(R, projected)
        # A trust region: no coordinate leaves its basin in one step.
        change = change * jnp.minimum(1.0, 0.1 / (jnp.max(jnp.abs(change)) + 1e-12))
        trial = variables + jnp.where(jnp.isfinite(change), change, 0.0)
        loss = jnp.sum(r * r)
        better = problem.loss(trial) < loss
        damping = jnp.clip(jnp.where(better, state / 4, state * 3), 1e-12, 1e3)
        return jnp.where(better, trial, variables), damping, loss


@eqx.filter_jit
def initialise(optimiser: AbstractOptimiser, variables: Float[Array, "starts v"]) -> PyTree:
    """Optimiser state of every start."""
    return jax.vmap(optimiser.init)(variables)


@eqx.filter_jit
def run_chunk(
    optimiser: AbstractOptimiser,
    problem: Problem,
    variables: Float[Array, "starts v"],
    state: PyTree,
    first: Array,
    length: int,
) -> tuple[Array, PyTree, Array]:
    """`length` iterations of every start; also the losses, shape (starts, length)."""

    def one(variables: Array, state: PyTree) -> tuple[Array, PyTree, Array]:
        def body(carry: tuple[Array, PyTree], index: Array) -> tuple[Any, Array]:
            new, inner, loss = optimiser.step(*carry, index, problem)
            return (new, inner), loss

        carry, losses = jax.lax.scan(body, (variables, state), first + jnp.arange(length))
        return (*carry, losses)

    return jax.vmap(one)(variables, state)


@eqx.filter_jit
def final_losses(problem: Problem, variables: Float[Array, "starts v"]) -> Float[Array, " starts"]:
    """The objective without blur at every start."""
    return jax.vmap(problem.loss)(variables)


@contextlib.contextmanager
def _optax_in(variables: Array) -> Iterator[None]:
    """Where optax computes in the precision of the variables.

    It mixes int32 counters with floats, which strict promotion would refuse, and makes its scalars
    and step sizes in JAX's default width: with 64-bit mode on, its line search would evaluate a
    float32 problem in float64.
    """
    double = variables.dtype == jnp.float64
    with jax.numpy_dtype_promotion("standard"), jax.enable_x64(double):
        yield


def _cast(updates: Any, variables: Array) -> Array:
    return jnp.asarray(updates).astype(variables.dtype)


def _positive(**values: float | int) -> None:
    for name, value in values.items():
        if not (np.isfinite(value) and value > 0):
            raise ValueError(f"{name}: expected a positive number, got {value}")
