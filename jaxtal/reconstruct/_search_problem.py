"""The objective as arrays alone: one program for crystals of about equal size, of any group."""

import functools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .._core import AnyArray, safe_sqrt
from ..descriptors import Descriptor, PowerSpectrum, RadialDistribution
from ._mismatch import blurred_residuals

#: Reflections summed at once; programs loop over as many blocks as a crystal needs.
BLOCK = 64


class Overlaps(eqx.Module):
    """Pairs of atoms that might come too close, with the image of the second one.

    Attributes:
        slopes, offsets: x_b - x_a = slopes v + offsets, shapes (T, 3, V) and (T, 3).
        images: added to the difference of smallest coordinates, shape (T, 3).
        reach: distance below which the two overlap, shape (T,), angstrom.
        weights: of the squared relative overlaps in the loss, shape (T,); 0 for padding.
    """

    slopes: Float[AnyArray, "T 3 V"]
    offsets: Float[AnyArray, "T 3"]
    images: Float[AnyArray, "T 3"]
    reach: Float[AnyArray, " T"]
    weights: Float[AnyArray, " T"]

    @jax.jit
    def __call__(
        self, variables: Float[Array, " V"], cell: tuple[Array, Array], basis: Float[Array, "3 3"]
    ) -> Float[Array, ""]:
        """What overlaps add to the loss; s and u of the cell, and T, as in `CellVariables`."""
        gap = jnp.matmul(self.slopes, variables, precision="highest") + self.offsets
        # Not differentiated: which image is nearest in fractional coordinates.
        gap = gap - jax.lax.stop_gradient(jnp.round(gap)) + self.images
        (s1, s2, s3), (u1, u2, u3) = cell
        x, y, z = jnp.matmul(gap, basis, precision="highest").T
        z = s3 * z
        y, x = s2 * y + u3 * z, s1 * x + s2 * u1 * y + u2 * z
        squared = x * x + y * y + z * z
        near = squared < jnp.square(self.reach)
        distance = jnp.sqrt(jnp.where(near, squared, 1.0) + 1e-8)
        overlap = jnp.where(near, 1 - distance / self.reach, 0.0)
        return jnp.sum(self.weights * overlap * overlap)


