"""The regular mesh of a cell and its discrete Fourier transform, in any dimension."""

import dataclasses
import functools
import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Int, Shaped

from .._core import host_array, next_smooth
from ..grids import Grid, mesh_grid
from ..symmetry import SpaceGroup
from ..symmetry._orbits import mesh_axes, takes_mesh_to_itself


@dataclasses.dataclass(frozen=True)
class Mesh:
    """Nodes r_i = m_i / N_i of a cell, and waves exp(2 pi i n.r) with integer indices n.

    The transform of a field f on M = N_1 ... N_D nodes, and back:

        F(n) = (1/M) sum_m f(m) exp(-2 pi i sum_i n_i m_i / N_i)
        f(m) = sum_n F(n) exp(+2 pi i sum_i n_i m_i / N_i)

    so that F(0) is the mean. F is periodic in n: indices that differ by multiples of N_i are
    *aliases*, and 0 <= n_i < N_i are the DFT indices. Of a real field only the waves with
    n_D <= N_D / 2 are stored ("half"): F(-n) = conj F(n). Arrays are in C order, the last index
    fastest. Equal meshes are equal and hash alike, so they may stand in static fields.

    Attributes:
        sizes: N, number of nodes along each axis.
    """

    sizes: tuple[int, ...]

    def __init__(self, sizes: Any):
        """Check the sizes.

        Raises:
            ValueError: none, or one that isn't a positive integer.
        """
        given = np.asarray(host_array(sizes, "sizes"))
        if given.ndim != 1 or not len(given) or (given < 1).any() or (given % 1).any():
            raise ValueError(f"sizes: expected positive integers, one per axis, got {sizes}")
        object.__setattr__(self, "sizes", tuple(int(n) for n in given))

    @classmethod
    def of(cls, mesh: Any) -> "Mesh":
        """Return a mesh as it is, or the mesh of these sizes."""
        return mesh if isinstance(mesh, Mesh) else cls(mesh)

    # --- nodes -------------------------------------------------------------------------------

    @property
    def dimension(self) -> int:
        """D."""
        return len(self.sizes)

    @property
    def size(self) -> int:
        """M, the number of nodes."""
        return math.prod(self.sizes)

    def points(self) -> Float[np.ndarray, "*sizes D"]:
        """Return reduced coordinates m / N of the nodes, (*sizes, D)."""
        axes = [np.arange(n) / n for n in self.sizes]
        return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)

    def grid(self) -> Grid:
        """Return the same nodes as a sampling grid, as phasing takes it."""
        return mesh_grid(self.sizes)

    # --- waves -------------------------------------------------------------------------------

    @property
    def half_shape(self) -> tuple[int, ...]:
        """Shape of the stored waves of a real field."""
        return (*self.sizes[:-1], self.sizes[-1] // 2 + 1)

    def indices(self) -> Int[np.ndarray, "M D"]:
        """Return DFT indices of all waves in C order, (M, D)."""
        return np.indices(self.sizes).reshape(self.dimension, -1).T

    def half_indices(self) -> Int[np.ndarray, "*half D"]:
        """Return DFT indices of the stored waves, (*half_shape, D)."""
        return np.moveaxis(np.indices(self.half_shape), 0, -1)

    def ranks(self, indices: Any) -> Int[np.ndarray, " n"]:
        """Place of waves in the full array in C order, aliases alike; indices (n, D), any."""
        wrapped = self._checked(indices) % np.array(self.sizes)
        return np.asarray(np.ravel_multi_index(tuple(wrapped.T), self.sizes))

    def stored(self, indices: Any) -> Bool[np.ndarray, " n"]:
        """Tell which waves (or aliases of them) are among the stored ones; indices (n, D), any."""
        last = self._checked(indices)[:, -1] % self.sizes[-1]
        return last <= self.sizes[-1] // 2

    def half_ranks(self, indices: Any) -> Int[np.ndarray, " n"]:
        """Place of waves in the flattened half array; indices (n, D), any.

        Raises:
            ValueError: a wave that is not stored (named).
        """
        indices = self._checked(indices)
        missing = np.flatnonzero(~self.stored(indices))
        if len(missing):
            raise ValueError(
                f"indices[{missing[0]}]: expected a stored wave of mesh {self}, got "
                f"{indices[missing[0]].tolist()}; its inverse is stored"
            )
        wrapped = indices % np.array(self.sizes)
        return np.asarray(np.ravel_multi_index(tuple(wrapped.T), self.half_shape))

    def half_weights(self) -> Float[np.ndarray, "*half"]:
        """Count the waves each stored one stands for: itself, and its inverse if not stored.

        mean f g = sum over stored waves of weight Re(F conj G), Parseval's identity.
        """
        last = np.arange(self.half_shape[-1])
        weight = np.where((last == 0) | (2 * last == self.sizes[-1]), 1.0, 2.0)
        return np.broadcast_to(weight, self.half_shape)

    def _checked(self, indices: Any) -> np.ndarray:
        array = np.asarray(indices)
        if array.ndim != 2 or array.shape[1] != self.dimension or array.dtype.kind not in "iu":
            raise ValueError(
                f"indices: expected integers (n, {self.dimension}), got {array.dtype} {array.shape}"
            )
        return array

    # --- transforms --------------------------------------------------------------------------

    def to_waves(self, values: Shaped[Array, "*sizes"]) -> Complex[Array, "*half"]:
        """Transform a real field to Fourier coefficients F, stored half, (*half_shape).

        Raises:
            ValueError: the field has another shape.
        """
        if values.shape != self.sizes:
            raise ValueError(f"values: expected shape {self.sizes}, got {values.shape}")
        return jnp.fft.rfftn(floating(values), norm="forward")

    def to_values(self, waves: Complex[Array, "*half"]) -> Float[Array, "*sizes"]:
        """Transform stored Fourier coefficients to the real field, (*sizes).

        Raises:
            ValueError: the coefficients have another shape.
        """
        if waves.shape != self.half_shape:
            raise ValueError(f"waves: expected shape {self.half_shape}, got {waves.shape}")
        return jnp.fft.irfftn(waves, s=self.sizes, norm="forward")

    # --- symmetry ----------------------------------------------------------------------------

    def check_group(self, group: SpaceGroup) -> None:
        """Check that every operation r -> R r + t takes nodes to nodes.

        N_i t_i and R_ij N_i / N_j must be integers for all i, j.

        Raises:
            ValueError: another dimension, or an operation that does not, named, with a mesh that
                would do.
        """
        self._check_dimension(group)
        bad = np.flatnonzero(~takes_mesh_to_itself(group, self.sizes))
        if len(bad):
            raise ValueError(
                f"mesh {self} does not fit {group!r}: {group.operations[bad[0]].to_xyz()!r} takes "
                f"nodes between nodes; {self.fitting(group)} would do"
            )

    def fitting(self, group: SpaceGroup) -> "Mesh":
        """Find the smallest mesh, nowhere coarser, on which a group acts.

        Sizes are multiples of what the translations need, equal along axes that the group mixes,
        and otherwise made of the primes 2, 3 and 5.

        Raises:
            ValueError: a group of another dimension.
        """
        self._check_dimension(group)
        sizes = np.array(self.sizes)
        for axes, step in mesh_axes(group):
            largest = int(sizes[list(axes)].max())
            sizes[list(axes)] = step * next_smooth(-(-largest // step))
        return Mesh(sizes)

    def _check_dimension(self, group: SpaceGroup) -> None:
        if group.dimension != self.dimension:
            raise ValueError(
                f"expected a group in {self.dimension} dimensions for mesh {self}, got {group!r}"
            )

    def __str__(self) -> str:
        return " x ".join(map(str, self.sizes))


def floating(values: Shaped[Array, "*n"]) -> Float[Array, "*n"]:
    """Values as floating-point numbers; integers and truth values in JAX's current type."""
    return values if jnp.issubdtype(values.dtype, jnp.floating) else values.astype(float)


@functools.cache
def _axis_image(size: int, factor: int) -> np.ndarray:
    """factor n mod size for n = 0 ... size - 1."""
    return np.arange(size) * factor % size


def rotated_ranks(mesh: Mesh, rotation: np.ndarray) -> Int[np.ndarray, " M"]:
    """Rank of n R for every wave n of a mesh, in C order, (M,), int32."""
    total = np.zeros(mesh.sizes, np.int32)
    for j, (size, stride) in enumerate(zip(mesh.sizes, _strides(mesh.sizes), strict=True)):
        used = np.flatnonzero(rotation[:, j])
        image = np.zeros((1,) * mesh.dimension, np.int32)
        for i in used:
            along = _axis_image(size, int(rotation[i, j]))[np.arange(mesh.sizes[i]) % size]
            shape = [-1 if axis == i else 1 for axis in range(mesh.dimension)]
            image = image + along.astype(np.int32).reshape(shape)
        if len(used) > 1:
            image %= size
        total += image * np.int32(stride)
    return total.reshape(-1)


def _strides(sizes: tuple[int, ...]) -> list[int]:
    return [math.prod(sizes[j + 1 :]) for j in range(len(sizes))]
