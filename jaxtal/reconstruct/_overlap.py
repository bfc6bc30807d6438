"""Atoms that overlap: what keeps a search from putting two of them on one place."""

import itertools

import numpy as np
from jaxtyping import Float, Int

from .._core import AnyArray, matmul, namespace, safe_sqrt
from ..crystal import Crystal, HostAtoms

_IMAGES = np.array(list(itertools.product((-1, 0, 1), repeat=3)))


def overlap_residuals(
    atoms: Crystal | HostAtoms,
    centres: Int[AnyArray, " n_sites"],
    multiplicities: Float[AnyArray, " n_sites"],
    radii: Float[AnyArray, " N"],
    factor: float,
) -> Float[AnyArray, " n_sites"]:
    """Root of the squared relative overlaps of each site's atoms, per atom of the cell.

        r_s = sqrt(m_s / N sum_b max(0, 1 - d_sb / (f (r_s + r_b)))^2)

    Args:
        atoms: all atoms of the cell; those of the host, with NumPy arrays, give NumPy.
        centres: first atom of each site.
        multiplicities: atoms per site.
        radii: covalent radius of each atom, angstrom.
        factor: f; atoms closer than f times the sum of their radii overlap.

    Returns:
        r, shape (n_sites,), dimensionless.
    """
    matrix = atoms.matrix if isinstance(atoms, HostAtoms) else atoms.lattice.matrix
    x = atoms.frac_coords
    xp = namespace(x)
    # Which image is nearest in fractional coordinates; its derivative is zero.
    gap = x[None, :, :] - x[centres][:, None, :]
    gap = gap - xp.round(gap)
    images = xp.asarray(_IMAGES, matrix.dtype)
    vectors = gap[:, :, None, :] + images[None, None, :, :]
    cart = matmul(vectors.reshape(-1, 3), matrix).reshape(vectors.shape)
    squared = xp.sum(cart * cart, axis=-1)
    # An atom is no neighbour of itself, but its images are; its own distance is exactly 0.
    atom = xp.arange(x.shape[0], dtype=centres.dtype)
    is_home = xp.all(images == 0, axis=-1)
    is_self = (atom[None, :] == centres[:, None])[:, :, None] & is_home[None, None, :]
    # Atoms that share one site (occupancies up to one) may coincide.
    occupancy = atoms.occupancies
    shared = (occupancy[centres][:, None] + occupancy[None, :]) <= 1 + 1e-3
    ignore = is_self | shared[:, :, None]
    reach = factor * (radii[centres][:, None] + radii[None, :])
    near = (~ignore) & (squared < xp.square(reach)[:, :, None])
    distance = xp.sqrt(xp.where(near, squared, 1.0) + 1e-8)
    overlap = xp.where(near, 1 - distance / xp.maximum(reach, 1e-6)[:, :, None], 0.0)
    per_centre = xp.sum(overlap * overlap, axis=(1, 2))
    return safe_sqrt(multiplicities * per_centre / x.shape[0])
