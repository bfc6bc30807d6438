"""A function of one crystal over those of a batch, and losses whose gradients come with them."""

from collections.abc import Callable
from typing import Literal

import jax
from jaxtyping import Array, Bool, Float, PyTree

Chunk = int | None | Literal["auto"]
"""How many crystals are computed side by side; None for all, "auto" by device."""
#: Crystals side by side on anything but a CPU, unless stated.
_ON_DEVICE = 256


def map_crystals(f: Callable[..., PyTree], crystals: PyTree, *, chunk: Chunk = "auto") -> PyTree:
    """f of every crystal of a batch; pure, for jit and grad.

    Reverse mode computes each chunk again instead of keeping the intermediates of all crystals,
    unless they are all side by side.

    Args:
        f: pure function of one crystal's arrays.
        crystals: arrays with the batch first.
        chunk: crystals computed side by side, the chunks one after another; None for all. "auto"
            is 1 on a CPU, whose cache one crystal fills, and 256 elsewhere. Memory is in
            proportion. One at a time keeps one core busy: threads that call with a part of the
            batch each use more.

    Returns:
        What f returns, with the batch first.

    Raises:
        ValueError: a chunk below 1.
    """
    if chunk == "auto":
        chunk = 1 if jax.default_backend() == "cpu" else _ON_DEVICE
    if chunk is not None and chunk < 1:
        raise ValueError(f"chunk: expected at least 1 crystal, or None for all, got {chunk}")
    n = jax.tree.leaves(crystals)[0].shape[0]
    if chunk is None or chunk >= n:
        return jax.vmap(f)(crystals)
    return jax.lax.map(jax.checkpoint(f), crystals, batch_size=None if chunk == 1 else chunk)


def per_crystal_loss(
    one: Callable[[PyTree, PyTree, PyTree], tuple[Array, Array]],
    smooth: PyTree,
    fixed: PyTree,
    shared: PyTree,
    *,
    chunk: Chunk = "auto",
) -> tuple[Float[Array, " B"], Bool[Array, " B"]]:
    """Loss of each crystal of a batch and its flag, the gradient found beside the value; pure.

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
