"""A function of one crystal over those of a batch."""

from collections.abc import Callable
from typing import Literal

import jax
from jaxtyping import PyTree

Chunk = int | None | Literal["auto"]
"""How many crystals are computed side by side; None for all, "auto" by device."""
#: Crystals side by side on anything but a CPU, unless stated.
_ON_DEVICE = 256


def map_crystals(f: Callable[..., PyTree], crystals: PyTree, *, chunk: Chunk = "auto") -> PyTree:
    """Apply f to every crystal of a batch; pure, for jit and grad.

    Reverse mode computes each chunk again instead of keeping the intermediates of all crystals,
    unless they are all side by side.

    Args:
        f: pure function of one crystal's arrays.
        crystals: arrays with the batch first.
        chunk: crystals computed side by side, the chunks one after another; None for all. "auto"
            is 1 on a CPU, whose cache one crystal fills, and 256 elsewhere. Memory is in
            proportion. One at a time keeps one core busy: `apply_plan` gives each its part.

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
