"""How starts walk downhill: optimisers, and the compiled loop that runs some of them at once."""

import abc
import contextlib
from collections.abc import Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree

from .._core import device_array
from ..crystal import WyckoffCrystal
from ._objective import ObjectivePlan
from ._search_problem import SearchProblem

#: Iterations of one call at most: a run can be interrupted between calls.
CHUNK = 50


class Problem(eqx.Module):
    """Any objective on one crystal's sites; an argument of the compiled loop."""

    like: WyckoffCrystal
    plan: ObjectivePlan

    def loss(self, variables: Float[Array, " v"], blur: Any = 0.0) -> Float[Array, ""]:
        """The objective at some unconstrained variables."""
        return jnp.sum(jnp.square(self.residuals(variables, blur)))

    def residuals(self, variables: Float[Array, " v"], blur: Any = 0.0) -> Float[Array, " r"]:
        """The residuals whose squares add up to the objective."""
        crystal = self.like.with_variables(variables)
        return self.plan.residuals(crystal, blur)

    @property
    def n_residuals(self) -> int:
        """How many residuals there are."""
        shape = jax.eval_shape(lambda: self.residuals(self.like.to_variables()))
        return shape.shape[0]


class AbstractOptimiser(eqx.Module):
    """A stage of the search.

    Its numbers are arguments of the compiled loop, so that other ones compile nothing anew.
    """

    steps: eqx.AbstractVar[int]

    @property
    def resumed(self) -> bool:
        """Whether calls of `CHUNK` iterations go on from each other's state, zero at first."""
        return False

    @abc.abstractmethod
    def init(self, variables: Float[Array, " v"], problem: Any) -> PyTree:
        """State of one start."""

    @abc.abstractmethod
    def step(
        self, variables: Float[Array, " v"], state: PyTree, index: Array, problem: Any
    ) -> tuple[Array, PyTree, Array]:
        """One iteration: new variables, new state, and the loss before it."""

    def done(self, state: PyTree) -> Bool[Array, ""]:
        """Whether nothing is left to do."""
        return jnp.asarray(False)

    def result(self, variables: Array, state: PyTree) -> tuple[Array, Array]:
        """Variables at the end, and the loss there: NaN if it has not been computed."""
        return variables, jnp.full((), jnp.nan, variables.dtype)


class Adam(AbstractOptimiser):
    """Adam with a cosine-decaying rate, while the blur of G(d) falls to zero as (1 - t)^2.

    Attributes:
        steps: iterations.
        learning_rate: first step in the unconstrained variables: fractional coordinates, and
            logarithms of cell lengths.
        blur: first width of the Gaussian on G(d), 1/angstrom.
        arrived: loss below which a start is left alone. Adam's steps have the size of its rate
            however small the gradient, and would throw it out again.

    References:
        D. P. Kingma & J. Ba, "Adam: A method for stochastic optimization" (ICLR 2015).
    """

    steps: int = 400
    learning_rate: float = 0.06
    blur: float = 0.6
    arrived: float = 1e-9

    def __check_init__(self):
        _positive(steps=self.steps, learning_rate=self.learning_rate)
        if self.blur < 0:
            raise ValueError(f"blur: expected a width >= 0 1/angstrom, got {self.blur}")

    @property
    def resumed(self) -> bool:
        """Yes: the means of gradients and of their squares are kept."""
        return True

    def init(self, variables: Float[Array, " v"], problem: Any) -> PyTree:
        return jnp.zeros_like(variables), jnp.zeros_like(variables)

    def step(
        self, variables: Float[Array, " v"], state: PyTree, index: Array, problem: Any
    ) -> tuple[Array, PyTree, Array]:
        count = index.astype(variables.dtype)
        t = count / self.steps
        loss, gradient = jax.value_and_grad(problem.loss)(variables, self.blur * (1 - t) * (1 - t))
        # A start that has run into a singularity stays where it is instead of becoming NaN.
        gradient = jnp.where(jnp.isfinite(gradient), gradient, 0.0)
        mean, square = state
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient * gradient
        first, second = 1 - 0.9 ** (count + 1), 1 - 0.999 ** (count + 1)
        rate = self.learning_rate * 0.5 * (1 + jnp.cos(np.pi * t))
        moved = variables - rate * (mean / first) / (jnp.sqrt(square / second) + 1e-8)
        return jnp.where(loss < self.arrived, variables, moved), (mean, square), loss


