"""The vectors of crystals in NumPy: nothing is compiled (host)."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from ..crystal import HostAtoms
from ..diffraction.sums import FEWEST, MOST_ATOMS, SphereSums, host_sphere_sums, is_regular
from ._abstract_metric import AbstractMetric
from ._metric_plan import reduced_unit
from .terms._resolved_lines import line_profiles
from .terms._scaled_spectra import point_intensities, spectra_basis, spectra_of

#: Points that are expanded together. One crystal has about a thousand, for which Python takes
#: longer than the arithmetic; of many more the rows would not stay in the processor's cache.
_POINTS = 1 << 13


@dataclasses.dataclass(frozen=True)
class _Scattering:
    """The waves of one crystal, its intensities, and the terms that need neither."""

    found: SphereSums
    intensities: Float[np.ndarray, "3 P"]
    composition: Float[np.ndarray, " c"]
    density: Float[np.ndarray, " d"]
    usable: bool


def host_fingerprints(
    metric: AbstractMetric, crystals: Iterator[HostAtoms], dtype: Any = np.float64
) -> Iterator[tuple[Float[np.ndarray, " D"], bool]]:
    """Compute the vectors of crystals without compiling anything (host).

    Args:
        metric: without terms of neighbours.
        crystals: the occupied sites of each, best in a reduced cell.
        dtype: of the expansion, as in compiled programs; the sums of waves are in double precision.

    Yields:
        The vector, and whether it is complete: zero and False for a cell that is near-singular, or
        of less than 0.001 or more than 10^6 atoms, as for `MetricPlan`.

    Raises:
        ValueError: a cell with too many reflections; it names the crystal.
    """
    assert not metric.sees_neighbours
    waiting: list[_Scattering] = []
    points = 0
    for place, atoms in enumerate(crystals):
        try:
            waiting.append(_scattering(metric, atoms, dtype))
        except ValueError as error:
            raise ValueError(f"crystal {place}: {error}") from error
        points += len(waiting[-1].found.q)
        if points > _POINTS:
            yield from _expanded(metric, waiting)
            waiting, points = [], 0
    if waiting:
        yield from _expanded(metric, waiting)


def _scattering(metric: AbstractMetric, atoms: HostAtoms, dtype: Any) -> _Scattering:
    numbers, place = np.unique(atoms.atomic_numbers, return_inverse=True)
    weights = np.zeros((len(numbers), len(atoms)))
    weights[place, np.arange(len(atoms))] = atoms.occupancies
    amounts = np.sum(weights, axis=1)
    n_atoms = float(np.sum(amounts))
    countable = FEWEST < n_atoms < MOST_ATOMS
    unit = reduced_unit(atoms.matrix, n_atoms if countable else 1.0)
    _, found = host_sphere_sums(atoms.matrix / unit, atoms.frac_coords, weights, metric.q_max)
    found = SphereSums(*(x if x.dtype == bool else x.astype(dtype) for x in found))
    total = np.array(n_atoms, dtype)
    intensities = point_intensities(
        found.sums, numbers.astype(dtype), amounts.astype(dtype), total
    ) / (total * total)
    composition, density = np.zeros(0), np.zeros(0)
    if metric.composition:
        composition = np.zeros(118)
        composition[numbers - 1] = metric.composition * amounts / n_atoms
    if metric.density:
        density = np.array([3 * metric.density * np.log(unit)])
    usable = bool(found.complete) and countable and is_regular(atoms.matrix)
    return _Scattering(found, intensities, composition, density, usable)


def _expanded(
    metric: AbstractMetric, crystals: Sequence[_Scattering]
) -> Iterator[tuple[Float[np.ndarray, " D"], bool]]:
    """Expand the intensities of some crystals, with functions at all their points at once."""
    every = SphereSums(
        q=np.concatenate([one.found.q for one in crystals]),
        size=np.concatenate([one.found.size for one in crystals]),
        within=np.concatenate([one.found.within for one in crystals]),
        sums=np.zeros(0),
        complete=np.array(True),
    )
    radial, harmonics = spectra_basis(every, metric.n_max, metric.l_max, metric.q_max)
    profiles = line_profiles(every, metric.q_max) if metric.stacking else None
    end = 0
    for one in crystals:
        begin, end = end, end + len(one.found.q)
        own = slice(begin, end)
        parts = [
            spectra_of(one.intensities, radial[:, own], harmonics[:, own], metric.l_max),
            one.composition,
        ]
        if profiles is not None:
            # Of the sublattices of the elements, as in `resolved_lines`.
            parts.append(metric.stacking * (profiles[:, own] @ one.intensities[2]))
        vector = np.concatenate([*parts, one.density])
        yield (vector if one.usable else np.zeros_like(vector)), one.usable
