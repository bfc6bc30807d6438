"""Host side of the pair distribution: which pairs and lattice translations can be within reach."""

import itertools

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from numpy.typing import ArrayLike

from .._core import bucket, check_finite, device_array, host_array


class PairPlan(eqx.Module):
    """Static sizes and index lists of one pair distribution; made by `PairDistribution.plan`.

    Attributes:
        images: lattice translations that are searched, (M, 3) integers.
        first: first atom of each candidate pair, (Q,).
        second: second atom of each candidate pair, (Q,).
        multiplicity: how often each candidate counts, (Q,).
        n_images: largest |translation| along each axis.
        capacity: largest number of pairs within r_max.
        species: atomic numbers of the S species, ascending.
        n_atoms: number of atoms N, padding included.
    """

    images: Int[Array, "M 3"]
    first: Int[Array, " Q"]
    second: Int[Array, " Q"]
    multiplicity: Float[Array, " Q"]
    n_images: tuple[int, int, int] = eqx.field(static=True)
    capacity: int = eqx.field(static=True)
    species: tuple[int, ...] = eqx.field(static=True)
    n_atoms: int = eqx.field(static=True)

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Atomic numbers (Z_a, Z_b) of the rows of g(r), Z_a <= Z_b."""
        return tuple(itertools.combinations_with_replacement(self.species, 2))

    def weights(
        self,
        atomic_numbers: Int[Array, " N"] | Int[np.ndarray, " N"],
        occupancies: Float[Array, " N"] | None = None,
    ) -> Float[Array, "N S"]:
        """Share of each species on each atom site: one species a site, times its occupancy.

        Args:
            atomic_numbers: (N,); a number outside `species` gives a row of zeros.
            occupancies: (N,), in 0..1; 1 if None.

        Returns:
            (N, S), in the dtype of the occupancies.
        """
        numbers = jnp.asarray(atomic_numbers)
        same = numbers[:, None] == jnp.asarray(self.species, numbers.dtype)[None, :]
        if occupancies is None:
            return same.astype(jnp.result_type(float))
        return jnp.where(same, occupancies[:, None], 0.0)


def build_pair_plan(
    r_max: float,
    matrix: Array | ArrayLike,
    frac: Array | ArrayLike,
    atomic_numbers: Array | ArrayLike,
    *,
    mask: Array | ArrayLike | None,
    margin: float,
    centers: Array | ArrayLike | None,
    multiplicities: Array | ArrayLike | None,
) -> PairPlan:
    """Sizes and candidate pairs within r_max (angstrom); see `PairDistribution.plan`."""
    cells = host_array(matrix, "matrix")
    points = host_array(frac, "frac")
    numbers = host_array(atomic_numbers, "atomic_numbers", np.int64)
    batch = cells.shape[:-2]
    n = points.shape[-2] if points.ndim >= 2 else 0
    if cells.shape[-2:] != (3, 3) or points.shape != (*batch, n, 3):
        raise ValueError(
            "expected matrix (3, 3) and frac (N, 3), or both with one batch axis, "
            f"got {cells.shape} and {points.shape}"
        )
    if numbers.shape != (*batch, n):
        raise ValueError(f"expected atomic_numbers {(*batch, n)}, got {numbers.shape}")
    exists = np.ones_like(numbers, bool) if mask is None else host_array(mask, "mask", bool)
    if exists.shape != numbers.shape or not exists.any(axis=-1).all():
        raise ValueError(f"expected a mask {numbers.shape} with an atom in it")
    if margin < 1.0:
        raise ValueError(f"expected margin >= 1, got {margin}")
    points = np.where(exists[..., None], points, 0.0)
    check_finite(cells, "matrix")
    check_finite(points, "frac")
    if not (np.abs(np.linalg.det(cells)) > 0).all():
        raise ValueError("matrix: expected independent lattice vectors, got volume 0")

    species = tuple(int(z) for z in np.unique(numbers[exists]))
    first, second, multiplicity = _candidates(
        n, centers, multiplicities, numbers.reshape(-1, n), exists.reshape(-1, n)
    )
    reach = r_max * margin
    n_images = _image_range(cells.reshape(-1, 3, 3), reach)
    images = _images(n_images)
    most = max(
        _count(cell, x, alive, first, second, images, reach)
        for cell, x, alive in zip(
            cells.reshape(-1, 3, 3),
            points.reshape(-1, n, 3),
            exists.reshape(-1, n),
            strict=True,
        )
    )
    return PairPlan(
        images=device_array(images, np.int32),
        first=device_array(first, np.int32),
        second=device_array(second, np.int32),
        multiplicity=device_array(multiplicity),
        n_images=n_images,
        capacity=min(bucket(most), len(first) * len(images)),
        species=species,
        n_atoms=n,
    )


def _candidates(
    n: int,
    centers: Array | ArrayLike | None,
    multiplicities: Array | ArrayLike | None,
    numbers: np.ndarray,
    exists: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Index lists of pairs and how often each counts; ordered pairs (i, j), (j, i) only once."""
    if centers is None:
        if multiplicities is not None:
            raise ValueError("multiplicities need centers, got none")
        first, second = np.triu_indices(n)
        return first, second, np.where(first == second, 1.0, 2.0)
    chosen = host_array(centers, "centers", np.int64)
    if chosen.ndim != 1 or not ((chosen >= 0) & (chosen < n)).all():
        raise ValueError(f"expected centers as atom indices in 0..{n - 1}, got {chosen.tolist()}")
    if multiplicities is None:
        raise ValueError("centers need multiplicities, got none")
    sizes = host_array(multiplicities, "multiplicities")
    if sizes.shape != chosen.shape:
        raise ValueError(f"expected multiplicities {chosen.shape}, got {sizes.shape}")
    for z_row, alive in zip(numbers, exists, strict=True):
        for z in np.unique(z_row[alive]):
            atoms = int(np.sum(z_row[alive] == z))
            summed = float(sizes[(z_row[chosen] == z) & alive[chosen]].sum())
            if abs(summed - atoms) > 1e-9:
                raise ValueError(
                    f"expected multiplicities that sum to the {atoms} atoms with Z = {z}, "
                    f"got {summed:g}"
                )
    return np.repeat(chosen, n), np.tile(np.arange(n), len(chosen)), np.repeat(sizes, n)


def _image_range(cells: np.ndarray, reach: float) -> tuple[int, int, int]:
    lengths = np.linalg.norm(np.linalg.inv(cells), axis=1).max(axis=0)
    a, b, c = np.floor(reach * lengths + 0.5).astype(int)
    return int(a), int(b), int(c)


def _images(n_images: tuple[int, int, int]) -> np.ndarray:
    axes = [np.arange(-n, n + 1) for n in n_images]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


def _count(
    cell: np.ndarray,
    points: np.ndarray,
    alive: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    images: np.ndarray,
    reach: float,
) -> int:
    difference = points[second] - points[first]
    difference = (difference - np.round(difference)) @ cell
    keep = alive[first] & alive[second]
    total = 0
    # One translation at a time bounds the memory.
    for image in images:
        vectors = difference + image @ cell
        near = keep & (np.einsum("qi,qi->q", vectors, vectors) < reach**2)
        total += int(near.sum() if image.any() else (near & (first != second)).sum())
    return total
