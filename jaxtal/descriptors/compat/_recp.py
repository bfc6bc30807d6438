"""The spectrum of pyxtal's class `RECP`, number for number."""

from collections.abc import Sequence
from typing import Any, Literal, get_args

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ..._core import bucket, check_finite, device_array, host_array, safe_divide, safe_norm
from ...crystal import Crystal
from ...diffraction import missing_species, structure_factors
from ...scattering import FormFactors
from ..expansion import ChebyshevBasis, SphericalBesselBasis, degree_list, harmonics_rows

RecpRadial = Literal["bessel", "chebyshev", "gto"]

#: Reflections weaker than this (electrons squared, before normalisation) are dropped.
WEAKEST = 1e-4


class RecpPlan(eqx.Module):
    """The reflections that RECP would list for one cell, and its form factors.

    Attributes:
        hkl: one of each pair h, -h, shape (P, 3); rows of zeros are padding.
        form_factors: table of every species, kind "recp".
    """

    hkl: Int[Array, "P 3"]
    form_factors: FormFactors


class RecpSpectrum(eqx.Module):
    """Power spectrum and radial distribution as the class RECP of pyxtal 1.1.5 computes them.

        A_nlm = sum_q I(q) R_n(|q|) sqrt(4 pi / (2l + 1)) Y_lm(q / |q|),  P_nl = mean_m A_nlm^2

    The figures of the paper come from that class and not from the paper's equations. What differs:

    =================  ====================  ==============================  ====================
    item               paper's equations     RECP (this class)               `PowerSpectrum`
    =================  ====================  ==============================  ====================
    radial functions,  sqrt(2/q_max) J_n(    spherical j_n((n_max+1) pi x);  sine set, orthonormal
    x = q / q_max      pi x), not            its default: Chebyshev          in q^2 dq
                       orthonormal           T_n(2x - 1)
    end of the sphere  cut                   cos(pi x / 2): a kink           (1 - x^2)^3: C2
    harmonics          orthonormal           times sqrt(4 pi / (2l + 1))     orthonormal
    over m             sum                   mean                            sum
    P                  raw                   raw; unit vector in the         raw
                                             experiments (`norm`)
    form factors       4 Gaussians + c       Z - 41.78214 s^2 sum a          Waasmaier-Kirfel 1995
                                             exp(-b s^2)
    s^2                (q/2)^2 in print,     (q / 4 pi)^2                    (q / 4 pi)^2
                       (q/4 pi)^2 meant
    I is divided by    I(0)                  (sum Z)^2                       I(0)
    dropped points     I = 0                 I <= 1e-4 electrons^2, so a     none
                                             matter of the cell's size; q=0
    reflections        all                   a box around 26 directions:     all, for every cell
                                             incomplete for skewed cells
    G(q)               histogram             99 hard bins, then a Gaussian   cubic B-splines, C2
                                             of sigma = half a bin
    =================  ====================  ==============================  ====================

    The list of reflections is the one RECP makes for the cell given to `plan`: for another cell it
    would make another, so P as a function of the cell is differentiable here but not faithful far
    from that cell. Displacement parameters, charges and isotopes are ignored, as RECP does.
    RECP rounds to float32 half-way; here the dtype of the crystal is kept.

    Attributes:
        n_max: number of radial functions.
        l_max: highest degree.
        q_max: radius of the sphere, 1/angstrom (pyxtal's `dmax`).
        rbasis: "bessel", "chebyshev" or "gto" (x^n exp(-x^2 / (n + 1))).
        norm: divide P by its Euclidean norm (plus 1e-9).
        resolution: width of the bins of the radial distribution, 1/angstrom (pyxtal's `res`).

    References:
        pyxtal 1.1.5, class RECP. O. G. Ridwan et al., "Crystal Representation in the Reciprocal
        Space" (2026).
    """

    n_max: int = eqx.field(static=True, default=10)
    l_max: int = eqx.field(static=True, default=10)
    q_max: float = eqx.field(static=True, default=10.0)
    rbasis: RecpRadial = eqx.field(static=True, default="bessel")
    norm: bool = eqx.field(static=True, default=False)
    resolution: float = eqx.field(static=True, default=0.1)

    def __check_init__(self):
        if self.n_max < 1:
            raise ValueError(f"n_max: expected at least 1, got {self.n_max}")
        if self.l_max < 0:
            raise ValueError(f"l_max: expected at least 0, got {self.l_max}")
        if not (np.isfinite(self.q_max) and self.q_max > 0):
            raise ValueError(f"q_max: expected a positive number of 1/angstrom, got {self.q_max}")
        if not 0 < self.resolution < self.q_max:
            raise ValueError(
                f"resolution: expected a number between 0 and q_max = {self.q_max} 1/angstrom, "
                f"got {self.resolution}"
            )
        if self.rbasis not in get_args(RecpRadial):
            raise ValueError(f"rbasis: expected one of {get_args(RecpRadial)}, got {self.rbasis!r}")

    @property
    def n_bins(self) -> int:
        """Number of bins of the radial distribution: one fewer than there are edges."""
        return int(np.ceil(self.q_max / self.resolution)) - 1

    def plan(
        self,
        crystal: Crystal,
        *,
        capacity: int | None = None,
        species: Sequence[int | str] | None = None,
    ) -> RecpPlan:
        """List RECP's reflections for a crystal (host only).

        Args:
            crystal: the crystal; its cell decides the list.
            capacity: length of the padded list, default: the next size of a coarse scale. Plans
                of one capacity and one list of species can be stacked and vmapped.
            species: elements of the table (numbers or symbols), default: those of the crystal.

        Returns:
            The plan, an argument of `__call__` and `radial_distribution`.

        Raises:
            ValueError: an element without a table entry, a capacity too small, or a traced cell.
        """
        hkl = recp_hkl(crystal.lattice.matrix, self.q_max)
        h, k, l = hkl.T
        hkl = hkl[(h > 0) | ((h == 0) & ((k > 0) | ((k == 0) & (l > 0))))]
        size = bucket(len(hkl), 32) if capacity is None else capacity
        if size < len(hkl):
            raise ValueError(f"capacity: expected at least {len(hkl)} reflections, got {size}")
        if species is None:
            numbers = host_array(crystal.atomic_numbers, "atomic_numbers", np.int64)
            mask = host_array(crystal.mask, "mask", bool)
            species = [int(z) for z in np.unique(numbers[mask])]
        dtype = crystal.lattice.matrix.dtype
        return RecpPlan(
            hkl=device_array(np.pad(hkl, ((0, size - len(hkl)), (0, 0))), np.int32),
            form_factors=FormFactors.build(species, kind="recp", dtype=dtype),
        )

    def __call__(self, crystal: Crystal, plan: RecpPlan) -> Float[Array, "n_max l_max_1"]:
        """P_nl of one crystal, shape (n_max, l_max + 1), dimensionless; pure.

        Odd degrees are zero by Friedel's law. An element that the plan lacks makes the even
        ones NaN.
        """
        q, intensity, _ = self.points(crystal, plan)
        weighted = self._radial(safe_norm(q)) * (2 * intensity)[None, :]
        harmonics = harmonics_rows(q, self.l_max, "even")
        moments = jnp.matmul(weighted, harmonics.T, precision="highest")
        columns = [jnp.zeros((self.n_max,), q.dtype) for _ in range(self.l_max + 1)]
        start = 0
        for l in degree_list(self.l_max, "even"):
            block = moments[:, start : start + 2 * l + 1]
            columns[l] = 4 * np.pi / (2 * l + 1) ** 2 * jnp.sum(block * block, axis=1)
            start += 2 * l + 1
        P = jnp.stack(columns, axis=1)
        return P / (safe_norm(P.ravel()) + 1e-9) if self.norm else P

    def radial_distribution(self, crystal: Crystal, plan: RecpPlan) -> Float[Array, " n_bins"]:
        """G of one crystal: summed intensity in bins of |q|, smoothed; shape (n_bins,); pure.

        The bins are hard: the gradient sees the intensities only.
        """
        q, intensity, kept = self.points(crystal, plan)
        edges = jnp.asarray(np.linspace(0.0, self.q_max, self.n_bins + 1), q.dtype)
        size = jax.lax.stop_gradient(safe_norm(q))
        index = jnp.where(kept, jnp.searchsorted(edges, size, side="right") - 1, 0)
        counts = jax.ops.segment_sum(2 * intensity, index, num_segments=self.n_bins)
        # RECP gives its filter 5 * res for a width; the filter counts in bins.
        sigma = 5 * self.resolution
        reach = int(4 * sigma + 0.5)
        kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
        kernel = kernel / kernel.sum()
        padded = jnp.pad(counts, reach, mode="symmetric")
        shifted = [float(w) * padded[i : i + self.n_bins] for i, w in enumerate(kernel)]
        return jnp.sum(jnp.stack(shifted), axis=0)

    def points(
        self, crystal: Crystal, plan: RecpPlan
    ) -> tuple[Float[Array, "P 3"], Float[Array, " P"], Bool[Array, " P"]]:
        """Half of the points: q (1/angstrom), I cos(pi q / 2 q_max) / (sum Z)^2, and which count.

        Points that RECP drops, and padding, have zero intensity.
        """
        nothing = jnp.zeros_like(crystal.charges)
        neutral = eqx.tree_at(lambda c: (c.charges, c.isotopes), crystal, (nothing, nothing))
        q = crystal.lattice.q(plan.hkl.astype(crystal.lattice.matrix.dtype))
        F = structure_factors(neutral, plan.hkl, plan.form_factors, displacements=False)
        # NaN, not a runtime error: programs with a host callback are not kept by JAX's cache.
        unknown = jnp.any(missing_species(neutral, plan.form_factors))
        intensity = jnp.where(unknown, jnp.nan, jnp.square(F.real) + jnp.square(F.imag))
        size = safe_norm(q)
        listed = jnp.any(plan.hkl != 0, axis=1) & (size < self.q_max)
        kept = listed & ~(intensity <= WEAKEST)
        total = jnp.sum(crystal.weights * crystal.atomic_numbers.astype(q.dtype))
        damping = jnp.cos((0.5 * np.pi / self.q_max) * size)
        # An empty crystal has no electrons to divide by.
        scale = safe_divide(damping, jnp.broadcast_to(jnp.square(total), damping.shape))
        return q, jnp.where(kept, intensity * scale, 0.0), kept

    def _radial(self, size: Float[Array, " P"]) -> Float[Array, "n_max P"]:
        size = jnp.minimum(size, self.q_max)
        if self.rbasis == "bessel":
            return SphericalBesselBasis()(size, self.n_max, self.q_max)
        if self.rbasis == "chebyshev":
            return ChebyshevBasis()(size, self.n_max, self.q_max)
        x = size / self.q_max
        powers = [jnp.ones_like(x)]
        for _ in range(1, self.n_max):
            powers.append(powers[-1] * x)
        return jnp.stack([p * jnp.exp(-x * x / (n + 1)) for n, p in enumerate(powers)])


