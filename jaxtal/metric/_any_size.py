"""Fingerprints of crystals of all sizes: in NumPy, or by programs of a few sizes (host)."""

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from .._core import on_host
from ..crystal import HostAtoms, iterate_host_crystals
from ..crystal.apply import refuse_traced
from ..lattice import niggli_reduce
from ._abstract_metric import AbstractMetric
from ._fingerprint import Fingerprint
from ._host_fingerprint import host_fingerprints
from ._size_classes import compiled_fingerprints

#: Sites of a smaller occupancy are left out.
LEAST = 1e-3
#: Crystals that are held at a time.
_PORTION = 512


def fingerprints_of_any_size(
    metric: AbstractMetric, crystals: Any, mesh: Mesh | None = None
) -> Fingerprint:
    """Compute vectors of some crystals as NumPy arrays; see `CrystalMetric.__call__`."""
    refuse_traced(crystals)
    stream = enumerate(iterate_host_crystals(crystals))
    portions = iter(lambda: list(itertools.islice(stream, _PORTION)), [])
    first = next(portions, None)
    if first is None:
        raise ValueError("crystals: expected at least one, got none")
    # Halves are computed in single precision, as everywhere.
    dtype = jnp.promote_types(jax.dtypes.canonicalize_dtype(first[0][1].dtype), jnp.float32)
    every = itertools.chain([first], portions)
    in_numpy = mesh is None and not metric.sees_neighbours
    if not (in_numpy and on_host([len(one) for _, one in first])):
        vectors, complete = compiled_fingerprints(metric, _reduced(every), dtype, mesh)
    else:
        vectors, complete = zip(*host_fingerprints(metric, _reduced(every), dtype), strict=True)
    return Fingerprint(
        vector=np.stack(vectors).astype(dtype), complete=np.array(complete), specification=metric
    )


def _reduced(portions: Iterator[list[tuple[int, HostAtoms]]]) -> Iterator[HostAtoms]:
    for place, given in itertools.chain.from_iterable(portions):
        try:
            yield reduced(given)
        except ValueError as error:
            raise ValueError(f"crystal {place}: {error}") from error


def reduced(given: HostAtoms) -> HostAtoms:
    """The occupied sites in the reduced cell.

    Raises:
        ValueError: there are none.
    """
    atoms = given.occupied(LEAST)
    if not len(atoms):
        raise ValueError(f"expected at least one atom of occupancy {LEAST:g}, got none")
    try:
        matrix, transform = niggli_reduce(atoms.matrix)
    except ValueError:
        # Nearly flat cells defeat the reduction; the cell as it is gives the same vector.
        return atoms
    frac = atoms.frac_coords @ np.linalg.inv(transform)
    return dataclasses.replace(atoms, matrix=matrix, frac_coords=frac)
