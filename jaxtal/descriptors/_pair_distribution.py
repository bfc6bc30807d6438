"""Species-resolved pair distribution g(r) of a periodic crystal, differentiable and smooth.

The neighbour search decides which pairs count and carries no gradient; the distances of the
chosen pairs are then computed again, differentiably. Pairs enter and leave at r_max and at r = 0
with zero weight, slope and curvature, so that g(r) is twice continuously differentiable.
"""

import itertools
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from .._core import (
    AbstractSpecification,
    Devices,
    bucket,
    computing_dtype,
    device_array,
    inverse,
    safe_divide,
    safe_norm,
)
from ..crystal import CrystalArrays, host_crystals
from ..crystal.apply import Chunk, Program, apply_plan, planned_crystals
from ..diffraction._reciprocal_points import raise_if_outgrown
from ..diffraction.sums import safe_cell
from ._pair_candidates import count_pairs, image_range, translations
from .expansion._b_spline import cubic_b_spline


class PairFunctions(eqx.Module):
    """Partial pair distribution functions of a crystal; of several with their axis first.

    Attributes:
        g: g_ab(r), shape (pairs, n_bins), dimensionless; rows in the order of `pairs`, zero for
            absent species.
        species: atomic numbers of the S species, ascending, shape (S,).
        complete: False if pairs are missing: more than the plan has room for, a cell that shrank
            below its translations, species or atoms that it lacks, or numbers that are not finite.
        specification: the `PairDistribution` that made them.
    """

    g: Float[Array, "*B pairs n_bins"]
    species: Int[Array, "*B S"]
    complete: Bool[Array, "*B"]
    specification: Any = eqx.field(static=True)

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Atomic numbers (Z_a, Z_b) of the rows of g, Z_a <= Z_b (host)."""
        return species_pairs(np.asarray(self.species).reshape(-1, self.species.shape[-1])[0])

    def checked(self) -> "PairFunctions":
        """Return the functions; raises at run time if they are not complete."""
        return raise_if_outgrown(self)

    def __repr__(self) -> str:
        """Print the size and what made them."""
        return f"PairFunctions{self.g.shape} of {self.specification!r}"


def species_pairs(numbers: Any) -> tuple[tuple[int, int], ...]:
    """All (Z_a, Z_b) with Z_a <= Z_b of some atomic numbers (host)."""
    return tuple(itertools.combinations_with_replacement([int(z) for z in numbers], 2))


class PairDistribution(AbstractSpecification):
    """Partial pair distribution functions g_ab(r) of a periodic crystal.

        g_ab(r_k) = V / (N_a N_b V_k) sum_(i, j, T) w_ia w_jb B((|x_j + T - x_i| - r_k) / dr)

    The sum runs over ordered pairs of atoms and all lattice translations T, without the pair of an
    atom and itself at T = 0 (its images count); w_ia is the share of species a on site i and
    N_a = sum_i w_ia. B is the cubic B-spline with unit knot distance, dr = r_max / (n_bins + 3),
    r_k = (k + 2) dr, and V_k = integral 4 pi r^2 B dr = 4 pi dr (r_k^2 + dr^2 / 3). Every spline
    lies inside 0..r_max, hence g = 1 in every bin on average over a random gas, and no further
    cutoff is needed. Supercells, origins and cell choices do not change it. Distances do not see
    the hand of a crystal.

        PairDistribution(r_max=6.0)(crystal).g                  # plans by itself
        plan = PairDistribution().plan(crystals, max_shrink=1.2)    # host; plan(crystal) in jit

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

    def plan(self, crystals: Any, *, max_shrink: float | int = 1.15) -> "PairPlan":
        """Sizes and candidate pairs for some crystals (host only).

        The translations are complete for every cell, however skewed: |n_i| <= s r_max |a*_i| + 1/2
        for the factor s, with atom differences wrapped to -1/2..1/2.

        Args:
            crystals: one or several of any kind (`host_crystals`); the plan serves crystals of
                their species and at most their number of atoms.
            max_shrink: factor by which all lengths may shrink before a crystal no longer fits: it
                then has more neighbours within r_max. (Stretching leaves fewer.)

        Raises:
            ValueError: no crystals, or max_shrink below 1.
        """
        if not (np.isfinite(max_shrink) and max_shrink >= 1):
            raise ValueError(f"max_shrink: expected a number of at least 1, got {max_shrink}")
        atoms = host_crystals(crystals)
        reach = self.r_max * max_shrink
        n_images = image_range(np.stack([one.matrix for one in atoms]), reach)
        images = translations(n_images)
        most = max(count_pairs(one.matrix, one.frac_coords, images, reach) for one in atoms)
        n = bucket(max(map(len, atoms)))
        first, second = np.triu_indices(n)
        return PairPlan(
            specification=self,
            species=device_array(
                np.unique(np.concatenate([one.atomic_numbers for one in atoms])), np.int32
            ),
            images=device_array(images, np.int32),
            first=device_array(first, np.int32),
            second=device_array(second, np.int32),
            multiplicity=device_array(
                np.where(first == second, 1.0, 2.0), computing_dtype(atoms[0].dtype)
            ),
            n_images=n_images,
            capacity=min(bucket(most), len(first) * len(images)),
            n_atoms=n,
        )

    def __call__(self, crystals: Any) -> PairFunctions:
        """g_ab(r) of crystals, planned for and computed at once (not inside jit: see `plan`).

        Args:
            crystals: one or several of any kind; several give results with their axis first.

        Raises:
            ValueError: traced crystals, or something that is no crystal.
        """
        atoms, arrays = planned_crystals(crystals)
        return self.plan(atoms, max_shrink=1.0)(arrays)


