"""Rows to be judged: intensities by index, merged under -1, looked up fast."""

import dataclasses

import numpy as np

from .._columns import Columns
from .._merge import merge

#: One integer per index triple; |h| stays below half of this.
_BASE = 1 << 16


@dataclasses.dataclass(frozen=True, eq=False)
class Rows:
    """Rows as measured and their means under -1.

    Attributes:
        columns: all rows.
        mean: one row for each Friedel pair, in `sorted` order of its key.
        keys: of these, ascending.
        r_friedel: R of rows that are equal or Friedel mates; None without several.
    """

    columns: Columns
    mean: Columns
    keys: np.ndarray
    r_friedel: float | None

    @classmethod
    def of(cls, columns: Columns) -> "Rows":
        """Merge under -1, outliers left out."""
        identity = np.eye(3, dtype=np.int64)
        merged = merge(
            columns, np.stack([identity, -identity]), "robust", np.arange(len(columns.k))
        )
        keys = friedel_keys(merged.columns.k)
        order = np.argsort(keys)
        enough = (merged.redundancy > 1).sum() >= 10
        return cls(
            columns, merged.columns.take(order), keys[order], merged.r_int if enough else None
        )

    def partners(self, k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Row of `mean` that each index or its Friedel mate is in, and whether there is one."""
        keys = friedel_keys(k)
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return at, self.keys[at] == keys


def friedel_keys(k: np.ndarray) -> np.ndarray:
    """An integer for each index triple, the same for k and -k alone, (n,)."""
    leading = k[np.arange(len(k)), (k != 0).argmax(axis=1)]
    k = k * np.where(leading < 0, -1, 1)[:, None] + _BASE // 2
    return (k[:, 0] * _BASE + k[:, 1]) * _BASE + k[:, 2]


@dataclasses.dataclass(frozen=True)
class Agreement:
    """How alike reflections are that an operation makes equivalent.

    Attributes:
        r: sum |I1 - I2| / sum (I1 + I2) over pairs above 3 sigma (all, if there are few).
        pairs: number of pairs, h and its image not the same.
        h: mean of |I1 - I2| / (I1 + I2) over the same pairs as r: (1 - 2 alpha) / 2 for a twin of
            fraction alpha without a centre of symmetry.
    """

    r: float
    pairs: int
    h: float


def agreement(rows: Rows, W: np.ndarray) -> Agreement | None:
    """Compare reflections with their images h W; None for fewer than ten pairs."""
    k = rows.mean.k
    at, there = rows.partners(k @ W)
    here = np.arange(len(k))
    pair = there & (at > here)
    if pair.sum() < 10:
        return None
    a, b = rows.mean.take(here[pair]), rows.mean.take(at[pair])
    one, other = a.intensity, b.intensity
    if a.sigma is not None and b.sigma is not None:
        strong = one + other > 3 * np.hypot(a.sigma, b.sigma)
        if strong.sum() >= 20:
            one, other = one[strong], other[strong]
    total = one + other
    if total.sum() <= 0:
        return None
    difference = np.abs(one - other)
    positive = total > 0
    return Agreement(
        float(difference.sum() / total.sum()),
        int(pair.sum()),
        float(np.mean(np.minimum(difference[positive] / total[positive], 1.0))),
    )


def r_int(columns: Columns, rotations: np.ndarray) -> tuple[float | None, int]:
    """R_int of all rows under some rotations, Friedel's law included, and rows compared."""
    best = friedel_keys(columns.k)
    for W in rotations:
        best = np.maximum(best, friedel_keys(columns.k @ W))
    orbit = np.unique(best, return_inverse=True)[1].reshape(-1)
    count = np.bincount(orbit)
    several = count[orbit] > 1
    I = columns.intensity
    total = np.abs(I[several]).sum()
    if not several.any() or total <= 0:
        return None, 0
    mean = np.bincount(orbit, I) / count
    return float(np.abs(I - mean[orbit])[several].sum() / total), int(several.sum())
