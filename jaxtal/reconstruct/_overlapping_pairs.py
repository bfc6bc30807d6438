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
        over_reach: 1 over the distance below which the two overlap, shape (T,), 1/angstrom.
        weights: of the squared relative overlaps in the loss, shape (T,); 0 for padding.
        basis: T, to the axes of `CellSlopes`, shape (3, 3).
    """

    slopes: Float[AnyArray, "T 3 V"]
    offsets: Float[AnyArray, "T 3"]
    images: Float[AnyArray, "T 3"]
    over_reach: Float[AnyArray, " T"]
    weights: Float[AnyArray, " T"]
    basis: Float[AnyArray, "3 3"]

    def rows(
        self, variables: Float[Array, " V"], cell: CellSlopes, constant: Array
    ) -> Float[Array, " V_1"]:
        """The residual, whose square is what overlaps and a constant add, and its derivatives."""
        gap = _product(self.slopes, variables) + self.offsets
        # Not differentiated: which image is nearest in fractional coordinates.
        gap = gap - jnp.round(gap) + self.images
        matrix = _product(self.basis, cell.matrix)
        cart = _product(gap, matrix)
        distance = jnp.sqrt(jnp.sum(cart * cart, axis=1) + 1e-8)
        overlap = self.weights * jnp.maximum(1 - distance * self.over_reach, 0.0)
        # Half the derivatives of the total by the vectors; vectors change as cart D^-1 dD.
        force = -(overlap * self.over_reach / distance)[:, None] * cart
        slopes = jnp.tensordot(_product(force, matrix.T), self.slopes, 2, precision="highest")
        strained = jnp.sum(cell.strains * _product(cart.T, force)[None], axis=(1, 2))
        slopes = slopes + jnp.pad(strained, (0, slopes.shape[0] - strained.shape[0]))
        total = constant + jnp.sum(overlap * (1 - distance * self.over_reach))
        root = jax.lax.rsqrt(jnp.where(total > 0, total, 1.0))
        return jnp.concatenate([total[None], slopes]) * jnp.where(total > 0, root, 0.0)


def _product(a: Array, b: Array) -> Array:
    """The highest precision, since accelerators multiply float32 matrices in fewer bits."""
    return jnp.matmul(a, b, precision="highest")
