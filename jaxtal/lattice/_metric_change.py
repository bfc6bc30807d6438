"""What integer rotations do to the metric of a reciprocal basis."""

from typing import Any

import numpy as np


def check_rotations(rotations: Any, dimension: int) -> np.ndarray:
    """Rotations as an array (n, N, N).

    Raises:
        ValueError: another shape.
    """
    matrices = np.asarray(rotations)
    if matrices.ndim != 3 or matrices.shape[1:] != (dimension, dimension):
        raise ValueError(
            f"rotations: expected shape (n, {dimension}, {dimension}), got {matrices.shape}"
        )
    return matrices


def metric_change(basis: np.ndarray, rotations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Largest entry of |W G W^T - G| for each rotation, G = B B^T.

    The product is W G W^T since indices are rows: k goes to k W and q^2 = k G k^T. (W^T G W is
    the same condition for signed permutations alone.)

    Returns:
        relative to trace(G), and entry by entry to the lengths of the two vectors; (n,) each.
    """
    W = rotations.astype(float)
    G = basis @ basis.T
    images = W @ G @ W.swapaxes(1, 2)
    # The longer of a vector and its image: vectors without internal part must not gain one.
    size = np.maximum(np.diagonal(images, axis1=1, axis2=2), np.diag(G))
    scale = np.sqrt(size[:, :, None] * size[:, None, :])
    change = np.abs(images - G)
    local = (change / np.where(scale > 0, scale, 1.0)).max(axis=(1, 2), initial=0.0)
    return change.max(axis=(1, 2), initial=0.0) / (np.trace(G) or 1.0), local


def invariant_basis(basis: np.ndarray, rotations: np.ndarray) -> np.ndarray:
    """The basis with the mean metric of all images that is nearest to the old one, (N, p).

    Raises:
        ValueError: the images do not lie in p dimensions.
    """
    images = rotations.astype(float) @ basis
    values, vectors = np.linalg.eigh(np.mean(images @ images.swapaxes(1, 2), axis=0))
    N, p = basis.shape
    if values[: N - p].max(initial=0.0) > 1e-9 * values.max(initial=0.0):
        raise ValueError(
            f"expected a group that keeps an internal space of {p} dimensions, got a mean metric "
            f"with eigenvalues {values.round(9).tolist()}"
        )
    root = vectors[:, N - p :] * np.sqrt(values[N - p :])
    # Nearest in orientation: the orthogonal Procrustes solution.
    u, _, v = np.linalg.svd(root.T @ basis)
    return root @ (u @ v)
