"""The reciprocal radial distribution G(d): intensity by distance from the origin."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._core import AnyArray, namespace, safe_norm
from ..diffraction import ReciprocalPoints, ReciprocalSpace
from ._descriptor_plan import AbstractPointDescriptor
from .expansion._b_spline import cubic_b_spline


class RadialDistribution(AbstractPointDescriptor):
    """Intensity of the reciprocal-space points in bins of |q|, smooth in the lattice.

        G_k = sum_q w(q) I(q) B(|q| / h - k),   h = q_max / (n_bins - 1)       (eq. 10)

    with B the cubic B-spline, a bell of full width at half maximum 1.45 h. The bins overlap, are
    twice continuously differentiable and add up to one at every |q|, so sum_k G_k is the total
    intensity, up to what the half-bells at both ends of the interval lose. With `histogram`, B is
    1 for |t| < 1/2 and 0 elsewhere, as in the paper: G then jumps when a reflection changes bins,
    and its gradient sees the intensities only.

        RadialDistribution(n_bins=101)(crystal).rdf
        plan = RadialDistribution().plan(crystals, max_stretch=1.2)     # then plan(crystal) in jit

    Attributes:
        n_bins: number of bins, centred at 0, h, 2h .. q_max.
        space: q_max, form factors, taper.
        histogram: hard bins instead of smooth ones.
    """

    n_bins: int = eqx.field(static=True)
    space: ReciprocalSpace
    histogram: bool = eqx.field(static=True)

    def __init__(
        self,
        n_bins: int = 101,
        q_max: float = 10.0,
        *,
        space: ReciprocalSpace | None = None,
        histogram: bool = False,
    ):
        """Args as the attributes; `q_max` (1/angstrom) is ignored if `space` is given.

        Raises:
            ValueError: fewer than four bins, or q_max <= 0.
        """
        if n_bins < 4:
            raise ValueError(f"n_bins: expected at least 4, got {n_bins}")
        self.n_bins = n_bins
        self.histogram = histogram
        self.space = ReciprocalSpace(q_max=q_max) if space is None else space

    @property
    def rdf_centres(self) -> Float[np.ndarray, " n_bins"]:
        """Bin centres, 1/angstrom."""
        return np.linspace(0.0, self.space.q_max, self.n_bins)

    @property
    def highest_degree(self) -> None:
        """None: it needs no spherical harmonics."""
        return None

    def moments(self, points: ReciprocalPoints, *, friedel: bool = True) -> Float[AnyArray, " n"]:
        """Sums of the points in each bin, of smooth bins with one before them and two after."""
        del friedel  # multiplicities say it
        spacing = self.space.q_max / (self.n_bins - 1)
        q = safe_norm(points.q)
        xp = namespace(q)
        inside = q < self.space.q_max
        weight = xp.where(inside, points.intensity * points.multiplicity, 0.0)
        x = xp.where(inside, q, 0.0) / spacing
        if self.histogram:
            return _summed(weight, xp.round(x), self.n_bins)
        cell = xp.floor(x)
        if xp is jnp:
            cell = jax.lax.stop_gradient(cell)
        values = cubic_b_spline(x - cell) * weight[None, :]
        # Bins cell - 1 .. cell + 2; the first and last of the padded array fall off the ends.
        places = xp.stack([cell, cell + 1, cell + 2, cell + 3])
        return _summed(values.ravel(), places.ravel(), self.n_bins + 3)

    def from_moments(
        self,
        moments: Float[AnyArray, " n"],
        *,
        friedel: bool = True,
        invariants: Sequence[Float[Array, "_m _k"]] | None = None,
    ) -> tuple[None, Float[AnyArray, " n_bins"]]:
        """None, and G of the sums in its bins; pure."""
        del friedel, invariants  # of the spectrum
        return None, moments if self.histogram else moments[1 : self.n_bins + 1]


def _summed(
    values: Float[AnyArray, " M"], places: Float[AnyArray, " M"], n: int
) -> Float[AnyArray, " n"]:
    """Sums of the values that have each of n places, whole numbers from 0; others are dropped."""
    if isinstance(values, np.ndarray) and isinstance(places, np.ndarray):
        inside = places < n
        chosen = places[inside].astype(np.int64)
        return np.bincount(chosen, values[inside], n).astype(values.dtype)
    index = jax.lax.stop_gradient(places).astype(jnp.int32)
    return jax.ops.segment_sum(values, index, num_segments=n, mode="drop")
