"""Equivalent reflections made one, by a stated rule, and how well they agree."""

import dataclasses
from typing import Literal

import numpy as np

from ..symmetry import laue_unique
from ._columns import Columns

Rule = Literal["first", "mean", "robust"]

#: Distance from the median of an orbit, in sigma, of a row that is no measurement of it.
_OUTLYING = 6.0


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
    """Columns with one row for each orbit, and how the rows of each agree.

    Attributes:
        columns: indices of the first row of each orbit, intensity and sigma, (n,).
        redundancy: rows of each orbit, outliers not counted, (n,).
        r_int: sum |I - <I>| / sum |I| over orbits with several rows; None without such.
        worst: the two rows that differ most.
        orbit: orbit of each row, (rows,).
        used: False for outliers, (rows,).
    """

    columns: Columns
    redundancy: np.ndarray
    r_int: float | None
    worst: Disagreement | None
    orbit: np.ndarray
    used: np.ndarray

    @property
    def outliers(self) -> int:
        """Number of rows left out."""
        return int((~self.used).sum())


def merge(columns: Columns, rotations: np.ndarray, rule: Rule, rows: np.ndarray) -> Merged:
    """Merge equivalents and duplicates, in order of first appearance.

    "first" keeps the first row of an orbit. "mean" takes the mean weighted with 1 / sigma^2,
    sigma = (sum 1 / sigma^2)^(-1/2); without uncertainties, or where one of an orbit is zero, the
    plain mean with sigma = (sum sigma^2)^(1/2) / m. "robust" leaves out rows further from the
    median of three or more than 6 times the larger of sigma and the orbit's scatter, and takes
    the larger of this sigma and that of the scatter, (sum w (I - <I>)^2 / ((m - 1) sum w))^(1/2).
    Indices are those of the first row.

    R_int = sum |I - <I>| / sum |I| over orbits with several rows.

    Args:
        columns: checked data without extinct reflections.
        rotations: of the Laue group; of the point group, to keep Friedel mates apart.
        rule: "first", "mean" or "robust".
        rows: numbers that the rows had in the input, for `Disagreement`.
    """
    unique = laue_unique(columns.k, rotations)[0]
    _, first, orbit = np.unique(_keys(unique), return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    first, orbit = first[order], rank[orbit.reshape(-1)]
    used = np.ones(len(orbit), bool)
    if rule == "robust":
        used = _believed(columns, orbit)
    good, of = columns.take(used), orbit[used]
    count = np.bincount(of)
    r_int, worst = _agreement(good, of, count, rows[used])
    kept = columns.take(first)
    if rule != "first" and (count > 1).any():
        mean, sigma = _means(good, of, count)
        if rule == "robust" and sigma is not None and good.sigma is not None:
            sigma = np.maximum(sigma, _scatter(good.intensity, good.sigma, mean, of, count))
        kept = Columns(kept.k, mean, sigma)
    return Merged(kept, count, r_int, worst, orbit, used)


def _keys(k: np.ndarray) -> np.ndarray:
    """An integer for each different row, (rows,): rows themselves take long to sort."""
    span = 2 * int(np.abs(k).max(initial=0)) + 1
    if float(span) ** k.shape[1] < 2.0**62:
        return (k + span // 2) @ (span ** np.arange(k.shape[1])[::-1])
    return np.unique(k, axis=0, return_inverse=True)[1].reshape(-1)


def _believed(columns: Columns, orbit: np.ndarray) -> np.ndarray:
    """False for outliers of orbits with three rows or more, (rows,)."""
    I = columns.intensity
    order = np.lexsort((I, orbit))
    count = np.bincount(orbit)
    start = np.cumsum(count) - count
    middle = I[order[start + count // 2]], I[order[start + (count - 1) // 2]]
    away = np.abs(I - (0.5 * (middle[0] + middle[1]))[orbit])
    ranked = np.lexsort((away, orbit))
    # 1.4826 times the median deviation is the standard deviation of a normal distribution.
    spread = 1.4826 * away[ranked[start + count // 2]][orbit]
    scale = spread if columns.sigma is None else np.maximum(columns.sigma, spread)
    return (away <= _OUTLYING * scale) | (count[orbit] < 3)


def _scatter(
    I: np.ndarray, sigma: np.ndarray, mean: np.ndarray, orbit: np.ndarray, count: np.ndarray
) -> np.ndarray:
    """Standard uncertainty of each mean from the scatter of its rows; 0 for single ones."""
    weight = 1 / np.where(sigma > 0, sigma, np.inf) ** 2
    total = np.bincount(orbit, weight, len(count))
    square = np.bincount(orbit, weight * (I - mean[orbit]) ** 2, len(count))
    below = np.maximum(count - 1, 1) * np.where(total > 0, total, 1.0)
    return np.sqrt(np.where(count > 1, square / below, 0.0))


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
