"""GPU-accelerated, differentiable crystallography in JAX.

    import jaxtal as jxt

    quartz = jxt.prototype("alpha-quartz")              # or jxt.io.read("quartz.cif")
    target = jxt.describe(quartz)                       # knows its specification
    jxt.distance(quartz, jxt.prototype("beta-quartz"))  # of crystals or descriptions
    found = jxt.reconstruct.from_descriptor(target, like=quartz, starts=64)
    found.success, found.message, found.best.to_ase()

The names below are where a user starts; each room's docstring is its handbook:

    lattice       cell parameters, matrices, reciprocal lattices, reduction
    symmetry      exact operations, space groups, Wyckoff positions (no JAX)
    scattering    form factors, Debye-Waller factors
    crystal       `Crystal` (every atom), `WyckoffCrystal` (free parameters), built-in structures
    diffraction   structure factors, points in reciprocal space
    descriptors   power spectrum, radial and pair distributions
    metric        fingerprints and distances of crystals
    losses        losses of batches for training loops
    reconstruct   crystals from descriptors
    reflections   lists of measured reflections in any dimension, normalised amplitudes
    fields        meshes, symmetry-adapted bases, sampling grids, densities, sections, peaks
    phasing       phases from moduli: charge flipping and its relatives in any dimension
    io            CIF, the formats of ASE, reflections, phases, periodic fields, maps
    search        fingerprints of whole folders, nearest neighbours, duplicates
    plot          pictures of the above
    cli           the command `jaxtal`
"""

import importlib.metadata

from . import crystal as crystal
from . import descriptors as descriptors
from . import diffraction as diffraction
from . import fields as fields
from . import io as io
from . import lattice as lattice
from . import losses as losses
from . import metric as metric
from . import phasing as phasing
from . import plot as plot
from . import reconstruct as reconstruct
from . import reflections as reflections
from . import scattering as scattering
from . import search as search
from . import symmetry as symmetry
from .crystal import Crystal as Crystal
from .crystal import WyckoffCrystal as WyckoffCrystal
from .crystal import match_crystals as match_crystals
from .crystal import prototype as prototype
from .crystal import prototype_names as prototype_names
from .descriptors import Description as Description
from .descriptors import Descriptor as Descriptor
from .descriptors import PairDistribution as PairDistribution
from .descriptors import PowerSpectrum as PowerSpectrum
from .descriptors import RadialDistribution as RadialDistribution
from .descriptors import describe as describe
from .descriptors import preset as preset
from .diffraction import ReciprocalSpace as ReciprocalSpace
from .diffraction import structure_factors as structure_factors
from .fields import Grid as Grid
from .fields import Mesh as Mesh
from .fields import PeriodicField as PeriodicField
from .fields import StarBasis as StarBasis
from .lattice import BravaisLattice as BravaisLattice
from .lattice import Lattice as Lattice
from .lattice import Superspace as Superspace
from .metric import CrystalMetric as CrystalMetric
from .metric import distance as distance
from .metric import rdf_distance as rdf_distance
from .metric import relative_distance as relative_distance
from .phasing import PhasingProblem as PhasingProblem
from .phasing import phase as phase
from .reflections import Reflections as Reflections
from .scattering import FormFactors as FormFactors
from .search import fingerprints as fingerprints
from .symmetry import SpaceGroup as SpaceGroup
from .symmetry import SymOp as SymOp

__version__ = importlib.metadata.version("jaxtal")
