"""Species-resolved pair distribution g(r) of a periodic crystal, differentiable and smooth.

The neighbour search decides which pairs count and carries no gradient; the distances of the
chosen pairs are then computed again, differentiably. Pairs enter and leave at r_max and at r = 0
with zero weight, slope and curvature, so that g(r) is twice continuously differentiable.
"""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int
from numpy.typing import ArrayLike

from .._core import safe_divide, safe_norm
from ._pair_plan import PairPlan, build_pair_plan
from .expansion import cubic_b_spline


class PairDistribution(eqx.Module):
    """Partial pair distribution functions g_ab(r) of a periodic crystal.

        g_ab(r_k) = V / (N_a N_b V_k) sum_(i, j, T) w_ia w_jb B((|x_j + T - x_i| - r_k) / dr)

    The sum runs over ordered pairs of atoms and all lattice translations T, without the pair of an
    atom and itself at T = 0 (its images count); w_ia is the share of species a on site i and
    N_a = sum_i w_ia. B is the cubic B-spline with unit knot distance, dr = r_max / (n_bins + 3),
    r_k = (k + 2) dr, and V_k = integral 4 pi r^2 B dr = 4 pi dr (r_k^2 + dr^2 / 3). Every spline
    lies inside 0..r_max, hence g = 1 in every bin on average over a random gas, and no further
    cutoff is needed. Supercells, origins and cell choices do not change it. Distances do not see
    the hand of a crystal.

    Attributes:
        r_max: range in angstrom.
        n_bins: number of bins.
    """

    r_max: float = eqx.field(static=True)
    n_bins: int = eqx.field(static=True)

    def __init__(self, r_max: float = 6.0, n_bins: int = 60):
        if not (math.isfinite(r_max) and r_max > 0):
            raise ValueError(f"expected r_max > 0 in angstrom, got {r_max}")
        if n_bins < 1:
            raise ValueError(f"expected n_bins >= 1, got {n_bins}")
        self.r_max = float(r_max)
        self.n_bins = int(n_bins)

    @property
    def dr(self) -> float:
        """Distance of neighbouring bins in angstrom."""
        return self.r_max / (self.n_bins + 3)

    @property
    def r(self) -> Float[np.ndarray, " n_bins"]:
        """Centres of the bins in angstrom, (n_bins,)."""
        return self.dr * (np.arange(self.n_bins) + 2.0)

    def plan(
        self,
        matrix: Array | ArrayLike,
        frac: Array | ArrayLike,
        atomic_numbers: Array | ArrayLike,
        *,
        mask: Array | ArrayLike | None = None,
        margin: float = 1.15,
        centers: Array | ArrayLike | None = None,
        multiplicities: Array | ArrayLike | None = None,
    ) -> PairPlan:
        """Sizes and candidate pairs for one crystal, or for a batch of equal padded size.

        Args:
            matrix: lattice vectors as rows in angstrom, (3, 3) or (B, 3, 3).
            frac: fractional coordinates, (N, 3) or (B, N, 3).
            atomic_numbers: (N,) or (B, N).
            mask: which atoms exist, (N,) or (B, N); all if None.
            margin: factor by which all lengths may shrink before the plan overflows.
            centers: one atom of each orbit, (C,), for a symmetric crystal; every pair starts at
                one of them. All atoms if None.
            multiplicities: size of the orbit of each centre, (C,).

        Returns:
            A plan whose translations are complete for every cell, however skewed:
            |n_i| <= margin r_max |a*_i| + 1/2 with atom differences wrapped to -1/2..1/2.

        Raises:
            ValueError: shapes that do not fit, no atoms, NaN, a singular cell, margin < 1, or
                multiplicities that do not add up to the number of atoms of each species.
        """
        return build_pair_plan(
            self.r_max,
            matrix,
            frac,
            atomic_numbers,
            mask=mask,
            margin=margin,
            centers=centers,
            multiplicities=multiplicities,
        )

    def __call__(
        self,
        matrix: Float[Array, "3 3"],
        frac: Float[Array, "N 3"],
        weights: Float[Array, "N S"],
        plan: PairPlan,
        mask: Bool[Array, " N"] | None = None,
    ) -> tuple[Float[Array, "pairs n_bins"], Bool[Array, ""]]:
        """g_ab(r) of one crystal.

        Args:
            matrix: lattice vectors as rows in angstrom, (3, 3).
            frac: fractional coordinates, (N, 3).
            weights: share of each species of `plan.species` on each site, (N, S); see
                `PairPlan.weights`.
            plan: from `PairDistribution.plan`.
            mask: which atoms exist, (N,); padding may hold anything.

        Returns:
            g, (pairs, n_bins), dimensionless, rows in the order of `plan.pairs` and zero for
            absent species; and whether the plan overflowed: more pairs than its capacity, a cell
            that shrank below its translations, or a NaN. Then g lacks pairs.

        Raises:
            ValueError: arrays that do not fit the plan.
        """
        if frac.shape[0] != plan.n_atoms or weights.shape[1] != len(plan.species):
            raise ValueError(
                f"expected {plan.n_atoms} atoms and {len(plan.species)} species as in the plan, "
                f"got {frac.shape[0]} and {weights.shape[1]}"
            )
        if mask is not None:
            frac = jnp.where(mask[:, None], frac, 0.0)
            weights = jnp.where(mask[:, None], weights, 0.0)
        weights = weights.astype(frac.dtype)
        pair, image, valid, overflow = _select(
            jax.lax.stop_gradient(matrix), jax.lax.stop_gradient(frac), plan, mask, self.r_max
        )
        i, j = plan.first[pair], plan.second[pair]
        difference = frac[j] - frac[i]
        shift = plan.images[image].astype(frac.dtype) - jnp.round(jax.lax.stop_gradient(difference))
        # The highest precision, since accelerators multiply float32 matrices in fewer bits.
        vectors = jnp.matmul(difference + shift, matrix, precision="highest")
        vectors = jnp.where(valid[:, None], vectors, 0.0)
        share = _pair_shares(weights[i], weights[j])
        share = share * plan.multiplicity[pair].astype(frac.dtype)[:, None]

        bins, splines = _splines(safe_norm(vectors) / self.dr, self.n_bins, valid)
        terms = splines[:, :, None] * share[:, None, :]
        total = jax.ops.segment_sum(
            terms.reshape(-1, terms.shape[-1]), bins.reshape(-1), num_segments=self.n_bins + 1
        )[: self.n_bins]

        volume = jnp.abs(jnp.linalg.det(matrix))
        counts = jnp.sum(weights, axis=0)
        rows, columns = np.triu_indices(len(plan.species))
        density = safe_divide(jnp.broadcast_to(volume, rows.shape), counts[rows] * counts[columns])
        shell = 4.0 * math.pi * self.dr * (self.r**2 + self.dr**2 / 3.0)
        g = total.T * density[:, None] / jnp.asarray(shell, frac.dtype)[None, :]
        return g, overflow


