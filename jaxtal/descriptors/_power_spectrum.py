"""The power spectrum: spherical-harmonic x radial expansion of the points, squared over m."""

from collections.abc import Sequence

import equinox as eqx
from jaxtyping import Array, Float

from .._core import AnyArray, matmul, namespace, safe_norm
from ..diffraction import ReciprocalPoints, ReciprocalSpace
from ._descriptor_plan import AbstractPointDescriptor
from .expansion import degree_list, harmonics_rows
from .expansion._harmonics import Degrees
from .expansion._radial import AbstractRadialBasis, OrthonormalBasis


class PowerSpectrum(AbstractPointDescriptor):
    """Rotation-invariant spectrum of a crystal's reciprocal-space points.

        A_nlm = sum_q w(q) I(q) R_n(|q|) Y_lm(q / |q|)
        P_nl  = sum_m A_nlm^2                                        (eq. 16)

    with I(q) the tapered normalised intensity (`ReciprocalSpace`), w(q) the multiplicity, R_n a
    radial basis and Y_lm real orthonormal spherical harmonics. Friedel's law makes odd degrees
    vanish: they are not computed, and returned as zeros, unless anomalous scattering breaks it.

    P does not depend on the origin, the cell, the setting or the orientation, since the set of
    points and their intensities do not. It scales as (V / N)^2 between crystals (the density of
    points is V / (2 pi)^3 and I(q) is normalised by N^2), supercells excepted: there the extra
    points have no intensity.

        PowerSpectrum(n_max=10, l_max=10)(crystal).power_spectrum
        plan = PowerSpectrum().plan(crystals, max_stretch=1.2)      # then plan(crystal) in jit

    Attributes:
        n_max: number of radial functions.
        l_max: highest degree.
        space: q_max, form factors, taper.
        radial: radial basis.

    References:
        O. G. Ridwan et al., "Crystal Representation in the Reciprocal Space" (2026), section III.
    """

    n_max: int = eqx.field(static=True)
    l_max: int = eqx.field(static=True)
    space: ReciprocalSpace
    radial: AbstractRadialBasis

    def __init__(
        self,
        n_max: int = 10,
        l_max: int = 10,
        q_max: float = 10.0,
        *,
        radial: AbstractRadialBasis | None = None,
        space: ReciprocalSpace | None = None,
    ):
        """Args as the attributes; `q_max` (1/angstrom) is ignored if `space` is given.

        Raises:
            ValueError: n_max < 1, l_max < 0 or q_max <= 0.
        """
        if n_max < 1:
            raise ValueError(f"n_max: expected at least 1, got {n_max}")
        if l_max < 0:
            raise ValueError(f"l_max: expected at least 0, got {l_max}")
        self.n_max = n_max
        self.l_max = l_max
        self.space = ReciprocalSpace(q_max=q_max) if space is None else space
        self.radial = OrthonormalBasis() if radial is None else radial

    @property
    def highest_degree(self) -> int:
        """Highest degree of the spherical harmonics."""
        return self.l_max

    @property
    def rdf_centres(self) -> None:
        """None: it makes no radial distribution."""
        return None

    def moments(
        self, points: ReciprocalPoints, *, friedel: bool = True
    ) -> Float[AnyArray, "n_max n_lm"]:
        """A_nlm of every degree that is computed, one after another, m = -l..l in each; pure."""
        q = safe_norm(points.q)
        inside = q < self.space.q_max
        inner = namespace(q).where(inside, q, 0.0)
        radial = self.radial(inner, self.n_max, self.space.q_max)
        weighted = radial * (points.intensity * points.multiplicity)[None, :]
        return matmul(weighted, harmonics_rows(points.q, self.l_max, _degrees(friedel)).T)

    def from_moments(
        self,
        moments: Float[AnyArray, "n_max n_lm"],
        *,
        friedel: bool = True,
        invariants: Sequence[Float[Array, "_m _k"]] | None = None,
    ) -> tuple[Float[AnyArray, "n_max l_max_1"], None]:
        """P of the coefficients A_nlm, and None; pure."""
        xp = namespace(moments)
        columns = [xp.zeros((self.n_max,), moments.dtype) for _ in range(self.l_max + 1)]
        start = 0
        for i, l in enumerate(degree_list(self.l_max, _degrees(friedel))):
            block = moments[:, start : start + 2 * l + 1]
            if invariants is not None:
                block = matmul(block, invariants[i])
            columns[l] = xp.sum(block * block, axis=-1)
            start += 2 * l + 1
        return xp.stack(columns, axis=-1), None


def _degrees(friedel: bool) -> Degrees:
    return "even" if friedel else "all"
