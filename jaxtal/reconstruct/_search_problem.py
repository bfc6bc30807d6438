"""The objective as arrays alone: one program for crystals of about equal size, of any group."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .._core import AnyArray
from ..descriptors import Descriptor, PowerSpectrum, RadialDistribution
from ._cell_slopes import CellSlopes
from ._mismatch import relative_blurring
from ._overlapping_pairs import OverlappingPairs
from ._profiles import bin_shares, even_series, parts_of, radial_functions, with_slope
from ._reflection_block import ReflectionBlock, Sums, over

#: Reflections summed at once; programs loop over as many blocks as a crystal needs.
BLOCK = 64
#: The first variables are those of the cell, at most so many.
CELL = 6


class SearchProblem(eqx.Module):
    """`Objective` on one crystal's sites as a function of its unconstrained variables.

    All that tells crystals apart are arrays, padded to a few sizes: programs are shared by crystals
    of any group. Reflections that are absent are left out, and of atoms that a centring translation
    or the inversion relates one is summed.

    Derivatives are written out, for the Jacobian and for the gradient, on what both have in common
    (`ReflectionBlock`): one program does either, and is smaller than those that JAX would derive.

    Harmonics are those of `PowerSpectrum` as combinations of one function of the angles to fixed
    directions u_k, K(q . u_k) with K = sum_l (2 l + 1) P_l, which takes few operations.

    Attributes:
        lengths, offsets, shears, shear_offsets: the lattice, see `CellSlopes`.
        maps, shifts: x = maps v + shifts of the atoms summed, in the basis of D, shapes (N, 3, V)
            and (N, 3).
        turns: 4 pi maps, with the axes (V, N, 3).
        real, imag: how much of each species an atom is in the real and imaginary sum, over the root
            of what intensities are relative to, shape (N, S).
        heights, widths: form factors, f = sum heights exp(widths |q|^2), shape (S, K); the constant
            is the last one, of width 0.
        hkl, multiplicity: reflections, in the same basis, shapes (3, P) and (P,);
            multiplicity 0 for padding.
        n_blocks: blocks of reflections that hold any.
        kernel: K(t) and K'(t) / t as Chebyshev series in 2 t^2 - 1, shape (degrees, 2).
        directions: u_k, as many as harmonics, shape (n_lm, 3).
        harmonics: combinations of K(q . u_k) that are harmonics, or those that the Laue group
            leaves, in blocks by degree, shape (n_lm, n_lm); scaled, so that residuals are relative.
        overlaps: atoms that might come too close.
        spectrum: P0 of the degrees computed, scaled likewise.
        rest: what the degrees that are not computed add to the loss, a constant.
        distribution, distribution_weight: G0 and w_G.
        specification: what describes, without displacements and f''.
    """

    lengths: Float[AnyArray, "C 3"]
    offsets: Float[AnyArray, "3"]
    shears: Float[AnyArray, "C 3 3"]
    shear_offsets: Float[AnyArray, "3 3"]
    maps: Float[AnyArray, "N 3 V"]
    shifts: Float[AnyArray, "N 3"]
    turns: Float[AnyArray, "V N 3"]
    real: Float[AnyArray, "N S"]
    imag: Float[AnyArray, "N S"]
    heights: Float[AnyArray, "S K"]
    widths: Float[AnyArray, "S K"]
    hkl: Float[AnyArray, "3 P"]
    multiplicity: Float[AnyArray, " P"]
    n_blocks: Int[AnyArray, ""]
    kernel: Float[AnyArray, "degrees 2"] | None
    directions: Float[AnyArray, "n_lm 3"] | None
    harmonics: Float[AnyArray, "n_lm n_lm"] | None
    overlaps: OverlappingPairs
    spectrum: Float[AnyArray, "n_max degrees"] | None
    rest: Float[AnyArray, ""]
    distribution: Float[AnyArray, " n_bins"] | None
    distribution_weight: Float[AnyArray, ""]
    specification: Descriptor | PowerSpectrum | RadialDistribution = eqx.field(static=True)

    def loss(self, variables: Float[Array, " V"], blur: Any = 0.0) -> Float[Array, ""]:
        """The objective; differentiable once, by the variables."""
        return _loss(self, variables, jnp.asarray(blur, variables.dtype))

    def linearised(self, variables: Float[Array, " V"], blur: Any = 0.0) -> Float[Array, "V_1 r"]:
        """The residuals whose squares add up to the objective, and below them their derivatives."""
        return self.evaluated(variables, blur, slopes=True).rows()

    @property
    def n_residuals(self) -> int:
        """How many residuals there are."""
        spectrum = 0 if self.spectrum is None else self.spectrum.size
        return spectrum + (0 if self.distribution is None else self.distribution.size) + 1

    def evaluated(self, variables: Float[Array, " V"], blur: Any, *, slopes: Any) -> "Evaluation":
        """Residuals with all their derivatives, or with the gradient of the objective alone.

        The latter takes two passes over the reflections, since it follows from their sums.

        Args:
            variables: of one crystal.
            blur: width of the Gaussian on G(d), 1/angstrom.
            slopes: whether all derivatives, which may be traced: one program does both.
        """
        K = self._blurring(jnp.asarray(blur, variables.dtype))
        arrays = self.lengths, self.offsets, self.shears, self.shear_offsets
        cell = CellSlopes.build(variables[:CELL], *arrays)
        x = over(self.maps, variables) + self.shifts
        nothing = self._nothing(variables)
        kind = jnp.where(slopes, 2, 0)

        def one_pass(number: Array, carry: Any) -> Any:
            by_sums = carry[-1]

            def add(i: Array, total: Any) -> Any:
                block = self._block(i, cell, x)
                sums, derivatives, gradient = total
                sums = jax.tree.map(jnp.add, sums, block.sums())

                def forward(block: Any) -> Any:
                    return jax.tree.map(jnp.add, derivatives, block.sum_slopes()), gradient

                def back(block: Any) -> Any:
                    return derivatives, gradient + block.pulled_back(by_sums)

                def neither(block: Any) -> Any:
                    return derivatives, gradient

                rest = jax.lax.switch(number + kind, (neither, back, forward), block)
                return sums, *rest

            total = jax.lax.fori_loop(0, self.n_blocks, add, nothing)
            return *total, *self._residuals(total[0], K)

        passes = jnp.where(slopes, 1, 2)
        carry = *nothing, jnp.zeros((self.n_residuals - 1,), x.dtype), nothing[0]
        sums, derivatives, gradient, residuals, _ = jax.lax.fori_loop(0, passes, one_pass, carry)
        overlap = self.overlaps.rows(variables, cell, self.rest)
        residuals = jnp.concatenate([residuals, overlap[:1]])
        gradient = gradient + 2 * overlap[0] * overlap[1:]
        return Evaluation(self, residuals, gradient, sums, derivatives, overlap[1:], K)

    def _nothing(self, variables: Array) -> tuple[Sums, Sums, Array]:
        """Sums of no reflections, their derivatives, and a gradient of zero."""
        shapes = {}
        if self.spectrum is not None and self.harmonics is not None:
            shapes["moments"] = self.spectrum.shape[0], self.harmonics.shape[0]
        if self.distribution is not None:
            shapes["bins"] = self.distribution.shape
        n, dtype = len(variables), variables.dtype
        sums = {name: jnp.zeros(shape, dtype) for name, shape in shapes.items()}
        slopes = {name: jnp.zeros((n, *shape), dtype) for name, shape in shapes.items()}
        return sums, slopes, jnp.zeros_like(variables)

    def _residuals(self, sums: Sums, K: Array | None) -> tuple[Array, Sums]:
        """Residuals of the sums, and the derivatives of their squares by the sums."""
        parts, by_sums = [jnp.zeros((0,), self.rest.dtype)], {}
        if self.spectrum is not None and self.harmonics is not None:
            moments = over(sums["moments"], self.harmonics)
            degrees = jnp.asarray(self.degrees, moments.dtype)
            gap = over(moments * moments, degrees) - self.spectrum
            parts.append(gap.ravel())
            by_sums["moments"] = over(4 * moments * over(gap, degrees.T), self.harmonics.T)
        if self.distribution is not None and K is not None:
            gap = over(sums["bins"] - self.distribution, K)
            parts.append(gap)
            by_sums["bins"] = over(2 * gap, K.T)
        return jnp.concatenate(parts), by_sums

    def _blurring(self, blur: Array) -> Float[Array, "n_bins n_bins"] | None:
        """The smoothing of G, over the root of what makes its residuals relative."""
        if self.distribution is None:
            return None
        spacing = self.specification.space.q_max / (self.distribution.shape[0] - 1)
        return relative_blurring(self.distribution, self.distribution_weight, blur / spacing)

    def _block(self, i: Array, cell: CellSlopes, x: Array) -> ReflectionBlock:
        """One block of reflections of a trial."""
        space = self.specification.space
        spectrum, distribution = parts_of(self.specification)
        hkl = jax.lax.dynamic_slice_in_dim(self.hkl, i * BLOCK, BLOCK, axis=1)
        multiplicity = jax.lax.dynamic_slice_in_dim(self.multiplicity, i * BLOCK, BLOCK)
        q = over(2 * np.pi * cell.inverse, hkl)
        squared = jnp.sum(q * q, axis=0)
        inside = (squared < space.q_max**2) & (multiplicity > 0)
        # What is padding or outside stands in the middle of the range, with no weight.
        size = jnp.sqrt(jnp.where(inside, squared, (space.q_max / 2) ** 2))
        inverse = jnp.where(inside, 1 / size, 0.0)
        unit, moved = q * inverse[None, :], over(-cell.strains, q)
        # What variables of the cell make of |q| and of its direction.
        longer = jnp.sum(unit[None] * moved, axis=1)
        turned = (moved - unit[None] * longer[:, None]) * inverse[None, None]
        longer = jnp.pad(longer, ((0, self.maps.shape[2] - len(longer)), (0, 0)))

        f, f_slope = self._form_factors(size)
        turns = over(x - jnp.round(x), hkl)
        angle = 2 * np.pi * (turns - jnp.round(turns))
        cos, sin = jnp.cos(angle), jnp.sin(angle)
        # Sums over the atoms of each species, then over species.
        C, S = over(self.real.T, cos), over(self.imag.T, sin)
        A, B = jnp.sum(f * C, axis=0), jnp.sum(f * S, axis=0)
        by_size = jnp.sum(f_slope * (A[None] * C + B[None] * S), axis=0)
        by_angle = B[None] * over(self.imag, f) * cos - A[None] * over(self.real, f) * sin
        by_site = jnp.sum(by_angle[None] * over(self.turns, hkl), axis=1)
        intensity = A * A + B * B
        window, window_slope = with_slope(lambda q: space.window(q / space.q_max), size)
        count = jnp.where(inside, multiplicity, 0.0)
        along = (2 * by_size * window + intensity * window_slope) * count
        weights = intensity * window * count
        angular = radial = bins = None
        if self.directions is not None and self.kernel is not None and spectrum is not None:
            angular = even_series(self.kernel, over(self.directions, unit))
            radial = radial_functions(spectrum, size)
        if self.distribution is not None and distribution is not None:
            bins = bin_shares(distribution, size)
        return ReflectionBlock(
            weights,
            by_site * (window * count)[None] + along[None] * longer,
            weights[None] * longer,
            turned,
            self.directions,
            angular,
            radial,
            bins,
        )

    def _form_factors(self, size: Float[Array, " P"]) -> tuple[Array, Array]:
        """Those of each species, shape (S, P), and their derivatives by |q|."""
        widths, squared = self.widths[:, :, None], jnp.square(size)[None, None]
        terms = self.heights[:, :, None] * jnp.exp(widths * squared)
        slopes = 2 * widths * size[None, None] * terms
        if self.specification.space.kind == "recp":
            s2 = squared / (16 * np.pi**2)
            scaled = s2 * slopes + 2 * size[None, None] / (16 * np.pi**2) * terms
            slopes = jnp.where(widths == 0, slopes, scaled)
            terms = jnp.where(widths == 0, terms, s2 * terms)
        return jnp.sum(terms, axis=1), jnp.sum(slopes, axis=1)

    @property
    def degrees(self) -> np.ndarray:
        """Which degree each harmonic has, shape (n_lm, degrees)."""
        assert self.spectrum is not None
        each = np.arange(self.spectrum.shape[1])
        return np.repeat(np.eye(len(each)), 4 * each + 1, axis=0)


class Evaluation(eqx.Module):
    """What has been found of a problem at some variables.

    Attributes:
        problem: the problem.
        residuals: their squares add up to the objective, shape (r,).
        gradient: of the objective, unless all derivatives were asked for, shape (V,).
        sums, derivatives: sums over reflections, and their derivatives if asked for.
        overlap_slopes: derivatives of the last residual, shape (V,).
        blurring: of differences of bins, shape (n_bins, n_bins), or None.
    """

    problem: SearchProblem
    residuals: Float[Array, " r"]
    gradient: Float[Array, " V"]
    sums: Sums
    derivatives: Sums
    overlap_slopes: Float[Array, " V"]
    blurring: Float[Array, "n_bins n_bins"] | None

    @property
    def loss(self) -> Float[Array, ""]:
        """The objective."""
        return jnp.sum(self.residuals * self.residuals)

    def rows(self) -> Float[Array, "V_1 r"]:
        """The residuals, and below them their derivatives by each variable."""
        problem, n = self.problem, len(self.gradient)
        parts = []
        if problem.spectrum is not None and problem.harmonics is not None:
            moments = over(self.sums["moments"], problem.harmonics)
            slopes = over(self.derivatives["moments"], problem.harmonics)
            degrees = jnp.asarray(problem.degrees, moments.dtype)
            parts.append(over(2 * moments[None] * slopes, degrees).reshape(n, -1))
        if self.blurring is not None:
            parts.append(over(self.derivatives["bins"], self.blurring))
        slopes = jnp.concatenate([*parts, self.overlap_slopes[:, None]], axis=1)
        return jnp.concatenate([self.residuals[None], slopes])


@jax.custom_jvp
def _loss(problem: SearchProblem, variables: Array, blur: Array) -> Array:
    return problem.evaluated(variables, blur, slopes=False).loss


@_loss.defjvp
def _loss_slope(primals: Any, tangents: Any) -> tuple[Array, Array]:
    problem, variables, blur = primals
    found = problem.evaluated(variables, blur, slopes=False)
    return found.loss, jnp.sum(found.gradient * tangents[1])
