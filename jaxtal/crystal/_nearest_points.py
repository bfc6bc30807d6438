"""The nearest of many points of a crystal, found by a tree."""

import numpy as np


class NearestPoints:
    """Points of a cell that are asked which of them is nearest, periodic images included.

    The tree measures along the axes. Of the few points that are nearest so, the truly nearest is
    taken, which is exact for those that coincide: the ones that symmetry is about.
    """

    def __init__(self, frac: np.ndarray, matrix: np.ndarray):
        from scipy.spatial import KDTree

        self._frac, self._matrix = np.asarray(frac, float), np.asarray(matrix, float)
        self._lengths = np.linalg.norm(self._matrix, axis=1)
        self._tree = KDTree(self._boxed(self._frac), boxsize=self._lengths)

    def __call__(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For each of some points, (n, 3), the index of the nearest and its distance, angstrom."""
        k = min(8, len(self._frac))
        _, found = self._tree.query(self._boxed(x), k=k)
        found = found.reshape(len(x), k)
        gap = self._frac[found] - x[:, None, :]
        distance = np.linalg.norm((gap - np.round(gap)) @ self._matrix, axis=-1)
        best = np.argmin(distance, axis=1)
        rows = np.arange(len(x))
        return found[rows, best], distance[rows, best]

    def _boxed(self, x: np.ndarray) -> np.ndarray:
        # A remainder of -1e-17 is 1 in floating point, which is outside of the box.
        wrapped = x % 1.0
        return np.where(wrapped >= 1.0, 0.0, wrapped) * self._lengths
