"""One peak that towers over all others: what false solutions of heavy-atom data look like."""

import numpy as np
from jaxtyping import Complex

from ..grids import Grid
from ..symmetry import Orbits
from ._free_cycles import fill_free

#: Ratio of the highest peak to the next that is told of.
DOMINATING = 4.0
#: Maxima of a density are looked for in up to this many dimensions.
_DIMENSIONS = 3


def dominance(orbits: Orbits, grid: Grid, f: Complex[np.ndarray, " n"]) -> float:
    """Height of the highest peak over that of the next one that no symmetry makes of it.

    Maxima of the grid are counted: a peak has at most as many equivalents as the group has
    operations, so that the next one begins there at the latest. NaN beyond three dimensions, and
    where there is no other peak.

    Args:
        orbits: their group and members.
        grid: alias-free.
        f: amplitudes of the orbits, (n,).
    """
    if orbits.group.dimension > _DIMENSIONS or len(grid.moduli) != orbits.group.dimension:
        return float("nan")
    turns = orbits.angle[orbits.orbit] + orbits.phase
    F = np.asarray(f, np.complex128)[orbits.orbit] * np.exp(2j * np.pi * turns)
    half = fill_free(grid.with_origin(np.zeros(grid.dimension)), orbits.members, F)
    density = np.fft.irfftn(half, s=grid.moduli, axes=tuple(range(len(grid.moduli))))
    top = density > 0
    steps = np.stack(np.meshgrid(*[[-1, 0, 1]] * density.ndim, indexing="ij"), -1)
    for step in steps.reshape(-1, density.ndim):
        if step.any():
            top &= density >= np.roll(density, tuple(step), tuple(range(density.ndim)))
    heights = np.sort(density[top])[::-1]
    if len(heights) <= orbits.group.order:
        return float("nan")
    return float(heights[0] / heights[orbits.group.order])
