"""Loss of each crystal of a batch, its gradient found beside the value."""

from collections.abc import Callable

import jax
from jaxtyping import Array, Bool, Float, PyTree

from ..crystal.apply import Chunk, map_crystals


def per_crystal_loss(
    one: Callable[[PyTree, PyTree, PyTree], tuple[Array, Array]],
    smooth: PyTree,
    fixed: PyTree,
    shared: PyTree,
    *,
    chunk: Chunk = "auto",
) -> tuple[Float[Array, " B"], Bool[Array, " B"]]:
    """Compute the loss of each crystal and its flag, the gradient found beside the value; pure.

    A crystal's loss depends on no other crystal, so the gradient of any function of the losses is
    that function's derivative times the loss's own. Finding both at once spares the second
    evaluation of every crystal that reverse mode through `map_crystals` needs.

    Reverse mode only (`jax.grad`, `jax.vjp`), and in `smooth` alone: all else has gradient zero.

    Args:
        one: from the differentiated and the other arrays of one crystal, and what all crystals
            share, to its loss, shape (), and a flag, shape (). Traced arrays must come through
            these arguments.
        smooth: arrays with the batch first, differentiated.
        fixed: arrays with the batch first.
        shared: what every crystal needs.
        chunk: crystals computed side by side, as `map_crystals`.

    Returns:
        Losses and flags.

    Raises:
        ValueError: a chunk below 1.
    """

    @jax.custom_vjp
    def losses(smooth: PyTree, fixed: PyTree, shared: PyTree) -> tuple[Array, Array]:
        return map_crystals(
            lambda cell: one(cell[0], cell[1], shared), (smooth, fixed), chunk=chunk
        )

    def forward(smooth: PyTree, fixed: PyTree, shared: PyTree) -> tuple[PyTree, PyTree]:
        slope = jax.value_and_grad(one, has_aux=True)
        return map_crystals(
            lambda cell: slope(cell[0], cell[1], shared), (smooth, fixed), chunk=chunk
        )

    def backward(gradients: PyTree, cotangents: PyTree) -> tuple[PyTree, None, None]:
        scale = cotangents[0]
        scaled = jax.tree.map(lambda g: g * scale.reshape(-1, *(1,) * (g.ndim - 1)), gradients)
        return scaled, None, None

    losses.defvjp(forward, backward)
    return losses(smooth, fixed, shared)
