"""Which starts have found the structure: no start says so of itself alone."""

import numpy as np
from jaxtyping import Bool, Complex, Float

from ._agreement import Equivalences
from ._recipe import Recipe


def verdict(
    equivalences: Equivalences,
    recipe: Recipe,
    f: Complex[np.ndarray, "S n"],
    ratio: Float[np.ndarray, " S"],
    r_factor: Float[np.ndarray, " S"],
) -> tuple[Bool[np.ndarray, " S"], Float[np.ndarray, " S"]]:
    """Convergence of some finished starts.

    Args:
        equivalences: origins and hands of the group.
        recipe: its thresholds.
        f: final amplitudes of each start, (S, n).
        ratio: (max - median) / (median - min) of each density on the alias-free grid, (S,).
        r_factor: R of each, (S,).

    Returns:
        converged (S,): the start passes (its ratio is above the recipe's, its R below), and so
        does another one with which it agrees; the best agreement with any other start that
        passes, NaN where there is none, (S,).
    """
    # An algorithm may have run away: such a start has nothing to compare.
    sound = np.isfinite(f).all(axis=1) & f.any(axis=1)
    passed = (ratio > recipe.ratio) & (r_factor < recipe.r_factor) & sound
    best = np.full(len(f), np.nan)
    if passed.any() and sound.sum() > 1:
        agreement = equivalences.pairwise(f[sound])
        np.fill_diagonal(agreement, -np.inf)
        agreement[:, ~passed[sound]] = -np.inf
        found = agreement.max(axis=1)
        best[sound] = np.where(np.isfinite(found), found, np.nan)
    return passed & (best > recipe.agreement), best