def _select(
    matrix: Float[Array, "3 3"],
    frac: Float[Array, "N 3"],
    plan: PairPlan,
    mask: Bool[Array, " N"] | None,
    r_max: float,
) -> tuple[Int[Array, " K"], Int[Array, " K"], Bool[Array, " K"], Bool[Array, ""]]:
    """Candidate pair and translation of every pair within r_max; no gradients."""
    difference = frac[plan.second] - frac[plan.first]
    difference = jnp.matmul(difference - jnp.round(difference), matrix, precision="highest")
    shifts = jnp.matmul(plan.images.astype(matrix.dtype), matrix, precision="highest")
    # |d + t|^2 expanded: the (Q, M, 3) array of vectors is never made. Rounding moves a pair over
    # r_max at most where the splines vanish with three powers.
    squares = (
        jnp.sum(difference * difference, axis=1)[:, None]
        + 2.0 * jnp.matmul(difference, shifts.T, precision="highest")
        + jnp.sum(shifts * shifts, axis=1)[None, :]
    )
    itself = (plan.first == plan.second)[:, None] & jnp.all(plan.images == 0, axis=1)[None, :]
    near = (squares < r_max**2) & ~itself
    if mask is not None:
        near = near & (mask[plan.first] & mask[plan.second])[:, None]
    near = near.reshape(-1)
    (chosen,) = jnp.nonzero(near, size=plan.capacity, fill_value=0)
    found = jnp.sum(near)
    valid = jnp.arange(plan.capacity) < found

    inverse = jnp.linalg.inv(matrix)
    needed = r_max * jnp.sqrt(jnp.sum(inverse * inverse, axis=0)) + 0.5
    short = needed >= jnp.asarray(plan.n_images, needed.dtype) + 1.0
    # A NaN makes every comparison false: it must not look like success.
    finite = jnp.all(jnp.isfinite(needed)) & jnp.all(jnp.isfinite(frac))
    overflow = (found > plan.capacity) | jnp.any(short) | ~finite
    return chosen // len(plan.images), chosen % len(plan.images), valid, overflow


def _pair_shares(left: Float[Array, "K S"], right: Float[Array, "K S"]) -> Float[Array, "K pairs"]:
    """(w_ia w_jb + w_ib w_ja) / 2 for a <= b."""
    rows, columns = np.triu_indices(left.shape[1])
    return 0.5 * (left[:, rows] * right[:, columns] + left[:, columns] * right[:, rows])


def _splines(
    t: Float[Array, " K"], n_bins: int, valid: Bool[Array, " K"]
) -> tuple[Int[Array, "K 4"], Float[Array, "K 4"]]:
    """Bins that a distance t (in units of dr) touches, and the cubic B-spline values there."""
    cell = jnp.floor(jax.lax.stop_gradient(t))
    values = cubic_b_spline(t - cell).T
    # Knot c touches bin c - 2, whose centre is r = c dr.
    bins = cell.astype(jnp.int32)[:, None] + jnp.arange(-3, 1, dtype=jnp.int32)[None, :]
    inside = valid[:, None] & (bins >= 0) & (bins < n_bins)
    return jnp.where(inside, bins, n_bins), jnp.where(inside, values, 0.0)
