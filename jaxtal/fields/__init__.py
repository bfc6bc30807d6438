"""Periodic fields: meshes and stars in the direct cell, sampling grids of any dimension, sections.

Fourier sign of this room: f(r) = sum_n F(n) exp(+2 pi i n.r) with F(n) = (1/M) sum_m f(m)
exp(-2 pi i n.m/M), n integers, r reduced coordinates; `jnp.fft` with norm="forward". (Structure
factors have the other sign: rho = (1/V) sum F exp(-2 pi i k.x); `Density` holds those, and
`mesh_density` and `diffraction.AtomDensity` convert.)

    mesh = Mesh((32, 32, 32))                   # nodes, DFT indices, aliases, half storage
    mesh.to_waves(f), mesh.to_values(F)
    waves = Waves.build(mesh, lattice)          # shortest aliases, ties; |G|^2 in a moving cell
    basis = StarBasis.build(mesh, lattice, "I a -3 d")
    basis.to_mesh(a), basis.from_mesh(f)        # symmetry-adapted coefficients <-> nodes
    basis.project(f), basis.asymmetry(f)
    basis.stars                                 # waves, stars and phases, in PSCF's order

`PeriodicField` is n real fields on a `Mesh` of a cell, with its lattice and its group:

    field = PeriodicField.from_arrays(values, "cubic", [3.5], group="I a -3 d")
    field.gradient(), field.laplacian()         # spectral, on the nodes
    field.at(x)                                 # between them: exact, smooth, real
    field.resample((64, 64, 64))                # finer or coarser, in any mixture
    field.replicate((2, 2, 1)), field.expand(3, (16,))
    field.density(0), field.section(plane)      # everything that a `Density` can do

`BasisField` is the same in the coefficients of a `StarBasis`: `BasisField.from_field(field)`.

The functions behind it (`gradient`, `laplacian`, `evaluate`, `resample`, `replicate`, `expand`)
take one field and a static plan, and are differentiable in the values and in the cell.

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

Around K: `inertia_ellipsoid`, `loewner_ellipsoid`, `ellipsoid_volume`; packings of balls:
`packing_basis`, `packing_density`; `lll` reduces a basis in any metric.
"""

from ._basis_field import BasisField as BasisField
from ._cyclic import cyclic_grid as cyclic_grid
from ._density import Density as Density
from ._derivatives import gradient as gradient
from ._derivatives import laplacian as laplacian
from ._ellipsoid import ellipsoid_volume as ellipsoid_volume
from ._ellipsoid import inertia_ellipsoid as inertia_ellipsoid
from ._ellipsoid import loewner_ellipsoid as loewner_ellipsoid
from ._evaluate import evaluate as evaluate
from ._evaluate import mesh_density as mesh_density
from ._folded import folded_grids as folded_grids
from ._folded import random_origin as random_origin
from ._grid import Grid as Grid
from ._lll import lll as lll
from ._mesh import Mesh as Mesh
from ._mesh_grid import mesh_for as mesh_for
from ._mesh_grid import mesh_grid as mesh_grid
from ._packings import packing_basis as packing_basis
from ._packings import packing_density as packing_density
from ._peaks import Peaks as Peaks
from ._peaks import find_peaks as find_peaks
from ._periodic_field import PeriodicField as PeriodicField
from ._quotient import quotient_grid as quotient_grid
from ._report import GridReport as GridReport
from ._report import grid_report as grid_report
from ._resample import ResamplePlan as ResamplePlan
from ._resample import resample as resample
from ._search import search_grid as search_grid
from ._section import PhysicalMap as PhysicalMap
from ._section import Plane as Plane
from ._section import Section as Section
from ._section import physical_map as physical_map
from ._section import section as section
from ._smooth import next_smooth as next_smooth
from ._star_basis import StarBasis as StarBasis
from ._stars import Stars as Stars
from ._tiling import expand as expand
from ._tiling import replicate as replicate
from ._waves import LATTICE_TOLERANCE as LATTICE_TOLERANCE
from ._waves import Waves as Waves
from ._waves import minimal_indices as minimal_indices
