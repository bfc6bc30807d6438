"""The vector of a crystal in NumPy: nothing is compiled (host)."""

from typing import Any

import numpy as np
from jaxtyping import Float

from ..crystal import HostAtoms
from ..diffraction.sums import FEWEST, MOST_ATOMS, SphereSums, host_sphere_sums, is_regular
from ._abstract_metric import AbstractMetric
from ._metric_plan import reduced_unit
from .terms._resolved_lines import resolved_lines
from .terms._scaled_spectra import scaled_spectra


def host_fingerprint(
    metric: AbstractMetric, atoms: HostAtoms, dtype: Any = np.float64
) -> tuple[Float[np.ndarray, " D"], bool]:
    """Compute the vector of one crystal without compiling anything (host).

    Args:
        metric: without terms of neighbours.
        atoms: the occupied sites, best in a reduced cell.
        dtype: of the expansion, as in compiled programs; the sums of waves are in double precision.

    Returns:
        The vector, and whether it is complete: zero and False for a cell that is near-singular, or
        of less than 0.001 or more than 10^6 atoms, as for `MetricPlan`.

    Raises:
        ValueError: a cell with too many reflections.
    """
    assert not metric.sees_neighbours
    numbers, place = np.unique(atoms.atomic_numbers, return_inverse=True)
    weights = np.zeros((len(numbers), len(atoms)))
    weights[place, np.arange(len(atoms))] = atoms.occupancies
    amounts = np.sum(weights, axis=1)
    n_atoms = float(np.sum(amounts))
    countable = FEWEST < n_atoms < MOST_ATOMS
    unit = reduced_unit(atoms.matrix, n_atoms if countable else 1.0)
    _, found = host_sphere_sums(atoms.matrix / unit, atoms.frac_coords, weights, metric.q_max)
    found = SphereSums(*(x if x.dtype == bool else x.astype(dtype) for x in found))
    sizes = (metric.n_max, metric.l_max, metric.q_max)
    total = np.array(n_atoms, dtype)
    parts = [
        scaled_spectra(found, numbers.astype(dtype), amounts.astype(dtype), total, *sizes),
    ]
    if metric.composition:
        shares = np.zeros(118)
        shares[numbers - 1] = amounts / n_atoms
        parts.append(metric.composition * shares)
    if metric.stacking:
        parts.append(metric.stacking * resolved_lines(found, total, metric.q_max))
    if metric.density:
        parts.append(np.array([3 * metric.density * np.log(unit)]))
    usable = bool(found.complete) and countable and is_regular(atoms.matrix)
    vector = np.concatenate(parts)
    return (vector if usable else np.zeros_like(vector)), usable
