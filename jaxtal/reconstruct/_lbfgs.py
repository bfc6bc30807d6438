"""L-BFGS, another stage of the search, by optax."""

import contextlib
from collections.abc import Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ._abstract_optimiser import AbstractOptimiser, check_positive


class LBFGS(AbstractOptimiser):
    """Limited-memory BFGS with a zoom line search, on the objective without blur.

    Attributes:
        steps: iterations.
        memory: pairs of steps and gradients kept.
    """

    steps: int = eqx.field(static=True, default=60)
    memory: int = eqx.field(static=True, default=10)

    def __check_init__(self):
        check_positive(steps=self.steps, memory=self.memory)

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
        moved = variables + jnp.asarray(updates).astype(variables.dtype)
        finite = jnp.all(jnp.isfinite(moved))
        return jnp.where(finite, moved, variables), new_state, jnp.asarray(loss)

    @property
    def _transformation(self) -> Any:
        import optax  # a quarter of a second, which other searches save

        return optax.lbfgs(memory_size=self.memory)


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
