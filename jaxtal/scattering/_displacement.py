"""Debye-Waller factors, and the conventions of atomic displacement parameters.

Mean-square displacements come in three forms, all symmetric 3 x 3:

    U_cart  <du du^T> in A^2 along Cartesian axes
    U       CIF convention, in A^2: U_ij = U*_ij / (a*_i a*_j)
    U*      <dx dx^T>, dimensionless, dx the displacement in fractional coordinates

a*_i are the lengths of the reciprocal vectors without 2 pi: the columns of inverse(matrix), where
the rows of `matrix` are a, b, c in angstrom. Files list U as six numbers: 11, 22, 33, 12, 13, 23.

References:
    Grosse-Kunstleve & Adams (2002), J. Appl. Cryst. 35, 477. Trueblood et al. (1996), Acta
    Cryst. A52, 770.
"""

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num

from .._core import inverse

_EIGHT_PI2 = 8.0 * math.pi**2
_SIX_ROWS = (0, 1, 2, 0, 0, 1)
_SIX_COLUMNS = (0, 1, 2, 1, 2, 2)
_MATRIX_FROM_SIX = ((0, 3, 4), (3, 1, 5), (4, 5, 2))


def b_from_u(u: Float[Array, "*N"]) -> Float[Array, "*N"]:
    """Convert U (angstrom^2) to B = 8 pi^2 U.

    Args:
        u: mean-square displacement U in A^2, any shape.

    Returns:
        B in A^2, same shape.
    """
    return _EIGHT_PI2 * u


def u_from_b(b: Float[Array, "*N"]) -> Float[Array, "*N"]:
    """Convert B (angstrom^2) to U = B / (8 pi^2).

    Args:
        b: displacement parameter B in A^2, any shape.

    Returns:
        U in A^2, same shape.
    """
    return b / _EIGHT_PI2


def isotropic_displacement(
    u_iso: Float[Array, " N"], stol2: Float[Array, "*P"]
) -> Float[Array, "N *P"]:
    """Compute isotropic Debye-Waller factors exp(-8 pi^2 U s^2).

    Args:
        u_iso: mean-square displacement of each atom in A^2, (N,).
        stol2: s^2 = (sin(theta)/lambda)^2 in 1/A^2, any shape P.

    Returns:
        (N, *P), dimensionless.
    """
    column = (slice(None), *(None,) * stol2.ndim)
    return jnp.exp(-b_from_u(u_iso)[column] * stol2[None])


def anisotropic_displacement(
    u_aniso: Float[Array, "N 3 3"], hkl: Num[Array, "P 3"], matrix: Float[Array, "3 3"]
) -> Float[Array, "N P"]:
    """Compute anisotropic Debye-Waller factors exp(-2 pi^2 h^T U* h).

    Args:
        u_aniso: U of each atom in A^2, CIF convention, (N, 3, 3) symmetric.
        hkl: reflections, (P, 3), integers or floats.
        matrix: lattice vectors a, b, c as rows, in angstrom.

    Returns:
        (N, P), dimensionless.
    """
    h = hkl.astype(u_aniso.dtype)
    products = (h[:, :, None] * h[:, None, :]).reshape(-1, 9)
    # The highest precision, since accelerators multiply float32 matrices in fewer bits.
    exponent = jnp.matmul(u_star(u_aniso, matrix).reshape(-1, 9), products.T, precision="highest")
    return jnp.exp((-2.0 * math.pi**2) * exponent)


def _reciprocal_lengths(matrix: Float[Array, "3 3"]) -> Float[Array, " 3"]:
    columns = inverse(matrix)
    return jnp.sqrt(jnp.sum(columns * columns, axis=0))


def cif_scale(matrix: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "3 3"]:
    """Return U*_ij / U_ij = a*_i a*_j in NumPy, for builders, readers and writers.

    Args:
        matrix: lattice vectors as rows, in angstrom.

    Returns:
        (3, 3) in 1/A^2.
    """
    lengths = np.linalg.norm(np.linalg.inv(matrix), axis=0)
    return np.outer(lengths, lengths)


def u_star(u: Float[Array, "*N 3 3"], matrix: Float[Array, "3 3"]) -> Float[Array, "*N 3 3"]:
    """Convert U_ij to U*_ij = a*_i a*_j U_ij, the displacement tensor in fractional coordinates.

    Args:
        u: U in A^2, CIF convention, (*N, 3, 3).
        matrix: lattice vectors as rows, in angstrom.

    Returns:
        U*, dimensionless, (*N, 3, 3).
    """
    lengths = _reciprocal_lengths(matrix)
    scale = lengths[:, None] * lengths[None, :]
    return u * jnp.broadcast_to(scale, u.shape)


def u_cif_to_cart(u: Float[Array, "*N 3 3"], matrix: Float[Array, "3 3"]) -> Float[Array, "*N 3 3"]:
    """Convert U of a CIF to U_cart = M^T U* M, with the rows of M the lattice vectors.

    Args:
        u: U in A^2, CIF convention, (*N, 3, 3).
        matrix: lattice vectors as rows, in angstrom.

    Returns:
        Mean-square displacements in A^2 along Cartesian axes, (*N, 3, 3).
    """
    star = u_star(u, matrix)
    return jnp.einsum("...ij,ik,jl->...kl", star, matrix, matrix, precision="highest")


def u_cart_to_cif(
    u_cart: Float[Array, "*N 3 3"], matrix: Float[Array, "3 3"]
) -> Float[Array, "*N 3 3"]:
    """Convert Cartesian U to that of a CIF; undoes `u_cif_to_cart`.

    Args:
        u_cart: mean-square displacements in A^2 along Cartesian axes, (*N, 3, 3).
        matrix: lattice vectors as rows, in angstrom.

    Returns:
        U in A^2, CIF convention, (*N, 3, 3).
    """
    back = inverse(matrix)
    star = jnp.einsum("...kl,ki,lj->...ij", u_cart, back, back, precision="highest")
    lengths = _reciprocal_lengths(matrix)
    return star / jnp.broadcast_to(lengths[:, None] * lengths[None, :], star.shape)


def u_equivalent(u: Float[Array, "*N 3 3"], matrix: Float[Array, "3 3"]) -> Float[Array, "*N"]:
    """Compute the equivalent isotropic displacement U_eq = trace(U_cart) / 3.

    Args:
        u: U in A^2, CIF convention, (*N, 3, 3).
        matrix: lattice vectors as rows, in angstrom.

    Returns:
        U_eq in A^2, (*N,).
    """
    return jnp.trace(u_cif_to_cart(u, matrix), axis1=-2, axis2=-1) / 3.0


def u_from_six(six: Float[Array, "*N 6"]) -> Float[Array, "*N 3 3"]:
    """Make a symmetric matrix of the six numbers of a file.

    Args:
        six: U11, U22, U33, U12, U13, U23 in A^2, (*N, 6).

    Returns:
        U in A^2, (*N, 3, 3).
    """
    return six[..., jnp.asarray(_MATRIX_FROM_SIX)]


def u_to_six(u: Float[Array, "*N 3 3"]) -> Float[Array, "*N 6"]:
    """Return the six numbers U11, U22, U33, U12, U13, U23 of a symmetric matrix.

    Args:
        u: U in A^2, (*N, 3, 3).

    Returns:
        (*N, 6) in A^2.
    """
    return u[..., jnp.asarray(_SIX_ROWS), jnp.asarray(_SIX_COLUMNS)]
