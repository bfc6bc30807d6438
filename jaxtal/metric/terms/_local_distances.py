"""What tells homometric crystals apart: the distances from each atom, atom by atom."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ._nearest_neighbours import Neighbours

#: How many neighbours the terms of distances and of the hand look at.
NEIGHBOURS = 32
#: Longest list of neighbours of an atom, for partly filled sites.
MOST_NEIGHBOURS = 4096
#: Neighbours whose occupancies add up to this much less than promised still count as enough.
_SLACK = 1e-3


def local_distances(
    neighbours: Neighbours, weights: Float[Array, " N"], k: int
) -> tuple[Float[Array, "N k"], Bool[Array, ""]]:
    """Distances from each atom to its first, second, .. k-th neighbour, partly filled sites too.

    With r_i(c) the distance at which the occupancies about atom i, its own first, add up to c,

        d_ij = integral of r_i(c) dc over j <= c <= j + 1,    j = 1 .. k.

    Where all sites are full that is the distance of the j-th neighbour. Atoms that share a site
    see each other in the first unit, which is left out: the result is that of one atom there. It
    is continuous in positions and occupancies.

    Args:
        neighbours: at least k of each atom, more where sites are partly filled.
        weights: occupancies, shape (N,); 0 for padding.
        k: number of distances.

    Returns:
        The distances, shape (N, k), angstrom, 0 for atoms of no weight; and whether the
        neighbours are complete and suffice.
    """
    finite = jnp.isfinite(weights)
    w = jnp.where(finite & (weights > 0), weights, 0.0).astype(neighbours.distances.dtype)
    own = w[:, None]
    amounts = jnp.where(neighbours.found, w[neighbours.index], 0.0)
    r = jnp.concatenate([jnp.zeros_like(own), neighbours.distances], axis=1)
    upper = jnp.cumsum(jnp.concatenate([own, amounts], axis=1), axis=1)
    lower = jnp.concatenate([jnp.zeros_like(own), upper[:, :-1]], axis=1)
    total = upper[:, -1]
    # What is not listed counts as far away as the last that is.
    upper = jnp.concatenate([upper[:, :-1], jnp.maximum(total, k + 1.0)[:, None]], axis=1)
    start = jnp.arange(1, k + 1, dtype=r.dtype)[None, None, :]
    share = jnp.minimum(upper[:, :, None], start + 1) - jnp.maximum(lower[:, :, None], start)
    rows = jnp.sum(r[:, :, None] * jnp.maximum(share, 0.0), axis=1)
    enough = jnp.all((total >= k + 1 - _SLACK) | (w == 0)) & jnp.all(finite)
    return jnp.where(own > 0, rows, 0.0), neighbours.complete & enough


def local_distance_vector(
    neighbours: Neighbours, weights: Float[Array, " N"], k: int = 32, quantiles: int = 4
) -> tuple[Float[Array, " D"], Bool[Array, ""]]:
    """How the distances to the first, second, .. k-th neighbour are distributed over the atoms.

    With q_j(t), 0 <= t <= 1, the j-th of `local_distances` in ascending order over the atoms of a
    crystal, each as much of the interval as its occupancy, and Q quantiles,

        v_js = 1 / sqrt(k Q) (N / V)^(1/3) Q integral of q_j(t) dt over s <= Q t <= s + 1.

    The mean over s is the average minimum distance (AMD) of rank j. The Euclidean distance of two
    vectors is at most the earth mover's distance of the two pointwise distance distributions
    (PDD, rows compared by their root mean square difference, order 2) in units of (V/N)^(1/3), so
    that it changes as continuously. Unlike the pooled pair distribution it tells homometric
    crystals apart. It does not see elements, nor the hand.

    Args:
        neighbours: of one crystal; at least k of each atom.
        weights: occupancies, shape (N,); 0 for padding.
        k: number of ranks.
        quantiles: Q.

    Returns:
        The vector, dimensionless, shape (k Q,), rank by rank; and whether it is complete.

    References:
        D. Widdowson, M. Mosca, A. Pulido, A. Cooper and V. Kurlin, "Average minimum distances of
        periodic point sets", MATCH Commun. Math. Comput. Chem. 87 (2022) 529; D. Widdowson and
        V. Kurlin, "Resolving the data ambiguity for periodic crystals", NeurIPS 35 (2022).
    """
    rows, complete = local_distances(neighbours, weights, k)
    dtype = rows.dtype
    w = jnp.where(jnp.isfinite(weights) & (weights > 0), weights, 0.0).astype(dtype)
    amount = jnp.sum(w)
    some = amount > 0
    amount = jnp.where(some, amount, 1.0)
    # Atoms of no weight come last, where they take no part of the interval.
    order = jnp.argsort(jnp.where(w[:, None] > 0, jax.lax.stop_gradient(rows), jnp.inf), axis=0)
    rows = jnp.take_along_axis(rows, order, axis=0)
    upper = jnp.cumsum((w / amount)[order], axis=0)
    lower = jnp.concatenate([jnp.zeros_like(upper[:1]), upper[:-1]], axis=0)
    start = jnp.arange(quantiles, dtype=dtype)[None, None, :] / quantiles
    share = jnp.minimum(upper[:, :, None], start + 1 / quantiles)
    share = jnp.maximum(share - jnp.maximum(lower[:, :, None], start), 0.0)
    # Divided by their sum, which rounding makes differ from 1 / Q.
    share = share / jnp.maximum(jnp.sum(share, axis=0), 0.5 / quantiles)[None, :, :]
    values = jnp.sum(rows[:, :, None] * share, axis=0)
    values = values * jnp.cbrt(amount / neighbours.volume) / (k * quantiles) ** 0.5
    return jnp.where(some, values, 0.0).reshape(-1), complete & some


def neighbours_needed(least: float) -> int:
    """Neighbours whose occupancies, none smaller than this, make up 32 whole atoms (host).

    Raises:
        ValueError: they would be too many.
    """
    if least > 1 - 1e-6:
        return NEIGHBOURS
    needed = math.ceil((NEIGHBOURS + 1) / least)
    if needed > MOST_NEIGHBOURS:
        raise ValueError(
            f"expected occupancies of at least {NEIGHBOURS / MOST_NEIGHBOURS:.2g} for terms of "
            f"neighbours, got {least:g}"
        )
    return needed