class PairPlan(eqx.Module):
    """Static sizes and index lists of a pair distribution: an argument of compiled programs.

    Attributes:
        specification: the pair distribution.
        species: atomic numbers of the S species, ascending, shape (S,).
        images: lattice translations that are searched, (M, 3) integers.
        first: first atom of each candidate pair, (Q,).
        second: second atom of each candidate pair, (Q,).
        multiplicity: how often each candidate counts, (Q,).
        n_images: largest |translation| along each axis.
        capacity: largest number of pairs within r_max.
        n_atoms: most atoms that a crystal may have.
    """

    specification: PairDistribution
    species: Int[Array, " S"]
    images: Int[Array, "M 3"]
    first: Int[Array, " Q"]
    second: Int[Array, " Q"]
    multiplicity: Float[Array, " Q"]
    n_images: tuple[int, int, int] = eqx.field(static=True)
    capacity: int = eqx.field(static=True)
    n_atoms: int = eqx.field(static=True)

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Atomic numbers (Z_a, Z_b) of the rows of g(r), Z_a <= Z_b (host)."""
        return species_pairs(np.asarray(self.species))

    def __call__(
        self, crystals: Any, *, chunk: Chunk = "auto", mesh: Devices = None
    ) -> PairFunctions:
        """g_ab(r) of a crystal, or of several with their axis first; pure: jit, vmap, grad.

        Args:
            crystals: of any kind, see `crystal.apply.apply_plan`; weights of `CrystalArrays` are
                shares of each of `species` on each site.
            chunk: crystals computed side by side, see `crystal.apply.map_crystals`.
            mesh: devices that several crystals are dealt to, see `crystal.apply.apply_plan`.

        Raises:
            ValueError: weights whose columns are not those of the plan.
        """
        return apply_plan(_pair_functions, self, crystals, chunk, mesh)


def _pair_functions(plan: PairPlan, crystal: Program) -> PairFunctions:
    spec = plan.specification
    lattice, frac, weights, mask, known = _sites(plan, crystal)
    matrix, _, volume, regular = safe_cell(lattice)
    finite = jnp.all(jnp.isfinite(frac), axis=1)
    known = known & regular & jnp.all(finite | ~mask)
    frac = jnp.where((mask & finite)[:, None], frac, 0.0)
    weights = jnp.where((mask & finite)[:, None], weights, 0.0)
    fixed = (jax.lax.stop_gradient(matrix), jax.lax.stop_gradient(frac))
    pair, image, valid, enough = _select(*fixed, mask, plan, spec.r_max)
    i, j = plan.first[pair], plan.second[pair]
    difference = frac[j] - frac[i]
    shift = plan.images[image].astype(frac.dtype) - jnp.round(jax.lax.stop_gradient(difference))
    # The highest precision, since accelerators multiply float32 matrices in fewer bits.
    vectors = jnp.matmul(difference + shift, matrix, precision="highest")
    vectors = jnp.where(valid[:, None], vectors, 0.0)
    share = _pair_shares(weights[i], weights[j]) * plan.multiplicity[pair][:, None]
    bins, splines = _splines(safe_norm(vectors) / spec.dr, spec.n_bins, valid)
    terms = splines[:, :, None] * share[:, None, :]
    total = jax.ops.segment_sum(
        terms.reshape(-1, terms.shape[-1]), bins.reshape(-1), num_segments=spec.n_bins + 1
    )[: spec.n_bins]
    counts = jnp.sum(weights, axis=0)
    rows, columns = np.triu_indices(plan.species.shape[0])
    density = safe_divide(jnp.broadcast_to(volume, rows.shape), counts[rows] * counts[columns])
    shell = 4.0 * math.pi * spec.dr * (spec.r**2 + spec.dr**2 / 3.0)
    g = total.T * density[:, None] / jnp.asarray(shell, frac.dtype)[None, :]
    return PairFunctions(g, plan.species, known & enough, spec)


def _sites(plan: PairPlan, crystal: Program) -> tuple[Array, Array, Array, Array, Array]:
    """Matrix, coordinates, shares of each species, mask, and whether the plan knows all atoms."""
    if isinstance(crystal, CrystalArrays) and crystal.mixed:
        if crystal.species.shape[1] != plan.species.shape[0]:
            raise ValueError(
                f"species: expected one column for each of the {plan.species.shape[0]} species of "
                f"the plan, got shape {crystal.species.shape}"
            )
        matrix, weights, known = crystal.matrix, crystal.species, jnp.ones_like(crystal.mask)
    else:
        atoms = crystal.to_crystal() if isinstance(crystal, CrystalArrays) else crystal
        matrix = atoms.lattice.matrix
        same = atoms.atomic_numbers[:, None] == plan.species[None, :]
        weights = jnp.where(same, atoms.weights[:, None], 0.0)
        known = jnp.any(same, axis=1)
    mask, size = crystal.mask, crystal.mask.shape[0]
    fits = jnp.all(known | ~mask) & ~jnp.any(mask[plan.n_atoms :])

    def sized(x: Array) -> Array:
        extra = max(plan.n_atoms - size, 0)
        return jnp.pad(x[: plan.n_atoms], [(0, extra)] + [(0, 0)] * (x.ndim - 1))

    return matrix, sized(crystal.frac_coords), sized(weights), sized(mask), fits


def _select(
    matrix: Float[Array, "3 3"],
    frac: Float[Array, "N 3"],
    mask: Bool[Array, " N"],
    plan: "PairPlan",
    r_max: float,
) -> tuple[Int[Array, " K"], Int[Array, " K"], Bool[Array, " K"], Bool[Array, ""]]:
    """Candidate pair and translation of every pair within r_max, and whether all have a place."""
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
    near = near & (mask[plan.first] & mask[plan.second])[:, None]
    near = near.reshape(-1)
    (chosen,) = jnp.nonzero(near, size=plan.capacity, fill_value=0)
    found = jnp.sum(near)
    valid = jnp.arange(plan.capacity) < found

    columns = inverse(matrix)
    needed = r_max * jnp.sqrt(jnp.sum(columns * columns, axis=0)) + 0.5
    short = needed >= jnp.asarray(plan.n_images, needed.dtype) + 1.0
    enough = (found <= plan.capacity) & ~jnp.any(short)
    return chosen // len(plan.images), chosen % len(plan.images), valid, enough


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
