"""Inverses and determinants of the matrices of cells, as formulas.

Factorising a 3 x 3 matrix costs a GPU several kernels that nothing else can be fused with, in the
gradient again; products and sums cost it none.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float


def cofactors(rows: Float[Array, "3 3"]) -> tuple[Float[Array, "3 3"], Float[Array, ""]]:
    """Cross products of the other two rows, and the determinant."""
    after, before = jnp.roll(rows, -1, axis=0), jnp.roll(rows, -2, axis=0)
    products = jnp.roll(after, -1, axis=1) * jnp.roll(before, -2, axis=1)
    products = products - jnp.roll(after, -2, axis=1) * jnp.roll(before, -1, axis=1)
    return products, jnp.sum(rows[0] * products[0])


def determinant(matrix: Float[Array, "d d"]) -> Float[Array, ""]:
    """Determinant, in three dimensions a . (b x c)."""
    return cofactors(matrix)[1] if matrix.shape[0] == 3 else jnp.linalg.det(matrix)


def inverse(matrix: Float[Array, "d d"]) -> Float[Array, "d d"]:
    """Inverse, in three dimensions the transposed cofactors over the determinant."""
    if matrix.shape[0] != 3:
        return jnp.linalg.inv(matrix)
    products, volume = cofactors(matrix)
    return products.T / volume