class LBFGS(AbstractOptimiser):
    """Limited-memory BFGS with a zoom line search, on the objective without blur.

    Attributes:
        steps: iterations.
        memory: pairs of steps and gradients kept.
    """

    steps: int = eqx.field(static=True, default=60)
    memory: int = eqx.field(static=True, default=10)

    def __check_init__(self):
        _positive(steps=self.steps, memory=self.memory)

    def init(self, variables: Float[Array, " v"], problem: Any) -> PyTree:
        with _optax_in(variables):
            return self._transformation.init(variables)

    def step(
        self, variables: Float[Array, " v"], state: PyTree, index: Array, problem: Any
    ) -> tuple[Array, PyTree, Array]:
        # The line search has just been here: its value and gradient are in the state.
        import optax

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
    def _transformation(self) -> Any:
        import optax  # a quarter of a second, which other searches save

        return optax.lbfgs(memory_size=self.memory)


class LevenbergMarquardt(AbstractOptimiser):
    """Damped Gauss-Newton steps on the residuals, on the objective without blur.

        min |r + J step|^2 + lambda m |step|^2,   m = max diag(J^T J)

    with lambda divided by 4 after a step that lowers the loss, and multiplied by 3 after one that
    does not and is refused. The last digits of a crystal that has more symmetry than its group,
    where the loss rises with the fourth power only, need this: first-order methods stall there.
    The damping is the same for all variables: scaled with each one's own curvature it would not
    hold those that the loss hardly sees.

    A start is done when its loss is that of rounding, when eight steps in a row have not lowered it
    by a fifth, or at once if it begins above `hopeless`.

    Attributes:
        steps: iterations at most.
        damping: first lambda.
        hopeless: loss above which a start is not worth any step.

    References:
        D. W. Marquardt, J. Soc. Indust. Appl. Math. 11 (1963) 431.
    """

    steps: int = 100
    damping: float = 1e-5
    hopeless: float = float("inf")

    def __check_init__(self):
        _positive(steps=self.steps, damping=self.damping)

    def init(self, variables: Float[Array, " v"], problem: Any) -> PyTree:
        dtype, size = variables.dtype, problem.n_residuals
        return {
            "best": variables,
            "loss": jnp.full((), jnp.inf, dtype),
            "residuals": jnp.zeros((size,), dtype),
            "jacobian": jnp.zeros((size, variables.shape[0]), dtype),
            # The first evaluation divides it.
            "damping": 4 * jnp.asarray(self.damping, dtype),
            "idle": jnp.asarray(0),
            "done": jnp.asarray(False),
        }

    def step(
        self, variables: Float[Array, " v"], state: PyTree, index: Array, problem: Any
    ) -> tuple[Array, PyTree, Array]:
        identity = jnp.eye(variables.shape[0], dtype=variables.dtype)

        def along(direction: Array) -> tuple[Array, Array]:
            return jax.jvp(problem.residuals, (variables,), (direction,))

        # Residuals and their derivatives here, at the trial of the last step.
        r, J = jax.vmap(along, out_axes=(None, 1))(identity)
        loss = jnp.sum(r * r)
        better, first = loss < state["loss"], jnp.isinf(state["loss"])
        idle = jnp.where(loss < 0.8 * state["loss"], 0, state["idle"] + 1)
        best, r, J, loss = (
            jnp.where(better, new, state[name])
            for new, name in (
                (variables, "best"),
                (r, "residuals"),
                (J, "jacobian"),
                (loss, "loss"),
            )
        )
        scaled = jnp.where(better, state["damping"] / 4, state["damping"] * 3)
        damping = jnp.clip(scaled, 1e-12, 1e3)
        rounding = 700 * jnp.square(jnp.finfo(variables.dtype).eps)
        done = (loss < rounding) | (idle >= 8) | (first & ~(loss < self.hopeless))
        m = jnp.max(jnp.sum(J * J, axis=0)) + jnp.finfo(variables.dtype).tiny
        # By QR of [J; sqrt(lambda m)]: the normal equations would square the condition number.
        stacked = jnp.concatenate([J, jnp.sqrt(damping * m) * identity])
        change = -_least_squares(stacked, jnp.pad(r, (0, identity.shape[0])))
        # A trust region: no coordinate leaves its basin in one step.
        change = change * jnp.minimum(1.0, 0.1 / (jnp.max(jnp.abs(change)) + 1e-12))
        trial = best + jnp.where(jnp.isfinite(change), change, 0.0)
        now = {
            "best": best,
            "loss": loss,
            "residuals": r,
            "jacobian": J,
            "damping": damping,
            "idle": idle,
            "done": done | state["done"],
        }
        return trial, now, loss

    def done(self, state: PyTree) -> Bool[Array, ""]:
        return state["done"]

    def result(self, variables: Array, state: PyTree) -> tuple[Array, Array]:
        return state["best"], state["loss"]


