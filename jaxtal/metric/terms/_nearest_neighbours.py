"""The nearest neighbours of every atom, in a search of fixed size."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ..._core import check_finite, count, host_array, safe_norm
from ...diffraction.sums import safe_cell

#: At most this many squared distances are held at once; more are done one block after another.
BLOCK = 1 << 20


class Neighbours(eqx.Module):
    """The K nearest neighbours of each of N atoms, nearest first.

    Attributes:
        vectors: from the atom to its neighbour, Cartesian, shape (N, K, 3), angstrom.
        distances: their lengths, shape (N, K), angstrom, ascending to rounding. Neighbours that
            were not found have a zero vector and the distance at which the search ended.
        index: which atom the neighbour is an image of, shape (N, K).
        found: whether there is such a neighbour, shape (N, K); False for padding atoms.
        volume: of the cell, angstrom^3.
        complete: whether these are the nearest ones.
    """

    vectors: Float[Array, "N K 3"]
    distances: Float[Array, "N K"]
    index: Int[Array, "N K"]
    found: Bool[Array, "N K"]
    volume: Float[Array, ""]
    complete: Bool[Array, ""]


def nearest_neighbours(
    matrix: Float[Array, "3 3"],
    frac: Float[Array, "N 3"],
    mask: Bool[Array, " N"],
    k: int,
    bounds: tuple[int, int, int],
) -> Neighbours:
    """Vectors to the k nearest neighbours of each atom in the crystal; pure, for jit, vmap, grad.

    All images x_j - x_i + n with |n_i| <= bounds_i are searched, the difference wrapped to
    -1/2..1/2; every image left out is then at least (bounds_i + 1/2) / |a*_i| away. Which atoms
    are chosen carries no gradient, their vectors do. Values and gradients are finite always.

    Args:
        matrix: rows a, b, c, angstrom; either hand.
        frac: fractional coordinates; those of padding may be anything.
        mask: True for atoms.
        k: number of neighbours.
        bounds: largest translation along the shortest, middle and longest axis of the cell; see
            `neighbour_bounds`.

    Returns:
        The neighbours, the atom itself left out but not its images. `complete` is False if an
        image outside the bounds could be nearer than a k-th neighbour, if there are fewer than k
        in the bounds, if the cell is near-singular (as for `represent`), a number not finite, or
        no atom there.
    """
    n = frac.shape[0]
    usable = jnp.all(jnp.isfinite(frac) | ~mask[:, None]) & jnp.any(mask)
    cell, reciprocal, volume, regular = safe_cell(matrix)
    usable = usable & regular
    mask = mask & usable
    x = jnp.where(mask[:, None], frac, 0.0)
    lengths = jax.lax.stop_gradient(safe_norm(cell))
    order = jnp.argsort(lengths)
    cell, x, reciprocal = cell[order], x[:, order], reciprocal[order]
    x = x - jnp.floor(jax.lax.stop_gradient(x))
    images = jnp.asarray(_images(bounds), x.dtype)
    spacing = 2 * np.pi / jax.lax.stop_gradient(safe_norm(reciprocal))
    reach = jnp.min((jnp.asarray(np.array(bounds), x.dtype) + 0.5) * spacing)
    place, found = _search(
        jax.lax.stop_gradient(cell), jax.lax.stop_gradient(x), mask, images, min(k, n * len(images))
    )
    if place.shape[1] < k:
        missing = ((0, 0), (0, k - place.shape[1]))
        place, found = jnp.pad(place, missing), jnp.pad(found, missing)
    index, image = place // len(images), place % len(images)
    difference = x[index] - x[:, None, :]
    steps = images[image] - jnp.round(jax.lax.stop_gradient(difference))
    vectors = jnp.matmul(difference + steps, cell, precision="highest")
    vectors = jnp.where(found[:, :, None], vectors, 0.0)
    distances = safe_norm(vectors)
    end = jnp.maximum(reach, jax.lax.stop_gradient(jnp.max(distances)))
    distances = jnp.where(found, distances, end)
    far = jnp.max(jnp.where(mask, distances[:, -1], 0.0))
    # Equal to rounding is enough: an image at just that distance changes nothing.
    enough = jnp.all(found | ~mask[:, None]) & (far <= reach * (1 + 1e-5))
    return Neighbours(
        vectors=vectors,
        distances=jnp.where(mask[:, None], distances, 0.0),
        index=index,
        found=found,
        volume=volume,
        complete=usable & enough,
    )


def neighbour_bounds(
    matrices: Any, n_atoms: Any, k: int, *, max_stretch: float | int = 1.0
) -> tuple[int, int, int]:
    """Bounds in which `nearest_neighbours` finds k neighbours wherever the atoms are (host).

    A ball of radius R about an atom holds at least N (4 pi / 3) (R - rho)^3 / V atoms, the atom
    itself included, rho being the covering radius of the lattice, which is at most half the
    diagonal of the box that Gram and Schmidt make of its vectors. The bounds reach as far as
    the R for which that is k + 1. Cells of reduced shape have the smallest ones.

    Args:
        matrices: rows a, b, c of the cells, shape (B, 3, 3) or (3, 3), angstrom.
        n_atoms: atoms in each cell, shape (B,), or one number.
        k: number of neighbours.
        max_stretch: factor on R, for cells that will change their shape; a factor on all lengths
            alike needs none.

    Returns:
        Largest translation along the shortest, middle and longest axis.

    Raises:
        ValueError: singular cells, numbers of atoms or k below 1, a stretch below 1.
    """
    cells = host_array(matrices, "matrices")
    if cells.ndim not in (2, 3) or cells.shape[-2:] != (3, 3) or cells.size == 0:
        raise ValueError(f"matrices: expected shape (B, 3, 3) or (3, 3), got {cells.shape}")
    check_finite(cells, "matrices")
    cells = cells.reshape(-1, 3, 3)
    counts = np.broadcast_to(host_array(n_atoms, "n_atoms"), (len(cells),))
    if (counts < 1).any():
        raise ValueError(f"n_atoms: expected at least 1, got {counts.min():g}")
    k = count(k, "k", 1)
    if not (np.isfinite(max_stretch) and max_stretch >= 1):
        raise ValueError(f"max_stretch: expected a number of at least 1, got {max_stretch}")
    lengths = np.linalg.norm(cells, axis=2)
    volumes = np.abs(np.linalg.det(cells))
    flat = np.flatnonzero(volumes <= 1e-9 * np.prod(lengths, axis=1))
    if flat.size:
        raise ValueError(f"matrices[{flat[0]}]: expected independent rows, got a singular cell")
    cells = np.take_along_axis(cells, np.argsort(lengths, axis=1)[:, :, None], axis=1)
    steps = np.stack([np.abs(np.diag(np.linalg.qr(cell.T)[1])) for cell in cells])
    radius = 0.5 * np.linalg.norm(steps, axis=1)
    radius = radius + np.cbrt(3 * (k + 1) * volumes / (4 * np.pi * counts))
    reciprocal = np.linalg.norm(np.linalg.inv(cells), axis=1)
    needed = np.ceil(max_stretch * radius[:, None] * reciprocal - 0.5 - 1e-9).max(axis=0)
    a, b, c = (max(int(value), 0) for value in needed)
    return a, b, c


def _images(bounds: tuple[int, int, int]) -> Float[np.ndarray, "M 3"]:
    """All translations of the box; the one in the middle is zero."""
    axes = [np.arange(-b, b + 1.0) for b in bounds]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


def _search(
    cell: Float[Array, "3 3"],
    x: Float[Array, "N 3"],
    mask: Bool[Array, " N"],
    images: Float[Array, "M 3"],
    k: int,
) -> tuple[Int[Array, "N k"], Bool[Array, "N k"]]:
    """Atom and image, j M + m, of the k nearest of each atom, and whether they are there."""
    n, m = x.shape[0], images.shape[0]
    shifts = jnp.matmul(images, cell, precision="highest").T
    itself = jnp.arange(m, dtype=jnp.int32) == m // 2
    atoms = jnp.arange(n, dtype=jnp.int32)

    def of_atom(i: Int[Array, ""]) -> tuple[Int[Array, " k"], Bool[Array, " k"]]:
        difference = x - x[i][None, :]
        difference = jnp.matmul(difference - jnp.round(difference), cell, precision="highest").T
        # Term by term: the (N, M, 3) array of vectors is never made.
        u, v, w = (difference[c][:, None] + shifts[c][None, :] for c in range(3))
        squares = u * u + v * v + w * w
        left_out = ~mask[:, None] | ((atoms == i)[:, None] & itself[None, :]) | ~mask[i]
        squares = jnp.where(left_out, jnp.inf, squares)
        least, place = jax.lax.top_k(-squares.reshape(-1), k)
        return place, least > -jnp.inf

    block = max(BLOCK // (n * m), 1)
    return jax.vmap(of_atom)(atoms) if block >= n else jax.lax.map(of_atom, atoms, batch_size=block)
