"""The objective as arrays alone: one program for crystals of about equal size, of any group."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .._core import AnyArray
from ..descriptors import Descriptor, OrthonormalBasis, PowerSpectrum, RadialDistribution
from ._cell_slopes import CellSlopes
from ._mismatch import blurred_residuals
from ._overlapping_pairs import OverlappingPairs

#: Reflections summed at once; programs loop over as many blocks as a crystal needs.
BLOCK = 64
#: The first variables are those of the cell, at most so many.
CELL = 6


class SearchProblem(eqx.Module):
    """`Objective` on one crystal's sites as a function of its unconstrained variables.

    All that tells crystals apart are arrays, padded to a few sizes: programs are shared by crystals
    of any group. Reflections that are absent are left out, and of atoms that a centring translation
    or the inversion relates one is summed.

    Values and derivatives are found together, in one pass over the reflections, as rows: a value
    and below it its derivatives by each variable. What depends on |q| or on one angle alone is
    differentiated by that, once for all variables.

    Harmonics are those of `PowerSpectrum` as combinations of one function of the angles to fixed
    directions u_k, K(q . u_k) with K = sum_l (2 l + 1) P_l, which takes few operations.

    Attributes:
        lengths, offsets, shears, shear_offsets: the lattice, see `CellSlopes`.
        maps, shifts: x = maps v + shifts of the atoms summed, in the basis of D, shapes (N, 3, V)
            and (N, 3).
        turns: maps, with the axes (V + 1, N, 3), zero first.
        real, imag: form factors of the atoms in both sums, as combinations of exp(-widths s^2),
            times how many atoms each stands for, over the root of what intensities are relative to,
            shape (N, G).
        widths: of the Gaussians of all species, and 0 for each constant, shape (G,), angstrom^2.
        hkl, multiplicity: reflections, in the same basis, shapes (3, P) and (P,);
            multiplicity 0 for padding.
        n_blocks: blocks of reflections that hold any.
        kernel: K(t) and K'(t) / t as Chebyshev series in 2 t^2 - 1, shape (degrees, 2).
        directions: u_k, as many as harmonics, shape (n_lm, 3).
        harmonics: combinations of K(q . u_k) that are harmonics, or those that the Laue group
            leaves, in blocks by degree, shape (n_lm, n_lm).
        overlaps: atoms that might come too close.
        spectrum, spectrum_scale: P0 of the degrees computed, and what makes its residuals relative.
        rest: residual of the degrees that are not, a constant.
        distribution, distribution_weight: G0 and w_G.
        specification: what describes, without displacements and f''.
    """

    lengths: Float[AnyArray, "C 3"]
    offsets: Float[AnyArray, "3"]
    shears: Float[AnyArray, "C 3 3"]
    shear_offsets: Float[AnyArray, "3 3"]
    maps: Float[AnyArray, "N 3 V"]
    shifts: Float[AnyArray, "N 3"]
    turns: Float[AnyArray, "V_1 N 3"]
    real: Float[AnyArray, "N G"]
    imag: Float[AnyArray, "N G"]
    widths: Float[AnyArray, " G"]
    hkl: Float[AnyArray, "3 P"]
    multiplicity: Float[AnyArray, " P"]
    n_blocks: Int[AnyArray, ""]
    kernel: Float[AnyArray, "degrees 2"] | None
    directions: Float[AnyArray, "n_lm 3"] | None
    harmonics: Float[AnyArray, "n_lm n_lm"] | None
    overlaps: OverlappingPairs
    spectrum: Float[AnyArray, "n_max degrees"] | None
    spectrum_scale: Float[AnyArray, ""]
    rest: Float[AnyArray, ""]
    distribution: Float[AnyArray, " n_bins"] | None
    distribution_weight: Float[AnyArray, ""]
    specification: Descriptor | PowerSpectrum | RadialDistribution = eqx.field(static=True)

    def loss(self, variables: Float[Array, " V"], blur: Any = 0.0) -> Float[Array, ""]:
        """The objective; differentiable once, by the variables."""
        return _loss(self, variables, jnp.asarray(blur, variables.dtype))

    @property
    def n_residuals(self) -> int:
        """How many residuals there are."""
        spectrum = 0 if self.spectrum is None else self.spectrum.size + 1
        return spectrum + (0 if self.distribution is None else self.distribution.size) + 1

    def linearised(self, variables: Float[Array, " V"], blur: Any = 0.0) -> Float[Array, "V_1 r"]:
        """The residuals, and below them their derivatives by each variable."""
        n_rows, dtype = variables.shape[0] + 1, variables.dtype
        cell = CellSlopes.build(
            variables[:CELL], self.lengths, self.offsets, self.shears, self.shear_offsets
        )
        x = _product(self.maps, variables) + self.shifts
        sums = {}
        if self.spectrum is not None and self.harmonics is not None:
            shape = n_rows, self.spectrum.shape[0], self.harmonics.shape[0]
            sums["moments"] = jnp.zeros(shape, dtype)
        if self.distribution is not None:
            sums["bins"] = jnp.zeros((n_rows, self.distribution.shape[0]), dtype)

        def add(i: Array, total: dict[str, Array]) -> dict[str, Array]:
            return jax.tree.map(jnp.add, total, self._block(i, cell, x))

        sums = jax.lax.fori_loop(0, self.n_blocks, add, sums)
        is_value = jnp.asarray(np.arange(n_rows) == 0, dtype)
        parts = []
        if self.spectrum is not None and self.harmonics is not None:
            moments = _product(sums["moments"], self.harmonics)
            # Squares, and their derivatives.
            squares = moments * moments[:1] * (2 - is_value)[:, None, None]
            P = _product(squares, jnp.asarray(self._degrees, dtype))
            gap = (P - is_value[:, None, None] * self.spectrum[None]).reshape(n_rows, -1)
            parts += [self.spectrum_scale * gap, (self.rest * is_value)[:, None]]
        if self.distribution is not None:
            spacing = self.specification.space.q_max / (self.distribution.shape[0] - 1)
            width = jnp.asarray(blur, dtype) / spacing
            wanted = is_value[:, None] * self.distribution[None, :]
            weight = self.distribution_weight
            parts.append(blurred_residuals(sums["bins"], wanted, weight, width))
        return jnp.concatenate([*parts, self.overlaps.rows(variables, cell)[:, None]], axis=1)

    def _block(self, i: Array, cell: CellSlopes, x: Array) -> dict[str, Array]:
        """Moments and bins G_k of one block of reflections, as rows.

        Reflections are the last axis of all arrays: XLA adds up along others in vectors, but along
        the last one number by number.
        """
        space = self.specification.space
        spectrum, distribution = parts_of(self.specification)
        hkl = jax.lax.dynamic_slice_in_dim(self.hkl, i * BLOCK, BLOCK, axis=1)
        multiplicity = jax.lax.dynamic_slice_in_dim(self.multiplicity, i * BLOCK, BLOCK)
        q = _over(2 * np.pi * cell.inverse, hkl)
        squared = jnp.sum(q * q, axis=0)
        inside = (squared < space.q_max**2) & (multiplicity > 0)
        # What is padding or outside stands in the middle of the range, with no weight.
        size = jnp.sqrt(jnp.where(inside, squared, (space.q_max / 2) ** 2))
        over = jnp.where(inside, 1 / size, 0.0)
        unit, moved = q * over[None, :], _over(-cell.strains, q)
        # What variables of the cell make of |q| and of its direction.
        longer = jnp.sum(unit[None] * moved, axis=1)
        turned = (moved - unit[None] * longer[:, None]) * over[None, None]
        # Products with ones and zeros put rows where they belong: XLA compiles no product anew.
        n_rows = self.maps.shape[2] + 1
        below = jnp.asarray(np.eye(n_rows, len(longer), -1), q.dtype)
        longer = _over(below, longer)

        real, imag, real_slope, imag_slope = self._form_factors(size)
        turns = _over(x - jnp.round(x), hkl)
        angle = 2 * np.pi * (turns - jnp.round(turns))
        cos, sin = jnp.cos(angle), jnp.sin(angle)
        A, B = jnp.sum(real * cos, axis=0), jnp.sum(imag * sin, axis=0)
        by_size = A * jnp.sum(real_slope * cos, axis=0) + B * jnp.sum(imag_slope * sin, axis=0)
        by_angle = B[None] * imag * cos - A[None] * real * sin
        turning = _over(4 * np.pi * self.turns, hkl)
        by_site = jnp.sum(by_angle[None] * turning, axis=1)
        is_value = jnp.asarray(np.arange(n_rows) == 0, q.dtype)[:, None]
        intensity = A * A + B * B

        window, window_slope = _with_slope(lambda q: space.window(q / space.q_max), size)
        count = jnp.where(inside, multiplicity, 0.0)
        # The windowed intensity and its derivatives, and how it is drawn out along |q|.
        along = 2 * by_size * window + intensity * window_slope
        rows = is_value * intensity[None] + by_site
        rows = (rows * window[None] + along[None] * longer) * count[None]
        drawn = (intensity * window * count)[None] * longer
        found = {}
        if self.directions is not None and self.kernel is not None and spectrum is not None:
            angular, slope = _even_series(self.kernel, _over(self.directions, unit))
            swept = slope[None] * _product(self.directions[None], turned)
            radial, radial_slope = _radial(spectrum, size)
            radials = rows[:, None] * radial[None] + drawn[:, None] * radial_slope[None]
            by_turn = _along_last(rows[0][None] * radial, swept)
            by_turn = jnp.tensordot(below, by_turn, ((1,), (1,)), precision="highest")
            found["moments"] = _along_last(radials, angular) + by_turn
        if distribution is not None and self.distribution is not None:
            bins, slope = _bins(distribution, size)
            found["bins"] = _along_last(rows, bins) + _along_last(drawn, slope)
        return found

    def _form_factors(self, size: Float[Array, " P"]) -> tuple[Array, ...]:
        """Those of each atom in both sums, shape (N, P), and their derivatives by |q|."""
        s = size / (4 * np.pi)
        widths = self.widths[:, None]
        gaussians = jnp.exp(-widths * jnp.square(s)[None, :])
        slopes = (-2 / (4 * np.pi)) * widths * s[None, :] * gaussians
        if self.specification.space.kind == "recp":
            is_constant = widths == 0
            scaled = jnp.square(s)[None] * slopes + (2 / (4 * np.pi)) * s[None] * gaussians
            slopes = jnp.where(is_constant, slopes, scaled)
            gaussians = jnp.where(is_constant, gaussians, jnp.square(s)[None] * gaussians)
        return tuple(_over(f, x) for x in (gaussians, slopes) for f in (self.real, self.imag))

    @property
    def _degrees(self) -> np.ndarray:
        """Which degree each harmonic has, shape (n_lm, degrees)."""
        assert self.spectrum is not None
        each = np.arange(self.spectrum.shape[1])
        return np.repeat(np.eye(len(each)), 4 * each + 1, axis=0)


def _product(a: Array, b: Array) -> Array:
    """The highest precision, since accelerators multiply float32 matrices in fewer bits."""
    return jnp.matmul(a, b, precision="highest")


def _over(a: Array, b: Array) -> Array:
    """Sum over the last axis of a and the first one of b."""
    return jnp.tensordot(a, b, 1, precision="highest")


def _along_last(a: Array, b: Array) -> Array:
    """Sum over the last axis of both, the other axes one after the other."""
    axes = (a.ndim - 1,), (b.ndim - 1,)
    return jax.lax.dot_general(a, b, (axes, ((), ())), precision="highest")


def _even_series(kernel: Float[Array, "degrees 2"], t: Array) -> tuple[Array, Array]:
    """An even function of t and its derivative, by Clenshaw's recurrence for both at once."""
    y = (2 * t * t - 1)[None]
    last = now = jnp.zeros((2, *t.shape), t.dtype)
    for j in range(kernel.shape[0] - 1, 0, -1):
        last, now = now, kernel[j][:, None, None] + 2 * y * now - last
    value, slope = kernel[0][:, None, None] + y * now - last
    return value, slope * t


