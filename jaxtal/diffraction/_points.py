"""A crystal as points in reciprocal space: positions q and normalised intensities."""

from typing import Any, Literal, get_args

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from .._core import safe_divide, safe_norm
from ..crystal import Crystal, host_crystals
from ..scattering import KINDS
from ._box import box_sums
from ._laue import frame_axes
from ._plan import ReciprocalPlan
from ._structure_factors import (
    combine_species,
    species_sums,
    species_weights,
    stol2,
    wave_vectors,
)

#: How intensities are taken to zero at q_max, as a function of x = q / q_max.
Taper = Literal["smooth", "cosine", "none"]


class ReciprocalPoints(eqx.Module):
    """Points of reciprocal space and their weights.

    Attributes:
        q: wave vectors, shape (P, 3), 1/angstrom.
        intensity: tapered I / I(0), shape (P,), dimensionless; 0 outside q_max and for padding.
        multiplicity: equivalent points that each one stands for, shape (P,).
        complete: False if the plan does not serve the crystal (see `ReciprocalPlan.covers`).
    """

    q: Float[Array, "P 3"]
    intensity: Float[Array, " P"]
    multiplicity: Float[Array, " P"]
    complete: Bool[Array, ""]

    def checked(self) -> "ReciprocalPoints":
        """The points; raises at run time if they are not complete."""
        intensity = eqx.error_if(
            self.intensity,
            ~self.complete,
            "the crystal has outgrown its plan: make the plan with a larger margin, with every "
            "species the crystals hold, and with a Laue group that they all have",
        )
        return eqx.tree_at(lambda p: p.intensity, self, intensity)


