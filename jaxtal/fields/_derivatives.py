"""Spectral derivatives of a real field on a mesh, in any dimension."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Shaped

from ..lattice import Lattice
from ._waves import Waves


@jax.jit
def gradient(
    values: Shaped[Array, "*sizes"], lattice: Lattice, waves: Waves
) -> Float[Array, "*sizes D"]:
    """Compute the gradient of a field along Cartesian axes, on the nodes.

    grad f(r) = sum_n i G F(n) exp(i G.r), with G the mean over tied aliases: exact for a
    band-limited field, and the derivative of `evaluate` at the nodes for every field. A wave whose
    tied aliases cancel (the Nyquist wave of an even mesh) has no odd derivatives.

    Args:
        values: one field, (*sizes).
        lattice: the cell, any unit of length; differentiable.
        waves: plan of the same mesh, made for this lattice or one close to it.

    Returns:
        df/dr, in the unit of the field per length, (*sizes, D).

    Raises:
        ValueError: values of another shape than the plan's mesh.
    """
    mesh = waves.mesh
    coefficients = mesh.to_waves(values)
    vectors = waves.vectors(lattice).astype(coefficients.real.dtype)
    columns = []
    for axis in range(mesh.dimension):
        G = vectors[..., axis]
        # i G F, from real and imaginary parts.
        turned = lax.complex(-G * coefficients.imag, G * coefficients.real)
        columns.append(mesh.to_values(turned))
    return jnp.stack(columns, axis=-1)


@jax.jit
def laplacian(
    values: Shaped[Array, "*sizes"], lattice: Lattice, waves: Waves
) -> Float[Array, "*sizes"]:
    """Compute the Laplacian of a field on the nodes: sum_n -|G|^2 F(n) exp(i G.r).

    Tied aliases have one length, so that every wave counts. On the zone boundary the divergence of
    `gradient` differs: it has lost the waves whose aliases cancel.

    Args:
        values: one field, (*sizes).
        lattice: the cell, any unit of length; differentiable.
        waves: plan of the same mesh, made for this lattice or one close to it.

    Returns:
        The Laplacian, in the unit of the field per length^2, (*sizes).

    Raises:
        ValueError: values of another shape than the plan's mesh.
    """
    mesh = waves.mesh
    coefficients = mesh.to_waves(values)
    squared = waves.squared(lattice).astype(coefficients.real.dtype)
    return mesh.to_values(lax.complex(-squared * coefficients.real, -squared * coefficients.imag))
