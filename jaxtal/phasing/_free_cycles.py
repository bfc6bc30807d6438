"""Cycles without symmetry, on every slot of an alias-free grid: phases that no group imposes."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Complex, Float, Int, PRNGKeyArray

from .._core import device_array
from ..grids import Grid
from ._threshold import quantile


class FreeAmplitudes(eqx.Module):
    """What was measured, laid out on the half of the slots that the real transform keeps.

    In P1 every reflection is an unknown of its own, so that slots need no tables: a cycle is two
    transforms and products. Arrays depend on the shape of the grid alone, and so do programs.

    Attributes:
        modulus: measured moduli, zero elsewhere; the sum of squares over all slots is 1, (*half).
        measured: slots that hold a measured reflection, (*half).
        floated: slots of reflections that were not measured, whose amplitudes are free, (*half).
        moduli: lengths of the axes of the grid.
    """

    modulus: Float[Array, "*half"]
    measured: Bool[Array, "*half"]
    floated: Bool[Array, "*half"]
    moduli: tuple[int, ...] = eqx.field(static=True)

    @classmethod
    def build(
        cls,
        grid: Grid,
        k: Int[np.ndarray, "m N"],
        modulus: Float[np.ndarray, " m"],
        floated: Int[np.ndarray, "f N"] | None = None,
        dtype: Any = np.float32,
    ) -> "FreeAmplitudes":
        """Lay out reflections.

        Args:
            grid: alias-free for k, its mates and what floats.
            k: one of each Friedel pair, without F(0), (m, N).
            modulus: of each, (m,), any scale.
            floated: one of each pair of reflections that were not measured, (f, N).
            dtype: float32 or float64.
        """
        values = np.zeros(_half(grid.moduli))
        measured, free = np.zeros(values.shape, bool), np.zeros(values.shape, bool)
        scale = 1.0 / np.sqrt(2.0 * np.sum(modulus**2))
        for mates in (k, -k):
            at, kept = half_slots(grid, mates)
            values.flat[at[kept]] = scale * modulus[kept]
            measured.flat[at[kept]] = True
            if floated is not None and len(floated):
                at, kept = half_slots(grid, floated if mates is k else -floated)
                free.flat[at[kept]] = True
        free &= ~measured
        kinds = (device_array(values, dtype), jnp.asarray(measured), jnp.asarray(free))
        return cls(*kinds, grid.moduli)

    def random(self, key: PRNGKeyArray) -> Complex[Array, "*half"]:
        """Measured moduli with the phases of noise, which are those of a real density."""
        noise = jax.random.normal(key, self.moduli, self.modulus.dtype)
        return self.replaced(jnp.fft.rfftn(noise, norm="forward"))

    def replaced(self, x: Complex[Array, "*half"]) -> Complex[Array, "*half"]:
        """P_m: measured moduli, phases as they are; what floats is kept."""
        size = jnp.real(x) ** 2 + jnp.imag(x) ** 2
        tiny = jnp.finfo(size.dtype).tiny
        factor = self.modulus * lax.rsqrt(jnp.maximum(size, tiny))
        return _scaled(x, jnp.where(self.floated, jnp.ones_like(factor), factor))

    def density(self, x: Complex[Array, "*half"]) -> Float[Array, "*grid"]:
        """The density on the grid."""
        return jnp.fft.irfftn(x, s=self.moduli, norm="forward")

    def listed(self, density: Float[Array, "*grid"]) -> Complex[Array, "*half"]:
        """Amplitudes of a density where something was measured or floats."""
        half = jnp.fft.rfftn(density, norm="forward")
        return jnp.where(self.measured | self.floated, half, 0.0)


@eqx.filter_jit
def free_start(data: FreeAmplitudes, key: PRNGKeyArray) -> Complex[Array, "*half"]:
    """A random start."""
    return data.random(key)


@eqx.filter_jit
def free_relax(
    data: FreeAmplitudes,
    x: Complex[Array, "*half"],
    beta: Float[Array, ""],
    support: Float[Array, ""],
    cycles: Int[Array, ""],
    signed: bool = False,
) -> Complex[Array, "*half"]:
    """Cycles of `RelaxedReflections`: x |-> x + beta (P_s(2 P_m(x) - x) - P_m(x)).

    Numbers are traced, so that one program serves all recipes on a grid of one shape.

    Args:
        data: the measurement.
        x: iterate of one start.
        beta: step.
        support: share of the points that may hold density.
        cycles: how many.
        signed: keep the largest absolute values rather than the highest positive ones, for
            scatterers of both signs (neutrons).
    """

    def cycle(_, x):
        m = data.replaced(x)
        density = data.density(2.0 * m - x)
        height = jnp.abs(density) if signed else density
        limit = jnp.maximum(quantile(height, 1.0 - support), 0.0)
        kept = jnp.where(height >= limit, density, 0.0)
        return x + _scaled(data.listed(kept) - m, beta)

    return lax.fori_loop(0, cycles, cycle, x)


@eqx.filter_jit
def free_sweep(
    data: FreeAmplitudes,
    x: Complex[Array, "*half"],
    fraction: Float[Array, ""],
    decrement: Float[Array, ""],
    cycles: Int[Array, ""],
    signed: bool = False,
) -> tuple[Complex[Array, "*half"], Float[Array, ""]]:
    """Cycles of `SweepDown`, which smooth the valleys between the peaks; and R of the last one.

    Args:
        data: the measurement.
        x: amplitudes of one start.
        fraction: share of the points that is flipped in the first cycle.
        decrement: factor of it per cycle.
        cycles: how many.
        signed: shrink what is small in absolute value instead, for scatterers of both signs.

    Returns:
        amplitudes with measured moduli, and R = sum | s |F| - |F_obs| | / sum |F_obs| of the last
        flipped density over measured reflections.
    """

    def cycle(i, carry):
        x, _ = carry
        density = data.density(x)
        share = fraction * decrement ** i.astype(fraction.dtype)
        if signed:
            limit = quantile(jnp.abs(density), share)
            flipped = jnp.where(jnp.abs(density) < limit, -density, density)
        else:
            limit = quantile(density, share)
            flipped = jnp.where(density < limit, 2.0 * limit - density, density)
        back = data.listed(flipped)
        return data.replaced(back), back

    x, back = lax.fori_loop(0, cycles, cycle, (data.replaced(x), data.replaced(x)))
    modulus = jnp.where(data.measured, jnp.abs(back), 0.0)
    square = jnp.sum(modulus**2)
    scale = jnp.sum(modulus * data.modulus) / jnp.where(square > 0, square, 1.0)
    misfit = jnp.sum(jnp.abs(scale * modulus - data.modulus))
    return x, misfit / jnp.sum(data.modulus)


def free_relax_from_host(
    data: FreeAmplitudes, x: Any, beta: float, support: float, cycles: int
) -> Complex[Array, "*half"]:
    """The same cycles driven from Python: on CPUs a large transform then uses all cores."""
    step, share = jnp.asarray(beta, x.real.dtype), jnp.asarray(support, x.real.dtype)
    for _ in range(cycles):
        density = _irfftn(_reflected(data, x), data.moduli)
        x = _relaxed(data, x, _rfftn(_supported(density, share)), step)
    return x


@eqx.filter_jit
def _reflected(data, x):
    return 2.0 * data.replaced(x) - x


@eqx.filter_jit
def _irfftn(half, shape):
    return jnp.fft.irfftn(half, s=shape, norm="forward")


@eqx.filter_jit
def _supported(density, support):
    limit = jnp.maximum(quantile(density, 1.0 - support), 0.0)
    return jnp.where(density >= limit, density, 0.0)


@eqx.filter_jit
def _rfftn(density):
    return jnp.fft.rfftn(density, norm="forward")


@eqx.filter_jit
def _relaxed(data, x, half, beta):
    back = jnp.where(data.measured | data.floated, half, 0.0)
    return x + _scaled(back - data.replaced(x), beta)


@eqx.filter_jit
def free_moduli(data: FreeAmplitudes, x: Complex[Array, "*half"]) -> Complex[Array, "*half"]:
    """Measured moduli with the phases of x."""
    return data.replaced(x)


def half_slots(
    grid: Grid, k: Int[np.ndarray, "m N"]
) -> tuple[Int[np.ndarray, " m"], Bool[np.ndarray, " m"]]:
    """Flat index of each reflection's F in the kept half, and whether it is there, (m,).

    The inverse transform has exp(+2 pi i slot j / m): F(k), with exp(-2 pi i k.x), fills the slot
    of -k.
    """
    slots = grid.slots(-np.asarray(k))
    half = _half(grid.moduli)
    kept = slots[:, -1] < half[-1]
    slots[~kept] = 0
    return np.asarray(np.ravel_multi_index(tuple(slots.T), half)), kept


def read_free(
    grid: Grid, x: Complex[np.ndarray, "*half"], k: Int[np.ndarray, "m N"]
) -> Complex[np.ndarray, " m"]:
    """F of reflections from the slots, (m,)."""
    at, kept = half_slots(grid, k)
    mate, there = half_slots(grid, -np.asarray(k))
    flat = np.asarray(x).reshape(-1)
    return np.where(kept, flat[at], np.where(there, np.conj(flat[mate]), 0.0))


def fill_free(
    grid: Grid, k: Int[np.ndarray, "m N"], F: Complex[np.ndarray, " m"]
) -> Complex[np.ndarray, "*half"]:
    """Slots that hold F of reflections, given one of each Friedel pair, (*half)."""
    x = np.zeros(_half(grid.moduli), np.complex128)
    for mates, values in ((k, F), (-np.asarray(k), np.conj(F))):
        at, kept = half_slots(grid, mates)
        x.flat[at[kept]] = values[kept]
    return x


def _scaled(x: Array, factor: Array) -> Array:
    """Complex numbers times real ones, whatever JAX is told of promotion."""
    return lax.complex(jnp.real(x) * factor, jnp.imag(x) * factor)


def _half(moduli: tuple[int, ...]) -> tuple[int, ...]:
    return (*moduli[:-1], moduli[-1] // 2 + 1)
