"""GPU-accelerated, differentiable crystallography in JAX.

    import jaxtal as jxt

    quartz = jxt.prototype("alpha-quartz")              # or jxt.io.read("quartz.cif")
    target = jxt.describe(quartz)
    found = jxt.reconstruct.from_descriptor(target, like=quartz, starts=64)
    found.success, found.best, found.message

The names below are where a user starts; each room's docstring is its handbook:

    lattice       cell parameters, matrices, reciprocal lattices, reduction, superspace
    symmetry      exact operations, space groups, Wyckoff positions (no JAX)
    scattering    form factors, Debye-Waller factors, profiles of windows
    crystal       `Crystal` (every atom), `WyckoffCrystal` (free parameters), batches, prototypes
    reflections   lists of measured reflections in any dimension, normalised amplitudes
    grids         sampling grids of any dimension, with as few points as can be
    density       densities of structure factors: values, sections, peaks
    fields        periodic fields: meshes, symmetry-adapted bases, derivatives, resampling
    diffraction   structure factors, points in reciprocal space, powder patterns
    descriptors   power spectrum, radial and pair distributions
    metric        fingerprints and distances of crystals
    losses        losses of batches for training loops
    reconstruct   crystals from descriptors
    phasing       phases from moduli: charge flipping and its relatives in any dimension
    solution      structures of crystals: phases in P1, space group from the density, atoms
    refinement    crystals refined against intensities, difference densities, hydrogen atoms
    io            CIF, the formats of ASE, reflections, phases, descriptions, fields, maps
    search        fingerprints of whole folders, nearest neighbours, duplicates
    plot          pictures of the above
    monitor       a live page of phasing, solution and reconstruction
    torch         any of the losses, or any JAX function, in PyTorch
    cli           the command `jaxtal`

Words that all rooms use alike:

    specification the settings of a computation: `Descriptor`, `CrystalMetric`, `PowderPattern` ...
    plan          what decides the shapes of arrays, made on the host by `specification.plan`; it
                  holds its specification and is called with crystals inside `jit`
    complete      False in a result whose crystal the plan does not serve; `fits` of a loss
    max_stretch   factor by which any direction of a lattice may stretch before it outgrows a plan
    frac_coords   fractional coordinates; rows of `matrix` are a, b, c in angstrom
    species       labels ("Si", "O2-", "D"); `atomic_numbers` are numbers
    hkl, d, q     indices; spacing in angstrom; |q| = 2 pi / d; stol = sin(theta)/lambda = q/(4 pi)
    orbit, star   reflections, or waves, that symmetry makes one
    window        factors on amplitudes that fall off toward the edge of the data; its shape in
                  q / q_max is a profile (of a descriptor: a taper)
    description   power spectrum and radial distribution of a crystal
    fingerprint   vector of a crystal in a metric

Crystals are described, fingerprinted and made into powder patterns in NumPy where nothing is
differentiated; what is compiled takes seconds the first time. `use_compilation_cache()` keeps it
for the next run, as the command line does.

A room is imported when it is first used, and its names with it (`__init__.pyi` lists them).
"""

from typing import Any

import lazy_loader

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    if name == "__version__":  # the packages of the environment are looked through
        import importlib.metadata

        return importlib.metadata.version("jaxtal")
    return _load(name)
