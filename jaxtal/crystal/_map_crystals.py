"""A function of one crystal over those of a batch, and losses whose gradients come with them."""

from collections.abc import Callable

import jax
from jaxtyping import Array, Bool, Float, PyTree

from . import CrystalBatch

Cells = tuple[Array, Array, Array, Array]
"""Lattices (B, 3, 3), fractional coordinates (B, N, 3), atomic numbers (B, N) or species weights
(B, N, Z), and mask (B, N): a `CrystalBatch` in which sites may be mixed."""


def cells_of_batch(batch: CrystalBatch | Cells) -> Cells:
    """The arrays of a batch."""
    if isinstance(batch, tuple):
        return batch
    return batch.matrix, batch.frac_coords, batch.atomic_numbers, batch.mask


def over_batch(
    one: Callable[..., PyTree], batch: CrystalBatch | Cells, chunk: int | None
) -> PyTree:
    """`map_crystals` of `one(matrix, frac, species, mask)`."""
    return map_crystals(lambda cell: one(*cell), cells_of_batch(batch), chunk=chunk)


def map_crystals(f: Callable[..., PyTree], crystals: PyTree, *, chunk: int | None = 1) -> PyTree:
    """f of every crystal of a batch; pure, for jit and grad.

    Reverse mode computes each chunk again instead of keeping the intermediates of all crystals,
    unless they are all side by side.

    Args:
        f: pure function of one crystal's arrays.
        crystals: arrays with the batch first.
        chunk: crystals computed side by side, the chunks one after another; None for all.

    Returns:
        What f returns, with the batch first.

    Raises:
        ValueError: a chunk below 1.
    """
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
    chunk: int | None = 1,
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
