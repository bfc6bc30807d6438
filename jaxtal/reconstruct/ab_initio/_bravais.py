"""The 14 Bravais lattices as what a radial distribution sees of them (host)."""

import dataclasses
import functools

import numpy as np
from jaxtyping import Float, Int

from ...lattice import LatticeSystem, cell_to_matrix
from ...symmetry import SpaceGroup, absent, laue_unique

#: Symmorphic groups of the holohedries, in an order of growing freedom.
_HOLOHEDRIES = {
    "cP": 221,
    "cI": 229,
    "cF": 225,
    "hR": 166,
    "tI": 139,
    "tP": 123,
    "hP": 191,
    "oF": 69,
    "oI": 71,
    "oC": 65,
    "oP": 47,
    "mC": 12,
    "mP": 10,
    "aP": 2,
}
#: No lattice of atoms has a conventional axis shorter than this, angstrom.
SHORTEST = 2.0
#: Degrees that a step of 1 in a variable turns an angle.
_TURN = 50.0
#: Which lattices have axes that may be exchanged, and are sought with these in ascending order.
_EXCHANGED = {"oF": 3, "oI": 3, "oP": 3, "oC": 2, "aP": 3}


@dataclasses.dataclass(frozen=True)
class Bravais:
    """One of the 14 Bravais lattices, on conventional axes.

    Variables of a cell are the logarithms of its free lengths (angstrom) and its free angles in
    units of 50 degrees.

    Attributes:
        name: family and centring, "tI"; the letters of Pearson symbols.
    """

    name: str

    @staticmethod
    def names() -> tuple[str, ...]:
        """All of them, those of fewest parameters first."""
        return tuple(_HOLOHEDRIES)

    @classmethod
    def of(cls, group: SpaceGroup) -> "Bravais":
        """The lattice of a space group in a standard setting."""
        system = group.crystal_system
        assert system is not None
        assert group.hm is not None
        family = "h" if system == "trigonal" else system[0] if system != "triclinic" else "a"
        centring = group.hm[0]
        return cls(family + ("C" if family in "om" and centring in "AB" else centring))

    @functools.cached_property
    def holohedry(self) -> SpaceGroup:
        """The symmorphic group of the lattice."""
        return SpaceGroup.from_number(_HOLOHEDRIES[self.name])

    @functools.cached_property
    def system(self) -> LatticeSystem:
        """What is free of the cell."""
        return LatticeSystem.from_rotations(self.holohedry.point_rotations)

    @property
    def points(self) -> int:
        """Lattice points in the conventional cell."""
        return len(self.holohedry.centering)

    def cell(self, variables: Float[np.ndarray, " k"]) -> Float[np.ndarray, "6"]:
        """Conventional cell, angstrom and degrees."""
        n = self.system.n_lengths
        return self.system.cell(np.concatenate([np.exp(variables[:n]), _TURN * variables[n:]]))

    def matrix(self, variables: Float[np.ndarray, " k"]) -> Float[np.ndarray, "3 3"]:
        """Rows a, b, c, angstrom."""
        return cell_to_matrix(self.cell(variables))

    def reflections(
        self, matrix: Float[np.ndarray, "3 3"], reach: float
    ) -> tuple[Int[np.ndarray, "n 3"], Int[np.ndarray, " n"]]:
        """One of each set of equivalents with |q| < reach, and how many it stands for."""
        bounds = reach * np.linalg.norm(matrix, axis=1) / (2 * np.pi)
        hkl, multiplicity = _in_a_box(self, tuple(_rounded(b) for b in bounds))
        inside = np.linalg.norm(hkl @ (2 * np.pi * np.linalg.inv(matrix).T), axis=1) < reach
        return hkl[inside], multiplicity[inside]

    def cells(self, volume: float, spread: float, count: int) -> Float[np.ndarray, "n k"]:
        """Variables of cells that are spread evenly over what is possible.

        Args:
            volume: of the primitive cell, angstrom^3.
            spread: the volume lies within exp(+-spread) of it.
            count: how many are drawn; fewer are returned, since some enclose no volume.
        """
        lengths, angles = self.system.n_lengths, self.system.n_angles
        u = _even(count, lengths + angles)
        volumes = self.points * volume * np.exp(spread * (2 * u[:, 0] - 1))
        low, high = (60.0, 120.0) if angles == 3 else (90.0, 125.0)
        turned = low + (high - low) * u[:, lengths:]
        found = []
        for place, row, size in zip(u[:, 1:lengths], turned, volumes, strict=True):
            unit = self.system.cell(np.concatenate([np.ones(lengths), row]))
            with np.errstate(invalid="ignore"):
                own = np.linalg.det(cell_to_matrix(unit))
            if not own > 0.1:
                continue
            own = size / own
            axes = _axes(own, place)
            if axes.min() < SHORTEST:
                continue
            first = _EXCHANGED.get(self.name, 1)
            axes[:first] = np.sort(axes[:first])
            found.append(np.concatenate([np.log(axes), row / _TURN]))
        return np.array(found).reshape(-1, lengths + angles)


def _axes(product: float, place: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k_1"]:
    """Free lengths of a given product a b c, for places 0..1 of all but the last one.

    Of two free lengths the first one counts twice.
    """
    if not len(place):
        return np.cbrt(product)[None]
    if len(place) == 1:
        a = SHORTEST * np.sqrt(product / SHORTEST**3) ** place[0]
        return np.array([a, product / a**2])
    # Evenly over all triples whose logarithms add up.
    low, high = np.sort(place)
    shares = np.array([low, high - low, 1 - high])
    return SHORTEST * (product / SHORTEST**3) ** shares


def _even(count: int, dimension: int) -> Float[np.ndarray, "count d"]:
    """An additive recurrence, which fills the unit cube evenly in any dimension.

    References:
        H. Niederreiter, Random Number Generation and Quasi-Monte Carlo Methods (1992), section 3.
    """
    root = 2.0
    for _ in range(30):  # the positive root of x^(d+1) = x + 1
        root = (1 + root) ** (1 / (dimension + 1))
    steps = root ** -np.arange(1.0, dimension + 1)
    return (0.5 + np.arange(1, count + 1)[:, None] * steps) % 1.0


def _rounded(bound: float) -> int:
    """The next one of few sizes, so that lists are made once."""
    size = 4
    while size < bound:
        size += max(2, size // 4)
    return size


@functools.lru_cache(maxsize=256)
def _in_a_box(lattice: Bravais, bounds: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    axes = [np.arange(-b, b + 1) for b in bounds]
    hkl = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    # Friedel: one half space is enough to find representatives in.
    half = (hkl[:, 2] > 0) | ((hkl[:, 2] == 0) & ((hkl[:, 1] > 0) | (hkl[:, 1] == 0)))
    hkl = hkl[half & np.any(hkl != 0, axis=1)]
    hkl = hkl[~absent(hkl, lattice.holohedry)]
    unique, multiplicity = laue_unique(hkl, lattice.holohedry.laue_rotations)
    unique, first = np.unique(unique, axis=0, return_index=True)
    return unique, multiplicity[first]
