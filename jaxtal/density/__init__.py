"""Densities of structure factors in any dimension: at points, on grids, in sections, their peaks.

Fourier sign: rho(x) = (1/V) sum_k F(k) exp(-2 pi i k.x), F(k) = sum f exp(+2 pi i k.x).

    density = phase(reflections).density                # knows its grid, group and space
    density = Density.from_orbits(orbits, f)            # or from_reflections(k, F, volume)
    density(x), density.taylor(x)                       # values, gradients, second derivatives
    density.on_grid(grid)                               # one fast Fourier transform
    density.section(([1, 0, 0], [0, 1, 0]))             # along two lattice vectors, to scale
    density.section(Plane.physical(space, first, second))
    density.physical_map(edges, shape)                  # a box of physical space
    density.peaks(limit=30)                             # maxima, climbed by Newton's method
"""

from ._density import Density as Density
from ._peaks import Peaks as Peaks
from ._section import Plane as Plane
from ._section import Section as Section
