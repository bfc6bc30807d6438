"""How well a grid uses its points."""

import dataclasses
import math
from typing import Any

import numpy as np

from ._collisions import check_indices
from ._ellipsoid import ellipsoid_volume, loewner_ellipsoid
from ._grid import Grid
from ._packings import packing_density


@dataclasses.dataclass(frozen=True)
class GridReport:
    """Size and filling factor of a grid against what dense ball packings could reach.

    Attributes:
        moduli: lengths of the axes.
        size: number of points.
        reflections: |K|, Friedel mates included.
        filling: share of the slots that are taken; |K| / size where alias-free.
        alias_free: True where every reflection has a slot of its own.
        packing_density: of the densest known lattice packing of balls in this dimension, the
            bound of the filling factor if K were a full ellipsoid.
        ellipsoid_points: lattice points per volume of the Loewner ellipsoid of K, its volume.
        packing_size: ellipsoid_points / packing_density, the size of a perfect packing of the
            ellipsoid. A grid for a K that is no ellipsoid can be smaller.
    """

    moduli: tuple[int, ...]
    size: int
    reflections: int
    filling: float
    alias_free: bool
    packing_density: float
    ellipsoid_points: float
    packing_size: float

    def text(self) -> str:
        """A few lines for people."""
        shape = " x ".join(map(str, self.moduli))
        kind = "alias-free" if self.alias_free else "aliased"
        return (
            f"grid            {shape} = {self.size} points, {kind}\n"
            f"filling factor  {self.filling:.4f} with {self.reflections} reflections\n"
            f"ball packings   density at most {self.packing_density:.4f}; Loewner ellipsoid "
            f"{self.ellipsoid_points:.0f} indices, perfectly packed {self.packing_size:.0f} points"
        )


def grid_report(grid: Grid, k: Any) -> GridReport:
    """Report on a grid for a set of reflections.

    Args:
        grid: any grid.
        k: all reflections, Friedel mates included, (refl, N).

    Returns:
        The report.

    Raises:
        ValueError: K not closed under negation or of another dimension than the grid.
    """
    k = check_indices(k)
    taken = len(np.unique(grid.flat(k)))
    volume, density = ellipsoid_volume(loewner_ellipsoid(k)), packing_density(grid.dimension)
    return GridReport(
        moduli=grid.moduli,
        size=math.prod(grid.moduli),
        reflections=len(k),
        filling=taken / grid.size,
        alias_free=taken == len(k),
        packing_density=density,
        ellipsoid_points=volume,
        packing_size=volume / density,
    )
