"""Which pairs of atoms and lattice translations can be within reach (host)."""

import numpy as np


def image_range(cells: np.ndarray, reach: float) -> tuple[int, int, int]:
    """Largest |translation| along each axis that brings atoms within reach, for all cells."""
    lengths = np.linalg.norm(np.linalg.inv(cells), axis=1).max(axis=0)
    a, b, c = np.floor(reach * lengths + 0.5).astype(int)
    return int(a), int(b), int(c)


def translations(n_images: tuple[int, int, int]) -> np.ndarray:
    """All translations up to a largest one along each axis, (M, 3)."""
    axes = [np.arange(-n, n + 1) for n in n_images]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


def count_pairs(cell: np.ndarray, points: np.ndarray, images: np.ndarray, reach: float) -> int:
    """Pairs i <= j of atoms and translations within reach."""
    first, second = np.triu_indices(len(points))
    difference = points[second] - points[first]
    difference = (difference - np.round(difference)) @ cell
    total = 0
    # One translation at a time bounds the memory.
    for image in images:
        vectors = difference + image @ cell
        near = np.einsum("qi,qi->q", vectors, vectors) < reach**2
        total += int(near.sum() if image.any() else (near & (first != second)).sum())
    return total
