"""The descriptor of a crystal: power spectrum and radial distribution from one set of points."""

import abc
import json
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Array, Bool, Float

from ..crystal import Crystal
from ..diffraction import ReciprocalSpace
from ._power_spectrum import PowerSpectrum, SpectrumPlan
from ._radial_distribution import RadialDistribution
from .expansion import AbstractRadialBasis, PaperBesselBasis


class Description(eqx.Module):
    """What a descriptor says of one crystal.

    Attributes:
        power_spectrum: P_nl, shape (n_max, l_max + 1), dimensionless up to the unit of R_n^2.
        rdf: reciprocal radial distribution G(d), shape (n_bins,), dimensionless.
        complete: False if the plan does not serve the crystal, which has reflections inside q_max
            or species that the plan lacks; the numbers then describe a truncated crystal.
        specification: what made it, the descriptor's `specification` as JSON; descriptions of
            different specifications cannot be compared. "" if unknown.
    """

    power_spectrum: Array
    rdf: Float[Array, " n_bins"]
    complete: Bool[Array, ""]
    specification: str = eqx.field(static=True, default="")


class AbstractDescriptor(eqx.Module):
    """Anything that plans on the host and then maps a crystal to a `Description`."""

    @abc.abstractmethod
    def plan(
        self,
        crystals: Any,
        *,
        margin: float = 1.05,
        laue: Any = None,
    ) -> Any:
        """Static shapes and tables for some crystals (host only)."""

    @abc.abstractmethod
    def __call__(self, crystal: Crystal, plan: Any) -> Description:
        """Describe one crystal; pure, to be jitted and vmapped."""

    @property
    @abc.abstractmethod
    def specification(self) -> dict[str, Any]:
        """Everything that decides the numbers, as JSON types; equal if they can be compared."""

    @property
    @abc.abstractmethod
    def rdf_centres(self) -> Float[np.ndarray, " n_bins"]:
        """Where the entries of `Description.rdf` lie, 1/angstrom."""


class Descriptor(AbstractDescriptor):
    """Power spectrum and radial distribution of the same reciprocal-space points.

    Attributes:
        spectrum: the power spectrum.
        distribution: the radial distribution; it shares the spectrum's `space`.
    """

    spectrum: PowerSpectrum
    distribution: RadialDistribution

    def __init__(
        self,
        n_max: int = 10,
        l_max: int = 10,
        q_max: float = 10.0,
        *,
        n_bins: int = 101,
        radial: AbstractRadialBasis | None = None,
        space: ReciprocalSpace | None = None,
        histogram: bool = False,
    ):
        """See `PowerSpectrum` and `RadialDistribution`; `q_max` is ignored if `space` is given."""
        space = ReciprocalSpace(q_max=q_max) if space is None else space
        self.spectrum = PowerSpectrum(n_max, l_max, radial=radial, space=space)
        self.distribution = RadialDistribution(n_bins, space=space, histogram=histogram)

    @classmethod
    def paper(cls, n_max: int = 10, l_max: int = 10, q_max: float = 10.0) -> "Descriptor":
        """The paper's equations as written, with s^2 = (q / 4 pi)^2 in eq. 4, which is meant.

        International Tables' four Gaussians, sqrt(2 / q_max) J_n(pi q / q_max) for
        n = 0..n_max - 1, no taper, sums over m, hard bins of 0.1 1/angstrom for q_max = 10. The
        paper's figures come from its program instead: see `RecpDescriptor`.
        """
        space = ReciprocalSpace(q_max=q_max, kind="it92", taper="none")
        return cls(n_max, l_max, radial=PaperBesselBasis(), space=space, histogram=True)

    def plan(
        self,
        crystals: Any,
        *,
        margin: float = 1.05,
        laue: Any = None,
    ) -> SpectrumPlan:
        """Static shapes for some crystals (host only); see `PowerSpectrum.plan`."""
        return self.spectrum.plan(crystals, margin=margin, laue=laue)

    def __call__(self, crystal: Crystal, plan: SpectrumPlan) -> Description:
        """Describe one crystal; pure, to be jitted and vmapped."""
        points = self.spectrum.space(crystal, plan.points)
        return Description(
            power_spectrum=self.spectrum.from_points(points, plan),
            rdf=self.distribution.from_points(points),
            complete=points.complete,
            specification=json.dumps(self.specification, sort_keys=True),
        )

    @property
    def specification(self) -> dict[str, Any]:
        """Everything that decides the numbers, as JSON types."""
        space = self.spectrum.space
        return {
            "descriptor": "jaxtal",
            "n_max": self.spectrum.n_max,
            "l_max": self.spectrum.l_max,
            "q_max": space.q_max,
            "radial": repr(self.spectrum.radial),
            "cross_terms": self.spectrum.cross_terms,
            "form_factors": space.kind,
            "taper": space.taper,
            "displacements": space.displacements,
            "wavelength": space.wavelength,
            "n_bins": self.distribution.n_bins,
            "bins": "histogram" if self.distribution.histogram else "cubic b-spline",
        }

    @property
    def rdf_centres(self) -> Float[np.ndarray, " n_bins"]:
        """Bin centres of G(d), 1/angstrom."""
        return self.distribution.centres
