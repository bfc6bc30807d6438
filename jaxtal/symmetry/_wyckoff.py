"""One Wyckoff position: the affine map from its free parameters to every atom of the orbit."""

import dataclasses
import functools
from fractions import Fraction

import numpy as np
from jaxtyping import Float, Int

from ._integer_matrices import diagonalise
from ._xyz import format_xyz


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class WyckoffPosition:
    """A Wyckoff position of a space group in one setting.

    The orbit of the free parameters u (k,) is frac[i] = R[i] @ u + t[i] (mod 1) for
    i = 0 .. multiplicity - 1: every atom of the conventional cell, centring included, each once for
    generic u. Row 0 is the representative; its free parameters are coordinates of its own, so that
    "x,2x,z" has u = (x, z). The columns of each R[i] are a basis of the lattice vectors along the
    position, so u and u + 1 are the same atoms up to lattice translations.

    Attributes:
        letter: Wyckoff letter ("a" ... "z", then "A" for the 27th of P m m m).
        multiplicity: m, atoms in the conventional cell.
        site_symmetry: oriented symbol of International Tables A ("-43m", ".3m", "2/m..").
        rotations: R, exact integers, (m, 3, k).
        translations: numerators of t over `denominator`, in [0, denominator), (m, 3).
        denominator: common denominator of t.
    """

    letter: str
    multiplicity: int
    site_symmetry: str
    rotations: Int[np.ndarray, "m 3 k"]
    translations: Int[np.ndarray, "m 3"]
    denominator: int

    @property
    def n_free(self) -> int:
        """Number k of free parameters, 0 to 3."""
        return self.rotations.shape[2]

    @property
    def label(self) -> str:
        """Multiplicity and letter, "8a"."""
        return f"{self.multiplicity}{self.letter}"

    @functools.cached_property
    def rotations_float(self) -> Float[np.ndarray, "m 3 k"]:
        """Return R as float64, (m, 3, k)."""
        return _frozen(self.rotations.astype(float))

    @functools.cached_property
    def translations_float(self) -> Float[np.ndarray, "m 3"]:
        """Return t as float64 fractions of the cell in [0, 1), (m, 3)."""
        return _frozen(self.translations / self.denominator)

    def xyz(self, member: int = 0) -> str:
        """Write the coordinate triplet of one atom, "x,2x,1/4"; 0 is the representative."""
        names = "".join("xyz"[i] for i in self._free_coordinates) or "xyz"[: self.n_free]
        shift = [Fraction(int(v), self.denominator) for v in self.translations[member]]
        return format_xyz(self.rotations[member].tolist(), shift, names)

    def orbit(self, u: Float[np.ndarray, " k"]) -> Float[np.ndarray, "m 3"]:
        """Return fractional coordinates of all atoms, (m, 3) in [0, 1), for parameters u (k,)."""
        u = np.asarray(u, dtype=float)
        if u.shape != (self.n_free,):
            raise ValueError(
                f"expected {self.n_free} free parameters for {self.label}, got shape {u.shape}"
            )
        return (self.rotations_float @ u + self.translations_float) % 1.0

    def project(
        self, frac: Float[np.ndarray, "3"], matrix: Float[np.ndarray, "3 3"] | None = None
    ) -> tuple[Float[np.ndarray, " k"], float]:
        """Find the free parameters whose orbit comes nearest to a point, and the distance left.

        Args:
            frac: fractional coordinates of the point, (3,); any lattice translation.
            matrix: lattice matrix, rows a, b, c in angstrom; without it the fractional coordinates
                are taken as Cartesian.

        Returns:
            u in [0, 1), (k,); the distance to the nearest atom of the orbit of u, in angstrom (or
            in fractions of the cell).

        Raises:
            ValueError: wrong shapes, or numbers that aren't finite.
        """
        x = np.asarray(frac, dtype=float)
        M = np.eye(3) if matrix is None else np.asarray(matrix, dtype=float)
        if x.shape != (3,) or not np.isfinite(x).all():
            raise ValueError(f"expected three finite fractional coordinates, got {frac}")
        if M.shape != (3, 3) or not np.isfinite(M).all() or np.linalg.det(M) == 0:
            raise ValueError(f"expected a finite lattice matrix of rank 3, got {matrix}")
        if self.n_free == 3:  # every point is on the general position
            u = np.linalg.solve(self.rotations_float[0], x - self.translations_float[0])
            return u % 1.0 % 1.0, 0.0
        G = M @ M.T
        normals, sections = self._normals
        codimension = 3 - self.n_free
        # Across the position only N (x - t) modulo integers counts; the metric there is
        # (N G^-1 N^T)^-1. One step around the rounded value covers skewed sections.
        offset = np.einsum("mci,mi->mc", normals, x - self.translations_float)
        steps = np.indices((3,) * codimension).reshape(codimension, 3**codimension).T - 1
        whole = np.round(offset)[:, None, :] + steps[None, :, :]
        across = offset[:, None, :] - whole
        Q = np.linalg.inv(normals @ np.linalg.inv(G) @ normals.transpose(0, 2, 1))
        squared = np.einsum("msc,mcd,msd->ms", across, Q, across)
        # The first of equally near members: the representative where it is one of them.
        near = squared <= squared.min() + 1e-12 * np.trace(G)
        member, step = np.unravel_index(int(near.argmax()), near.shape)
        R = self.rotations_float[member]
        inside = x - self.translations_float[member] - sections[member] @ whole[member, step]
        u = np.linalg.solve(R.T @ G @ R, R.T @ G @ inside)
        return u % 1.0 % 1.0, float(np.sqrt(max(squared[member, step], 0.0)))

    @functools.cached_property
    def _free_coordinates(self) -> list[int]:
        """For each column of R[0] the coordinate that equals that free parameter, if all do."""
        R = self.rotations[0]
        unit = np.eye(self.n_free, dtype=int)
        rows = [
            next(
                (i for i in range(3) if (R[i] == unit[j]).all() and not self.translations[0, i]), -1
            )
            for j in range(self.n_free)
        ]
        return [] if -1 in rows else rows

    @functools.cached_property
    def _normals(self) -> tuple[np.ndarray, np.ndarray]:
        """Integer N (m, c, 3) and S (m, 3, c), with N R = 0, N S = 1 and N Z^3 = Z^c."""
        m, k = self.multiplicity, self.n_free
        normals, sections = np.zeros((m, 3 - k, 3)), np.zeros((m, 3, 3 - k))
        known: dict[bytes, tuple[np.ndarray, np.ndarray]] = {}
        for i, R in enumerate(self.rotations):
            key = R.tobytes()
            if key not in known:
                V = np.array(diagonalise(R.T.tolist())[2] if k else np.eye(3), dtype=float)
                known[key] = V[:, k:].T, np.round(np.linalg.inv(V)).T[:, k:]
            normals[i], sections[i] = known[key]
        return normals, sections

    @functools.cached_property
    def _key(self) -> tuple:
        maps = self.rotations.tobytes(), self.translations.tobytes(), self.denominator
        return self.letter, self.rotations.shape, self.site_symmetry, *maps

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WyckoffPosition) and self._key == other._key

    def __repr__(self) -> str:
        return f"WyckoffPosition({self.label}, {self.site_symmetry!r}, {self.xyz()!r})"


def _frozen(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array
