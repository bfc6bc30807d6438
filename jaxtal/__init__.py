"""GPU-accelerated, differentiable crystallography in JAX.

    import jaxtal as jxt

    quartz = jxt.prototype("alpha-quartz")              # or jxt.io.read("quartz.cif")
    target = jxt.describe(quartz, jxt.reconstruct.default_descriptor())
    found = jxt.reconstruct.from_descriptor(
        target, like=quartz, descriptor=jxt.reconstruct.default_descriptor(), starts=64
    )
    found.success, found.best.to_ase(), found.history

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
    grids         sampling grids of any dimension, with as few points as can be
    density       densities of structure factors: values, sections, peaks
    fields        periodic fields: meshes, symmetry-adapted bases, derivatives, resampling
    phasing       phases from moduli: charge flipping and its relatives in any dimension
    io            CIF, the formats of ASE, reflections, phases, periodic fields, maps
    search        fingerprints of whole folders, nearest neighbours, duplicates
    plot          pictures of the above
    cli           the command `jaxtal`

A room is imported when it is first used, and its names with it (`__init__.pyi` lists them).
"""

import importlib.metadata

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__version__ = importlib.metadata.version("jaxtal")
