"""Gaussian atoms on a mesh, summed in real space over all lattice translations."""

import functools
import itertools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

from .._core import check_finite, device_array, host_array
from ..fields import Mesh
from ..lattice import Lattice

#: Gaussians are summed until they have fallen to this share of their height.
_NEGLIGIBLE = 1e-17


def gaussian_density(
    mesh: Mesh,
    lattice: Lattice,
    frac: Float[Array, "N D"],
    amplitude: Float[Array, " N"],
    sigma: Float[Array, " N"],
    images: Int[Array, "T D"] | None = None,
) -> Float[Array, "*sizes"]:
    """Gaussians around atoms and all their lattice translations, on the nodes, in any dimension.

    rho(r) = sum_j A_j sum_t exp(-|r - x_j - t|^2 / (2 sigma_j^2)): the values themselves, not a
    Fourier series cut off. Their coefficients are, but for aliasing,
    sum_j A_j (2 pi)^(D/2) sigma_j^D / V exp(-sigma_j^2 |G|^2 / 2 - i G.x_j).

    Args:
        mesh: the nodes.
        lattice: the cell, differentiable.
        frac: fractional coordinates of the atoms, (N, D).
        amplitude: heights A, any unit, (N,).
        sigma: standard deviations, in the unit of the lattice, positive, (N,).
        images: translations to sum over, see `gaussian_images`; needed where the lattice or the
            widths are traced.

    Returns:
        The density in the unit of the amplitudes, (*sizes).

    Raises:
        ValueError: shapes that do not fit the mesh; widths that are not positive, where they are
            known.
    """
    D = mesh.dimension
    if lattice.dimension != D or frac.ndim != 2 or frac.shape[1] != D:
        raise ValueError(
            f"expected a lattice and coordinates (N, {D}) for mesh {mesh}, got {lattice.dimension} "
            f"dimensions and shape {frac.shape}"
        )
    if amplitude.shape != frac.shape[:1] or sigma.shape != frac.shape[:1]:
        raise ValueError(
            f"expected {frac.shape[0]} amplitudes and sigmas, got {amplitude.shape}, {sigma.shape}"
        )
    if images is None:
        images = device_array(gaussian_images(lattice, sigma), np.int32)
    return _sum(mesh, lattice, (frac, amplitude, sigma), images)


def gaussian_images(lattice: Any, sigma: Any) -> Int[np.ndarray, "T D"]:
    """Lattice translations that bring a Gaussian into reach of a cell around it (host).

    Args:
        lattice: `Lattice` or matrix, rows, (D, D).
        sigma: standard deviations, in the unit of the lattice.

    Returns:
        Translations, beyond which every Gaussian is below 1e-17 of its height, (T, D).

    Raises:
        ValueError: widths that are not positive and finite, or anything traced.
    """
    matrix = host_array(lattice.matrix if isinstance(lattice, Lattice) else lattice, "lattice")
    widths = np.asarray(host_array(sigma, "sigma")).reshape(-1)
    check_finite(widths, "sigma")
    if not widths.size or widths.min() <= 0:
        raise ValueError(f"sigma: expected positive widths, got {widths.tolist()}")
    reach = float(widths.max()) * math.sqrt(-2.0 * math.log(_NEGLIGIBLE))
    # Offsets of a node from an atom are within half a cell along each axis.
    steps = np.floor(reach * np.linalg.norm(np.linalg.inv(matrix), axis=0) + 0.5).astype(int)
    every = np.array(list(itertools.product(*(range(-n, n + 1) for n in steps))))
    corners = np.array(list(itertools.product((-0.5, 0.5), repeat=len(matrix)))) @ matrix
    radius = np.linalg.norm(corners, axis=1).max()
    return every[np.linalg.norm(every @ matrix, axis=1) <= reach + radius]


@functools.partial(jax.jit, static_argnums=0)
def _sum(mesh: Mesh, lattice: Lattice, atoms: tuple, images: Array) -> Array:
    dtype = atoms[0].dtype
    metric = lattice.metric.astype(dtype)
    D = mesh.dimension
    nodes = [jnp.arange(n, dtype=dtype) / n for n in mesh.sizes]

    @jax.checkpoint
    def add_atom(total, atom):
        x, height, width = atom
        offsets = [node - x[i] for i, node in enumerate(nodes)]
        offsets = [d - jnp.round(d) for d in offsets]
        scale = -0.5 / (width * width)

        @jax.checkpoint
        def add_image(total, t):
            u = [
                (d + t[i]).reshape([-1 if axis == i else 1 for axis in range(D)])
                for i, d in enumerate(offsets)
            ]
            squared = sum(metric[i, j] * u[i] * u[j] for i in range(D) for j in range(D))
            return total + height * jnp.exp(scale * squared), None

        return lax.scan(add_image, total, images.astype(dtype))[0], None

    return lax.scan(add_atom, jnp.zeros(mesh.sizes, dtype), atoms)[0]
