"""Diffraction by a crystal: structure factors, points in reciprocal space, powder patterns.

Sign convention (crystallographic): F(h) = sum_j f_j exp(+2 pi i h . x_j). Wave vectors carry the
2 pi: q = h @ reciprocal, |q| = 2 pi / d, and s = sin(theta)/lambda = q / 4 pi.

    hkl_sphere           reflections inside |q| <= q_max, complete for every cell (host)
    structure_factors    direct sum: any indices, displacement factors, anomalous scattering
    ReciprocalSpace      specification: q_max, form factors, taper
    ReciprocalPoints     q, normalised intensity, multiplicity, and whether they are complete

    points = ReciprocalSpace(q_max=10.0)(crystal)                     # plans by itself
    plan = ReciprocalSpace(q_max=10.0).plan(crystals, max_stretch=1.2)   # host
    points = plan(crystal)                                            # pure: jit, vmap, grad

A plan says where the reflections come from. They are listed on the host, for cells
that are known; symmetry may thin them (`laue=group.laue_rotations`), and atoms may have
displacement factors, charges and anomalous scattering. Or they are found by the compiled
program, for any cell: what a training loop needs. `plan(..., reflections=)` chooses.

A plan thinned by a Laue group trusts that every crystal it serves has that symmetry: the lattice is
checked (`complete`), the atoms are not. Its points come in Cartesian axes laid along the lattice,
in which the group acts alike for every cell.

Powder patterns (`powder`):

    PowderPattern("CuKa", limits=(10, 80), fwhm=0.2)(crystal).intensity
    plan = PowderPattern("CuKa").plan(crystals, max_stretch=1.1)      # host
    pattern = plan(crystal)                                           # pure: jit, vmap, grad
    powder_lines(crystal)                                             # table of lines (host)

Densities in real space, on a mesh of `fields`:

    field = field_from_crystal(crystal, (48, 48, 60), blur=0.02)      # host; lattice and group
    plan = AtomDensity((48, 48, 60), kind="electron").plan(crystal)   # host
    rho = plan(crystal).values                                        # pure: jit, vmap, grad
    rho = gaussian_density(mesh, lattice, frac, amplitude, sigma)     # any dimension
"""

from ._atom_density import AtomDensity as AtomDensity
from ._atom_density import field_from_crystal as field_from_crystal
from ._gaussian_density import gaussian_density as gaussian_density
from ._reciprocal_points import AbstractReflections as AbstractReflections
from ._reciprocal_points import ReciprocalPoints as ReciprocalPoints
from ._reciprocal_space import ReciprocalSpace as ReciprocalSpace
from ._structure_factors import structure_factors as structure_factors
from .powder._diffractogram import Diffractogram as Diffractogram
from .powder._lines import powder_lines as powder_lines
from .powder._pattern import PowderPattern as PowderPattern
from .powder._pattern import PowderPlan as PowderPlan
from .sums._hkl import hkl_sphere as hkl_sphere
