"""The power spectrum: spherical-harmonic x radial expansion of the points, squared over m."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._core import safe_norm
from ..crystal import Crystal
from ..diffraction import ReciprocalPlan, ReciprocalPoints, ReciprocalSpace
from ._harmonics import Degrees, degree_list, harmonics_rows
from ._radial import AbstractRadialBasis, OrthonormalBasis


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
        self, crystals: Crystal | Sequence[Crystal], *, margin: float = 1.05, laue: Any = None
    ) -> "SpectrumPlan":
        """Static shapes for some crystals (host only); see `ReciprocalSpace.plan`.

        With `laue`, only harmonics invariant under that Laue group are kept. It must act on the
        Cartesian axes in the same way for every cell the plan will serve.
        """
        points = self.space.plan(crystals, margin=margin, laue=laue)
        invariants = None
        if laue is not None:
            first = crystals if isinstance(crystals, Crystal) else crystals[0]
            matrix = np.asarray(first.lattice.matrix, dtype=np.float64)
            invariants = laue_invariants(np.asarray(laue), matrix, self.l_max)
        return SpectrumPlan.build(points, invariants)

    def __call__(self, crystal: Crystal, plan: "SpectrumPlan") -> Array:
        """P of one crystal, shape (n_max, l_max + 1); pure, to be jitted and vmapped.

        Raises (at run time): the crystal has reflections or species that the plan lacks.
        """
        points = self.space(crystal, plan.points)
        intensity = eqx.error_if(
            points.intensity,
            ~points.complete,
            "the crystal has outgrown its plan: make the plan with a larger margin, "
            "or with every species the crystals hold",
        )
        points = eqx.tree_at(lambda p: p.intensity, points, intensity)
        return self.from_points(points, plan)

    def coefficients(
        self, points: ReciprocalPoints, plan: "SpectrumPlan"
    ) -> list[tuple[int, Float[Array, "n_max m"]]]:
        """(l, A_nlm) for every degree computed, or its invariant combinations."""
        degrees: Degrees = "even" if plan.points.friedel else "all"
        q = safe_norm(points.q)
        inside = q < self.space.q_max
        radial = self.radial(jnp.where(inside, q, 0.0), self.n_max, self.space.q_max)
        weighted = radial * (points.intensity * points.multiplicity)[None, :]
        harmonics = harmonics_rows(points.q, self.l_max, degrees)
        moments = jnp.matmul(weighted, harmonics.T, precision="highest")
        result, start = [], 0
        for i, l in enumerate(degree_list(self.l_max, degrees)):
            block = moments[:, start : start + 2 * l + 1]
            if plan.invariants is not None:
                basis = plan.invariants[i].astype(block.dtype)
                block = jnp.matmul(block, basis, precision="highest")
            result.append((l, block))
            start += 2 * l + 1
        return result

    def from_points(self, points: ReciprocalPoints, plan: "SpectrumPlan") -> Array:
        """P of points that are at hand already."""
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
    invariants: tuple[Float[Array, "m k"], ...] | None

    @classmethod
    def build(
        cls, points: ReciprocalPlan, invariants: list[np.ndarray] | None = None
    ) -> "SpectrumPlan":
        """Plan in the floating-point type of the reflection list."""
        if invariants is None:
            return cls(points, None)
        dtype = points.multiplicity.dtype
        return cls(points, tuple(jnp.asarray(basis, dtype) for basis in invariants))


def laue_invariants(laue: np.ndarray, matrix: np.ndarray, l_max: int) -> list[np.ndarray]:
    """Orthonormal basis of the even harmonics invariant under a point group (host).

    The average over the group of Y_lm(R u) is the projection on the invariants; its matrix comes
    from a least-squares fit on random directions, and its eigenvectors of eigenvalue 1 are the
    basis.

    Args:
        laue: integer rotations W acting on fractional coordinates, shape (n, 3, 3).
        matrix: lattice vectors as rows, angstrom, shape (3, 3).
        l_max: highest degree.

    Returns:
        One array of shape (2l + 1, k_l) for each even l.
    """
    # Row vectors: frac' = frac W^T and cart = frac M give cart' = cart M^-1 W^T M.
    rotations = np.einsum("ij,nkj,kl->nil", np.linalg.inv(matrix), laue, matrix)
    directions = np.random.default_rng(0).standard_normal((4 * (2 * l_max + 1) + 40, 3))
    plain = _numpy_harmonics(directions, l_max)
    averaged = np.mean([_numpy_harmonics(directions @ R, l_max) for R in rotations], axis=0)
    bases, start = [], 0
    for l in range(0, l_max + 1, 2):
        block = slice(start, start + 2 * l + 1)
        projector = np.linalg.lstsq(plain[:, block], averaged[:, block], rcond=None)[0]
        values, vectors = np.linalg.eigh((projector + projector.T) / 2)
        bases.append(vectors[:, values > 0.5])
        start += 2 * l + 1
    return bases


def _numpy_harmonics(directions: np.ndarray, l_max: int) -> np.ndarray:
    """Even real harmonics in float64 whatever JAX's precision, from SciPy."""
    from scipy.special import sph_harm_y

    unit = directions / np.linalg.norm(directions, axis=1)[:, None]
    theta, phi = np.arccos(np.clip(unit[:, 2], -1, 1)), np.arctan2(unit[:, 1], unit[:, 0])
    columns = []
    for l in range(0, l_max + 1, 2):
        for m in range(-l, l + 1):
            y = (-1.0) ** m * sph_harm_y(l, abs(m), theta, phi)
            columns.append(y.real if m == 0 else np.sqrt(2) * (y.real if m > 0 else y.imag))
    return np.stack(columns, axis=1)
