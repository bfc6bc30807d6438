"""What a reconstruction minimises: the mismatch of descriptors, and atoms that overlap."""

import itertools
import math
from typing import Any

import ase.data
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .._core import safe_sqrt
from ..crystal import Crystal, WyckoffCrystal
from ..descriptors import (
    AbstractDescriptor,
    Description,
    Descriptor,
    OrthonormalBasis,
    PairDistribution,
    PairPlan,
    SpectrumPlan,
)
from ..diffraction import laue_frame

_IMAGES = np.array(list(itertools.product((-1, 0, 1), repeat=3)))


class Target(eqx.Module):
    """What is to be reproduced.

    Attributes:
        description: power spectrum and G(d).
        pairs: real-space g(r), shape (n_pairs, n_bins), or None.
    """

    description: Description
    pairs: Float[Array, "n_pairs n_bins"] | None = None


class ObjectivePlan(eqx.Module):
    """Static shapes of an objective for crystals of one group and one set of sites.

    Attributes:
        spectrum: reflections and symmetry-adapted harmonics.
        pairs: neighbour list of g(r), or None.
        centres: first atom of each site, shape (n_sites,).
        radii: covalent radius of each atom, shape (N,), angstrom.
        multiplicities: atoms per site, shape (n_sites,).
    """

    spectrum: SpectrumPlan
    pairs: PairPlan | None
    centres: Int[Array, " n_sites"]
    radii: Float[Array, " N"]
    multiplicities: Float[Array, " n_sites"]


