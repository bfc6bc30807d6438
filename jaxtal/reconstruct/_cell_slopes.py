"""The lattice of a search and how it changes with the variables."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._core import AnyArray


class CellSlopes(eqx.Module):
    """D of `CellVariables`, its inverse, and the strains that variables of the cell make.

    Attributes:
        matrix, inverse: D and D^-1, shape (3, 3), angstrom and 1/angstrom.
        strains: D^-1 dD / dv, shape (C, 3, 3).
    """

    matrix: Float[Array, "3 3"]
    inverse: Float[Array, "3 3"]
    strains: Float[Array, "C 3 3"]

    @classmethod
    def build(
        cls,
        variables: Float[Array, " C"],
        lengths: Float[AnyArray, "C 3"],
        offsets: Float[AnyArray, "3"],
        shears: Float[AnyArray, "C 3 3"],
        shear_offsets: Float[AnyArray, "3 3"],
    ) -> "CellSlopes":
        """Pure.

        Args:
            variables: of the cell.
            lengths, offsets: of the logarithms of s, L^T and l.
            shears, shear_offsets: of the strict lower triangle u.
        """
        # Sums and not products of matrices, which would be as many programs.
        logs = jnp.sum(variables[:, None] * lengths, axis=0) + offsets
        # Cells that no crystal has are not followed to where numbers end.
        s = jnp.exp(jnp.clip(logs, -5.0, 10.0))
        u = jnp.sum(variables[:, None, None] * shears, axis=0) + shear_offsets
        one = jnp.eye(3, dtype=s.dtype)
        # The third power of u vanishes.
        back = one - u + _multiplied(u, u)
        changed = lengths[:, :, None] * (one + u)[None] + shears
        return cls(s[:, None] * (one + u), back / s[None, :], _multiplied(back[None], changed))


def _multiplied(a: Array, b: Array) -> Array:
    """The product of small matrices as a sum, which is part of the program beside it."""
    first, *rest = [a[..., :, i : i + 1] * b[..., i : i + 1, :] for i in range(3)]
    return first + rest[0] + rest[1]