def recp_hkl(matrix: Any, q_max: float) -> Int[np.ndarray, "P 3"]:
    """RECP's list of reflections with 0 < |q| < q_max (host only).

    The largest index along an axis is taken from the 26 directions (h, k, l) with entries in
    -1, 0, 1: ceil(q_max / |q(h, k, l)|) steps along each. A lattice vector whose short multiples
    lie in other directions leaves part of the sphere out (`hkl_sphere` does not).

    Args:
        matrix: lattice vectors as rows, shape (3, 3), angstrom.
        q_max: radius of the sphere, 1/angstrom.

    Returns:
        Indices, both of each pair h, -h, shape (P, 3).

    Raises:
        ValueError: a traced or non-finite matrix, or one of another shape.
    """
    values = host_array(matrix, "lattice matrix")
    if values.shape != (3, 3):
        raise ValueError(f"lattice matrix: expected shape (3, 3), got {values.shape}")
    check_finite(values, "lattice matrix")
    reciprocal = np.linalg.inv(values).T
    steps = np.stack(np.meshgrid(*[np.arange(-1, 2)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    steps = steps[np.any(steps != 0, axis=1)]
    lengths = 2 * np.pi * np.linalg.norm(steps @ reciprocal, axis=1)
    reach = np.ceil(q_max / lengths).astype(int)
    bounds = np.max(np.abs(steps) * reach[:, None], axis=0)
    axes = [np.arange(-b, b + 1) for b in bounds]
    hkl = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    hkl = hkl[np.any(hkl != 0, axis=1)]
    size = 2 * np.pi * np.linalg.norm(hkl @ reciprocal, axis=1)
    return hkl[size < q_max].astype(np.int32)
