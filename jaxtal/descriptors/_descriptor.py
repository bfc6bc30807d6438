"""The descriptor of a crystal: power spectrum and radial distribution from one set of points."""

from collections.abc import Sequence

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from .._core import AnyArray
from ..diffraction import ReciprocalPoints, ReciprocalSpace
from ._descriptor_plan import AbstractPointDescriptor
from ._power_spectrum import PowerSpectrum
from ._radial_distribution import RadialDistribution
from .expansion._radial import AbstractRadialBasis, OrthonormalBasis


class Descriptor(AbstractPointDescriptor):
    """Power spectrum and radial distribution of the same reciprocal-space points.

        Descriptor(n_max=10, l_max=10, q_max=10.0)(crystal)         # plans by itself
        plan = Descriptor().plan(crystals, max_stretch=1.3)         # host: static shapes
        plan(crystal)                                               # pure: jit, vmap, grad

    Attributes:
        n_max: number of radial functions of the spectrum.
        l_max: its highest degree.
        space: q_max, form factors, taper.
        n_bins: number of bins of the radial distribution.
        radial: radial basis of the spectrum.
        histogram: hard bins instead of smooth ones.
    """

    n_max: int = eqx.field(static=True)
    l_max: int = eqx.field(static=True)
    space: ReciprocalSpace
    n_bins: int = eqx.field(static=True)
    radial: AbstractRadialBasis
    histogram: bool = eqx.field(static=True)

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
        self.n_max, self.l_max, self.n_bins = n_max, l_max, n_bins
        self.space = ReciprocalSpace(q_max=q_max) if space is None else space
        self.radial = OrthonormalBasis() if radial is None else radial
        self.histogram = histogram
        _ = self.spectrum, self.distribution  # they check the settings

    @property
    def spectrum(self) -> PowerSpectrum:
        """The power spectrum alone."""
        return PowerSpectrum(self.n_max, self.l_max, radial=self.radial, space=self.space)

    @property
    def distribution(self) -> RadialDistribution:
        """The radial distribution alone."""
        return RadialDistribution(self.n_bins, space=self.space, histogram=self.histogram)

    @property
    def rdf_centres(self) -> Float[np.ndarray, " n_bins"]:
        """Bin centres of G(d), 1/angstrom."""
        return self.distribution.rdf_centres

    @property
    def highest_degree(self) -> int:
        """Highest degree of the spherical harmonics."""
        return self.l_max

    def moments(
        self, points: ReciprocalPoints, *, friedel: bool = True
    ) -> tuple[AnyArray, AnyArray]:
        """The sums of the spectrum and those of the distribution; pure."""
        of_spectrum = self.spectrum.moments(points, friedel=friedel)
        return of_spectrum, self.distribution.moments(points, friedel=friedel)

    def from_moments(
        self,
        moments: tuple[AnyArray, AnyArray],
        *,
        friedel: bool = True,
        invariants: Sequence[Float[Array, "_m _k"]] | None = None,
    ) -> tuple[AnyArray, AnyArray]:
        """P and G of their sums; pure."""
        of_spectrum, of_distribution = moments
        P, _ = self.spectrum.from_moments(of_spectrum, friedel=friedel, invariants=invariants)
        _, G = self.distribution.from_moments(of_distribution)
        return P, G
