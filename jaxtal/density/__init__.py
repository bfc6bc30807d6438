"""Densities of structure factors in any dimension: at points, on grids, in sections, their peaks.

Fourier sign: rho(x) = (1/V) sum_k F(k) exp(-2 pi i k.x), F(k) = sum f exp(+2 pi i k.x).

    density = Density.from_orbits(orbits, f)            # or from_reflections(k, F, volume)
    density(x), density.taylor(x)                       # values, gradients, second derivatives
    density.on_grid(grid)                               # one fast Fourier transform
    section(density, Plane(...))                        # a plane of the cell, to scale
    physical_map(density, space, ...)                   # physical space of a superspace density
    find_peaks(density, grid, group=group)              # maxima, climbed by Newton's method
"""

from ._density import Density as Density
from ._peaks import Peaks as Peaks
from ._peaks import find_peaks as find_peaks
from ._section import PhysicalMap as PhysicalMap
from ._section import Plane as Plane
from ._section import Section as Section
from ._section import physical_map as physical_map
from ._section import section as section
