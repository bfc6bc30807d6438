"""Hydrogen atoms whose places follow from the atoms that they ride on."""

import dataclasses

import numpy as np
from jaxtyping import Float

#: The tetrahedral angle, radians.
TETRAHEDRAL = float(np.arccos(-1 / 3))

#: An atom of the asymmetric unit and the operation and translation of its image: x' = W x + t.
Image = tuple[int, np.ndarray, np.ndarray]


@dataclasses.dataclass(frozen=True, eq=False)
class HydrogenGroup:
    """Hydrogen atoms on one carrier, placed by geometry.

    Kinds, with SHELX's number of them:

        "CH"    one, opposite to three neighbours (1)
        "CH2"   two, of a tetrahedron with two neighbours (2)
        "flat"  one, on the bisector of two neighbours (4)
        "NH2"   two in the plane of the neighbour's neighbours (9)
        "CH3"   three, at a torsion angle that is refined (13)
        "OH"    one, at a torsion angle that is refined (14)
        "rides" one, at a vector from the carrier that stays as it is

    Attributes:
        kind: one of these.
        carrier: atom that carries it.
        atoms: the hydrogen atoms.
        neighbours: images of atoms that fix the geometry, the nearest to the carrier first; of
            "CH3", "OH" and "NH2": the neighbour, and one of its neighbours.
        length: of the bond, angstrom.
        torsion: angle about the bond neighbour-carrier, radians.
        u_factor: U_iso over U_eq of the carrier.
        offset: of "rides": fractional, (3,).
    """

    kind: str
    carrier: int
    atoms: tuple[int, ...]
    neighbours: tuple[Image, ...]
    length: float
    torsion: float = 0.0
    u_factor: float = 1.2
    offset: Float[np.ndarray, "3"] | None = None

    @property
    def turns(self) -> bool:
        """True where the torsion angle is a parameter."""
        return self.kind in ("CH3", "OH")

    def renumbered(self, rank: np.ndarray) -> "HydrogenGroup":
        """Return the group with atom i called rank[i]."""
        return dataclasses.replace(
            self,
            carrier=int(rank[self.carrier]),
            atoms=tuple(int(rank[i]) for i in self.atoms),
            neighbours=tuple((int(rank[i]), W, t) for i, W, t in self.neighbours),
        )

    def places(self, frac: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        """Compute fractional coordinates of the hydrogen atoms.

        Args:
            frac: of all atoms of the model, (N, 3).
            matrix: lattice vectors as rows, angstrom.

        Returns:
            (hydrogens, 3).
        """
        centre = frac[self.carrier]
        if self.kind == "rides":
            return (centre + self.offset)[None]
        images = np.array([W @ frac[i] + t for i, W, t in self.neighbours])
        bonds = (images - centre) @ matrix
        return centre + self._vectors(bonds) @ np.linalg.inv(matrix)

    def _vectors(self, bonds: np.ndarray) -> np.ndarray:
        """Cartesian vectors from the carrier to its hydrogen atoms, angstrom."""
        if self.kind in ("CH", "flat"):
            away = -np.sum([unit(bond) for bond in bonds], axis=0)
            return self.length * unit(away)[None]
        if self.kind == "CH2":
            a, b = unit(bonds[0]), unit(bonds[1])
            # The angle H-C-H grows as that of the neighbours shrinks (SHELX's rule).
            angle = np.radians(
                109.4 - 0.45 * (np.degrees(np.arccos(np.clip(a @ b, -1, 1))) - 109.5)
            )
            back, side = -unit(a + b), unit(np.cross(a, b))
            across = np.sin(angle / 2) * side
            return self.length * np.array([np.cos(angle / 2) * back + s * across for s in (1, -1)])
        axis, flat = self._frame(bonds)
        third = np.cross(axis, flat)
        if self.kind == "NH2":
            tilt, angles = np.pi / 3, np.array([0.0, np.pi])
        else:
            tilt = np.pi - TETRAHEDRAL
            count = 3 if self.kind == "CH3" else 1
            angles = self.torsion + 2 * np.pi / 3 * np.arange(count)
        around = np.cos(angles)[:, None] * flat + np.sin(angles)[:, None] * third
        return self.length * (np.cos(tilt) * axis + np.sin(tilt) * around)

    def _frame(self, bonds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The axis out of the neighbour through the carrier, and a vector across it."""
        axis = -unit(bonds[0])
        reference = bonds[1] - bonds[0] if len(bonds) > 1 else _across(axis)
        flat = reference - (reference @ axis) * axis
        if np.linalg.norm(flat) < 1e-3:
            flat = _across(axis)
        return axis, unit(flat)

    def turn(self, frac: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        """Compute d(fractional coordinates)/d(torsion), (hydrogens, 3)."""
        step = 1e-4
        ahead, behind = (
            dataclasses.replace(self, torsion=self.torsion + s).places(frac, matrix)
            for s in (step, -step)
        )
        return (ahead - behind) / (2 * step)


def unit(vector: np.ndarray) -> np.ndarray:
    """A vector over its length; that of length zero stays."""
    return vector / max(float(np.linalg.norm(vector)), 1e-12)


def _across(axis: np.ndarray) -> np.ndarray:
    """A vector perpendicular to another."""
    start = np.eye(3)[int(np.abs(axis).argmin())]
    return start - (start @ axis) * axis
