"""The power spectrum: spherical-harmonic x radial expansion of the points, squared over m."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._core import device_array, safe_norm
from ..crystal import Crystal
from ..diffraction import (
    ReciprocalPlan,
    ReciprocalPoints,
    ReciprocalSpace,
    cartesian_rotations,
)
from .expansion import (
    AbstractRadialBasis,
    Degrees,
    OrthonormalBasis,
    degree_list,
    harmonics_rows,
    host_harmonics,
)


class PowerSpectrum(eqx.Module):
    """Rotation-invariant spectrum of a crystal's reciprocal-space points.

        A_nlm = sum_q w(q) I(q) R_n(|q|) Y_lm(q / |q|)
        P_nl  = sum_m A_nlm^2                                        (eq. 16)
        P_nn'l = sum_m A_nlm A_n'lm                                  (`cross_terms`)

    with I(q) the tapered normalised intensity (`ReciprocalSpace`), w(q) the multiplicity, R_n a
    radial basis and Y_lm real orthonormal spherical harmonics. Friedel's law makes odd degrees
    vanish: they are not computed, and returned as zeros, unless anomalous scattering breaks it.

    P does not depend on the origin, the cell, the setting or the orientation, since the set of
    points and their intensities do not. It scales as (V / N)^2 between crystals (the density of
    points is V / (2 pi)^3 and I(q) is normalised by N^2), supercells excepted: there the extra
    points have no intensity.

    Attributes:
        n_max: number of radial functions.
        l_max: highest degree.
        space: q_max, form factors, taper.
        radial: radial basis.
        cross_terms: return P_nn'l, shape (n_max, n_max, l_max + 1), instead of P_nl.

    References:
        O. G. Ridwan et al., "Crystal Representation in the Reciprocal Space" (2026), section III.
    """

    n_max: int = eqx.field(static=True)
    l_max: int = eqx.field(static=True)
    space: ReciprocalSpace
    radial: AbstractRadialBasis
    cross_terms: bool = eqx.field(static=True)

    def __init__(
        self,
        n_max: int = 10,
        l_max: int = 10,
        q_max: float = 10.0,
        *,
        radial: AbstractRadialBasis | None = None,
        space: ReciprocalSpace | None = None,
        cross_terms: bool = False,
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
        self.cross_terms = cross_terms

    def plan(
        self,
        crystals: Any,
        *,
        margin: float = 1.05,
        laue: Any = None,
    ) -> "SpectrumPlan":
        """Static shapes for some crystals (host only); see `ReciprocalSpace.plan`.

        With `laue`, only harmonics invariant under that Laue group are kept.
        """
        points = self.space.plan(crystals, margin=margin, laue=laue)
        if points.frame is None:
            return SpectrumPlan(points, None)
        rotations = cartesian_rotations(np.asarray(laue, np.int64), np.asarray(points.frame))
        dtype = points.multiplicity.dtype
        invariants = laue_invariants(rotations, self.l_max)
        return SpectrumPlan(points, tuple(device_array(basis, dtype) for basis in invariants))

    def __call__(self, crystal: Crystal, plan: "SpectrumPlan") -> Array:
        """P of one crystal, shape (n_max, l_max + 1); pure, to be jitted and vmapped.

        Raises (at run time): the plan does not serve the crystal (see `ReciprocalPlan.covers`).
        """
        return self.from_points(self.space(crystal, plan.points).checked(), plan)

    def coefficients(
        self, points: ReciprocalPoints, plan: "SpectrumPlan | None" = None
    ) -> list[tuple[int, Float[Array, "n_max m"]]]:
        """(l, A_nlm) for every degree computed, or its invariant combinations."""
        degrees: Degrees = "even" if plan is None or plan.points.friedel else "all"
        invariants = None if plan is None else plan.invariants
        q = safe_norm(points.q)
        inside = q < self.space.q_max
        radial = self.radial(jnp.where(inside, q, 0.0), self.n_max, self.space.q_max)
        weighted = radial * (points.intensity * points.multiplicity)[None, :]
        harmonics = harmonics_rows(points.q, self.l_max, degrees)
        moments = jnp.matmul(weighted, harmonics.T, precision="highest")
        result, start = [], 0
        for i, l in enumerate(degree_list(self.l_max, degrees)):
            block = moments[:, start : start + 2 * l + 1]
            if invariants is not None:
                basis = invariants[i].astype(block.dtype)
                block = jnp.matmul(block, basis, precision="highest")
            result.append((l, block))
            start += 2 * l + 1
        return result

    def from_points(self, points: ReciprocalPoints, plan: "SpectrumPlan | None" = None) -> Array:
        """P of points that are at hand already; without a plan those of half the sphere."""
        shape = (self.n_max, self.n_max) if self.cross_terms else (self.n_max,)
        columns = [jnp.zeros(shape, points.q.dtype) for _ in range(self.l_max + 1)]
        for l, block in self.coefficients(points, plan):
            if self.cross_terms:
                columns[l] = jnp.matmul(block, block.T, precision="highest")
            else:
                columns[l] = jnp.sum(block * block, axis=-1)
        return jnp.stack(columns, axis=-1)


class SpectrumPlan(eqx.Module):
    """Reflection list of a `PowerSpectrum`, and the harmonics that symmetry leaves.

    Attributes:
        points: reflections and tables.
        invariants: for each even degree an orthonormal basis of the harmonics invariant under the
            Laue group, shape (2l + 1, k_l); None keeps all.
    """

    points: ReciprocalPlan
    invariants: tuple[Float[Array, "_m _k"], ...] | None


def laue_invariants(
    rotations: Float[np.ndarray, "n 3 3"], l_max: int
) -> list[Float[np.ndarray, "_m _k"]]:
    """Orthonormal basis of the even harmonics invariant under a point group (host).

    The average over the group of Y_lm(u R) is the projection on the invariants; its matrix comes
    from a least-squares fit on random directions, and its eigenvectors of eigenvalue 1 are the
    basis.

    Args:
        rotations: matrices R acting on Cartesian row vectors, shape (n, 3, 3).
        l_max: highest degree.

    Returns:
        One array of shape (2l + 1, k_l) for each even l.
    """
    directions = np.random.default_rng(0).standard_normal((4 * (2 * l_max + 1) + 40, 3))
    plain = host_harmonics(directions, l_max, "even")
    averaged = np.mean([host_harmonics(directions @ R, l_max, "even") for R in rotations], axis=0)
    bases, start = [], 0
    for l in degree_list(l_max, "even"):
        block = slice(start, start + 2 * l + 1)
        projector = np.linalg.lstsq(plain[:, block], averaged[:, block], rcond=None)[0]
        values, vectors = np.linalg.eigh((projector + projector.T) / 2)
        bases.append(vectors[:, values > 0.5])
        start += 2 * l + 1
    return bases
