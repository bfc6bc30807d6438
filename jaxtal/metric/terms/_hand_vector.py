"""The hand of a crystal, which neither distances nor |F|^2 see."""

import itertools
import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ..._core import safe_divide, safe_sqrt
from ...descriptors.expansion import harmonics_rows
from ._local_distances import local_distances
from ._nearest_neighbours import Neighbours
from ._triple_couplings import odd_coupling

#: Degrees of the three moments that are combined, ascending.
DEGREES = ((1, 1, 1), (1, 2, 2), (1, 3, 3), (1, 4, 4), (2, 2, 3), (2, 3, 4), (3, 3, 3), (3, 4, 4))
#: Centres and width of the Gaussians in r, in units of the distance of the k-th neighbour.
CENTRES, WIDTH = (0.35, 0.55, 0.75), 0.13
#: Neighbours much nearer than this, in the same unit, count less, to zero at zero distance.
CORE = 0.15
#: Makes the norms of chiral prototypes about one, and where smaller ones begin to be linear.
SCALE, FLOOR = 1.5, 0.05


def hand_vector(
    neighbours: Neighbours,
    weights: Float[Array, " N"],
    numbers: Float[Array, " N"],
    k: int = 32,
) -> tuple[Float[Array, " D"], Bool[Array, ""]]:
    r"""Signed pseudoscalars: a mirror image has exactly the opposite vector.

    About each atom i, with R_i the distance of its k-th neighbour and x = r_ij / R_i, the moments

        A_clm(i) = sum_j w_j z_cj g_c(x) (1 - x^2)^3 (x^2 / (x^2 + 0.15^2))^2 Y_lm(r_ij / |r_ij|)

    are taken of degree l = 1 .. 4 in four channels c: three Gaussians g_c with z = 1, and their
    sum with z_j = Z_j / <Z> - 1. Every way to couple three of them to a pseudoscalar

        B = sum C_(m1 m2 m3) A_(c1 l1 m1) A_(c2 l2 m2) A_(c3 l3 m3),     l1 + l2 + l3 odd,

    (for l = 1 the triple product of three mean neighbour vectors) is averaged over the atoms, and
    of the vector b of all those averages is made v = 1.5 b / (|b|^2 + 0.05^2)^(1/3): the cube root
    of the products keeps weakly and strongly chiral crystals on one scale, |v| being about one
    for chiral prototypes. It is exactly 0 up to rounding for every crystal that equals its mirror
    image, unchanged by rotations, origins, cells, supercells and density, and smooth.

    A chiral crystal has v = 0 as well if each of its atoms either lies on a site of symmetry 6,
    422, 622, 23 or 432, whose chirality begins beyond l = 4, or has neighbours up to the k-th that
    equal their mirror image; or if several kinds of sites happen to cancel. Sites of symmetry 1,
    2, 3, 4, 222 and 32 are seen. Noise on an achiral crystal makes v small, not zero.

    Args:
        neighbours: of one crystal; at least k of each atom.
        weights: occupancies, shape (N,); 0 for padding.
        numbers: atomic numbers, shape (N,), or their mean on mixed sites.
        k: which neighbour ends the neighbourhood.

    Returns:
        The vector, dimensionless, shape (192,); and whether the neighbours are complete.

    References:
        A. P. Bartok, R. Kondor and G. Csanyi, Phys. Rev. B 87 (2013) 184115, for rotational
        invariants of three neighbour densities; here only those odd under inversion are kept.
    """
    dtype = neighbours.vectors.dtype
    finite = jnp.isfinite(weights) & jnp.isfinite(numbers)
    w = jnp.where(finite & (weights > 0), weights, 0.0).astype(dtype)
    rows, complete = local_distances(neighbours, w, k)
    amount = jnp.sum(w)
    some = amount > 0
    amount = jnp.where(some, amount, 1.0)
    Z = jnp.where(w > 0, numbers, 0.0).astype(dtype)
    mean = jnp.sum(w * Z) / amount
    excess = jnp.where(w > 0, safe_divide(Z, jnp.broadcast_to(mean, Z.shape)) - 1, 0.0)
    moments = _moments(neighbours, w, excess, rows[:, -1])
    terms = jnp.concatenate([_pseudoscalars(moments, degrees) for degrees in DEGREES], axis=1)
    b = jnp.sum(w[:, None] * terms, axis=0) / amount
    return SCALE * b / jnp.cbrt(jnp.sum(b * b) + FLOOR**2), complete & some & jnp.all(finite)


def _moments(
    neighbours: Neighbours,
    w: Float[Array, " N"],
    excess: Float[Array, " N"],
    radius: Float[Array, " N"],
) -> list[Float[Array, "N C m"]]:
    """A_clm of each atom, one array for each degree l = 1 .. 4."""
    n, k = neighbours.distances.shape
    vectors = neighbours.vectors * safe_divide(jnp.ones_like(radius), radius)[:, None, None]
    squares = jnp.sum(vectors * vectors, axis=-1)
    inside = neighbours.found & (squares < 1)
    squares = jnp.where(inside, squares, 0.0)
    x = safe_sqrt(squares)
    # The core has four powers of r, so that Y_4 of two atoms on one point is no singularity.
    core = squares / (squares + CORE**2)
    share = jnp.where(inside, (1 - squares) ** 3 * core * core * w[neighbours.index], 0.0)
    gaussians = [share * jnp.exp(-0.5 * ((x - c) / WIDTH) ** 2) for c in CENTRES]
    total = gaussians[0] + gaussians[1] + gaussians[2]
    g = jnp.stack([*gaussians, total * excess[neighbours.index]])
    Y = harmonics_rows(vectors.reshape(-1, 3), 4).reshape(-1, n, k) * math.sqrt(4 * math.pi)
    A = jnp.einsum("cnk,mnk->ncm", g, Y, precision="highest")
    return [A[:, :, l * l : (l + 1) ** 2] for l in range(1, 5)]


def _pseudoscalars(
    moments: list[Float[Array, "N C _"]], degrees: tuple[int, int, int]
) -> Float[Array, "N B"]:
    """All that are made of moments of three degrees, about each atom."""
    first, second, third = (moments[l - 1] for l in degrees)
    C = jnp.asarray(odd_coupling(*degrees), first.dtype)
    part = jnp.einsum("xyz,nax->nayz", C, first, precision="highest")
    part = jnp.einsum("nayz,nby->nabz", part, second, precision="highest")
    B = jnp.einsum("nabz,ncz->nabc", part, third, precision="highest")
    a, b, c = _channels(degrees, first.shape[1])
    return B[:, a, b, c]


def _channels(degrees: tuple[int, int, int], n: int) -> Int[np.ndarray, "3 B"]:
    """Channels of the three factors: of those of equal degree, each choice once."""
    l1, l2, l3 = degrees
    chosen = [
        (a, b, c)
        for a, b, c in itertools.product(range(n), repeat=3)
        if (l1 != l2 or a < b) and (l2 != l3 or b < c)
    ]
    return np.array(chosen).T
