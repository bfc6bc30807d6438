"""What a reconstruction minimises: mismatch of descriptors, overlap of atoms, further terms."""

import math
from collections.abc import Sequence
from typing import Any

import ase.data
import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .._core import device_array
from ..crystal import Crystal, WyckoffCrystal, host_crystal
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
from ._mismatch import blurred_residuals, relative_residuals
from ._overlap import overlap_residuals
from ._target import ObjectivePlan, Target
from ._terms import AbstractTerm


class Objective(eqx.Module):
    """Relative mismatch of a crystal's descriptor with a target (eq. 18), plus a penalty.

        L = w_P |P - P0|^2 / |P0|^2 + w_G |K(G - G0)|^2 / |K G0|^2 + w_g |g - g0|^2 / |g0|^2
          + w_d (1 / N) sum_pairs max(0, 1 - d / (f (r_a + r_b)))^2 + further terms

    P is the power spectrum, G the reciprocal radial distribution, g the real-space pair
    distribution. K smooths G with a Gaussian whose width falls to zero as the search proceeds:
    peaks of a cell that is 20 % off do not overlap those of the target, so that without it the
    mismatch of G is flat almost everywhere. r_a, r_b are covalent radii.

    Anything else that the crystal should do is a term (`AbstractTerm`) added to the objective:
    `Objective() + PropertyTerm(f, wanted=2.4, weight=0.05)`. Terms that contradict the target
    leave a loss above zero, for which the `tolerance` of `from_descriptor` has to make room.

    Attributes:
        descriptor: makes P and G.
        pair_distribution: makes g, used if `pair_weight` is positive.
        spectrum_weight, distribution_weight, pair_weight, distance_weight: w_P, w_G, w_g, w_d.
        distance_factor: f; atoms closer than f times the sum of their radii are pushed apart.
        terms: the further terms.
    """

    descriptor: Descriptor
    pair_distribution: PairDistribution
    spectrum_weight: float = eqx.field(static=True)
    distribution_weight: float = eqx.field(static=True)
    pair_weight: float = eqx.field(static=True)
    distance_weight: float = eqx.field(static=True)
    distance_factor: float = eqx.field(static=True)
    terms: tuple[AbstractTerm, ...]

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
        terms: Sequence[Any] = (),
    ):
        """See the attributes; the default descriptor has n_max = l_max = 8, q_max = 6 1/angstrom.

        Raises:
            ValueError: a negative weight, no positive one among the first three and no terms, a
                term of another kind, or a descriptor whose reflection list or bins cannot follow
                a changing cell.
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
        for number, term in enumerate(terms):
            if not isinstance(term, AbstractTerm):
                raise ValueError(f"terms[{number}]: expected an AbstractTerm, got {term!r}")
        if spectrum_weight + distribution_weight + pair_weight == 0 and not terms:
            raise ValueError(
                "weights: expected at least one of spectrum, distribution, pair > 0, or terms"
            )
        self.terms = tuple(terms)

    def __add__(self, term: AbstractTerm) -> "Objective":
        """The objective with one more term."""
        if not isinstance(term, AbstractTerm):
            return NotImplemented
        return Objective(
            self.descriptor,
            pair_distribution=self.pair_distribution,
            spectrum_weight=self.spectrum_weight,
            distribution_weight=self.distribution_weight,
            pair_weight=self.pair_weight,
            distance_weight=self.distance_weight,
            distance_factor=self.distance_factor,
            terms=(*self.terms, term),
        )

    def target(self, crystal: WyckoffCrystal | Crystal) -> Target:
        """The target that a known crystal makes (host)."""
        atoms = Crystal.from_host(host_crystal(crystal))
        plan = self.descriptor.plan(atoms, margin=1.0)
        description = _describe(self.descriptor, atoms, plan)
        if self.pair_weight == 0:
            return Target(description)
        pair_plan = self.pair_distribution.plan(
            np.asarray(atoms.lattice.matrix),
            np.asarray(atoms.frac_coords),
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
        atoms = host_crystal(like)
        numbers = atoms.atomic_numbers
        site = np.asarray(like.plan.site)
        centres = np.searchsorted(site, np.arange(len(like.plan.letters)))
        multiplicities = np.bincount(site)
        dtype = atoms.dtype
        pairs = None
        if self.pair_weight > 0:
            pairs = self.pair_distribution.plan(
                atoms.matrix,
                atoms.frac_coords,
                numbers,
                margin=margin,
                centers=centres,
                multiplicities=multiplicities,
            )
        laue = _usable_laue(like) if symmetric else None
        return ObjectivePlan(
            spectrum=self.descriptor.plan(atoms, margin=margin, laue=laue),
            pairs=pairs,
            centres=device_array(centres, np.int32),
            radii=device_array(ase.data.covalent_radii[numbers], dtype),
            multiplicities=device_array(multiplicities, dtype),
            terms=tuple(term.plan(like, margin) for term in self.terms),
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
        return jnp.concatenate(list(self._residuals(crystal, plan, target, blur).values()))

    def parts(
        self, crystal: WyckoffCrystal, plan: ObjectivePlan, target: Target, blur: Any = 0.0
    ) -> dict[str, Float[Array, ""]]:
        """What each part contributes to L; arguments as for a call.

        Returns:
            "spectrum", "distribution", "pairs", "overlap", as far as they weigh anything, and
            "term 0", "term 1", ... in the order of `terms`.
        """
        found = self._residuals(crystal, plan, target, blur)
        return {name: jnp.sum(jnp.square(r)) for name, r in found.items()}

    def _residuals(
        self, crystal: WyckoffCrystal, plan: ObjectivePlan, target: Target, blur: Any
    ) -> dict[str, Array]:
        if len(plan.terms) != len(self.terms):
            raise ValueError(
                f"plan: expected one made for {len(self.terms)} further terms, got one for "
                f"{len(plan.terms)} (plan again after adding a term)"
            )
        atoms = crystal.expand()
        found = self.descriptor(atoms, plan.spectrum)
        wanted = target.description
        parts: dict[str, Array] = {}
        if self.spectrum_weight:
            parts["spectrum"] = relative_residuals(
                found.power_spectrum, wanted.power_spectrum, self.spectrum_weight
            )
        if self.distribution_weight:
            spacing = self.descriptor.spectrum.space.q_max / (wanted.rdf.shape[0] - 1)
            parts["distribution"] = blurred_residuals(
                found.rdf, wanted.rdf, self.distribution_weight, blur / spacing
            )
        if self.pair_weight:
            if plan.pairs is None or target.pairs is None:
                which = "plan" if plan.pairs is None else "target"
                raise ValueError(f"{which}: the objective weighs g(r), but the {which} has none")
            g, _ = _pairs(self.pair_distribution, atoms, plan.pairs)
            parts["pairs"] = relative_residuals(g, target.pairs, self.pair_weight)
        if self.distance_weight:
            parts["overlap"] = math.sqrt(self.distance_weight) * self._overlap(atoms, plan)
        for number, (term, planned) in enumerate(zip(self.terms, plan.terms, strict=True)):
            parts[f"term {number}"] = term.residuals(atoms, planned)
        return parts

    def _overlap(self, atoms: Crystal, plan: ObjectivePlan) -> Float[Array, " n_sites"]:
        return overlap_residuals(
            atoms, plan.centres, plan.multiplicities, plan.radii, self.distance_factor
        )


def default_descriptor() -> Descriptor:
    """The descriptor that reconstructions use unless told otherwise.

    n_max = l_max = 8, q_max = 6 1/angstrom, 61 bins: smaller than the default of `describe`,
    whose 10 1/angstrom resolve more than is needed and make the landscape rougher.
    """
    return Descriptor(8, 8, 6.0, n_bins=61, radial=OrthonormalBasis())


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


@eqx.filter_jit
def _pairs(distribution: PairDistribution, atoms: Crystal, plan: PairPlan) -> tuple[Array, Array]:
    weights = plan.weights(atoms.atomic_numbers, atoms.weights)
    return distribution(atoms.lattice.matrix, atoms.frac_coords, weights, plan, atoms.mask)
