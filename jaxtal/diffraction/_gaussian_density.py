"""Gaussian atoms on a mesh, summed in real space over all lattice translations."""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int, Real

from .._core import check_finite, device_array, host_array
from ..fields import Mesh
from ..lattice import Lattice

#: Gaussians are summed until they have fallen to this share of their height.
_NEGLIGIBLE = 1e-17
#: Translations that are tried.
_MOST_IMAGES = 1_000_000


def gaussian_density(
    mesh: Any,
    lattice: Lattice,
    frac: Real[Array, "N D"],
    amplitude: Real[Array, " N"],
    sigma: Real[Array, " N"],
    images: Int[Array, "T E"] | None = None,
) -> Float[Array, "*sizes"]:
    """Sum Gaussians around atoms and all their lattice translations on nodes; any dimension.

    rho(r) = sum_j A_j sum_t exp(-|r - x_j - t|^2 / (2 sigma_j^2)): the values themselves, not a
    Fourier series cut off. Their coefficients are, but for aliasing,
    sum_j A_j (2 pi)^(D/2) sigma_j^D / V exp(-sigma_j^2 |G|^2 / 2 - i G.x_j).

    Args:
        mesh: the nodes, or the numbers of them along the axes.
        lattice: the cell, differentiable.
        frac: fractional coordinates of the atoms, (N, D); the result has their type, the default
            floating-point type where they are integers.
        amplitude: heights A, any unit, (N,).
        sigma: standard deviations, in the unit of the lattice, positive, (N,).
        images: translations to sum over, see `gaussian_images`; needed where the lattice or the
            widths are traced.

    Returns:
        The density in the unit of the amplitudes, (*sizes).

    Raises:
        ValueError: shapes that do not fit the mesh; where they are known, a singular lattice,
            widths that are not positive, or so wide that they need too many images.
    """
    mesh = Mesh.of(mesh)
    D = mesh.dimension
    if lattice.matrix.shape != (D, D) or frac.ndim != 2 or frac.shape[1] != D:
        raise ValueError(
            f"expected a lattice ({D}, {D}) and coordinates (N, {D}) for mesh {mesh}, got shapes "
            f"{lattice.matrix.shape} and {frac.shape}"
        )
    if amplitude.shape != frac.shape[:1] or sigma.shape != frac.shape[:1]:
        raise ValueError(
            f"expected {frac.shape[0]} amplitudes and sigmas, got {amplitude.shape}, {sigma.shape}"
        )
    if images is None:
        images = device_array(gaussian_images(lattice, sigma), np.int32)
    if images.ndim != 2 or images.shape[1] != D:
        raise ValueError(f"images: expected translations (T, {D}), got shape {images.shape}")
    given = jnp.issubdtype(frac.dtype, jnp.floating)
    dtype = frac.dtype if given else jax.dtypes.canonicalize_dtype(float)
    atoms = tuple(jnp.asarray(x, dtype) for x in (frac, amplitude, sigma))
    return _sum(mesh, lattice, atoms, images)


def gaussian_images(lattice: Any, sigma: Any) -> Int[np.ndarray, "T D"]:
    """List lattice translations that bring a Gaussian into reach of a cell around it (host).

    Args:
        lattice: `Lattice` or matrix, rows, (D, D).
        sigma: standard deviations, in the unit of the lattice; without any there is no translation.

    Returns:
        Translations, beyond which every Gaussian is below 1e-17 of its height, (T, D).

    Raises:
        ValueError: a lattice that is singular or not square, widths that are not positive and
            finite, widths beyond a million cells, or anything traced.
    """
    matrix = host_array(lattice.matrix if isinstance(lattice, Lattice) else lattice, "lattice")
    Lattice.from_matrix(matrix)  # square and not singular
    D = len(matrix)
    widths = np.asarray(host_array(sigma, "sigma")).reshape(-1)
    if not widths.size:
        return np.zeros((0, D), np.int64)
    check_finite(widths, "sigma")
    if widths.min() <= 0:
        raise ValueError(f"sigma: expected positive widths, got {widths.min():g}")
    reach = float(widths.max()) * math.sqrt(-2.0 * math.log(_NEGLIGIBLE))
    # Offsets of a node from an atom are within half a cell along each axis.
    steps = np.floor(reach * np.linalg.norm(np.linalg.inv(matrix), axis=0) + 0.5)
    if steps.max() > _MOST_IMAGES or np.prod(2 * steps + 1) > _MOST_IMAGES:
        raise ValueError(
            f"sigma: {widths.max():g} is too wide for a cell with axes of lengths "
            f"{np.linalg.norm(matrix, axis=1).round(6).tolist()}: expected one that reaches at "
            f"most {_MOST_IMAGES} cells"
        )
    most = steps.astype(int)
    every = (np.indices(2 * most + 1).reshape(D, -1).T - most).astype(np.int64)
    corners = (np.indices([2] * D).reshape(D, -1).T - 0.5) @ matrix
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
