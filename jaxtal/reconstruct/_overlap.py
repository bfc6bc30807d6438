"""Atoms that overlap: what keeps a search from putting two of them on one place."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .._core import safe_sqrt
from ..crystal import Crystal

_IMAGES = np.array(list(itertools.product((-1, 0, 1), repeat=3)))


def overlap_residuals(
    atoms: Crystal,
    centres: Int[Array, " n_sites"],
    multiplicities: Float[Array, " n_sites"],
    radii: Float[Array, " N"],
    factor: float,
) -> Float[Array, " n_sites"]:
    """Root of the squared relative overlaps of each site's atoms, per atom of the cell.

        r_s = sqrt(m_s / N sum_b max(0, 1 - d_sb / (f (r_s + r_b)))^2)

    Args:
        atoms: all atoms of the cell, shape (N, 3).
        centres: first atom of each site.
        multiplicities: atoms per site.
        radii: covalent radius of each atom, angstrom.
        factor: f; atoms closer than f times the sum of their radii overlap.

    Returns:
        r, shape (n_sites,), dimensionless.
    """
    matrix = atoms.lattice.matrix
    x = atoms.frac_coords
    # Not differentiated: which image is nearest in fractional coordinates.
    gap = x[None, :, :] - x[centres][:, None, :]
    gap = gap - jax.lax.stop_gradient(jnp.round(gap))
    images = jnp.asarray(_IMAGES, matrix.dtype)
    vectors = gap[:, :, None, :] + images[None, None, :, :]
    cart = jnp.einsum("cjik,kl->cjil", vectors, matrix, precision="highest")
    squared = jnp.sum(cart * cart, axis=-1)
    # An atom is no neighbour of itself, but its images are; its own distance is exactly 0.
    atom = jnp.arange(x.shape[0], dtype=centres.dtype)
    is_home = jnp.all(images == 0, axis=-1)
    is_self = (atom[None, :] == centres[:, None])[:, :, None] & is_home[None, None, :]
    # Atoms that share one site (occupancies up to one) may coincide.
    occupancy = atoms.occupancies
    shared = (occupancy[centres][:, None] + occupancy[None, :]) <= 1 + 1e-3
    ignore = is_self | shared[:, :, None]
    reach = factor * (radii[centres][:, None] + radii[None, :])
    near = (~ignore) & (squared < jnp.square(reach)[:, :, None])
    distance = jnp.sqrt(jnp.where(near, squared, 1.0) + 1e-8)
    overlap = jnp.where(near, 1 - distance / jnp.maximum(reach, 1e-6)[:, :, None], 0.0)
    per_centre = jnp.sum(overlap * overlap, axis=(1, 2))
    return safe_sqrt(multiplicities * per_centre / x.shape[0])