class SearchProblem(eqx.Module):
    """`Objective` on one crystal's sites as a function of its unconstrained variables.

    All that tells crystals apart are arrays, padded to a few sizes: programs are shared by crystals
    of any group. Reflections that are absent are left out, and of atoms that a centring translation
    or the inversion relates one is summed.

    Harmonics are those of `PowerSpectrum` as combinations of Legendre polynomials P_l(q . u_k) of
    the angles to fixed directions u_k, which take few operations and are as well conditioned.

    Attributes:
        lengths, offsets, slopes, slope_offsets, basis: the lattice, see `CellVariables`.
        maps, shifts: x = maps v + shifts of the atoms summed, in the basis of D, shapes (N, 3, V)
            and (N, 3).
        real, imag: their weights in the real and imaginary sums of each species, over the root of
            what intensities are relative to, shape (S, N).
        amplitudes, widths, constants: form factors, f = amplitudes exp(-widths s^2) + constants,
            shapes (S, G), (G,) and (S,), G the Gaussians of all species.
        hkl, multiplicity: reflections, in the same basis, shapes (3, P) and (P,);
            multiplicity 0 for padding.
        n_blocks: blocks of reflections that hold any.
        directions: u_k, 2 l + 1 of each degree, the highest first, shape (n_lm, 3).
        harmonics: their combinations that are harmonics, or those that the Laue group leaves, in
            blocks by degree, shape (n_lm, n_lm).
        overlaps: atoms that might come too close.
        spectrum, spectrum_scale: P0 of the degrees computed, and what makes its residuals relative.
        rest: residual of the degrees that are not, a constant.
        distribution, distribution_weight: G0 and w_G.
        specification: what describes, without displacements and f''.
    """

    lengths: Float[AnyArray, "3 V"]
    offsets: Float[AnyArray, "3"]
    slopes: Float[AnyArray, "3 V"]
    slope_offsets: Float[AnyArray, "3"]
    basis: Float[AnyArray, "3 3"]
    maps: Float[AnyArray, "N 3 V"]
    shifts: Float[AnyArray, "N 3"]
    real: Float[AnyArray, "S N"]
    imag: Float[AnyArray, "S N"]
    amplitudes: Float[AnyArray, "S G"]
    widths: Float[AnyArray, " G"]
    constants: Float[AnyArray, " S"]
    hkl: Float[AnyArray, "3 P"]
    multiplicity: Float[AnyArray, " P"]
    n_blocks: Int[AnyArray, ""]
    directions: Float[AnyArray, "n_lm 3"] | None
    harmonics: Float[AnyArray, "n_lm n_lm"] | None
    overlaps: Overlaps
    spectrum: Float[AnyArray, "n_max degrees"] | None
    spectrum_scale: Float[AnyArray, ""]
    rest: Float[AnyArray, ""]
    distribution: Float[AnyArray, " n_bins"] | None
    distribution_weight: Float[AnyArray, ""]
    specification: Descriptor | PowerSpectrum | RadialDistribution = eqx.field(static=True)

    def loss(self, variables: Float[Array, " V"], blur: Any = 0.0) -> Float[Array, ""]:
        """The objective; differentiable once, in reverse mode."""
        return _loss(self, variables, jnp.asarray(blur, variables.dtype))

    def residuals(self, variables: Float[Array, " V"], blur: Any = 0.0) -> Float[Array, " r"]:
        """What squares to the objective; differentiable in forward mode."""
        cell, x = self._geometry(variables)
        blur = jnp.asarray(blur, variables.dtype)
        parts = self._parts(self._sums(cell, x), variables, cell, blur)
        return jnp.concatenate([part.ravel() for part in parts])

    @property
    def n_residuals(self) -> int:
        """How many residuals there are."""
        spectrum = 0 if self.spectrum is None else self.spectrum.size + 1
        return spectrum + (0 if self.distribution is None else self.distribution.size) + 1

    @jax.jit
    def _geometry(self, variables: Array) -> tuple[tuple[Array, Array], Array]:
        """The cell as s and u, and coordinates."""
        logs = _product(self.lengths, variables) + self.offsets
        # Cells that no crystal has are not followed to where numbers end.
        cell = jnp.exp(jnp.clip(logs, -5.0, 10.0)), _product(self.slopes, variables)
        x = _product(self.maps, variables) + self.shifts
        return (cell[0], cell[1] + self.slope_offsets), x

    def _sums(self, cell: tuple[Array, Array], x: Array) -> dict[str, Array]:
        """Moments and bins, summed over all blocks of reflections."""
        shapes = jax.eval_shape(self._block, jnp.asarray(0), cell, x)
        nothing = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)

        def add(i: Array, total: dict[str, Array]) -> dict[str, Array]:
            return jax.tree.map(jnp.add, total, self._block(i, cell, x))

        return jax.lax.fori_loop(0, self.n_blocks, add, nothing)

    # Compiled functions of their own are traced and transformed once, however often they are used.
    @jax.jit
    def _block(self, i: Array, cell: tuple[Array, Array], x: Array) -> dict[str, Array]:
        """Moments and bins G_k of one block of reflections.

        Reflections are the last axis of all arrays: XLA adds up along others in vectors, but along
        the last one number by number.
        """
        space = self.specification.space
        hkl = jax.lax.dynamic_slice_in_dim(self.hkl, i * BLOCK, BLOCK, axis=1)
        multiplicity = jax.lax.dynamic_slice_in_dim(self.multiplicity, i * BLOCK, BLOCK)
        # q D^T = 2 pi h, from the first component to the last.
        scale, (u1, u2, u3) = 2 * np.pi / cell[0], cell[1]
        qx = scale[0] * hkl[0]
        qy = scale[1] * hkl[1] - u1 * qx
        qz = scale[2] * hkl[2] - u2 * qx - u3 * qy
        squared = qx * qx + qy * qy + qz * qz
        inside = (squared < space.q_max**2) & (multiplicity > 0)
        # What is padding or outside stands in the middle of the range, with no weight.
        size = jnp.sqrt(jnp.where(inside, squared, (space.q_max / 2) ** 2))
        turns = _product(x - jnp.round(x), hkl)
        angle = 2 * np.pi * (turns - jnp.round(turns))
        s2 = jnp.square(size / (4 * np.pi))
        f = _product(self.amplitudes, jnp.exp(-self.widths[:, None] * s2[None, :]))
        f = (f * s2[None, :] if space.kind == "recp" else f) + self.constants[:, None]
        real = jnp.sum(f * _product(self.real, jnp.cos(angle)), axis=0)
        imag = jnp.sum(f * _product(self.imag, jnp.sin(angle)), axis=0)
        window = space.window(size / space.q_max) * multiplicity
        weight = jnp.where(inside, (real * real + imag * imag) * window, 0.0)
        spectrum, distribution = parts_of(self.specification)
        found = {}
        if self.directions is not None and self.harmonics is not None and spectrum is not None:
            radial = spectrum.radial(size, spectrum.n_max, space.q_max) * weight[None, :]
            over = jnp.where(inside, 1 / size, 0.0)
            unit = jnp.stack([qx * over, qy * over, qz * over])
            angular = _even_legendre(_product(self.directions, unit), self._degrees)
            # Along the last axis of both, whose derivative is a fast product as well.
            found["moments"] = jax.lax.dot_general(
                radial, angular, (((1,), (1,)), ((), ())), precision="highest"
            )
        if distribution is not None and self.distribution is not None:
            found["bins"] = _product(_bins(distribution, size), weight)
        return found

    @property
    def _degrees(self) -> tuple[int, ...]:
        """Degree of each harmonic, the highest first."""
        assert self.spectrum is not None
        highest = 2 * (self.spectrum.shape[1] - 1)
        return tuple(l for l in range(highest, -1, -2) for _ in range(2 * l + 1))

    @jax.jit
    def _parts(
        self, sums: dict[str, Array], variables: Array, cell: tuple[Array, Array], blur: Array
    ) -> list[Array]:
        """Arrays whose squares add up to the objective."""
        parts = []
        if self.spectrum is not None and self.harmonics is not None:
            moments = _product(sums["moments"], self.harmonics)
            degrees = np.array(self._degrees)[:, None] == 2 * np.arange(self.spectrum.shape[1])
            P = _product(moments * moments, jnp.asarray(degrees, moments.dtype))
            parts += [self.spectrum_scale * (P - self.spectrum), self.rest]
        if self.distribution is not None:
            spacing = self.specification.space.q_max / (self.distribution.shape[0] - 1)
            bins, weight = sums["bins"], self.distribution_weight
            parts.append(blurred_residuals(bins, self.distribution, weight, blur / spacing))
        return [*parts, safe_sqrt(self.overlaps(variables, cell, self.basis))]


