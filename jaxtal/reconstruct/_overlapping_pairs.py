"""What atoms that come too close add to a loss, as a function of the variables of a search."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._core import AnyArray
from ._cell_slopes import CellSlopes


class OverlappingPairs(eqx.Module):
    """Pairs of atoms that might come too close, with the image of the second one.

    Attributes:
        slopes, offsets: x_b - x_a = slopes v + offsets, shapes (T, 3, V) and (T, 3).
        images: added to the difference of smallest coordinates, shape (T, 3).
        reach: distance below which the two overlap, shape (T,), angstrom.
        weights: of the squared relative overlaps in the loss, shape (T,); 0 for padding.
        basis: T, to the axes of `CellSlopes`, shape (3, 3).
    """

    slopes: Float[AnyArray, "T 3 V"]
    offsets: Float[AnyArray, "T 3"]
    images: Float[AnyArray, "T 3"]
    reach: Float[AnyArray, " T"]
    weights: Float[AnyArray, " T"]
    basis: Float[AnyArray, "3 3"]

    def rows(self, variables: Float[Array, " V"], cell: CellSlopes) -> Float[Array, " V_1"]:
        """The residual, whose square is what overlaps add, and below it its derivatives."""
        gap = _product(self.slopes, variables) + self.offsets
        # Not differentiated: which image is nearest in fractional coordinates.
        gap = gap - jnp.round(gap) + self.images
        matrix = _product(self.basis, cell.matrix)
        cart = _product(gap, matrix)
        squared = jnp.sum(cart * cart, axis=1)
        near = squared < jnp.square(self.reach)
        distance = jnp.sqrt(jnp.where(near, squared, 1.0) + 1e-8)
        overlap = jnp.where(near, 1 - distance / self.reach, 0.0)
        total = jnp.sum(self.weights * overlap * overlap)
        # Half the derivatives of the total by the vectors; vectors change as cart D^-1 dD.
        force = (-self.weights * overlap / (self.reach * distance))[:, None] * cart
        slopes = jnp.tensordot(_product(force, matrix.T), self.slopes, 2, precision="highest")
        by_strain = _product(cart.T, force)
        strained = jnp.sum(cell.strains * by_strain[None], axis=(1, 2))
        slopes = slopes + jnp.pad(strained, (0, slopes.shape[0] - strained.shape[0]))
        root = jax.lax.rsqrt(jnp.where(total > 0, total, 1.0))
        return jnp.concatenate([total[None], slopes]) * jnp.where(total > 0, root, 0.0)


def _product(a: Array, b: Array) -> Array:
    """The highest precision, since accelerators multiply float32 matrices in fewer bits."""
    return jnp.matmul(a, b, precision="highest")