class Objective(eqx.Module):
    """Relative mismatch of a crystal's descriptor with a target (eq. 18), plus a penalty.

        L = w_P |P - P0|^2 / |P0|^2 + w_G |K(G - G0)|^2 / |K G0|^2 + w_g |g - g0|^2 / |g0|^2
          + w_d (1 / N) sum_pairs max(0, 1 - d / (f (r_a + r_b)))^2

    P is the power spectrum, G the reciprocal radial distribution, g the real-space pair
    distribution. K smooths G with a Gaussian whose width falls to zero as the search proceeds:
    peaks of a cell that is 20 % off do not overlap those of the target, so that without it the
    mismatch of G is flat almost everywhere. r_a, r_b are covalent radii.

    Attributes:
        descriptor: makes P and G.
        pair_distribution: makes g, used if `pair_weight` is positive.
        spectrum_weight, distribution_weight, pair_weight, distance_weight: w_P, w_G, w_g, w_d.
        distance_factor: f; atoms closer than f times the sum of their radii are pushed apart.
    """

    descriptor: Descriptor
    pair_distribution: PairDistribution
    spectrum_weight: float = eqx.field(static=True)
    distribution_weight: float = eqx.field(static=True)
    pair_weight: float = eqx.field(static=True)
    distance_weight: float = eqx.field(static=True)
    distance_factor: float = eqx.field(static=True)

    def __init__(
        self,
        descriptor: AbstractDescriptor | None = None,
        *,
        pair_distribution: PairDistribution | None = None,
        spectrum_weight: float = 0.1,
        distribution_weight: float = 1.0,
        pair_weight: float = 0.0,
        distance_weight: float = 0.1,
        distance_factor: float = 0.5,
    ):
        """See the attributes; the default descriptor has n_max = l_max = 8, q_max = 6 1/angstrom.

        Raises:
            ValueError: a negative weight, no positive one among the first three, or a descriptor
                whose reflection list or bins cannot follow a changing cell.
        """
        descriptor = descriptor or default_descriptor()
        if not isinstance(descriptor, Descriptor):
            raise ValueError(
                "descriptor: expected a Descriptor, whose reflections follow the cell; got "
                f"{type(descriptor).__name__}"
            )
        self.descriptor = descriptor
        self.pair_distribution = (
            PairDistribution() if pair_distribution is None else pair_distribution
        )
        weights = {
            "spectrum_weight": spectrum_weight,
            "distribution_weight": distribution_weight,
            "pair_weight": pair_weight,
            "distance_weight": distance_weight,
            "distance_factor": distance_factor,
        }
        for name, value in weights.items():
            if not (np.isfinite(value) and value >= 0):
                raise ValueError(f"{name}: expected a number >= 0, got {value}")
            setattr(self, name, float(value))
        if spectrum_weight + distribution_weight + pair_weight == 0:
            raise ValueError("weights: expected at least one of spectrum, distribution, pair > 0")

    def target(self, crystal: WyckoffCrystal | Crystal) -> Target:
        """The target that a known crystal makes (host)."""
        atoms = crystal.expand() if isinstance(crystal, WyckoffCrystal) else crystal
        plan = self.descriptor.plan(atoms, margin=1.0)
        description = _describe(self.descriptor, atoms, plan)
        if self.pair_weight == 0:
            return Target(description)
        pair_plan = self.pair_distribution.plan(
            np.asarray(atoms.lattice.matrix),
            np.asarray(atoms.safe_frac_coords),
            np.asarray(atoms.atomic_numbers),
            mask=np.asarray(atoms.mask),
            margin=1.0,
        )
        g, overflow = _pairs(self.pair_distribution, atoms, pair_plan)
        if overflow:
            raise ValueError("g(r): the crystal has more neighbours than its plan")
        return Target(description, g)

    def plan(
        self, like: WyckoffCrystal, *, margin: float = 1.3, symmetric: bool = True
    ) -> ObjectivePlan:
        """Static shapes for crystals like this one (host).

        Args:
            like: group, sites and a cell of about the right size.
            margin: how far any direction of the cell may stretch (see `ReciprocalSpace.plan`).
            symmetric: use the Laue symmetry of the group: fewer reflections and harmonics for
                the same numbers.
        """
        atoms = like.expand()
        numbers = np.asarray(atoms.atomic_numbers)
        site = np.asarray(like.plan.site)
        centres = np.searchsorted(site, np.arange(len(like.plan.letters)))
        multiplicities = np.bincount(site)
        dtype = atoms.frac_coords.dtype
        pairs = None
        if self.pair_weight > 0:
            pairs = self.pair_distribution.plan(
                np.asarray(atoms.lattice.matrix),
                np.asarray(atoms.frac_coords),
                numbers,
                margin=margin,
                centers=centres,
                multiplicities=multiplicities,
            )
        laue = _usable_laue(like) if symmetric else None
        return ObjectivePlan(
            spectrum=self.descriptor.plan(atoms, margin=margin, laue=laue),
            pairs=pairs,
            centres=jnp.asarray(centres, jnp.int32),
            radii=jnp.asarray(ase.data.covalent_radii[numbers], dtype),
            multiplicities=jnp.asarray(multiplicities, dtype),
        )

    def __call__(
        self, crystal: WyckoffCrystal, plan: ObjectivePlan, target: Target, blur: Any = 0.0
    ) -> Float[Array, ""]:
        """L of one crystal, the sum of the squared residuals; pure, differentiable.

        Args:
            crystal: the trial.
            plan: made for crystals like it.
            target: what is to be reproduced.
            blur: width of the Gaussian K, 1/angstrom.
        """
        return jnp.sum(jnp.square(self.residuals(crystal, plan, target, blur)))

    def residuals(
        self, crystal: WyckoffCrystal, plan: ObjectivePlan, target: Target, blur: Any = 0.0
    ) -> Float[Array, " r"]:
        """The terms whose squares add up to L, for methods of the Gauss-Newton kind."""
        atoms = crystal.expand()
        found = self.descriptor(atoms, plan.spectrum)
        wanted = target.description
        terms = []
        if self.spectrum_weight:
            scale = _scale(self.spectrum_weight, wanted.power_spectrum)
            terms.append(scale * (found.power_spectrum - wanted.power_spectrum).ravel())
        if self.distribution_weight:
            n_bins = wanted.rdf.shape[0]
            spacing = self.descriptor.spectrum.space.q_max / (n_bins - 1)
            K = _smoothing(n_bins, blur / spacing, wanted.rdf.dtype)
            both = jnp.stack([found.rdf - wanted.rdf, wanted.rdf], axis=1)
            smooth = jnp.matmul(K, both, precision="highest")
            terms.append(_scale(self.distribution_weight, smooth[:, 1]) * smooth[:, 0])
        if self.pair_weight and plan.pairs is not None and target.pairs is not None:
            g, _ = _pairs(self.pair_distribution, atoms, plan.pairs)
            scale = _scale(self.pair_weight, target.pairs)
            terms.append(scale * (g - target.pairs).ravel())
        if self.distance_weight:
            terms.append(math.sqrt(self.distance_weight) * self._overlap(atoms, plan))
        return jnp.concatenate(terms)

    def _overlap(self, atoms: Crystal, plan: ObjectivePlan) -> Float[Array, " n_sites"]:
        """Root of the squared relative overlaps of each site's atoms, per atom of the cell."""
        matrix = atoms.lattice.matrix
        x = atoms.frac_coords
        # Not differentiated: which image is nearest in fractional coordinates.
        gap = x[None, :, :] - x[plan.centres][:, None, :]
        gap = gap - jax.lax.stop_gradient(jnp.round(gap))
        images = jnp.asarray(_IMAGES, matrix.dtype)
        vectors = gap[:, :, None, :] + images[None, None, :, :]
        cart = jnp.einsum("cjik,kl->cjil", vectors, matrix, precision="highest")
        squared = jnp.sum(cart * cart, axis=-1)
        # An atom is no neighbour of itself, but its images are; its own distance is exactly 0.
        atom = jnp.arange(x.shape[0], dtype=plan.centres.dtype)
        is_home = jnp.all(images == 0, axis=-1)
        is_self = (atom[None, :] == plan.centres[:, None])[:, :, None] & is_home[None, None, :]
        # Atoms that share one site (occupancies up to one) may coincide.
        occupancy = atoms.occupancies
        shared = (occupancy[plan.centres][:, None] + occupancy[None, :]) <= 1 + 1e-3
        ignore = is_self | shared[:, :, None]
        reach = self.distance_factor * (plan.radii[plan.centres][:, None] + plan.radii[None, :])
        near = (~ignore) & (squared < jnp.square(reach)[:, :, None])
        distance = jnp.sqrt(jnp.where(near, squared, 1.0) + 1e-8)
        overlap = jnp.where(near, 1 - distance / jnp.maximum(reach, 1e-6)[:, :, None], 0.0)
        per_centre = jnp.sum(overlap * overlap, axis=(1, 2))
        return safe_sqrt(plan.multiplicities * per_centre / x.shape[0])


