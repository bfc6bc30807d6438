"""Inverses of normal matrices: shifts, and how well they are known."""

import numpy as np


class Inverse:
    """Solutions of normal equations scaled to a unit diagonal, damped on it."""

    def __init__(self, matrix: np.ndarray, damping: float) -> None:
        """Factorise; directions that the data say nothing of are left where they are."""
        from scipy.linalg import cholesky, eigh, get_lapack_funcs

        diagonal = np.diag(matrix)
        self.scale = 1.0 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
        scaled = matrix * self.scale[:, None] * self.scale
        scaled += np.diag(np.where(diagonal > 0, 1.0 + damping, 1.0) - np.diag(scaled))
        # The inverse is `root` times its transpose.
        try:
            factor = cholesky(scaled)
            sound = bool(np.abs(np.diag(factor)).min(initial=1.0) > 1e-6)
        except np.linalg.LinAlgError:
            sound = False
        if sound:
            (invert,) = get_lapack_funcs(("trtri",), (factor,))
            self.root = invert(factor)[0]
        else:
            values, axes = eigh(scaled)
            kept = values > 1e-10 * values.max()
            self.root = axes * np.where(kept, np.abs(np.where(kept, values, 1.0)) ** -0.5, 0.0)

    def solve(self, gradient: np.ndarray) -> np.ndarray:
        """The shift, (p,)."""
        return self.scale * (self.root @ (self.root.T @ (gradient * self.scale)))

    def inverse(self) -> np.ndarray:
        """The inverse matrix, (p, p)."""
        return (self.root @ self.root.T) * self.scale[:, None] * self.scale

    def diagonal(self) -> np.ndarray:
        """The diagonal of the inverse, (p,)."""
        return np.sum(self.root**2, axis=1) * self.scale**2
