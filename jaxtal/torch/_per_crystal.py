"""Losses of the crystals of a batch, whose gradients are found beside their values."""

from collections.abc import Callable

import jax
from jaxtyping import Array, PyTree

#: From the differentiated and the other inputs of one crystal, and what all crystals share, to its
#: loss () and a flag ().
OneLoss = Callable[[PyTree, PyTree, PyTree], tuple[Array, Array]]


def map_crystals(f: Callable[..., PyTree], crystals: PyTree, chunk: int | None) -> PyTree:
    """f of every crystal of a batch, `chunk` of them side by side, None for all.

    Raises:
        ValueError: a chunk below 1.
    """
    if chunk is not None and chunk < 1:
        raise ValueError(f"chunk: expected at least 1 crystal, or None for all, got {chunk}")
    n = jax.tree.leaves(crystals)[0].shape[0]
    if chunk is None or chunk >= n:
        return jax.vmap(f)(crystals)
    return jax.lax.map(f, crystals, batch_size=None if chunk == 1 else chunk)


def per_crystal(
    one: OneLoss, smooth: PyTree, fixed: PyTree, shared: PyTree, chunk: int | None
) -> tuple[Array, Array]:
    """Loss of each crystal, and its flag; pure.

    A crystal's loss depends on no other crystal, so the gradient of any function of the losses is
    that function's derivative times the loss's own. Computing both at once spares the second
    evaluation that a function which forgets its intermediates would need.

    Args:
        one: loss and flag of one crystal.
        smooth: arrays with the batch first, differentiated (once).
        fixed: arrays with the batch first, not differentiated.
        shared: what every crystal needs, not differentiated.
        chunk: crystals computed side by side, or None for all.

    Returns:
        Losses and flags, shape (B,).

    Raises:
        ValueError: a chunk below 1.
    """

    @jax.custom_vjp
    def losses(smooth: PyTree, fixed: PyTree, shared: PyTree) -> tuple[Array, Array]:
        return map_crystals(
            lambda crystal: one(crystal[0], crystal[1], shared), (smooth, fixed), chunk
        )

    def forward(smooth: PyTree, fixed: PyTree, shared: PyTree) -> tuple[PyTree, PyTree]:
        slope = jax.value_and_grad(one, has_aux=True)
        return map_crystals(
            lambda crystal: slope(crystal[0], crystal[1], shared), (smooth, fixed), chunk
        )

    def backward(gradients: PyTree, cotangents: tuple[Array, Array]) -> tuple[PyTree, None, None]:
        scale = cotangents[0]
        scaled = jax.tree.map(lambda g: g * scale.reshape(-1, *(1,) * (g.ndim - 1)), gradients)
        return scaled, None, None

    losses.defvjp(forward, backward)
    return losses(smooth, fixed, shared)
