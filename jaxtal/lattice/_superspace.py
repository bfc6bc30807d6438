"""Crystals, modulated crystals and quasicrystals as sections of an N-dimensional lattice."""

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from .._core import check_finite, host_array
from ._cell import cell_to_matrix, check_cell
from ._metric_change import check_rotations, invariant_basis, metric_change
from ._quasilattices import axial_bases, icosahedral_bases


@dataclasses.dataclass(frozen=True, eq=False)
class Superspace:
    """Reciprocal basis of N vectors in d-dimensional physical and p-dimensional internal space.

    A reflection with integer indices k (a row) has the wave vector q = k @ parallel, and
    q_perp = k @ perpendicular. The point x of the N-dimensional cell (fractional coordinates) seen
    at the physical position r on the section at height s is

        x(r, s) = (parallel @ r + perpendicular @ s) / (2 pi),      k.x = (q.r + q_perp.s) / (2 pi)

    N = d for a periodic crystal, N = d + p for all others.

    Attributes:
        parallel: physical part of the N reciprocal basis vectors, rows, 1/angstrom with the 2 pi,
            (N, d).
        perpendicular: internal part, rows, (N, p), p = 0 or N - d; 1/angstrom for quasicrystals,
            dimensionless for modulated crystals.

    References:
        T. Janssen, G. Chapuis and M. de Boissieu, Aperiodic Crystals (2007), chapter 2.
    """

    parallel: Float[np.ndarray, "N d"]
    perpendicular: Float[np.ndarray, "N p"]

    def __init__(self, parallel: Any, perpendicular: Any = None):
        """Check the two bases; without `perpendicular` there is no internal space (p = 0).

        Raises:
            ValueError: wrong shapes, numbers that are not finite, dependent vectors.
        """
        rows = host_array(parallel, "parallel")
        if rows.ndim != 2 or not 1 <= rows.shape[1] <= len(rows):
            raise ValueError(f"parallel: expected shape (N, d) with N >= d >= 1, got {rows.shape}")
        N, d = rows.shape
        inner = np.zeros((N, 0)) if perpendicular is None else host_array(perpendicular, "perp")
        if inner.ndim != 2 or len(inner) != N or inner.shape[1] not in (0, N - d):
            raise ValueError(
                f"perpendicular: expected shape ({N}, 0) or ({N}, {N - d}) beside parallel "
                f"({N}, {d}), got {inner.shape}"
            )
        check_finite(rows, "parallel")
        check_finite(inner, "perpendicular")
        whole = np.concatenate([rows / _size(rows), inner / _size(inner)], axis=1)
        if np.linalg.matrix_rank(whole, tol=1e-9) < whole.shape[1]:
            raise ValueError(
                f"expected parallel and perpendicular columns of rank {whole.shape[1]}, got "
                f"{whole.round(6).tolist()} (scaled), of rank "
                f"{np.linalg.matrix_rank(whole, tol=1e-9)}"
            )
        object.__setattr__(self, "parallel", rows)
        object.__setattr__(self, "perpendicular", inner)

    # --- ways in -----------------------------------------------------------------------------

    @classmethod
    def from_matrices(cls, parallel: Any, perpendicular: Any = None) -> "Superspace":
        """Make a superspace of its two bases, (N, d) and (N, p), rows in 1/angstrom with 2 pi."""
        return cls(parallel, perpendicular)

    @classmethod
    def periodic(cls, lattice: Any) -> "Superspace":
        """Make the space of a periodic crystal in D = 1, 2 or 3 dimensions (N = d = D).

        Args:
            lattice: lattice matrix (D, D), rows in angstrom, or cell parameters (1, 3 or 6):
                lengths in angstrom, angles in degrees.

        Raises:
            ValueError: no cell (see `check_cell`), or dependent vectors.
        """
        values = host_array(lattice, "lattice")
        matrix = values if values.ndim == 2 else cell_to_matrix(check_cell(values))
        if matrix.shape[0] != matrix.shape[1]:
            raise ValueError(f"lattice: expected a square matrix or a cell, got {values.shape}")
        check_finite(matrix, "lattice")
        if abs(np.linalg.det(matrix)) <= 1e-9 * np.prod(np.linalg.norm(matrix, axis=1)):
            raise ValueError(f"lattice: expected independent rows, got {matrix.tolist()}")
        return cls(2 * np.pi * np.linalg.inv(matrix).T)

    @classmethod
    def modulated(cls, cell: Any, q_vectors: Any) -> "Superspace":
        """Make the space of a modulated crystal: reciprocal lattice, then one vector a satellite.

        Internal parts are zero for main reflections and orthonormal (dimensionless) for the
        satellite vectors. Where the group mixes satellites at angles other than 90 degrees,
        `symmetrised` gives them the internal angles that it needs.

        Args:
            cell: cell parameters (6), or lattice matrix (3, 3), angstrom and degrees.
            q_vectors: modulation vectors in fractions of a*, b*, c*, (m, 3) or (3,).

        Raises:
            ValueError: no cell, or vectors of another shape.
        """
        main = cls.periodic(cell).parallel
        q = np.atleast_2d(host_array(q_vectors, "q_vectors"))
        if q.ndim != 2 or q.shape[1] != len(main) or len(q) == 0:
            raise ValueError(f"q_vectors: expected shape (m, {len(main)}), got {q.shape}")
        check_finite(q, "q_vectors")
        inner = np.concatenate([np.zeros((len(main), len(q))), np.eye(len(q))])
        return cls(np.concatenate([main, q @ main]), inner)

    @classmethod
    def icosahedral(cls, a: float) -> "Superspace":
        """Make the space of primitive icosahedral quasicrystals, N = 6, along six five-fold axes.

        All six vectors have |k| = pi / a in both spaces. `a` is the edge of the rhombohedra of the
        three-dimensional Penrose tiling: the physical part of the direct lattice vectors of the
        six-dimensional cube, whose edge is sqrt(2) a.

        Args:
            a: quasilattice constant, angstrom.

        References:
            J. W. Cahn, D. Shechtman and D. Gratias, J. Mater. Res. 1 (1986) 13.
        """
        return cls(*icosahedral_bases(np.pi / _length("a", a)))

    @classmethod
    def decagonal(cls, a: float, c: float) -> "Superspace":
        """Make the space of decagonal quasicrystals, N = 5: k_j at 72 j degrees (j = 1..4), c*.

        |k| = 4 pi / (5 a), where `a` is the edge of the rhombs of the Penrose tiling: the direct
        lattice vectors have the physical parts a (e_j - e_0). With a* = |k| / (2 pi) this is
        a = 2 / (5 a*); the five-dimensional lattice constant is sqrt(5) a. In internal space
        k_j stands at twice the angle. Scaling a by the golden mean gives the same reflections
        other indices.

        Args:
            a: edge of the tiles, angstrom.
            c: period along the ten-fold axis, angstrom.

        References:
            W. Steurer and S. Deloudi, Crystallography of Quasicrystals (2009), chapter 3.
        """
        length = 0.8 * np.pi / _length("a", a)
        return cls(*axial_bases(np.arange(1, 5), 5, 2, length, 2 * np.pi / _length("c", c)))

    @classmethod
    def octagonal(cls, a: float, c: float) -> "Superspace":
        """Make the space of octagonal quasicrystals, N = 5: k_j at 45 j degrees (j = 0..3), c*.

        |k| = pi / a, where `a` is the edge of the Ammann-Beenker tiling: the direct lattice
        vectors have the physical parts a e_j. In internal space k_j stands at three times the
        angle.

        Args:
            a: edge of the tiles, angstrom.
            c: period along the eight-fold axis, angstrom.

        References:
            W. Steurer and S. Deloudi, Crystallography of Quasicrystals (2009), chapter 3.
        """
        length = np.pi / _length("a", a)
        return cls(*axial_bases(np.arange(4), 8, 3, length, 2 * np.pi / _length("c", c)))

    @classmethod
    def dodecagonal(cls, a: float, c: float) -> "Superspace":
        """Make the space of dodecagonal quasicrystals, N = 5: k_j at 30 j degrees (j = 0..3), c*.

        |k| = 2 pi / (sqrt(3) a), where `a` is the edge of the square-triangle tiling: the direct
        lattice vectors have physical parts of length a, at multiples of 30 degrees. In internal
        space k_j stands at five times the angle.

        Args:
            a: edge of the tiles, angstrom.
            c: period along the twelve-fold axis, angstrom.

        References:
            W. Steurer and S. Deloudi, Crystallography of Quasicrystals (2009), chapter 3.
        """
        length = 2 * np.pi / np.sqrt(3) / _length("a", a)
        return cls(*axial_bases(np.arange(4), 12, 5, length, 2 * np.pi / _length("c", c)))

    # --- reflections and points --------------------------------------------------------------

    @property
    def dimension(self) -> int:
        """N, the number of indices."""
        return len(self.parallel)

    @property
    def n_physical(self) -> int:
        """d, the dimension of physical space."""
        return self.parallel.shape[1]

    @property
    def n_internal(self) -> int:
        """p, the dimension of internal (perpendicular) space."""
        return self.perpendicular.shape[1]

    def q_parallel(self, k: Int[np.ndarray, "refl N"]) -> Float[np.ndarray, "refl d"]:
        """Return wave vectors k @ parallel, 1/angstrom, (refl, d)."""
        return self._indices(k) @ self.parallel

    def q_perpendicular(self, k: Int[np.ndarray, "refl N"]) -> Float[np.ndarray, "refl p"]:
        """Return internal parts k @ perpendicular, (refl, p)."""
        return self._indices(k) @ self.perpendicular

    def coordinates(
        self, r: Float[np.ndarray, "*n d"], s: Float[np.ndarray, "*m p"] | None = None
    ) -> Float[np.ndarray, "*nm N"]:
        """Return points of the N-dimensional cell seen at physical positions on a section.

        x(r, s) = (parallel @ r + perpendicular @ s) / (2 pi), not reduced modulo 1.

        Args:
            r: physical positions, angstrom, (..., d).
            s: height of the section in internal space, (..., p), broadcast against r; zero by
                default.

        Returns:
            Fractional coordinates, (..., N).

        Raises:
            ValueError: last axes that do not fit.
        """
        x = _last_axis("r", r, self.n_physical) @ self.parallel.T
        if s is not None:
            x = x + _last_axis("s", s, self.n_internal) @ self.perpendicular.T
        return x / (2 * np.pi)

    def components(
        self, x: Float[np.ndarray, "*n N"]
    ) -> tuple[Float[np.ndarray, "*n d"], Float[np.ndarray, "*n p"]]:
        """Return physical position r (angstrom) and height s of points: undoes `coordinates`.

        Raises:
            ValueError: another last axis, or an aperiodic crystal given without internal space.
        """
        if self.n_physical + self.n_internal != self.dimension:
            raise ValueError(
                f"expected an internal space of {self.dimension - self.n_physical} dimensions, "
                f"got {self.n_internal}: points have no unique physical position"
            )
        basis = np.concatenate([self.parallel, self.perpendicular], axis=1)
        both = 2 * np.pi * _last_axis("x", x, self.dimension) @ np.linalg.inv(basis).T
        return both[..., : self.n_physical], both[..., self.n_physical :]

    # --- symmetry ----------------------------------------------------------------------------

    def metric_inconsistency(self, rotations: Int[np.ndarray, "n N N"]) -> float:
        """Measure how far rotations are from symmetries of the basis: 0 where they are.

        A rotation W takes indices k to k W, so that it keeps lengths when W G W^T = G, with
        G = B B^T of the basis B (rows). The result is the largest |W G W^T - G| / trace(G) over all
        rotations and both spaces.

        Args:
            rotations: integer matrices W, (n, N, N).

        Raises:
            ValueError: matrices of another shape.
        """
        matrices = check_rotations(rotations, self.dimension)
        return float(max(metric_change(b, matrices)[0].max(initial=0.0) for b in self._bases))

    def check_group(self, rotations: Int[np.ndarray, "n N N"], tol: float = 1e-3) -> None:
        """Check that every rotation is a symmetry of the basis in both spaces.

        Args:
            rotations: integer matrices W of a group, (n, N, N).
            tol: largest change |W G W^T - G|_ij accepted, relative to the lengths of vectors i, j.

        Raises:
            ValueError: naming the operation, the space and the size of the violation.
        """
        matrices = check_rotations(rotations, self.dimension)
        changes = np.array([metric_change(basis, matrices)[1] for basis in self._bases])
        if changes.max(initial=0.0) <= tol:
            return
        space, worst = np.unravel_index(changes.argmax(), changes.shape)
        name = ("parallel", "perpendicular")[int(space)]
        hint = "; `symmetrised` fits the internal basis to a group" if space else ""
        raise ValueError(
            f"the basis does not fit the group: operation {int(worst)}, rotation "
            f"{matrices[worst].tolist()}, changes the {name} metric by "
            f"{changes[space, worst]:.2e} (relative), more than {tol:.2e}{hint}"
        )

    def symmetrised(self, rotations: Int[np.ndarray, "n N N"]) -> "Superspace":
        """Return the superspace whose internal basis is averaged over a group.

        The internal metric becomes the mean of W G W^T, and the basis is the one with this
        metric that is nearest to the old one. Needed for several modulation vectors that a
        three-fold or six-fold axis permutes.

        Raises:
            ValueError: no internal basis of p dimensions is invariant under the group.
        """
        matrices = check_rotations(rotations, self.dimension)
        return Superspace(self.parallel, invariant_basis(self.perpendicular, matrices))

    @property
    def _bases(self) -> tuple[np.ndarray, np.ndarray]:
        return self.parallel, self.perpendicular

    def _indices(self, k: np.ndarray) -> np.ndarray:
        k = np.asarray(k)
        if k.ndim != 2 or k.shape[1] != self.dimension:
            raise ValueError(f"expected indices of shape (refl, {self.dimension}), got {k.shape}")
        return k

    def __repr__(self) -> str:
        return f"Superspace(N={self.dimension}, d={self.n_physical}, p={self.n_internal})"


def _length(name: str, value: float) -> float:
    if not (np.isfinite(value) and value > 0):
        raise ValueError(f"{name}: expected a positive length in angstrom, got {value}")
    return float(value)


def _size(basis: np.ndarray) -> float:
    return float(np.abs(basis).max(initial=0.0)) or 1.0


def _last_axis(name: str, values: Any, length: int) -> np.ndarray:
    array = host_array(values, name)
    if array.shape[-1:] != (length,):
        raise ValueError(f"{name}: expected a last axis of {length}, got shape {array.shape}")
    return array