def default_descriptor() -> Descriptor:
    """The descriptor that reconstructions use unless told otherwise.

    n_max = l_max = 8, q_max = 6 1/angstrom, 61 bins: smaller than the default of `describe`,
    whose 10 1/angstrom resolve more than is needed and make the landscape rougher.
    """
    return Descriptor(8, 8, 6.0, n_bins=61, radial=OrthonormalBasis())


def _scale(weight: float, reference: Array) -> Float[Array, ""]:
    """Factor that makes the squared residuals relative to the target."""
    total = jnp.sum(reference * reference)
    return jnp.sqrt(weight / jnp.where(total > 0, total, 1.0))


def _smoothing(n: int, width: Any, dtype: Any) -> Float[Array, "n n"]:
    """Gaussian exp(-(i - j)^2 / 2 width^2) over bins, the identity at width 0."""
    i = jnp.arange(n, dtype=dtype)
    gap = i[:, None] - i[None, :]
    return jnp.exp(-jnp.square(gap) / (2 * jnp.square(width) + 1e-3))


def _usable_laue(like: WyckoffCrystal) -> Int[np.ndarray, "n 3 3"] | None:
    """The Laue rotations, unless the group's axes turn with the cell in every simple frame."""
    rotations = like.group.laue_rotations
    try:
        laue_frame(rotations)
    except ValueError:
        return None
    return rotations


@eqx.filter_jit
def _describe(descriptor: Descriptor, atoms: Crystal, plan: SpectrumPlan) -> Description:
    return descriptor(atoms, plan)


def _pairs(distribution: PairDistribution, atoms: Crystal, plan: PairPlan) -> tuple[Array, Array]:
    weights = plan.weights(atoms.atomic_numbers, atoms.weights)
    return distribution(atoms.lattice.matrix, atoms.frac_coords, weights, plan, atoms.mask)
