"""Sampling grids of any dimension: as few points as hold a set of reflections apart. Host only.

A `Grid` is a finite set of points x_j = origin + V (j / m) on which exp(-2 pi i k.x) depends on an
index k only through its slot k V mod m: a density is one r-dimensional FFT of amplitudes put into
slots. The set K of reflections (Friedel mates included) is sampled without aliasing when all slots
differ, that is when the reciprocal sublattice {k : k V = 0 mod m} holds no difference of two of
them. Ways to make one, all seeded and with their origin at zero:

    mesh_for(K), mesh_grid((64, 64, 64))        # the regular mesh: V = identity
    cyclic_grid(K)                              # one axis; rounded packings (published search)
    search_grid(K, rotations=group.rotations)   # smallest: 2-3 axes with small prime factors
    quotient_grid(M)                            # any sublattice, by its rows
    folded_grids((32, 32, 32), 6, count=8)      # far too small on purpose; random origins
    grid.with_origin(random_origin(6, seed=1))  # no point left on a symmetry element
    grid_report(grid, K).text()                 # size, filling factor, packing bound

`search_grid` and `cyclic_grid` are bounded by a number of trials, which makes them reproducible,
and by seconds as a safety net. Save a good grid: `grid.save("grid.npz")`, `Grid.load`.

Around K: `inertia_ellipsoid`, `loewner_ellipsoid`; packings of balls:
`packing_basis`, `packing_density`; `lll` reduces a basis in any metric.
"""

from ._cyclic import cyclic_grid as cyclic_grid
from ._ellipsoid import inertia_ellipsoid as inertia_ellipsoid
from ._ellipsoid import loewner_ellipsoid as loewner_ellipsoid
from ._folded import folded_grids as folded_grids
from ._folded import random_origin as random_origin
from ._grid import Grid as Grid
from ._grid_report import grid_report as grid_report
from ._packings import packing_basis as packing_basis
from ._packings import packing_density as packing_density
from ._quotient import quotient_grid as quotient_grid
from ._regular import mesh_for as mesh_for
from ._regular import mesh_grid as mesh_grid
from ._search import search_grid as search_grid
