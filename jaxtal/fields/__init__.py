"""Periodic fields in one to three dimensions: meshes, waves, stars, bases, derivatives.

Fourier sign of this room: f(r) = sum_n F(n) exp(+2 pi i n.r) with F(n) = (1/M) sum_m f(m)
exp(-2 pi i n.m/M), n integers, r reduced coordinates; `jnp.fft` with norm="forward". (Structure
factors have the other sign: rho = (1/V) sum F exp(-2 pi i k.x); `Density` holds those, and
`mesh_density` and `diffraction.AtomDensity` convert.)

    mesh = Mesh((32, 32, 32))                   # nodes, DFT indices, aliases, half storage
    mesh.to_waves(f), mesh.to_values(F)
    waves = Waves.build(mesh, lattice)          # shortest aliases, ties; |G|^2 in a moving cell
    basis = StarBasis("I a -3 d", mesh=(32, 32, 32), cell=("cubic", [3.5]))
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
"""

from ._basis_field import BasisField as BasisField
from ._derivatives import gradient as gradient
from ._derivatives import laplacian as laplacian
from ._evaluate import evaluate as evaluate
from ._mesh import Mesh as Mesh
from ._periodic_field import PeriodicField as PeriodicField
from ._resample import ResamplePlan as ResamplePlan
from ._resample import resample as resample
from ._star_basis import StarBasis as StarBasis
from ._stars import Stars as Stars
from ._waves import Waves as Waves
