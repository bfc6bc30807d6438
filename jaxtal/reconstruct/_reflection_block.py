"""Some reflections of a trial crystal, how they change with its variables, and their sums."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

#: Sums over reflections by name: "moments", shape (n_max, n_lm), and "bins", shape (n_bins,).
Sums = dict[str, Array]


class ReflectionBlock(eqx.Module):
    """P reflections, their weights, and V derivatives of these.

    Reflections are the last axis of all arrays: XLA adds up along others in vectors, but along the
    last one number by number.

    Attributes:
        weights: intensity with window and multiplicity, shape (P,).
        slopes: its derivatives where |q| and directions stay, shape (V, P).
        drawn: the weights times the derivatives of |q|, shape (V, P).
        turned: derivatives of the directions by the variables of the cell, shape (C, 3, P).
        directions: u_k of `SearchProblem`, shape (n_lm, 3), or None.
        angular: K(q . u_k) and K', shapes (n_lm, P), or None.
        radial: radial functions and their derivatives by |q|, shapes (n_max, P), or None.
        bins: shares of the bins and their derivatives by |q|, shapes (n_bins, P), or None.
    """

    weights: Float[Array, " P"]
    slopes: Float[Array, "V P"]
    drawn: Float[Array, "V P"]
    turned: Float[Array, "C 3 P"]
    directions: Float[Array, "n_lm 3"] | None
    angular: tuple[Array, Array] | None
    radial: tuple[Array, Array] | None
    bins: tuple[Array, Array] | None

    def sums(self) -> Sums:
        """Moments and bins."""
        found = {}
        if self.radial is not None and self.angular is not None:
            found["moments"] = along_last(self.weights[None] * self.radial[0], self.angular[0])
        if self.bins is not None:
            found["bins"] = jnp.sum(self.bins[0] * self.weights[None], axis=1)
        return found

    def sum_slopes(self) -> Sums:
        """Derivatives of the sums by every variable, in front."""
        found = {}
        if self.radial is not None and self.angular is not None and self.directions is not None:
            (radial, radial_slope), (angular, angular_slope) = self.radial, self.angular
            radials = self.slopes[:, None] * radial[None]
            radials = radials + self.drawn[:, None] * radial_slope[None]
            cosines = jnp.matmul(self.directions[None], self.turned, precision="highest")
            by_turn = along_last(self.weights[None] * radial, angular_slope[None] * cosines)
            pad = (0, len(self.slopes) - len(self.turned)), (0, 0), (0, 0)
            found["moments"] = along_last(radials, angular)
            found["moments"] = found["moments"] + jnp.pad(jnp.swapaxes(by_turn, 0, 1), pad)
        if self.bins is not None:
            found["bins"] = along_last(self.slopes, self.bins[0])
            found["bins"] = found["bins"] + along_last(self.drawn, self.bins[1])
        return found

    def pulled_back(self, by_sums: Sums) -> Float[Array, " V"]:
        """The derivative of a number by the variables, of those by the sums."""
        by_weight = by_size = jnp.zeros_like(self.weights)
        turn = jnp.zeros((len(self.turned),), self.weights.dtype)
        if self.radial is not None and self.angular is not None and self.directions is not None:
            (radial, radial_slope), (angular, angular_slope) = self.radial, self.angular
            pulled = over(by_sums["moments"].T, radial)
            drawn = over(by_sums["moments"].T, radial_slope)
            by_weight = by_weight + jnp.sum(pulled * angular, axis=0)
            by_size = by_size + jnp.sum(drawn * angular, axis=0)
            towards = over(self.directions.T, pulled * angular_slope) * self.weights[None]
            turn = jnp.sum(self.turned * towards[None], axis=(1, 2))
        if self.bins is not None:
            by_bins = by_sums["bins"][:, None]
            by_weight = by_weight + jnp.sum(by_bins * self.bins[0], axis=0)
            by_size = by_size + jnp.sum(by_bins * self.bins[1], axis=0)
        along = jnp.sum(self.slopes * by_weight[None] + self.drawn * by_size[None], axis=1)
        return along + jnp.pad(turn, (0, len(along) - len(turn)))


def over(a: Array, b: Array) -> Array:
    """Sum over the last axis of a and the first one of b.

    In the highest precision, since accelerators multiply float32 matrices in fewer bits.
    """
    return jnp.tensordot(a, b, 1, precision="highest")


def along_last(a: Array, b: Array) -> Array:
    """Sum over the last axis of both, the other axes one after the other."""
    axes = (a.ndim - 1,), (b.ndim - 1,)
    return jax.lax.dot_general(a, b, (axes, ((), ())), precision="highest")
