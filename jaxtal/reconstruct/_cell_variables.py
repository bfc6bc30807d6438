"""Variables of the cell in which one formula serves all crystal systems (host)."""

import dataclasses

import numpy as np
from jaxtyping import Float

from ..crystal import WyckoffCrystal
from ..lattice import LatticeSystem, cell_to_matrix

#: Obverse setting: the rhombohedral vectors on the hexagonal ones.
_OBVERSE = np.array([[2, 1, 1], [-1, 1, 1], [-1, -2, 1]]) / 3


@dataclasses.dataclass(frozen=True)
class CellVariables:
    """The lattice as exponentials and a lower triangle, both linear in variables v.

        M = T D,   D = diag(s) ((1, 0, 0), (u_1, 1, 0), (u_2, u_3, 1)),
        log s = L v + l,   u = U v + u_0

    Cell variables of `LatticeSystem` are the logarithms of lengths and not of s: that of a row with
    a free u differs by the length of (u, 1). On rhombohedral axes v are the logarithms of a and c
    of the hexagonal cell, to which T leads, since its orientation does not follow the angle.

    Attributes:
        lengths, offsets: L, shape (3, k), and l, shape (3,).
        slopes, slope_offsets: U, shape (3, k), and u_0, shape (3,).
        basis: T, shape (3, 3).
        rhombohedral: whether T is not 1.
    """

    lengths: Float[np.ndarray, "3 k"]
    offsets: Float[np.ndarray, "3"]
    slopes: Float[np.ndarray, "3 k"]
    slope_offsets: Float[np.ndarray, "3"]
    basis: Float[np.ndarray, "3 3"]
    rhombohedral: bool

    @classmethod
    def build(cls, like: WyckoffCrystal) -> "CellVariables | None":
        """The variables of a crystal's cell; None if its system is none of the usual ones."""
        system: LatticeSystem = like.plan.system
        lengths, slopes = np.zeros((3, system.n_free)), np.zeros((3, system.n_free))
        lengths[np.arange(3), system.lengths] = 1
        free = [i for i, angle in enumerate(system.angles) if isinstance(angle, int)]
        k, basis = system.n_lengths, np.eye(3)
        angles = np.array([90.0 if i in free else float(system.angles[i]) for i in range(3)])
        rhombohedral = len(free) == 3 and system.n_angles == 1
        if rhombohedral:
            angles, basis = np.array([90.0, 90.0, 120.0]), _OBVERSE
            lengths = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        elif len(free) == 3 and system.n_angles == 3:
            slopes[np.arange(3), k + np.arange(3)] = 1
        elif len(free) == 1 and np.all(np.delete(angles, free) == 90.0):
            slopes[2 - free[0], k] = 1
        elif free:
            return None
        unit = cell_to_matrix(np.concatenate([np.ones(3), angles]))
        offsets = np.log(np.diagonal(unit))
        fixed = np.array([unit[1, 0] / unit[1, 1], *(unit[2, :2] / unit[2, 2])])
        return cls(lengths, offsets, slopes, fixed, basis, rhombohedral)

    @property
    def shears(self) -> tuple[Float[np.ndarray, "k 3 3"], Float[np.ndarray, "3 3"]]:
        """The triangle of u without its ones: by each variable, and where all are zero."""
        slopes, offsets = np.zeros((self.slopes.shape[1], 3, 3)), np.zeros((3, 3))
        for row, column, i in ((1, 0, 0), (2, 0, 1), (2, 1, 2)):
            slopes[:, row, column] = self.slopes[i]
            offsets[row, column] = self.slope_offsets[i]
        return slopes, offsets

    def matrix(self, v: Float[np.ndarray, " k"]) -> Float[np.ndarray, "3 3"]:
        """Rows a, b, c, angstrom."""
        slopes, offsets = self.shears
        rows = np.eye(3) + np.tensordot(v, slopes, 1) + offsets
        return self.basis @ (np.exp(self.lengths @ v + self.offsets)[:, None] * rows)

    def from_public(self, variables: Float[np.ndarray, "n v"]) -> Float[np.ndarray, "n v"]:
        """Variables of `WyckoffCrystal.to_variables` as those of the search."""
        found = np.array(variables, np.float64)
        if self.rhombohedral:
            w = found[:, 1].copy()
            found[:, 0] -= 0.5 * (np.log1p(np.exp(w)) - np.log(3.0))
            found[:, 1] = found[:, 0] + 0.5 * (w + np.log(3.0))
            return found
        return self._shifted(found, -1)

    def to_public(self, variables: Float[np.ndarray, "n v"]) -> Float[np.ndarray, "n v"]:
        """The inverse of `from_public`."""
        found = np.array(variables, np.float64)
        if self.rhombohedral:
            w = 2 * (found[:, 1] - found[:, 0]) - np.log(3.0)
            found[:, 0] += 0.5 * (np.log1p(np.exp(w)) - np.log(3.0))
            found[:, 1] = w
            return found
        return self._shifted(found, 1)

    def _shifted(self, found: np.ndarray, sign: int) -> np.ndarray:
        """Logarithms of lengths and of s made of each other, in place."""
        k = self.lengths.shape[1]
        u1, u2, u3 = (found[:, :k] @ self.slopes.T + self.slope_offsets).T
        sizes = [0.0, 0.5 * np.log(1 + u1**2), 0.5 * np.log(1 + u2**2 + u3**2)]
        # u_1 stands in the row of b, u_2 and u_3 in that of c.
        for row, own in ((1, self.slopes[:1]), (2, self.slopes[1:])):
            if own.any():
                place = int(np.argmax(self.lengths[row]))
                found[:, place] += sign * (sizes[row] + self.offsets[row])
        return found
