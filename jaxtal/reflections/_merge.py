"""Equivalent reflections made one, by a stated rule, and how well they agree."""

import dataclasses
from typing import Literal

import numpy as np

from ..symmetry import SpaceGroup, laue_unique
from ._columns import Columns

Rule = Literal["first", "mean"]


@dataclasses.dataclass(frozen=True)
class Disagreement:
    """The two equivalent rows whose intensities differ most.

    Attributes:
        rows: the two rows, numbered from 0 as they were given.
        intensities: I of each.
        deviation: their difference in combined standard uncertainties, or, without
            uncertainties, over the sum of their absolute values.
        in_sigma: which of the two `deviation` is.
    """

    rows: tuple[int, int]
    intensities: tuple[float, float]
    deviation: float
    in_sigma: bool


@dataclasses.dataclass(frozen=True, eq=False)
class Merged:
    """Columns with one row for each orbit, the number of rows of each, and their agreement."""

    columns: Columns
    redundancy: np.ndarray
    r_int: float | None
    worst: Disagreement | None


def merge(columns: Columns, group: SpaceGroup, rule: Rule, rows: np.ndarray) -> Merged:
    """Merge symmetry equivalents, Friedel mates and duplicates, in order of first appearance.

    "first" keeps the first row of an orbit. "mean" takes the mean weighted with 1 / sigma^2,
    sigma = (sum 1 / sigma^2)^(-1/2); without uncertainties, or where one of an orbit is zero, the
    plain mean with sigma = (sum sigma^2)^(1/2) / m. Indices are those of the first row.

    R_int = sum |I - <I>| / sum |I| over orbits with several rows.

    Args:
        columns: checked data without extinct reflections.
        group: the group.
        rule: "first" or "mean".
        rows: numbers that the rows had in the input, for `Disagreement`.
    """
    unique = laue_unique(columns.k, group.laue_rotations)[0]
    _, first, orbit = np.unique(unique, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    first, orbit = first[order], rank[orbit.reshape(-1)]
    count = np.bincount(orbit)
    r_int, worst = _agreement(columns, orbit, count, rows)
    kept = columns.take(first)
    if rule == "mean" and (count > 1).any():
        kept = Columns(kept.k, *_means(columns, orbit, count))
    return Merged(kept, count, r_int, worst)


def _means(
    columns: Columns, orbit: np.ndarray, count: np.ndarray
) -> tuple[np.ndarray, np.ndarray | None]:
    n = len(count)
    plain = np.bincount(orbit, columns.intensity, n) / count
    if columns.sigma is None:
        return plain, None
    variance = columns.sigma**2
    usable = np.bincount(orbit, variance == 0, n) == 0
    weight = 1 / np.where(variance > 0, variance, 1.0)
    total = np.bincount(orbit, weight, n)
    weighted = np.bincount(orbit, weight * columns.intensity, n) / total
    spread = np.sqrt(np.bincount(orbit, variance, n)) / count
    return np.where(usable, weighted, plain), np.where(usable, total**-0.5, spread)


def _agreement(
    columns: Columns, orbit: np.ndarray, count: np.ndarray, rows: np.ndarray
) -> tuple[float | None, Disagreement | None]:
    several = np.flatnonzero(count[orbit] > 1)
    if len(several) == 0:
        return None, None
    I = columns.intensity
    mean = np.bincount(orbit, I) / count
    total = np.abs(I[several]).sum()
    r_int = float(np.abs(I - mean[orbit])[several].sum() / total) if total > 0 else 0.0
    # Rows sorted by orbit, then intensity: the ends of each run are its extremes.
    several = several[np.lexsort((I[several], orbit[several]))]
    starts = np.flatnonzero(np.diff(orbit[several], prepend=-1))
    low, high = several[starts], several[np.append(starts[1:], len(several)) - 1]
    difference = I[high] - I[low]
    if columns.sigma is None:
        scale = np.abs(I[high]) + np.abs(I[low])
    else:
        scale = np.hypot(columns.sigma[high], columns.sigma[low])
    with np.errstate(divide="ignore", invalid="ignore"):
        deviation = np.where(difference > 0, difference / scale, 0.0)
    at = int(deviation.argmax())
    if difference[at] == 0:
        return r_int, None
    pair = sorted((int(low[at]), int(high[at])))
    worst = Disagreement(
        rows=(int(rows[pair[0]]), int(rows[pair[1]])),
        intensities=(float(I[pair[0]]), float(I[pair[1]])),
        deviation=float(deviation[at]),
        in_sigma=columns.sigma is not None,
    )
    return r_int, worst
