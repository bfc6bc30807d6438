"""What decides how much room a crystal needs in a plan of the metric (host)."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import PyTree

from .._core import computing_dtype
from ..crystal import Chunk, CrystalArrays, CrystalBatch, host_crystals, map_crystals


class Content(NamedTuple):
    """What decides how much room a crystal needs.

    Attributes:
        matrix: rows a, b, c, angstrom.
        elements: atomic numbers.
        n_sites: sites of any occupancy.
        amount: atoms, the sum of the occupancies.
        least: the smallest occupancy.
    """

    matrix: np.ndarray
    elements: set[int]
    n_sites: int
    amount: float
    least: float


def contents_of(crystals: Any) -> list[Content]:
    """What each crystal holds.

    Raises:
        ValueError: as `host_crystals`.
    """
    return [
        Content(
            atoms.matrix,
            {int(z) for z in atoms.atomic_numbers},
            len(atoms),
            float(atoms.occupancies.sum()),
            float(atoms.occupancies.min()),
        )
        for given in host_crystals(crystals)
        if len(atoms := given.occupied(np.finfo(float).tiny))
    ]


def dtype_of(crystals: Any) -> Any:
    """Precision in which a batch, or some crystals, are computed."""
    return computing_dtype(host_crystals(crystals)[0].dtype)


def over_batch(
    one: Callable[..., PyTree], batch: CrystalBatch | CrystalArrays, chunk: Chunk
) -> PyTree:
    """`map_crystals` of `one(matrix, frac, species, mask)`."""
    cells = CrystalArrays.of_batch(batch) if isinstance(batch, CrystalBatch) else batch
    arrays = (cells.matrix, cells.frac_coords, cells.species, cells.mask)
    return map_crystals(lambda cell: one(*cell), arrays, chunk=chunk)