def _product(a: Array, b: Array) -> Array:
    """The highest precision, since accelerators multiply float32 matrices in fewer bits."""
    return jnp.matmul(a, b, precision="highest")


def _even_legendre(t: Float[Array, "n P"], degrees: tuple[int, ...]) -> Float[Array, "n P"]:
    """P_l(t) of the even degree l of each row, degrees falling."""
    square = t * t
    last, now, rows = jnp.ones_like(t), jnp.ones_like(t), []
    for l in range(0, degrees[0] + 2, 2):
        # Rows of this degree are done, and only those before it go on.
        more = sum(degree > l for degree in degrees)
        rows.append(now[more:])
        last, now, square = last[:more], now[:more], square[:more]
        # t^2 P_l = a P_(l+2) + b P_l + c P_(l-2)
        a = (l + 1) * (l + 2) / ((2 * l + 1) * (2 * l + 3))
        b = (l + 1) ** 2 / ((2 * l + 1) * (2 * l + 3)) + l * l / (4 * l * l - 1)
        c = l * (l - 1) / (4 * l * l - 1)
        # XLA would otherwise compute the lower degrees anew for every row.
        last, now = now, jax.lax.optimization_barrier(((square - b) * now - c * last) / a)
    return jnp.concatenate(rows[::-1])


def _bins(distribution: RadialDistribution, size: Float[Array, " P"]) -> Float[Array, "n_bins P"]:
    """How much of each reflection falls into each bin; see `RadialDistribution`."""
    spacing = distribution.space.q_max / (distribution.n_bins - 1)
    centre = jnp.asarray(np.arange(distribution.n_bins), size.dtype)
    gap = jnp.abs(size[None, :] / spacing - centre[:, None])
    if distribution.histogram:
        return (gap < 0.5).astype(size.dtype)
    # The cubic B-spline, as a difference of cubes.
    outer, inner = jnp.where(gap < 2, 2 - gap, 0.0), jnp.where(gap < 1, 1 - gap, 0.0)
    return (outer * outer * outer - 4 * inner * inner * inner) / 6


def parts_of(specification: Any) -> tuple[PowerSpectrum | None, RadialDistribution | None]:
    if isinstance(specification, Descriptor):
        return specification.spectrum, specification.distribution
    if isinstance(specification, PowerSpectrum):
        return specification, None
    return None, specification


@jax.custom_vjp
def _loss(problem: SearchProblem, variables: Array, blur: Array) -> Array:
    return jnp.sum(jnp.square(problem.residuals(variables, blur)))


def _loss_and_gradient(
    problem: SearchProblem, variables: Array, blur: Array
) -> tuple[Array, Array]:
    """The loss and its gradient; blocks are computed twice, since such a loop keeps nothing."""
    (cell, x), pull = jax.vjp(problem._geometry, variables)
    sums = problem._sums(cell, x)

    def total(sums: dict[str, Array], variables: Array, cell: tuple[Array, Array]) -> Array:
        parts = problem._parts(sums, variables, cell, blur)
        return functools.reduce(jnp.add, [jnp.sum(part * part) for part in parts])

    loss, (d_sums, direct, d_cell) = jax.value_and_grad(total, (0, 1, 2))(sums, variables, cell)

    def add(i: Array, so_far: Any) -> Any:
        _, back = jax.vjp(functools.partial(problem._block, i), cell, x)
        return jax.tree.map(jnp.add, so_far, back(d_sums))

    nothing = d_cell, jnp.zeros_like(x)
    return loss, direct + pull(jax.lax.fori_loop(0, problem.n_blocks, add, nothing))[0]


_loss.defvjp(_loss_and_gradient, lambda gradient, g: (None, g * gradient, None))
