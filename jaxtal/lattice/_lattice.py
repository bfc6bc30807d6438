"""The lattice as a value: basis vectors and everything that follows from them."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._core import determinant, device_array, inverse
from ._cell import cell_to_matrix, check_cell, check_matrix, matrix_to_cell


class Lattice(eqx.Module):
    """A D-dimensional lattice, differentiable in its matrix.

    Attributes:
        matrix: basis vectors as rows, shape (D, D), in angstrom; `cart = frac @ matrix`.
    """

    matrix: Float[Array, "d d"]

    @classmethod
    def from_parameters(cls, *cell: Any, dtype: Any = None) -> "Lattice":
        """Make a lattice from (a), (a, b, gamma) or (a, b, c, alpha, beta, gamma); host only.

        Lengths in angstrom, angles in degrees, oriented as ASE does (a along x, b in xy).

        Raises:
            ValueError: the parameters describe no cell (see `check_cell`).
        """
        return cls(device_array(cell_to_matrix(check_cell(cell)), dtype or float))

    @classmethod
    def from_matrix(cls, matrix: Any, dtype: Any = None) -> "Lattice":
        """Make a lattice from a host array of row vectors (angstrom), checked.

        Raises:
            ValueError: not square, not finite, or singular.
        """
        values = check_matrix(matrix)
        return cls(device_array(values, dtype or float))

    @property
    def dimension(self) -> int:
        """The number of dimensions D."""
        return self.matrix.shape[0]

    @property
    def cell(self) -> Float[Array, " p"]:
        """Cell parameters: lengths in angstrom, then angles in degrees."""
        return matrix_to_cell(self.matrix)

    @property
    def metric(self) -> Float[Array, "d d"]:
        """Metric tensor G_ij = a_i . a_j, in angstrom^2."""
        return _metric(self.matrix)

    @property
    def volume(self) -> Float[Array, ""]:
        """Cell volume |det(matrix)|, in angstrom^D."""
        return _volume(self.matrix)

    @property
    def reciprocal(self) -> Float[Array, "d d"]:
        """Reciprocal vectors as rows, a_i . b_j = 2 pi delta_ij, in 1/angstrom."""
        return _reciprocal(self.matrix)

    def to_cartesian(self, frac: Float[Array, "*n d"]) -> Float[Array, "*n d"]:
        """Return Cartesian coordinates (angstrom) of fractional ones: `frac @ matrix`."""
        return _matmul(frac, self.matrix)

    def to_fractional(self, cart: Float[Array, "*n d"]) -> Float[Array, "*n d"]:
        """Return fractional coordinates of Cartesian ones (angstrom): `cart @ matrix^-1`."""
        return _matmul(cart, _inverse(self.matrix))

    def q(self, hkl: Float[Array, "*n d"]) -> Float[Array, "*n d"]:
        """Return wave vectors q = hkl @ reciprocal, in 1/angstrom (|q| = 2 pi / d)."""
        return _matmul(hkl, self.reciprocal)


# Compiled one by one, since lattices are looked at outside `jit` as often as within.


@jax.jit
def _metric(matrix: Array) -> Array:
    return _matmul(matrix, matrix.T)


@jax.jit
def _volume(matrix: Array) -> Array:
    return jnp.abs(determinant(matrix))


@jax.jit
def _inverse(matrix: Array) -> Array:
    return inverse(matrix)


@jax.jit
def _reciprocal(matrix: Array) -> Array:
    return 2 * np.pi * inverse(matrix).T


@jax.jit
def _matmul(a: Array, b: Array) -> Array:
    # The highest precision, since accelerators multiply float32 matrices in fewer bits.
    return jnp.matmul(a, b, precision="highest")
