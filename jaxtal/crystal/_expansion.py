"""From the parameters of sites to the atoms of the cell, in NumPy or JAX."""

import functools
from types import ModuleType
from typing import Any

import jax.numpy as jnp


def expanded_coordinates(
    xp: ModuleType, maps: Any, shifts: Any, site: Any, parameter_index: Any, site_parameters: Any
) -> Any:
    """Fractional coordinates x_j = maps_j u_s + shifts_j of all atoms; see `WyckoffPlan`.

    Args:
        xp: `numpy` or `jax.numpy`.
        maps, shifts, site, parameter_index: of the plan.
        site_parameters: free coordinates of all sites, shape (f,).

    Returns:
        Shape (N, 3).
    """
    padded = xp.concatenate([site_parameters, xp.zeros((1,), site_parameters.dtype)])
    u = padded[parameter_index][site]
    return xp.sum(maps * u[:, None, :], axis=-1) + shifts


def expanded_tensors(
    xp: ModuleType, rotations: Any, projectors: Any, site: Any, matrix: Any, u_aniso: Any
) -> Any:
    """Displacement tensors of all atoms, of which each site keeps what its symmetry allows.

    U* = D U D (D: lengths of a*, b*, c*) transforms as W U* W^T.

    Args:
        xp: `numpy` or `jax.numpy`.
        rotations, projectors, site: of the plan.
        matrix: lattice vectors as rows, angstrom.
        u_aniso: tensors of the sites in the CIF convention, shape (n_sites, 3, 3), angstrom^2.

    Returns:
        Shape (N, 3, 3), angstrom^2, CIF convention.
    """
    # The highest precision, since accelerators multiply float32 matrices in fewer bits.
    einsum = functools.partial(jnp.einsum, precision="highest") if xp is jnp else xp.einsum
    star = xp.linalg.norm(xp.linalg.inv(matrix), axis=0)
    scale = star[:, None] * star[None, :]
    U = 0.5 * (u_aniso + xp.swapaxes(u_aniso, 1, 2)) * scale[None]
    U = einsum("sijkl,skl->sij", projectors, U)
    return einsum("nij,njk,nlk->nil", rotations, U[site], rotations) / scale[None]
