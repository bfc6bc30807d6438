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

from ._batched import map_crystals as map_crystals
from ._batched import per_crystal_loss as per_crystal_loss
from ._bessel import cylindrical_bessel as cylindrical_bessel
from ._bessel import spherical_bessel as spherical_bessel
from ._capacity import RepresentPlan as RepresentPlan
from ._descriptor import AbstractDescriptor as AbstractDescriptor
from ._descriptor import Description as Description
from ._descriptor import Descriptor as Descriptor
from ._descriptor_loss import descriptor_loss as descriptor_loss
from ._descriptor_loss import represent_batch as represent_batch
from ._distance import distance as distance
from ._distance import rdf_distance as rdf_distance
from ._distance import relative_distance as relative_distance
from ._fingerprint import Fingerprint as Fingerprint
from ._hand import hand_vector as hand_vector
from ._harmonics import real_spherical_harmonics as real_spherical_harmonics
from ._local_distances import local_distance_vector as local_distance_vector
from ._local_distances import local_distances as local_distances
from ._metric import DUPLICATE_DISTANCE as DUPLICATE_DISTANCE
from ._metric import CrystalMetric as CrystalMetric
from ._metric_plan import MetricPlan as MetricPlan
from ._neighbours import Neighbours as Neighbours
from ._neighbours import nearest_neighbours as nearest_neighbours
from ._neighbours import neighbour_bounds as neighbour_bounds
from ._pair_distribution import PairDistribution as PairDistribution
from ._pair_plan import PairPlan as PairPlan
from ._pdd import pdd_distance as pdd_distance
from ._pdd import pointwise_distances as pointwise_distances
from ._power_spectrum import PowerSpectrum as PowerSpectrum
from ._power_spectrum import SpectrumPlan as SpectrumPlan
from ._presets import PRESETS as PRESETS
from ._presets import RecpDescriptor as RecpDescriptor
from ._presets import describe as describe
from ._presets import preset as preset
from ._radial import AbstractRadialBasis as AbstractRadialBasis
from ._radial import ChebyshevBasis as ChebyshevBasis
from ._radial import GaussianBasis as GaussianBasis
from ._radial import OrthonormalBasis as OrthonormalBasis
from ._radial import PaperBesselBasis as PaperBesselBasis
from ._radial import SphericalBesselBasis as SphericalBesselBasis
from ._radial_distribution import RadialDistribution as RadialDistribution
from ._recp import RecpPlan as RecpPlan
from ._recp import RecpSpectrum as RecpSpectrum
from ._represent import represent as represent
from ._represent_loss import fingerprint_loss as fingerprint_loss
from ._represent_loss import represent_loss as represent_loss
