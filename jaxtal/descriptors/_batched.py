"""A function of one crystal over the crystals of a batch."""

from collections.abc import Callable
from typing import Any

import jax

from ..crystal import CrystalBatch


def over_batch(one: Callable[..., Any], batch: CrystalBatch, chunk: int | None) -> Any:
    """Call `one(matrix, frac, species, mask)` for every crystal; results have B first.

    Args:
        one: pure function of one crystal.
        batch: B crystals.
        chunk: crystals computed side by side, the chunks one after another; None for all.

    Raises:
        ValueError: a chunk below 1.
    """
    if chunk is not None and chunk < 1:
        raise ValueError(f"chunk: expected at least 1 crystal, or None for all, got {chunk}")
    arrays = (batch.matrix, batch.frac, batch.species, batch.mask)

    def spread(crystal: tuple[Any, ...]) -> Any:
        return one(*crystal)

    if chunk is None or chunk >= len(batch):
        return jax.vmap(spread)(arrays)
    # Reverse mode would otherwise keep every intermediate of every crystal.
    return jax.lax.map(jax.checkpoint(spread), arrays, batch_size=None if chunk == 1 else chunk)
