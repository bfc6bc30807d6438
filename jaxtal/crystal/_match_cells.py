"""Lattice side of crystal matching: primitive cells, and the ways to lay one lattice on another."""

import math

import numpy as np
from jaxtyping import Float, Int

from ..lattice import niggli_reduce


def reduced_primitive(
    matrix: Float[np.ndarray, "3 3"],
    frac: Float[np.ndarray, "N 3"],
    numbers: Int[np.ndarray, " N"],
    tolerance: float,
) -> tuple[Float[np.ndarray, "3 3"], Float[np.ndarray, "P 3"], Int[np.ndarray, " P"]]:
    """Niggli-reduced primitive cell of a crystal, in its own orientation.

    Atoms that a pure translation superposes within `tolerance` (angstrom) are averaged.

    Returns:
        cell (3, 3) in angstrom, fractional coordinates (P, 3), indices of the atoms kept (P,).
    """
    cell, transform = niggli_reduce(matrix)
    x = frac @ np.linalg.inv(transform)
    shifts, images = _pure_translations(cell, x, numbers, tolerance)
    if len(shifts) == 1:
        return cell, x, np.arange(len(x))
    basis = _basis_of(cell, shifts)
    # One atom of each set that the translations connect, averaged over the copies.
    firsts = np.flatnonzero(images.min(axis=0) == np.arange(len(x)))
    volume = abs(np.linalg.det(basis)) * len(shifts)
    if len(firsts) * len(shifts) != len(x) or abs(volume - 1.0) > 1e-6:
        # Within the tolerance the translations need not form a group: then nothing is reduced.
        return cell, x, np.arange(len(x))
    copies = x[images[:, firsts]] - shifts[:, None] - x[firsts][None]
    mean = x[firsts] + np.mean(copies - np.rint(copies), axis=0)
    primitive, transform = niggli_reduce(basis @ cell)
    return primitive, mean @ np.linalg.inv(transform @ basis), firsts


def _pure_translations(
    cell: np.ndarray, x: np.ndarray, numbers: np.ndarray, tolerance: float
) -> tuple[np.ndarray, np.ndarray]:
    """Translations (fractional) that superpose the crystal, and where they take each atom."""
    species, counts = np.unique(numbers, return_counts=True)
    rare = np.flatnonzero(numbers == species[np.argmin(counts)])
    shifts, images = [np.zeros(3)], [np.arange(len(x))]
    same = numbers[:, None] == numbers[None, :]
    for atom in rare[1:]:
        # A translation takes the first rare atom onto another one of its kind.
        shift = x[atom] - x[rare[0]]
        difference = x[None, :] - x[:, None] - shift
        difference -= np.rint(difference)
        distance = np.where(same, np.linalg.norm(difference @ cell, axis=-1), np.inf)
        target = distance.argmin(axis=1)
        found = distance[np.arange(len(x)), target]
        if found.max() <= tolerance and len(np.unique(target)) == len(x):
            exact = shift + difference[np.arange(len(x)), target].mean(axis=0)
            shifts.append(exact)
            images.append(target)
    # In a group of this order, every translation is a multiple of 1 / order.
    order = len(shifts)
    return np.rint(np.array(shifts) * order) / order, np.array(images)


