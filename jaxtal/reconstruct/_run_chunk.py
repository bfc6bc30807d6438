"""The compiled loop that runs some starts side by side."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from .._core import device_array, quick_to_compile
from ._abstract_optimiser import AbstractOptimiser
from ._problem import Problem


@quick_to_compile
def run_chunk(
    optimiser: AbstractOptimiser,
    problem: Any,
    variables: Float[Array, "starts v"],
    state: PyTree,
    first: Array,
    length: Array,
    room: int,
) -> tuple[Array, PyTree, Array]:
    """Iterations of some starts, until all are done.

    Args:
        optimiser: its numbers are arrays.
        problem: what is minimised.
        variables: of each start.
        state: of each start, as returned; None at the beginning, or zeros of stages that say so.
        first: number of the first iteration.
        length: how many iterations, at most `room`.
        room: static.

    Returns:
        Variables, state, and losses before each iteration, shape (room, starts), NaN where none
        was made.
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
        losses = jax.lax.dynamic_update_slice_in_dim(losses, loss[None], i, axis=0)
        return i + 1, variables, state, losses

    losses = jnp.full((room, variables.shape[0]), jnp.nan, variables.dtype)
    begin = (jnp.zeros_like(length), variables, state, losses)
    return jax.lax.while_loop(going_on, body, begin)[1:]


def on_device(tree: PyTree) -> PyTree:
    """Arrays of NumPy as those of the device; nothing is compiled."""
    return jax.tree.map(
        lambda x: device_array(x, x.dtype) if isinstance(x, np.ndarray) else x, tree
    )


@eqx.filter_jit
def final_losses(problem: Problem, variables: Float[Array, "starts v"]) -> Float[Array, " starts"]:
    """The objective without blur at every start."""
    return jax.vmap(problem.loss)(variables)
