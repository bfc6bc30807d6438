"""Diffraction by a crystal: reflections, structure factors, points in reciprocal space.

Sign convention (crystallographic): F(h) = sum_j f_j exp(+2 pi i h . x_j). Wave vectors carry the
2 pi: q = h @ reciprocal, |q| = 2 pi / d, and s = sin(theta)/lambda = q / 4 pi.

    hkl_sphere, hkl_bounds   reflections inside |q| <= q_max, complete for every cell (host)
    structure_factors        direct sum: any indices, displacement factors, anomalous scattering
    structure_factor_box     separable product over a half box of indices
    signed_sums              the sums over atoms in it; signed_places: where those of indices are
    ReciprocalSpace          specification: q_max, form factors, taper; makes a plan and points
    ReciprocalPlan           static shapes and tables, an argument of every compiled function
    ReciprocalPoints         q, normalised intensity, multiplicity, and whether it is complete

    space = ReciprocalSpace(q_max=10.0)
    plan = space.plan(crystal, margin=1.1, laue=group.laue_rotations)   # host; laue is optional
    points = space(crystal, plan)                                       # pure: jit, vmap, grad

Densities in real space, on a mesh of `fields`:

    field = field_from_crystal(crystal, (48, 48, 60), blur=0.02)       # host; lattice and group
    plan = AtomDensityPlan.build(crystal, mesh, kind="electron")       # host
    rho = density_on_mesh(crystal, plan)                               # pure: jit, vmap, grad
    rho = gaussian_density(mesh, lattice, frac, amplitude, sigma)      # any dimension

Powder patterns, and a loss that compares them:

    pattern = PowderPattern("CuKa", limits=(10, 80), fwhm=0.2)          # specification
    plan = pattern.plan(crystals, margin=1.1)                          # host
    y = pattern(crystal, plan)                                         # pure: jit, vmap, grad
    loss = xrd_loss(ys, targets, step=pattern.step, width=2.0)         # 1 - pattern_similarity
    powder_lines(crystal, pattern)                                     # table of lines (host)

A plan thinned by a Laue group trusts that every crystal it serves has that symmetry: the lattice is
checked (`complete`), the atoms are not. Its points come in Cartesian axes laid along the lattice,
in which the group acts alike for every cell (`laue_frame`, `cartesian_rotations`).
"""

from ._atom_density import AtomDensityPlan as AtomDensityPlan
from ._atom_density import density_on_mesh as density_on_mesh
from ._atom_density import field_from_crystal as field_from_crystal
from ._box import structure_factor_box as structure_factor_box
from ._gaussian_density import gaussian_density as gaussian_density
from ._gaussian_density import gaussian_images as gaussian_images
from ._hkl import hkl_bounds as hkl_bounds
from ._hkl import hkl_sphere as hkl_sphere
from ._laue_symmetry import cartesian_rotations as cartesian_rotations
from ._laue_symmetry import laue_frame as laue_frame
from ._plan import ReciprocalPlan as ReciprocalPlan
from ._points import ReciprocalPoints as ReciprocalPoints
from ._points import ReciprocalSpace as ReciprocalSpace
from ._points import Taper as Taper
from ._points import taper as taper
from ._signed_sums import signed_places as signed_places
from ._signed_sums import signed_sums as signed_sums
from ._species_slots import countable as countable
from ._species_slots import species_slots as species_slots
from ._sphere_sums import HklBox as HklBox
from ._sphere_sums import SphereSums as SphereSums
from ._sphere_sums import box_size as box_size
from ._sphere_sums import safe_cell as safe_cell
from ._sphere_sums import sphere_sums as sphere_sums
from ._structure_factors import missing_species as missing_species
from ._structure_factors import structure_factors as structure_factors
from .powder._lines import PowderLine as PowderLine
from .powder._lines import powder_lines as powder_lines
from .powder._pattern import PowderPattern as PowderPattern
from .powder._peaks import PowderPeaks as PowderPeaks
from .powder._similarity import pattern_similarity as pattern_similarity
from .powder._similarity import xrd_loss as xrd_loss