def _basis_of(cell: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Rows (fractional) that span the lattice of the cell and the shifts; the shortest ones."""
    box = np.stack(np.meshgrid(*[np.arange(-1, 2)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    vectors = (shifts[:, None] - np.rint(shifts)[:, None] + box[None]).reshape(-1, 3)
    lengths = np.linalg.norm(vectors @ cell, axis=1)
    vectors = vectors[np.argsort(lengths, kind="stable")]
    vectors = vectors[np.abs(vectors).max(axis=1) > 1e-9]
    # In three dimensions the shortest independent vectors of a lattice are a basis of it.
    first = vectors[0]
    crosses = np.linalg.norm(np.cross(first, vectors), axis=1)
    second = vectors[np.flatnonzero(crosses > 1e-9)[0]]
    volumes = np.abs(vectors @ np.cross(first, second))
    third = vectors[np.flatnonzero(volumes > 1e-9)[0]]
    return np.stack([first, second, third])


def lattice_maps(
    target: Float[np.ndarray, "3 3"],
    source: Float[np.ndarray, "3 3"],
    index: int,
    length_tol: float,
    angle_tol: float,
) -> Int[np.ndarray, "M 3 3"]:
    """Integer matrices R of |det| = index for which R @ source looks like target.

    Args:
        target: rows in angstrom.
        source: rows in angstrom.
        index: number of source cells in a target cell.
        length_tol: largest ratio of lengths minus 1.
        angle_tol: largest difference of angles in radians.

    Returns:
        (M, 3, 3), proper and improper.
    """
    wanted = np.linalg.norm(target, axis=1)
    longest = wanted.max() * (1.0 + length_tol)
    bound = np.floor(longest * np.linalg.norm(np.linalg.inv(source), axis=0) + 1e-9).astype(int)
    box = np.stack(
        np.meshgrid(*[np.arange(-n, n + 1) for n in bound], indexing="ij"), axis=-1
    ).reshape(-1, 3)
    vectors = box @ source
    lengths = np.linalg.norm(vectors, axis=1)
    close = [
        np.flatnonzero((lengths <= w * (1 + length_tol)) & (lengths * (1 + length_tol) >= w))
        for w in wanted
    ]

    def agree(i: int, j: int) -> np.ndarray:
        """Which vectors for row i and for row j have the angle of the target."""
        cosine = vectors[close[i]] @ vectors[close[j]].T
        cosine /= lengths[close[i]][:, None] * lengths[close[j]][None, :]
        angle = np.arccos(np.clip(cosine, -1.0, 1.0))
        return np.abs(angle - _angle(target[i], target[j])) <= angle_tol

    first, second = np.nonzero(agree(0, 1))
    pair, third = np.nonzero(agree(0, 2)[first] & agree(1, 2)[second])
    rows = np.stack(
        [box[close[0][first[pair]]], box[close[1][second[pair]]], box[close[2][third]]], axis=1
    )
    if len(rows) == 0:
        return np.zeros((0, 3, 3), dtype=np.int64)
    determinants = np.rint(np.linalg.det(rows)).astype(int)
    return rows[np.abs(determinants) == index].astype(np.int64)


def _angle(u: np.ndarray, v: np.ndarray) -> float:
    return math.acos(float(np.clip(u @ v / (np.linalg.norm(u) * np.linalg.norm(v)), -1.0, 1.0)))


def cell_differences(
    a: Float[np.ndarray, "3 3"], b: Float[np.ndarray, "M 3 3"]
) -> Float[np.ndarray, " M"]:
    """Largest of |L_b / L_a - 1| over three lengths and |angle_b - angle_a| (radians) over three.

    Args:
        a: rows in angstrom.
        b: M cells, rows in angstrom.

    Returns:
        (M,), dimensionless.
    """
    lengths_a, angles_a = _parameters(a[None])
    lengths_b, angles_b = _parameters(b)
    return np.maximum(
        np.abs(lengths_b / lengths_a - 1.0).max(axis=1), np.abs(angles_b - angles_a).max(axis=1)
    )


def _parameters(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    lengths = np.linalg.norm(cells, axis=2)
    following = np.roll(cells, -1, axis=1)
    cosines = np.einsum("mij,mij->mi", cells, following) / (lengths * np.roll(lengths, -1, axis=1))
    return lengths, np.arccos(np.clip(cosines, -1.0, 1.0))


def supercell_points(rows: Int[np.ndarray, "3 3"]) -> Int[np.ndarray, "k 3"]:
    """Lattice points inside the supercell with the given integer rows, one per class.

    Args:
        rows: integer matrix of determinant +-k.

    Returns:
        (k, 3) integers.
    """
    size = abs(round(float(np.linalg.det(rows))))
    if size == 1:
        return np.zeros((1, 3), dtype=np.int64)
    low = np.minimum(rows, 0).sum(axis=0)
    high = np.maximum(rows, 0).sum(axis=0)
    axes = [np.arange(a, b + 1) for a, b in zip(low, high, strict=True)]
    box = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    # Cramer's rule keeps the inside test exact: adjugate integers against multiples of the size.
    adjugate = np.rint(np.linalg.inv(rows) * round(float(np.linalg.det(rows)))).astype(np.int64)
    scaled = box @ adjugate * int(np.sign(round(float(np.linalg.det(rows)))))
    return box[((scaled >= 0) & (scaled < size)).all(axis=1)]
