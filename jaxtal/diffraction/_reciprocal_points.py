"""`ReciprocalPoints`: a crystal as points in reciprocal space, and the plan that finds them."""

import abc
from collections.abc import Callable
from typing import Any, Literal, get_args

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree

from .._core import AbstractSpecification, AnyArray, Devices, namespace, safe_divide
from ..crystal.apply import Chunk, Program, apply_plan
from ..scattering import Charges, FormFactors
from ..scattering._tables import KINDS
from ._structure_factors import combine_species

#: How intensities are taken to zero at q_max, as a function of x = q / q_max.
Taper = Literal["smooth", "none"]


class AbstractReciprocalSpace(AbstractSpecification):
    """Settings of `ReciprocalSpace`, and the intensities that they make of structure factors."""

    q_max: eqx.AbstractVar[float]
    kind: eqx.AbstractVar[str]
    taper: eqx.AbstractVar[Taper]
    displacements: eqx.AbstractVar[bool]
    wavelength: eqx.AbstractVar[float | None]
    charges: eqx.AbstractVar[Charges]

    def check(self) -> None:
        """Refuse settings out of range."""
        if not (np.isfinite(self.q_max) and self.q_max > 0):
            raise ValueError(f"q_max: expected a positive number of 1/angstrom, got {self.q_max}")
        if self.kind not in KINDS:
            raise ValueError(f"kind: expected one of {', '.join(KINDS)}, got {self.kind!r}")
        if self.charges not in get_args(Charges):
            raise ValueError(f"charges: expected one of {get_args(Charges)}, got {self.charges!r}")
        if self.taper not in get_args(Taper):
            raise ValueError(f"taper: expected one of {get_args(Taper)}, got {self.taper!r}")
        if self.wavelength is not None and self.kind in ("electron", "neutron"):
            raise ValueError(f"wavelength: f' and f'' are for X-rays, got kind {self.kind!r}")

    @property
    def takes_numpy(self) -> bool:
        """Whether `host_points` serves these settings: not displacement factors."""
        return not self.displacements

    def window(self, x: Float[AnyArray, "*n"]) -> Float[AnyArray, "*n"]:
        """The taper on 0 <= x = q / q_max <= 1: (1 - x^2)^3 or 1."""
        return (1 - x * x) ** 3 if self.taper == "smooth" else namespace(x).ones_like(x)

    def intensities(
        self,
        F: tuple[Float[AnyArray, " P"], Float[AnyArray, " P"]],
        x: Float[AnyArray, " P"],
        amounts: Float[AnyArray, " S"],
        factors: FormFactors,
    ) -> Float[AnyArray, " P"]:
        """|F|^2 t(x) / |F(0)|^2; for neutrons, divided by N sum b^2 instead.

        Args:
            F: real and imaginary part of the structure factors, zero where they do not count.
            x: q / q_max of each.
            amounts: atoms of each species, occupancies counted.
            factors: form factors of the species.
        """
        real, imag = F
        xp = namespace(x, amounts)
        zero = xp.zeros((1,), amounts.dtype)
        if self.kind == "neutron":
            f = factors(zero)[:, 0]
            forward = xp.sum(amounts, keepdims=True) * xp.sum(amounts * f * f, keepdims=True)
        else:
            sums = (amounts[:, None], xp.zeros_like(amounts)[:, None])
            at_zero = combine_species(sums, zero, factors)
            forward = at_zero[0] * at_zero[0] + at_zero[1] * at_zero[1]
        scale = self.window(x) * safe_divide(xp.ones_like(forward), forward)
        return (real * real + imag * imag) * scale


class ReciprocalPoints(eqx.Module):
    """Points of reciprocal space and their weights; of several crystals with their axis first.

    Attributes:
        q: wave vectors, shape (P, 3), 1/angstrom.
        intensity: tapered I / I(0), shape (P,), dimensionless; 0 outside q_max and for padding.
        multiplicity: equivalent points that each one stands for, shape (P,).
        complete: False if the plan does not serve the crystal, whose other points are missing.
        specification: what made them.
    """

    q: Float[AnyArray, "*B P 3"]
    intensity: Float[AnyArray, "*B P"]
    multiplicity: Float[AnyArray, "*B P"]
    complete: Bool[AnyArray, "*B"]
    specification: AbstractReciprocalSpace = eqx.field(static=True)

    def checked(self) -> "ReciprocalPoints":
        """Return the points; raises at run time if they are not complete."""
        return raise_if_outgrown(self)


class AbstractReflections(eqx.Module):
    """The plan of `ReciprocalSpace`: which reflections a compiled program looks at.

    Two kinds: `ListedReflections`, a list made on the host, and `FoundReflections`, which the
    program finds itself. Both take every crystal that they serve, and say of others that their
    points are not `complete`.
    """

    space: eqx.AbstractVar[AbstractReciprocalSpace]
    form_factors: eqx.AbstractVar[FormFactors]

    @abc.abstractmethod
    def points(self, crystal: Program) -> ReciprocalPoints:
        """Return the points of one crystal that is at hand as arrays; pure."""

    def summed(
        self, crystal: Program, f: Callable[[ReciprocalPoints], PyTree]
    ) -> tuple[PyTree, Bool[Array, ""]]:
        """Return the sum of a function over the points of one crystal, and `complete`; pure.

        Args:
            crystal: at hand as arrays.
            f: pure function of some of the points, additive over them, 0 without any.
        """
        points = self.points(crystal)
        return f(points), jnp.asarray(points.complete)

    @property
    @abc.abstractmethod
    def friedel(self) -> bool:
        """Whether one of each pair h, -h is held, which have equal intensities."""

    def __call__(
        self, crystals: Any, *, chunk: Chunk = "auto", mesh: Devices = None
    ) -> ReciprocalPoints:
        """Return the points of a crystal, or of several with their axis first; pure.

        Args:
            crystals: of any kind, see `crystal.apply.apply_plan`.
            chunk: crystals computed side by side, see `crystal.apply.map_crystals`.
            mesh: devices that several crystals are dealt to, see `crystal.apply.apply_plan`.
        """
        return apply_plan(_points, self, crystals, chunk, mesh)


def _points(plan: AbstractReflections, crystal: Program) -> ReciprocalPoints:
    return plan.points(crystal)


def raise_if_outgrown(result: Any) -> Any:
    """Return a result with `complete`; raises at run time where it is False."""
    return eqx.error_if(
        result,
        ~result.complete,
        "the crystal has outgrown its plan: make the plan with a larger max_stretch, with every "
        "species the crystals hold, and with a Laue group that they all have",
    )
