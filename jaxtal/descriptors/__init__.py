"""Descriptors: what of a crystal no choice of cell, origin, orientation or setting changes.

Points in reciprocal space (`diffraction.ReciprocalSpace`) are expanded in spherical harmonics and
radial functions; squared and summed over m the coefficients are the `PowerSpectrum`, binned by
|q| the intensities are the `RadialDistribution`. A `Descriptor` computes both from one set of
points. Each follows the pattern

    plan = descriptor.plan(crystals)           # host: reflection list, tables, static shapes
    description = descriptor(crystal, plan)    # pure: jit, vmap, grad

`describe(crystal)` does both for one crystal; `distance`, `relative_distance` and `rdf_distance`
compare two descriptions. `preset` makes a descriptor by name: "default" (orthonormal radial
functions, smooth at q_max), "paper" (the paper's equations) or "recp" (pyxtal's class RECP, from
which the paper's figures come; the docstring of `RecpSpectrum` tabulates how the three differ).
`represent(lattice, frac, species, mask, plan)` is the entry for training loops: compiled once for
all crystals that fit a `RepresentPlan`, which `complete` tells; `represent_batch` and
`descriptor_loss` treat a `CrystalBatch`. `represent_loss` is both in one, with a cheaper gradient,
and `fingerprint_loss` likewise for a `CrystalMetric`; `map_crystals` and `per_crystal_loss` are
what they are made of, for losses of one's own.

`CrystalMetric` makes the vectors that tell crystals apart (its docstring tabulates what each term
cannot see): `metric.of(crystals)` on the host, for any list; `metric.fingerprint(...)` and
`metric.fingerprints(batch, plan)` pure, like `represent`. Two of its terms stand alone as well,
`local_distance_vector` and `hand_vector` of the `nearest_neighbours`; `pointwise_distances` and
`pdd_distance` are the exact distributions on the host.
`PairDistribution` is the real-space g(r), resolved by species.
"""

from ._descriptor import AbstractDescriptor as AbstractDescriptor
from ._descriptor import Description as Description
from ._descriptor import Descriptor as Descriptor
from ._pair_distribution import PairDistribution as PairDistribution
from ._pair_plan import PairPlan as PairPlan
from ._power_spectrum import PowerSpectrum as PowerSpectrum
from ._power_spectrum import SpectrumPlan as SpectrumPlan
from ._presets import PRESETS as PRESETS
from ._presets import RecpDescriptor as RecpDescriptor
from ._presets import describe as describe
from ._presets import preset as preset
from ._radial_distribution import RadialDistribution as RadialDistribution
from ._represent import represent as represent
from ._represent import represent_batch as represent_batch
from ._represent_plan import RepresentPlan as RepresentPlan
from ._represent_plan import contents_of as contents_of
from ._represent_plan import dtype_of as dtype_of
from ._specifications import check_same_specification as check_same_specification
from .compat import RecpPlan as RecpPlan
from .compat import RecpSpectrum as RecpSpectrum
from .expansion import AbstractRadialBasis as AbstractRadialBasis
from .expansion import ChebyshevBasis as ChebyshevBasis
from .expansion import GaussianBasis as GaussianBasis
from .expansion import OrthonormalBasis as OrthonormalBasis
from .expansion import PaperBesselBasis as PaperBesselBasis
from .expansion import SphericalBesselBasis as SphericalBesselBasis