def _least_squares(A: Float[Array, "m n"], b: Float[Array, " m"]) -> Float[Array, " n"]:
    """The y of least |A y - b|, by modified Gram-Schmidt on [A b], which is as stable as QR.

    Not by LAPACK: two programs with its batched QR that run at once have blocked each other.

    References:
        A. Bjorck, BIT 7 (1967) 1.
    """
    n = A.shape[1]
    column = jnp.arange(n + 1)

    def orthogonalise(k: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        work, R = carry
        q = jax.lax.dynamic_index_in_dim(work, k, axis=1, keepdims=False)
        size = jnp.sqrt(jnp.sum(q * q))
        q = q / jnp.where(size > 0, size, 1.0)
        row = jnp.where(column >= k, jnp.matmul(q, work, precision="highest"), 0.0)
        work = work - q[:, None] * jnp.where(column > k, row, 0.0)[None, :]
        return work, R.at[k].set(row)

    def substitute(i: Array, y: Array) -> Array:
        k = n - 1 - i
        size = R[k, k]
        rest = R[k, n] - jnp.sum(R[k, :n] * y)
        return y.at[k].set(rest / jnp.where(size != 0, size, 1.0))

    begin = jnp.concatenate([A, b[:, None]], axis=1), jnp.zeros((n, n + 1), A.dtype)
    _, R = jax.lax.fori_loop(0, n, orthogonalise, begin)
    return jax.lax.fori_loop(0, n, substitute, jnp.zeros((n,), A.dtype))


@eqx.filter_jit
def run_chunk(
    optimiser: AbstractOptimiser,
    problem: Problem | SearchProblem,
    variables: Float[Array, "starts v"],
    state: PyTree,
    first: Array,
    length: Array,
    room: int,
) -> tuple[Array, PyTree, Array, Array]:
    """Iterations of some starts, until all are done.

    Args:
        optimiser: its numbers are arrays.
        problem: what is minimised.
        variables: of each start.
        state: of each start, as returned; None at the beginning.
        first: number of the first iteration.
        length: how many iterations, at most `room`.
        room: static.

    Returns:
        Variables, state, losses before each iteration, shape (starts, room), NaN where none was
        made, and the losses at the variables (see `AbstractOptimiser.result`).
    """
    if state is None:
        state = jax.vmap(lambda v: optimiser.init(v, problem))(variables)

    def going_on(carry: Any) -> Array:
        i, _, state, _ = carry
        return (i < length) & ~jnp.all(jax.vmap(optimiser.done)(state))

    def body(carry: Any) -> Any:
        i, variables, state, losses = carry

        def one(v: Array, own: PyTree) -> tuple[Array, PyTree, Array]:
            return optimiser.step(v, own, first + i, problem)

        variables, state, loss = jax.vmap(one)(variables, state)
        return i + 1, variables, state, losses.at[:, i].set(loss)

    losses = jnp.full((variables.shape[0], room), jnp.nan, variables.dtype)
    begin = (jnp.zeros_like(length), variables, state, losses)
    _, variables, state, losses = jax.lax.while_loop(going_on, body, begin)
    variables, final = jax.vmap(optimiser.result)(variables, state)
    return variables, state, losses, final


def on_device(tree: PyTree) -> PyTree:
    """Arrays of NumPy as those of the device; nothing is compiled."""
    return jax.tree.map(
        lambda x: device_array(x, x.dtype) if isinstance(x, np.ndarray) else x, tree
    )


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
