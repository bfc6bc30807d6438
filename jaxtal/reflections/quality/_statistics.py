"""Distribution of intensities: centric or acentric, twinned or not."""

import dataclasses

import numpy as np

from .._normalised import smooth_means
from .._reflections import Reflections
from .._shells import shell_count
from ._rows import friedel_keys

#: Values of z = E^2 at which N(z) is given.
Z = np.linspace(0.0, 2.0, 41)
_STEPS = np.array(
    [(a, b, c) for a in (0, 2) for b in (-2, 0, 2) for c in (-2, 0, 2) if (a, b, c) > (0, 0, 0)]
)
#: Fewer reflections say nothing.
_FEWEST = 50


@dataclasses.dataclass(frozen=True, eq=False)
class IntensityStatistics:
    """Moments and distribution of E^2 = I / (epsilon <I / epsilon>) of general reflections.

    General reflections are those that no rotation of the Laue class keeps: they are centric only
    if the crystal is. Expected without (with) a centre of symmetry, and for a perfect twin without:

        <|E^2 - 1|>       0.736   (0.968)   0.541
        <E^4>             2       (3)       1.5
        <|L|>             1/2     (2/pi)    3/8
        <L^2>             1/3     (1/2)     1/5

    Attributes:
        count: general reflections used.
        d_min: of these: shells at the end with mean I / sigma below 2 are left out, angstrom.
        e2_minus_1: <|E^2 - 1|>.
        e4: <E^4>.
        n_z: N(z), fraction with E^2 below z at 0, 0.05, ..., 2, (41,).
        l_mean: <|L|>, L = (I1 - I2) / (I1 + I2) of neighbours with h differing by even numbers;
            None for fewer than fifty pairs.
        l_square: <L^2>; None likewise.
        l_pairs: number of these pairs.

    References:
        A. J. C. Wilson, Acta Cryst. 2 (1949) 318. E. Stanley, J. Appl. Cryst. 5 (1972) 191.
        J. E. Padilla and T. O. Yeates, Acta Cryst. D59 (2003) 1124.
    """

    count: int
    d_min: float
    e2_minus_1: float
    e4: float
    n_z: np.ndarray
    l_mean: float | None
    l_square: float | None
    l_pairs: int


def intensity_statistics(reflections: Reflections) -> IntensityStatistics | None:
    """Compute the statistics of data merged under their Laue class; None for too few."""
    k, I, sigma = reflections.k, reflections.intensity, reflections.sigma
    fixed = np.zeros(len(k), np.int64)
    for W in reflections.group.laue_rotations:
        fixed += (k @ W == k).all(axis=1)
    s2 = reflections.stol2
    general = (fixed == 1) & (s2 <= _limit(s2, I, sigma))
    if general.sum() < _FEWEST or I[general].max() <= 0:
        return None
    s2, I, k = s2[general], np.maximum(I[general], 0.0), k[general]
    count = shell_count(len(s2), 60, 1, 25)
    E2 = I / smooth_means(s2, I, count)
    L = _neighbours(k, E2, reflections.group.laue_rotations)
    enough = len(L) >= _FEWEST
    return IntensityStatistics(
        count=len(E2),
        d_min=float(0.5 / np.sqrt(s2.max())),
        e2_minus_1=float(np.abs(E2 - 1).mean()),
        e4=float((E2**2).mean()),
        n_z=(E2[:, None] < Z).mean(axis=0),
        l_mean=float(np.abs(L).mean()) if enough else None,
        l_square=float((L**2).mean()) if enough else None,
        l_pairs=len(L),
    )


def _limit(s2: np.ndarray, I: np.ndarray, sigma: np.ndarray | None) -> float:
    """Largest s^2 before the shells at the end that are noise."""
    largest = float(s2.max())
    if sigma is None or len(s2) < 4 * _FEWEST:
        return largest
    order = np.argsort(s2)
    parts = np.array_split(order, max(4, min(20, len(s2) // _FEWEST)))
    good = sigma > 0
    signal = [
        float(np.mean(I[part][good[part]] / sigma[part][good[part]])) if good[part].any() else 0.0
        for part in parts
    ]
    strong = np.flatnonzero(np.array(signal) >= 2)
    if len(strong) == 0:
        return largest
    return float(s2[parts[int(strong[-1])]].max())


def _neighbours(k: np.ndarray, E2: np.ndarray, rotations: np.ndarray) -> np.ndarray:
    """L of pairs of general reflections whose indices differ by 0 or 2."""
    keys = np.concatenate([friedel_keys(k @ W) for W in rotations])
    owner = np.tile(np.arange(len(k)), len(rotations))
    keys, first = np.unique(keys, return_index=True)
    owner = owner[first]
    one, other = [], []
    for step in _STEPS:
        wanted = friedel_keys(k + step)
        at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        there = (keys[at] == wanted) & (owner[at] != np.arange(len(k)))
        one.append(np.flatnonzero(there))
        other.append(owner[at[there]])
    a, b = E2[np.concatenate(one)], E2[np.concatenate(other)]
    total = a + b
    return ((a - b) / np.where(total > 0, total, 1.0))[total > 0]
