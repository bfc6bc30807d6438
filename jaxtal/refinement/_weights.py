"""Weights of SHELX's form that make the variance flat over intensities and resolution."""

import numpy as np
from jaxtyping import Float

_BINS = 10
#: Steps of a and b that are tried, around values on a logarithmic scale.
_A = np.concatenate([[0.0], np.geomspace(0.002, 0.2, 30)])
_B = np.concatenate([[0.0], np.geomspace(0.005, 50.0, 28)])


def fit_weights(
    measured: Float[np.ndarray, " n"],
    calculated: Float[np.ndarray, " n"],
    sigma: Float[np.ndarray, " n"],
    stol2: Float[np.ndarray, " n"],
    parameters: int,
) -> tuple[float, float]:
    """Choose a and b of w = 1 / (sigma^2 + (a P)^2 + b P), P = (max(I, 0) + 2 Y) / 3.

    Least is the sum over bins of (log <w (I - Y)^2> n / (n - p))^2, ten bins of equal size by Y and
    ten by resolution: a mean variance of one everywhere, and with it a goodness of fit near one.

    Args:
        measured: I, on the scale of |F|^2 (b has its unit).
        calculated: Y, likewise.
        sigma: of I.
        stol2: s^2, 1/A^2.
        parameters: p, the number that was refined.

    Returns:
        a, b.
    """
    n = len(measured)
    freedom = max(n - parameters, n // 10, 1) / n
    P = (np.maximum(measured, 0.0) + 2 * calculated) / 3
    off = (measured - calculated) ** 2
    bins = []
    for key in (calculated, stol2):
        order = np.argsort(key, kind="stable")
        bins.append(list(np.array_split(order, min(_BINS, max(n // 20, 1)))))

    def spread(a: float, b: float) -> float:
        terms = off / (sigma**2 + (a * P) ** 2 + b * P)
        means = [terms[part].mean() / freedom for parts in bins for part in parts]
        return float(np.sum(np.log(np.maximum(means, 1e-6)) ** 2))

    best = min(((spread(a, b), a, b) for a in _A[::2] for b in _B[::2]), key=lambda one: one[0])
    near_a = np.abs(_A - best[1]).argsort()[:3]
    near_b = np.abs(_B - best[2]).argsort()[:3]
    trials = [(spread(a, b), a, b) for a in _A[near_a] for b in _B[near_b]]
    for step in (0.2, 0.1, 0.05):
        trials.append(best)
        best = min(trials, key=lambda one: one[0])
        trials = [
            (spread(a, b), a, b)
            for a in best[1] * np.array([1 - step, 1, 1 + step])
            for b in best[2] * np.array([1 - step, 1, 1 + step])
        ]
    # A term that changes nothing is left out.
    if spread(best[1], 0.0) < 1.02 * best[0]:
        best = (best[0], best[1], 0.0)
    return round(float(best[1]), 4), round(float(best[2]), 4)