def _with_slope(function: Callable[[Array], Array], x: Float[Array, " P"]) -> tuple[Array, Array]:
    """A function of each number by itself, and its derivative."""
    return jax.jvp(function, (x,), (jnp.ones_like(x),))


def _radial(spectrum: PowerSpectrum, q: Float[Array, " P"]) -> tuple[Array, Array]:
    """Radial functions, shape (n_max, P), and their derivatives by |q|."""
    n_max, q_max = spectrum.n_max, spectrum.space.q_max
    if not isinstance(spectrum.radial, OrthonormalBasis):
        return _with_slope(lambda q: spectrum.radial(q, n_max, q_max), q)
    # In one piece, where its recurrence would be one for each function.
    wave = jnp.asarray(np.pi / q_max * np.arange(1, n_max + 1), q.dtype)[:, None]
    over = 1 / q[None]
    value = np.sqrt(2 / q_max) * jnp.sin(wave * q[None]) * over
    return value, np.sqrt(2 / q_max) * wave * jnp.cos(wave * q[None]) * over - value * over


def _bins(
    distribution: RadialDistribution, size: Float[Array, " P"]
) -> tuple[Float[Array, "n_bins P"], Float[Array, "n_bins P"]]:
    """How much of each reflection falls into each bin, and its derivative by |q|.

    See `RadialDistribution`.
    """
    spacing = distribution.space.q_max / (distribution.n_bins - 1)
    centre = jnp.asarray(np.arange(distribution.n_bins), size.dtype)
    x = size[None, :] / spacing - centre[:, None]
    gap = jnp.abs(x)
    if distribution.histogram:
        return (gap < 0.5).astype(size.dtype), jnp.zeros_like(gap)
    # The cubic B-spline, as a difference of cubes.
    outer, inner = jnp.maximum(2 - gap, 0.0), jnp.maximum(1 - gap, 0.0)
    value = (outer * outer * outer - 4 * inner * inner * inner) / 6
    return value, jnp.sign(x) * (2 * inner * inner - outer * outer / 2) / spacing


def parts_of(specification: Any) -> tuple[PowerSpectrum | None, RadialDistribution | None]:
    if isinstance(specification, Descriptor):
        return specification.spectrum, specification.distribution
    if isinstance(specification, PowerSpectrum):
        return specification, None
    return None, specification


@jax.custom_jvp
def _loss(problem: SearchProblem, variables: Array, blur: Array) -> Array:
    return jnp.sum(jnp.square(problem.linearised(variables, blur)[0]))


@_loss.defjvp
def _loss_slope(primals: Any, tangents: Any) -> tuple[Array, Array]:
    rows = primals[0].linearised(*primals[1:])
    products = _product(rows, rows[0])
    return products[0], 2 * jnp.sum(products[1:] * tangents[1])