class ReciprocalSpace(eqx.Module):
    """How a crystal becomes points in reciprocal space.

    I(q) = |F(q)|^2 / |F(0)|^2 t(q / q_max), with the taper t(x) = (1 - x^2)^3 ("smooth": value,
    slope and curvature vanish at q_max, so that nothing jumps when a reflection enters or leaves
    the sphere), cos(pi x / 2) ("cosine") or 1 ("none": I jumps). For neutrons, where F(0) may
    vanish, |F(0)|^2 is replaced by N sum_j o_j b_j^2, with N = sum_j o_j.

    Attributes:
        q_max: radius of the sphere, 1/angstrom.
        kind: form-factor table (see `FormFactors.build`).
        taper: "smooth", "cosine" or "none".
        displacements: apply Debye-Waller factors; off by default, so that the descriptor
            compares structures and not temperatures.
        wavelength: X-ray wavelength (angstrom) at which f' and f'' are added; None for neither.
            Friedel's law then fails, and the whole sphere is used.

    References:
        O. G. Ridwan et al., "Crystal Representation in the Reciprocal Space" (2026), eqs. 7-9.
    """

    q_max: float = eqx.field(static=True, converter=float, default=10.0)
    kind: str = eqx.field(static=True, default="waasmaier-kirfel")
    taper: Taper = eqx.field(static=True, default="smooth")
    displacements: bool = eqx.field(static=True, default=False)
    wavelength: float | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        if not (np.isfinite(self.q_max) and self.q_max > 0):
            raise ValueError(f"q_max: expected a positive number of 1/angstrom, got {self.q_max}")
        if self.kind not in KINDS:
            raise ValueError(f"kind: expected one of {', '.join(KINDS)}, got {self.kind!r}")
        if self.taper not in get_args(Taper):
            raise ValueError(f"taper: expected one of {get_args(Taper)}, got {self.taper!r}")
        if self.wavelength is not None and self.kind in ("electron", "neutron"):
            raise ValueError(f"wavelength: f' and f'' are for X-rays, got kind {self.kind!r}")

    def plan(
        self,
        crystals: Any,
        *,
        margin: float = 1.05,
        laue: Any = None,
    ) -> ReciprocalPlan:
        """Decide the reflection list and the tables for some crystals (host only).

        Args:
            crystals: one crystal of any kind (`host_crystals`), or several that the same plan must
                serve.
            margin: how far any direction of the lattice may stretch in real space: the list
                holds |q| <= margin * q_max. 1.05 allows for 5 %.
            laue: integer rotations W of the Laue group, shape (n, 3, 3), of crystals whose
                intensities are known to have that symmetry, I(h W) = I(h); only one reflection
                of each orbit is then kept, and the points come in Cartesian axes that follow the
                lattice. Default: Friedel's law alone.

        Raises:
            ValueError: no crystals, margin below 1, an unknown species, or rotations that are no
                Laue group of the lattices.
        """
        return ReciprocalPlan.build(
            host_crystals(crystals),
            self.q_max,
            self.kind,
            margin=margin,
            laue=laue,
            wavelength=self.wavelength,
            displacements=self.displacements,
        )

    def __call__(self, crystal: Crystal, plan: ReciprocalPlan) -> ReciprocalPoints:
        """Points of one crystal; pure, differentiable, to be jitted and vmapped.

        Raises:
            ValueError: a plan for a smaller q_max, other form factors, with or without f'' where
                this is not, or one that leaves out the displacements.
        """
        self._check(plan)
        q = wave_vectors(crystal, plan.hkl)
        if plan.frame is not None:
            axes = frame_axes(crystal.lattice.matrix, plan.frame.astype(q.dtype))
            q = jnp.matmul(q, axes.T, precision="highest")
        x = safe_norm(q) / self.q_max
        inside = (x < 1) & (plan.multiplicity > 0)
        # Far outside, exp(-b s^2) of a table's slightly negative b overflows in the gradient.
        s2 = jnp.where(inside, stol2(crystal, plan.hkl), 0.0)
        real, imag = combine_species(self._sums(crystal, plan), s2, plan.form_factors)
        window = taper(jnp.where(inside, x, 0.0), self.taper)
        forward = self._forward(crystal, plan)
        scale = window * safe_divide(jnp.ones_like(forward), forward)
        return ReciprocalPoints(
            q=q,
            intensity=jnp.where(inside, (real * real + imag * imag) * scale, 0.0),
            multiplicity=plan.multiplicity,
            complete=plan.covers(crystal),
        )

    def _check(self, plan: ReciprocalPlan) -> None:
        """Refuse a plan made for other points: reflections would be missing, or wrong."""
        if plan.q_max < self.q_max:
            raise ValueError(
                f"plan: expected reflections up to q_max = {self.q_max:g}, got {plan.q_max:g}"
            )
        if plan.form_factors.kind != self.kind:
            raise ValueError(
                f"plan: expected one for form factors {self.kind!r}, got {plan.form_factors.kind!r}"
            )
        if (plan.form_factors.fpp is None) != (self.wavelength is None):
            made = "without" if plan.form_factors.fpp is None else "with"
            raise ValueError(f"plan: expected wavelength {self.wavelength}, got one {made} f''")
        if self.displacements and plan.box_index is not None:
            raise ValueError("plan: expected one made with displacements, got one without")

    def _sums(self, crystal: Crystal, plan: ReciprocalPlan) -> tuple[Array, Array]:
        if plan.box_index is None:
            return species_sums(
                crystal, plan.hkl, plan.form_factors, displacements=self.displacements
            )
        return box_sums(crystal, plan.box_index, plan.bounds, plan.form_factors)

    def _forward(self, crystal: Crystal, plan: ReciprocalPlan) -> Float[Array, ""]:
        """|F(0)|^2, or for neutrons N sum b^2."""
        weights = species_weights(crystal, plan.form_factors)
        amount = jnp.sum(weights, axis=1)
        zero = jnp.zeros((1,), weights.dtype)
        if self.kind == "neutron":
            f = plan.form_factors(zero)[:, 0]
            return jnp.sum(amount) * jnp.sum(amount * f * f)
        sums = (amount[:, None], jnp.zeros_like(amount)[:, None])
        real, imag = combine_species(sums, zero, plan.form_factors)
        return (real * real + imag * imag)[0]


def taper(x: Float[Array, "*n"], kind: Taper) -> Float[Array, "*n"]:
    """Window on 0 <= x = q / q_max <= 1: (1 - x^2)^3, cos(pi x / 2) or 1."""
    if kind == "smooth":
        return (1 - x * x) ** 3
    if kind == "cosine":
        return jnp.cos(np.pi / 2 * x)
    return jnp.ones_like(x)
