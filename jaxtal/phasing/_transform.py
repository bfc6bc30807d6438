"""Amplitudes of orbits to the density on a grid and back: the two linear maps of a cycle."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Complex, Float, Int

from .._core import device_array
from ..grids import Grid
from ..symmetry import Orbits


class Transform(eqx.Module):
    """The symmetrised Fourier transform between orbits and the points of a grid.

    An orbit's amplitude f stands for all its reflections F(k W) = f exp(2 pi i (angle + phase)):
    real orbits have real f. With half = the slots whose last index is at most m_r / 2,

        rho(x_j) = sum over reflections F(k) exp(-2 pi i k.x_j)
        f = mean over the orbit of (1/M) sum_j rho(x_j) exp(2 pi i (k.x_j - angle - phase))

    The first is exact at the points whatever the grid. The second inverts it where the grid is
    alias-free, and is a quadrature with M points times the order of the group where it is not.

    Attributes:
        source: row of each entry in the table [f, conj f], (E,).
        target: row of the same table that reads it back, 2n for none: where k and -k both fill
            slots, one of them is read, (E,).
        slot: its place in the flattened half of the slots, ascending, (E,).
        factor: its phase factor, zero for padding, (E,).
        weight: 1 / number of entries that each orbit reads, (n,).
        real: True for real orbits, (n,).
        moduli: lengths of the axes of the grid.
    """

    source: Int[Array, " E"]
    target: Int[Array, " E"]
    slot: Int[Array, " E"]
    factor: Complex[Array, " E"]
    weight: Float[Array, " n"]
    real: Array
    moduli: tuple[int, ...] = eqx.field(static=True)

    @classmethod
    def build(cls, orbits: Orbits, grid: Grid, *, dtype: Any = np.float32) -> "Transform":
        """Work out the tables on the host.

        Args:
            orbits: the reflections, none of them extinct.
            grid: where the density is sampled.
            dtype: float32 or float64, of the density.

        Raises:
            ValueError: the grid has another dimension.
        """
        n = len(orbits.k)
        source, target, slot, turns = _entries(orbits, grid)
        counts = np.bincount(target[target < 2 * n] % n, minlength=n)
        complex_dtype = np.result_type(dtype, np.complex64)
        return cls(
            device_array(source, np.int32),
            device_array(target, np.int32),
            device_array(slot, np.int32),
            device_array(np.exp(2j * np.pi * turns), complex_dtype),
            device_array(1.0 / np.maximum(counts, 1), dtype),
            device_array(orbits.real, bool),
            grid.moduli,
        )

    def padded(self, entries: int) -> "Transform":
        """Return the same map with so many entries, so that several share a program (host only)."""
        more = entries - len(self.slot)
        end = int(self.slot[-1]) if len(self.slot) else 0
        source, factor = np.pad(self.source, (0, more)), np.pad(self.factor, (0, more))
        slot = np.pad(self.slot, (0, more), constant_values=end)
        target = np.pad(self.target, (0, more), constant_values=2 * len(self.weight))
        source, target, slot, factor = map(jnp.asarray, (source, target, slot, factor))
        return Transform(source, target, slot, factor, self.weight, self.real, self.moduli)

    @property
    def half_shape(self) -> tuple[int, ...]:
        """Shape of the slots that the real transform keeps."""
        return (*self.moduli[:-1], self.moduli[-1] // 2 + 1)

    def fill(self, f: Complex[Array, " n"]) -> Complex[Array, "*half"]:
        """Put amplitudes into their slots; several in one slot are added."""
        table = jnp.concatenate([f, jnp.conj(f)])
        values = table[self.source] * self.factor
        empty = jnp.zeros(np.prod(self.half_shape), f.dtype)
        filled = empty.at[self.slot].add(values, indices_are_sorted=True, mode="promise_in_bounds")
        return filled.reshape(self.half_shape)

    def read(self, half: Complex[Array, "*half"]) -> Complex[Array, " n"]:
        """Return the mean over the reflections of each orbit of what their slots hold."""
        n = len(self.weight)
        values = half.reshape(-1)[self.slot] * jnp.conj(self.factor)
        sums = jax.ops.segment_sum(
            values, self.target, num_segments=2 * n + 1, mode="promise_in_bounds"
        )
        total = sums[:n] + jnp.conj(sums[n : 2 * n])
        imaginary = jnp.where(self.real, 0.0, total.imag)
        return lax.complex(total.real * self.weight, imaginary * self.weight)

    def to_density(self, f: Complex[Array, " n"]) -> Float[Array, "*grid"]:
        """Transform amplitudes to the density on the grid."""
        return jnp.fft.irfftn(self.fill(f), s=self.moduli, norm="forward")

    def to_amplitudes(self, density: Float[Array, "*grid"]) -> Complex[Array, " n"]:
        """Transform a density to amplitudes, averaged over the group."""
        return self.read(jnp.fft.rfftn(density, norm="forward"))


def _entries(orbits: Orbits, grid: Grid) -> tuple[np.ndarray, ...]:
    """Source, target, slot and phase (turns) of every entry of the half, sorted by slot."""
    n, half = len(orbits.k), grid.moduli[-1] // 2
    slots, mates = grid.slots(orbits.members), grid.slots(-orbits.members)
    turns = orbits.angle[orbits.orbit] + orbits.phase
    turns = (turns - (orbits.members @ grid.origin) % 1.0) % 1.0
    # The inverse transform of the FFT has exp(+2 pi i slot j / m): the mate of k fills its slot.
    direct, mirrored = slots[:, -1] <= half, mates[:, -1] <= half
    mirrored &= ~orbits.own_mate
    source = np.concatenate([orbits.orbit[direct] + n, orbits.orbit[mirrored]])
    read = np.concatenate([np.ones(direct.sum(), dtype=bool), ~direct[mirrored]])
    phase = np.concatenate([-turns[direct], turns[mirrored]])
    filled = np.concatenate([slots[direct], mates[mirrored]])
    flat = np.asarray(np.ravel_multi_index(tuple(filled.T), (*grid.moduli[:-1], half + 1)))
    order = np.argsort(flat, kind="stable")
    return source[order], np.where(read, source, 2 * n)[order], flat[order], phase[order]
