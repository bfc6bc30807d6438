"""Descriptors: what of a crystal no choice of cell, origin, orientation or setting changes.

Points in reciprocal space (`diffraction.ReciprocalSpace`) are expanded in spherical harmonics and
radial functions; squared and summed over m the coefficients are the `PowerSpectrum`, binned by
|q| the intensities are the `RadialDistribution`. A `Descriptor` computes both from one set of
points. `PairDistribution` is the real-space g(r), resolved by species. Each follows the pattern

    descriptor = Descriptor(n_max=10, l_max=10, q_max=10.0)      # specification
    descriptor(crystal).power_spectrum                           # outside of jit: plans by itself
    plan = descriptor.plan(crystals, max_stretch=1.3)            # host: tables, static shapes
    plan(crystal), plan(batch)                                   # pure: jit, vmap, grad

with crystals of any kind: `Crystal`, `WyckoffCrystal`, ASE `Atoms`, lists of them (results with
their axis first), a `CrystalBatch`, or `CrystalArrays` in a training loop. Results say in
`complete` whether the plan serves the crystal, and carry their specification: two of them can be
compared if it is the same (`a.specification.difference(b.specification)` says how they differ).

`describe(crystal)` is the call without a plan; `metric.distance` compares two descriptions.
`preset` makes a descriptor by name: "default" (orthonormal radial functions, smooth at q_max),
"paper" (the paper's equations) or "recp" (pyxtal's class RECP, from which the paper's figures come;
the docstring of `compat.RecpDescriptor` tabulates how the three differ).
"""

from . import compat as compat
from ._description import AbstractDescriptor as AbstractDescriptor
from ._description import Description as Description
from ._descriptor import Descriptor as Descriptor
from ._descriptor_plan import DescriptorPlan as DescriptorPlan
from ._pair_distribution import PairDistribution as PairDistribution
from ._power_spectrum import PowerSpectrum as PowerSpectrum
from ._presets import describe as describe
from ._presets import preset as preset
from ._radial_distribution import RadialDistribution as RadialDistribution
from .expansion._radial import AbstractRadialBasis as AbstractRadialBasis
from .expansion._radial import ChebyshevBasis as ChebyshevBasis
from .expansion._radial import OrthonormalBasis as OrthonormalBasis
from .expansion._radial import SphericalBesselBasis as SphericalBesselBasis
