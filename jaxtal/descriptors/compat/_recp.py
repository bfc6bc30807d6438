"""The spectrum of pyxtal's class `RECP`, number for number."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal, get_args

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ..._core import (
    Devices,
    bucket,
    check_finite,
    computing_dtype,
    device_array,
    host_array,
    safe_divide,
    safe_norm,
)
from ...crystal import Crystal, CrystalArrays, host_crystals, is_crystal
from ...crystal.apply import Chunk, Program, apply_plan
from ...diffraction import structure_factors
from ...diffraction._structure_factors import missing_species
from ...scattering import FormFactors
from .._description import AbstractDescriptor, Description
from ..expansion import degree_list, harmonics_rows
from ..expansion._radial import ChebyshevBasis, SphericalBesselBasis

RecpRadial = Literal["bessel", "chebyshev", "gto"]

#: Reflections weaker than this (electrons squared, before normalisation) are dropped.
WEAKEST = 1e-4

Points = tuple[Float[Array, "P 3"], Float[Array, " P"], Bool[Array, " P"]]
"""Wave vectors, intensities, and which of them count."""


class RecpDescriptor(AbstractDescriptor):
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

    @property
    def rdf_centres(self) -> Float[np.ndarray, " n_bins"]:
        """Centres of the bins, 1/angstrom."""
        edges = np.linspace(0.0, self.q_max, self.n_bins + 1)
        return (edges[1:] + edges[:-1]) / 2

    def plan(
        self,
        crystals: Any,
        *,
        max_stretch: float | int = 1.0,
        capacity: int | None = None,
        elements: Sequence[int | str] | None = None,
        once: bool = False,
    ) -> "RecpPlan":
        """List RECP's reflections for a crystal (host only).

        Args:
            crystals: one crystal of any kind; its cell decides the list.
            max_stretch: not used: RECP's list belongs to one cell.
            capacity: length of the padded list, default: the next size of a coarse scale. Plans
                of one capacity and one list of elements can be stacked and vmapped.
            elements: those of the table (numbers or symbols), default: those of the crystal.
            once: not used: another crystal of about the same size shares the program anyway.

        Raises:
            ValueError: more than one crystal, an element without a table entry, a capacity too
                small, or a traced cell.
        """
        given = host_crystals(crystals)
        if len(given) != 1:
            raise ValueError(
                f"crystals: expected one, since RECP's list belongs to one cell, got {len(given)}"
            )
        atoms = given[0]
        hkl = recp_hkl(atoms.matrix, self.q_max)
        h, k, l = hkl.T
        hkl = hkl[(h > 0) | ((h == 0) & ((k > 0) | ((k == 0) & (l > 0))))]
        size = bucket(len(hkl), 32) if capacity is None else capacity
        if size < len(hkl):
            raise ValueError(f"capacity: expected at least {len(hkl)} reflections, got {size}")
        kinds = [int(z) for z in np.unique(atoms.atomic_numbers)] if elements is None else elements
        factors = FormFactors.build(list(kinds), kind="recp", dtype=computing_dtype(atoms.dtype))
        return RecpPlan(
            specification=self,
            hkl=device_array(np.pad(hkl, ((0, size - len(hkl)), (0, 0))), np.int32),
            form_factors=dataclasses.replace(factors, species=()),
        )

    def __call__(self, crystals: Any) -> Description:
        """Describe crystals, one after another; see `AbstractDescriptor`."""
        if is_crystal(crystals):
            return super().__call__(crystals)
        found = [super(RecpDescriptor, self).__call__(one) for one in host_crystals(crystals)]
        return jax.tree.map(lambda *x: jnp.stack(x), *found)

    def radial(self, size: Float[Array, " P"]) -> Float[Array, "n_max P"]:
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


class RecpPlan(eqx.Module):
    """The reflections that RECP would list for one cell, and its form factors.

    Attributes:
        specification: the descriptor.
        hkl: one of each pair h, -h, shape (P, 3); rows of zeros are padding.
        form_factors: table of every species, kind "recp".
    """

    specification: RecpDescriptor
    hkl: Int[Array, "P 3"]
    form_factors: FormFactors

    def __call__(
        self, crystals: Any, *, chunk: Chunk = "auto", mesh: Devices = None
    ) -> Description:
        """Describe a crystal, or several with their axis first; pure: jit, vmap, grad.

        Odd degrees are zero by Friedel's law. `complete` speaks of the species alone: whether
        RECP's own list is complete depends on how skewed the cell is.
        """
        return apply_plan(_described, self, crystals, chunk, mesh)


def _described(plan: RecpPlan, crystal: Program) -> Description:
    atoms = crystal.to_crystal() if isinstance(crystal, CrystalArrays) else crystal
    nothing = jnp.zeros_like(atoms.charges)
    neutral = eqx.tree_at(lambda c: (c.charges, c.isotopes), atoms, (nothing, nothing))
    known = ~jnp.any(missing_species(neutral, plan.form_factors))
    points = recp_points(plan, neutral)
    P, G = _power(plan.specification, points), _distribution(plan.specification, points)
    return Description(P, G, known, plan.specification)


def _power(spec: RecpDescriptor, points: Points) -> Float[Array, "n_max l_max_1"]:
    """P_nl, shape (n_max, l_max + 1), dimensionless."""
    q, intensity, _ = points
    weighted = spec.radial(safe_norm(q)) * (2 * intensity)[None, :]
    harmonics = harmonics_rows(q, spec.l_max, "even")
    moments = jnp.matmul(weighted, harmonics.T, precision="highest")
    columns = [jnp.zeros((spec.n_max,), q.dtype) for _ in range(spec.l_max + 1)]
    start = 0
    for l in degree_list(spec.l_max, "even"):
        block = moments[:, start : start + 2 * l + 1]
        columns[l] = 4 * np.pi / (2 * l + 1) ** 2 * jnp.sum(block * block, axis=1)
        start += 2 * l + 1
    P = jnp.stack(columns, axis=1)
    return P / (safe_norm(P.ravel()) + 1e-9) if spec.norm else P


def _distribution(spec: RecpDescriptor, points: Points) -> Float[Array, " n_bins"]:
    """Summed intensity in bins of |q|, smoothed, shape (n_bins,).

    The bins are hard: the gradient sees the intensities only.
    """
    q, intensity, kept = points
    edges = jnp.asarray(np.linspace(0.0, spec.q_max, spec.n_bins + 1), q.dtype)
    size = jax.lax.stop_gradient(safe_norm(q))
    index = jnp.where(kept, jnp.searchsorted(edges, size, side="right") - 1, 0)
    counts = jax.ops.segment_sum(2 * intensity, index, num_segments=spec.n_bins)
    # RECP gives its filter 5 * res for a width; the filter counts in bins.
    sigma = 5 * spec.resolution
    reach = int(4 * sigma + 0.5)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel = kernel / kernel.sum()
    padded = jnp.pad(counts, reach, mode="symmetric")
    shifted = [float(w) * padded[i : i + spec.n_bins] for i, w in enumerate(kernel)]
    return jnp.sum(jnp.stack(shifted), axis=0)


def recp_points(plan: RecpPlan, crystal: Crystal) -> Points:
    """Half of the points: q (1/angstrom), I cos(pi q / 2 q_max) / (sum Z)^2, and which count.

    Points that RECP drops, and padding, have zero intensity. The crystal is one of neutral atoms.
    """
    spec = plan.specification
    q = crystal.lattice.q(plan.hkl.astype(crystal.lattice.matrix.dtype))
    F = structure_factors(crystal, plan.hkl, plan.form_factors, displacements=False)
    unknown = jnp.any(missing_species(crystal, plan.form_factors))
    intensity = jnp.where(unknown, 0.0, jnp.square(F.real) + jnp.square(F.imag))
    size = safe_norm(q)
    listed = jnp.any(plan.hkl != 0, axis=1) & (size < spec.q_max)
    kept = listed & ~(intensity <= WEAKEST)
    total = jnp.sum(crystal.weights * crystal.atomic_numbers.astype(q.dtype))
    damping = jnp.cos((0.5 * np.pi / spec.q_max) * size)
    # An empty crystal has no electrons to divide by.
    scale = safe_divide(damping, jnp.broadcast_to(jnp.square(total), damping.shape))
    return q, jnp.where(kept, intensity * scale, 0.0), kept


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
