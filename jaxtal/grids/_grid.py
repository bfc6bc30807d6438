"""A finite sampling grid of the unit cell of any dimension, and the group of its slots."""

import dataclasses
import math
import pathlib
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from .._core import Held, check_finite, read_container, write_container

_FORMAT, _VERSION = "jaxtal-grid", 1
#: Numbers of points are counted in 64 bits.
_TOO_MANY = 2**62
#: Points a reflection, beyond which a table of all points is no help, and beyond which no grid of
#: a file is believed.
_SPARSE, _SPARSEST = 1000, 10_000
#: What a container holds of a grid.
GRID_ARRAYS = {
    "characters": Held("i", ("N", "r")),
    "moduli": Held("i", ("r",)),
    "origin": Held("f", ("N",)),
}


@dataclasses.dataclass(frozen=True, eq=False)
class Grid:
    """Points x_j = origin + V (j / m), j in Z/m_1 x ... x Z/m_r, and the slots k V mod m.

    On these points exp(-2 pi i k.x) depends on k only through k.origin and the slot, so that a
    density is the r-dimensional discrete Fourier transform of amplitudes put into slots:

        rho(x_j) = sum_k F(k) exp(-2 pi i k.origin) exp(-2 pi i sum_r slot_r(k) j_r / m_r)

    whatever the dimension N of the crystal. Every kind of grid is a choice of V: the identity
    for a regular mesh, one column for a cyclic grid, several for any other quotient of the
    reciprocal lattice, a random matrix for a folded grid. It is alias-free for a set of
    reflections when they all have different slots.

    Attributes:
        characters: V, (N, r) integers, column by column modulo m.
        moduli: m, lengths of the axes of the transform.
        origin: fractional coordinates of the point j = 0, (N,).
    """

    characters: Int[np.ndarray, "N r"]
    moduli: tuple[int, ...]
    origin: Float[np.ndarray, " N"]

    def __init__(
        self, characters: np.ndarray, moduli: Sequence[int], origin: np.ndarray | None = None
    ):
        """Check and reduce V modulo m; the origin is zero unless given.

        Raises:
            ValueError: shapes that do not fit, moduli below 1, anything not integral or finite.
        """
        V = np.asarray(characters)
        sizes = tuple(int(m) for m in moduli)
        if V.ndim != 2 or V.dtype.kind not in "iu":
            raise ValueError(f"expected integer characters (N, r), got {V.dtype} {V.shape}")
        if V.shape[1] != len(sizes) or not sizes:
            raise ValueError(f"expected a modulus for each of {V.shape[1]} columns, got {sizes}")
        if any(m < 1 for m in sizes) or list(sizes) != list(moduli):
            raise ValueError(f"expected positive integer moduli, got {tuple(moduli)}")
        if math.prod(sizes) >= _TOO_MANY:
            raise ValueError(f"expected fewer than 2^62 points, got {sizes}")
        x0 = np.zeros(len(V)) if origin is None else np.asarray(origin, dtype=np.float64)
        if x0.shape != (len(V),):
            raise ValueError(f"expected an origin of shape ({len(V)},), got {x0.shape}")
        check_finite(x0, "origin")
        object.__setattr__(self, "characters", V.astype(np.int64) % np.array(sizes))
        object.__setattr__(self, "moduli", sizes)
        object.__setattr__(self, "origin", x0)

    @property
    def dimension(self) -> int:
        """N, the dimension of the crystal."""
        return len(self.characters)

    @property
    def size(self) -> int:
        """Number of points."""
        return math.prod(self.moduli)

    def slots(self, k: Int[np.ndarray, "refl N"]) -> Int[np.ndarray, "refl r"]:
        """Return the slot of each reflection, k V mod m, (refl, r).

        Raises:
            ValueError: not integer indices of N columns.
        """
        k = np.asarray(k)
        if k.ndim != 2 or k.shape[1] != self.dimension or k.dtype.kind not in "iu":
            raise ValueError(
                f"expected integer indices (refl, {self.dimension}), got {k.dtype} {k.shape}"
            )
        return k.astype(np.int64) @ self.characters % np.array(self.moduli)

    def flat(self, k: Int[np.ndarray, "refl N"]) -> Int[np.ndarray, " refl"]:
        """Return the slot of each reflection as one number, row-major, (refl,)."""
        return np.asarray(np.ravel_multi_index(tuple(self.slots(k).T), self.moduli))

    def points(self, j: Int[np.ndarray, "n r"]) -> Float[np.ndarray, "n N"]:
        """Return fractional coordinates in [0, 1) of points given by multi-indices, (n, N)."""
        fractions = np.asarray(j) / np.array(self.moduli)
        return (self.origin + fractions @ self.characters.T) % 1.0

    def is_alias_free(self, k: Int[np.ndarray, "refl N"]) -> bool:
        """Tell whether distinct reflections, Friedel mates too, have distinct slots."""
        if self.size > _SPARSE * len(k):
            return len(np.unique(self.flat(k))) == len(k)
        taken = np.zeros(self.size, dtype=bool)
        taken[self.flat(k)] = True
        return int(taken.sum()) == len(k)

    def check_stored(self, k: Int[np.ndarray, "refl N"]) -> None:
        """Check that a grid from a file is one for these reflections.

        Raises:
            ValueError: another dimension, shared slots, or so many points for them that memory is
                what would be missing.
        """
        if (
            self.dimension != k.shape[1]
            or self.size > _SPARSEST * max(len(k), 1000)
            or not self.is_alias_free(k)
        ):
            raise ValueError(
                f"expected a grid that is alias-free for these {len(k)} reflections, got {self!r}"
            )

    def filling(self, k: Int[np.ndarray, "refl N"]) -> float:
        """Compute the filling factor: the share of the slots that reflections occupy."""
        return len(np.unique(self.flat(k))) / self.size

    def with_origin(self, origin: Float[np.ndarray, " N"]) -> "Grid":
        """Move the grid so that its point 0 lies at `origin` (fractional coordinates)."""
        return Grid(self.characters, self.moduli, origin)

    def save(self, path: str | pathlib.Path) -> None:
        """Write the grid as .npz, whole or not at all; the name is taken as it is."""
        parts = {
            "characters": self.characters,
            "moduli": np.array(self.moduli),
            "origin": self.origin,
        }
        write_container(path, _FORMAT, _VERSION, parts, compressed=False)

    @classmethod
    def load(cls, path: str | pathlib.Path) -> "Grid":
        """Read a grid that `save` wrote.

        Raises:
            ValueError: the file holds no grid; names it.
            OSError: it cannot be read.
        """
        what = "a grid written by Grid.save"
        data = read_container(path, _FORMAT, _VERSION, GRID_ARRAYS, what)
        try:
            return cls(data["characters"], data["moduli"].tolist(), data["origin"])
        except ValueError as error:
            raise ValueError(f"{path}: expected {what}: {error}") from error

    def __repr__(self) -> str:
        shape = " x ".join(map(str, self.moduli))
        return f"Grid({shape} = {self.size} points in {self.dimension} dimensions)"
