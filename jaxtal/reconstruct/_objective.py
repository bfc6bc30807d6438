"""What a reconstruction minimises: mismatch of descriptions, overlap of atoms, further terms."""

import math
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .._core import computing_dtype, device_array
from ..crystal import WyckoffCrystal
from ..descriptors import Description, Descriptor, DescriptorPlan, PowerSpectrum, RadialDistribution
from ..diffraction._laue_group import laue_frame
from ._mismatch import blurred_residuals, relative_residuals
from ._overlap import overlap_residuals
from ._terms import AbstractTerm


class Objective(eqx.Module):
    """Relative mismatch of a crystal's description with a target (eq. 18), plus a penalty.

        L = w_P |P - P0|^2 / |P0|^2 + w_G |K(G - G0)|^2 / |K G0|^2
          + w_d (1 / N) sum_pairs max(0, 1 - d / (f (r_a + r_b)))^2 + further terms

    P is the power spectrum, G the reciprocal radial distribution, as far as the target has them;
    its specification makes those of the crystal. K smooths G with a Gaussian whose width falls
    to zero as the search proceeds: peaks of a cell that is 20 % off do not overlap those of the
    target, so that without it the mismatch of G is flat almost everywhere. r_a, r_b are covalent
    radii.

        plan = Objective().plan(describe(crystal), like=crystal)    # host
        plan(trial), plan.residuals(trial), plan.parts(trial)       # pure, differentiable

    Anything else that the crystal should do is a term (`AbstractTerm`) added to the objective:
    `Objective() + PropertyTerm(f, wanted=2.4, weight=0.05)`. Terms that contradict the target
    leave a loss above zero, for which the `tolerance` of `from_descriptor` has to make room.

    Attributes:
        spectrum_weight, distribution_weight, distance_weight: w_P, w_G, w_d.
        distance_factor: f; atoms closer than f times the sum of their radii are pushed apart.
        terms: the further terms.
    """

    spectrum_weight: float = eqx.field(static=True)
    distribution_weight: float = eqx.field(static=True)
    distance_weight: float = eqx.field(static=True)
    distance_factor: float = eqx.field(static=True)
    terms: tuple[AbstractTerm, ...]

    def __init__(
        self,
        *,
        spectrum_weight: float = 0.1,
        distribution_weight: float = 1.0,
        distance_weight: float = 0.1,
        distance_factor: float = 0.5,
        terms: Sequence[Any] = (),
    ):
        """See the attributes.

        Raises:
            ValueError: a negative weight, no positive one among the first two and no terms, or a
                term of another kind.
        """
        weights = {
            "spectrum_weight": spectrum_weight,
            "distribution_weight": distribution_weight,
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
        if spectrum_weight + distribution_weight == 0 and not terms:
            raise ValueError(
                "weights: expected at least one of spectrum and distribution > 0, or terms"
            )
        self.terms = tuple(terms)

    def __add__(self, term: AbstractTerm) -> "Objective":
        """Return the objective with one more term."""
        if not isinstance(term, AbstractTerm):
            return NotImplemented
        return Objective(
            spectrum_weight=self.spectrum_weight,
            distribution_weight=self.distribution_weight,
            distance_weight=self.distance_weight,
            distance_factor=self.distance_factor,
            terms=(*self.terms, term),
        )

    def plan(
        self,
        target: Description,
        like: WyckoffCrystal,
        *,
        max_stretch: float | int = 1.3,
        symmetric: bool = True,
    ) -> "ObjectivePlan":
        """Decide static shapes for crystals like this one (host).

        Args:
            target: what is to be reproduced; its specification tells how.
            like: group, sites and a cell of about the right size.
            max_stretch: by what factor any direction of the cell may stretch.
            symmetric: use the Laue symmetry of the group: fewer reflections and harmonics for
                the same numbers.

        Raises:
            ValueError: a target that is no `Description`, not finite, not complete, or made by a
                descriptor whose reflections do not follow the cell.
        """
        from ase.data import covalent_radii

        check_target(target)
        atoms = like.to_host()
        # With f'' intensities lack the inversion of the Laue group.
        thinned = symmetric and target.specification.space.wavelength is None
        site = np.asarray(like.plan.site)
        dtype = computing_dtype(atoms.dtype)
        return ObjectivePlan(
            objective=self,
            target=target,
            description=target.specification.plan(
                atoms, max_stretch=max_stretch, laue=_usable_laue(like) if thinned else None
            ),
            centres=device_array(
                np.searchsorted(site, np.arange(len(like.plan.letters))), np.int32
            ),
            radii=device_array(covalent_radii[atoms.atomic_numbers], dtype),
            multiplicities=device_array(np.bincount(site), dtype),
            terms=tuple(term.plan(like, max_stretch) for term in self.terms),
        )


class ObjectivePlan(eqx.Module):
    """An objective, its target, and static shapes for crystals of one group and set of sites.

    Attributes:
        objective: weights and terms.
        target: what is to be reproduced.
        description: the plan that makes descriptions like the target.
        centres: first atom of each site, shape (n_sites,).
        radii: covalent radius of each atom, shape (N,), angstrom.
        multiplicities: atoms per site, shape (n_sites,).
        terms: what each further term has planned.
    """

    objective: Objective
    target: Description
    description: DescriptorPlan
    centres: Int[Array, " n_sites"]
    radii: Float[Array, " N"]
    multiplicities: Float[Array, " n_sites"]
    terms: tuple[Any, ...]

    def __call__(self, crystal: WyckoffCrystal, blur: Any = 0.0) -> Float[Array, ""]:
        """L of one crystal, the sum of the squared residuals; pure, differentiable.

        Args:
            crystal: the trial.
            blur: width of the Gaussian K, 1/angstrom.
        """
        return jnp.sum(jnp.square(self.residuals(crystal, blur)))

    def residuals(self, crystal: WyckoffCrystal, blur: Any = 0.0) -> Float[Array, " r"]:
        """The terms whose squares add up to L, for methods of the Gauss-Newton kind."""
        return jnp.concatenate(list(_residuals(self, crystal, blur).values()))

    def parts(self, crystal: WyckoffCrystal, blur: Any = 0.0) -> dict[str, Float[Array, ""]]:
        """What each part contributes to L; arguments as for a call.

        Returns:
            "spectrum", "distribution", "overlap", as far as they weigh anything, and "term 0",
            "term 1", ... in the order of the objective's `terms`.
        """
        found = _residuals(self, crystal, blur)
        return {name: jnp.sum(jnp.square(r)) for name, r in found.items()}


@eqx.filter_jit
def _residuals(plan: ObjectivePlan, crystal: WyckoffCrystal, blur: Any) -> dict[str, Array]:
    objective, wanted = plan.objective, plan.target
    atoms = crystal.expand()
    found = plan.description(atoms)
    parts: dict[str, Array] = {}
    P, P0, G, G0 = found.power_spectrum, wanted.power_spectrum, found.rdf, wanted.rdf
    if objective.spectrum_weight and P is not None and P0 is not None:
        parts["spectrum"] = relative_residuals(P, P0, objective.spectrum_weight)
    if objective.distribution_weight and G is not None and G0 is not None:
        spacing = plan.description.specification.space.q_max / (G0.shape[0] - 1)
        parts["distribution"] = blurred_residuals(
            G, G0, objective.distribution_weight, blur / spacing
        )
    if objective.distance_weight:
        overlap = overlap_residuals(
            atoms, plan.centres, plan.multiplicities, plan.radii, objective.distance_factor
        )
        parts["overlap"] = math.sqrt(objective.distance_weight) * overlap
    for number, (term, planned) in enumerate(zip(objective.terms, plan.terms, strict=True)):
        parts[f"term {number}"] = term.residuals(atoms, planned)
    return parts


def check_target(target: Any) -> None:
    """Refuse what cannot be reproduced.

    Raises:
        ValueError: see `Objective.plan`.
    """
    if not isinstance(target, Description):
        raise ValueError(
            f"target: expected a Description (`jxt.describe(crystal)`), got {type(target).__name__}"
        )
    made_by = target.specification
    if not isinstance(made_by, Descriptor | PowerSpectrum | RadialDistribution):
        raise ValueError(
            "target: expected the description of a Descriptor, PowerSpectrum or "
            f"RadialDistribution, whose reflections follow the cell; got {made_by!r}"
        )
    if target.complete.ndim:
        raise ValueError(
            f"target: expected the description of one crystal, got {target.complete.shape}"
        )
    for name in ("power_spectrum", "rdf"):
        values = getattr(target, name)
        if values is not None and not np.all(np.isfinite(np.asarray(values))):
            raise ValueError(f"target: expected finite numbers in {name}, got NaN or infinity")
    if not bool(target.complete):
        raise ValueError("target: its reflections are incomplete (make its plan larger)")


def _usable_laue(like: WyckoffCrystal) -> Int[np.ndarray, "n 3 3"] | None:
    """The Laue rotations, unless the group's axes turn with the cell in every simple frame."""
    rotations = like.group.laue_rotations
    try:
        laue_frame(rotations)
    except ValueError:
        return None
    return rotations
