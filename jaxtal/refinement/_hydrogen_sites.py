"""Where hydrogen atoms of carbon, nitrogen and oxygen can be, by geometry and density."""

import dataclasses

import numpy as np

from ._bonds import Bond
from ._difference import DifferenceMap, distinct
from ._model import Model
from ._riding import HydrogenGroup, Image, unit

#: Lengths of bonds to hydrogen, angstrom: centres of the electron cloud at about 100 K, nuclei.
_XRAY = {"aromatic": 0.95, "CH": 1.00, "CH2": 0.99, "CH3": 0.98, "N": 0.88, "O": 0.84, "B": 1.10}
_NUCLEAR = {"aromatic": 1.08, "CH": 1.10, "CH2": 1.09, "CH3": 1.07, "N": 1.01, "O": 0.97, "B": 1.20}
#: Elements that count as neighbours; bonds to metals say little of the geometry.
_NON_METALS = {1, 5, 6, 7, 8, 9, 14, 15, 16, 17, 32, 33, 34, 35, 52, 53}
#: Bonds of carbon shorter than this are no single ones, angstrom.
_DOUBLE = {6: 1.445, 7: 1.39, 8: 1.35, 16: 1.75, 5: 1.50}
#: How far a hydrogen atom may be from where geometry puts it, angstrom, and where is looked.
_REACH = 0.12
_STAR = np.concatenate([np.zeros((1, 3)), np.eye(3), -np.eye(3)])


@dataclasses.dataclass(frozen=True, eq=False)
class _Neighbours:
    """Bonds of an atom, unit vectors along them, and the images at their ends."""

    bonds: list[Bond]
    units: np.ndarray
    images: tuple[Image, ...]


class HydrogenFinder:
    """Geometry around each carrier, and what the difference density says of it."""

    def __init__(
        self, model: Model, difference: DifferenceMap, radiation: str, bonds: list[list[Bond]]
    ) -> None:
        self.model, self.difference = model, difference
        self.lengths = _XRAY if radiation == "xray" else _NUCLEAR
        self.sign = -1.0 if radiation == "neutron" else 1.0
        self.bonds = bonds
        self.special = np.array([site.share < 1 for site in model.sites])

    def heavy(self, atom: int) -> list[Bond]:
        numbers = self.model.atomic_numbers
        return [b for b in self.bonds[atom] if numbers[b.other] in _NON_METALS - {1}]

    def has_hydrogen(self, atom: int) -> bool:
        return any(self.model.atomic_numbers[b.other] == 1 for b in self.bonds[atom])

    def vectors(self, atom: int, bonds: list[Bond]) -> np.ndarray:
        frac = self.model.frac
        ends = np.array([b.rotation @ frac[b.other] + b.translation for b in bonds])
        return (ends - frac[atom]) @ self.model.matrix

    def around(self, atom: int) -> _Neighbours | None:
        """One to three neighbours of an atom that has no hydrogen atoms yet."""
        bonds = self.heavy(atom)
        if self.has_hydrogen(atom) or not 1 <= len(bonds) <= 3:
            return None
        units = np.array([unit(one) for one in self.vectors(atom, bonds)])
        return _Neighbours(bonds, units, tuple(b.image for b in bonds))

    def on_carbon(self, atom: int) -> list[HydrogenGroup]:
        """CH, CH2, CH3 or none, by the number of neighbours, angles and lengths."""
        around = self.around(atom)
        if around is None:
            return []
        bonds, units, images = around.bonds, around.units, around.images
        numbers = self.model.atomic_numbers
        multiple = [b.length < _DOUBLE.get(int(numbers[b.other]), 0.0) for b in bonds]
        if len(bonds) == 3:
            flat = abs(float(np.linalg.det(units))) < 0.35 or np.linalg.norm(units.sum(0)) < 0.35
            return [] if flat else self.group("CH", atom, images, "CH")
        if len(bonds) == 2:
            angle = float(np.degrees(np.arccos(np.clip(units[0] @ units[1], -1, 1))))
            if angle > 155:
                return []
            if any(multiple) and angle > 100:
                return self.group("flat", atom, images, "aromatic")
            return self.group("CH2", atom, images, "CH2")
        length, other = bonds[0].length, int(numbers[bonds[0].other])
        if length < 1.25:
            return self.group("flat", atom, images, "aromatic") if other == 6 else []
        frame = self.framed(bonds[0])
        if multiple[0] and length < 1.40:
            return self.group("NH2", atom, frame, "aromatic")
        if self.special[atom]:
            return []
        return self.turned("CH3", atom, frame, "CH3", 1.5)

    def on_nitrogen(self, atom: int) -> list[HydrogenGroup]:
        """NH, NH2 or NH3: what the density shows most of."""
        around = self.around(atom)
        if around is None:
            return []
        bonds, units, images = around.bonds, around.units, around.images
        if len(bonds) == 3:
            flat = np.linalg.norm(units.sum(0)) < 0.5
            return [] if flat else self.group("CH", atom, images, "N")
        if len(bonds) == 2:
            if units[0] @ units[1] < -0.9:
                return []
            choices = [self.group("flat", atom, images, "N")[0]]
            choices += self.group("CH2", atom, images, "N")
        else:
            if bonds[0].length < 1.22 or self.special[atom]:
                return []
            frame = self.framed(bonds[0])
            choices = self.group("NH2", atom, frame, "N")
            choices += self.turned("CH3", atom, frame, "N", 1.2)
        return [max(choices, key=self.evidence)] if choices else []

    def on_oxygen(self, atom: int) -> list[HydrogenGroup]:
        bonds = self.heavy(atom)
        if self.has_hydrogen(atom) or self.special[atom]:
            return []
        if len(bonds) == 1 and bonds[0].length > 1.27:
            return self.turned("OH", atom, self.framed(bonds[0]), "O", 1.5)
        if not bonds and not self.bonds[atom]:
            return self.on_water(atom)
        return []

    def on_water(self, atom: int) -> list[HydrogenGroup]:
        """The two peaks that look most like a molecule of water."""
        model, length = self.model, self.lengths["O"]
        directions = _sphere(400)
        inverse = np.linalg.inv(model.matrix)
        values = self.sign * self.difference.at(model.frac[atom] + length * directions @ inverse)
        angle = directions @ directions.T
        fits = np.abs(np.degrees(np.arccos(np.clip(angle, -1, 1))) - 105) < 12
        pair = np.where(fits, np.minimum(values[:, None], values), -np.inf)
        best = np.unravel_index(int(pair.argmax()), pair.shape)
        return [
            HydrogenGroup(
                "rides", atom, (-1,), (), length, 0.0, 1.5, length * directions[i] @ inverse
            )
            for i in best
        ]

    def framed(self, bond: Bond) -> tuple[Image, ...]:
        """The neighbour, and the image of one of its neighbours that fixes the angle."""
        atom = bond.atom
        for other in self.heavy(bond.other):
            W = bond.rotation @ other.rotation
            t = bond.rotation @ other.translation + bond.translation
            place = W @ self.model.frac[other.other] + t
            if np.linalg.norm((place - self.model.frac[atom]) @ self.model.matrix) > 0.5:
                return bond.image, (other.other, W, t)
        return (bond.image,)

    def group(
        self, kind: str, atom: int, images: tuple[Image, ...], length: str
    ) -> list[HydrogenGroup]:
        made = HydrogenGroup(kind, atom, (-1,), images, self.lengths[length])
        if not self.special[atom]:
            return [made]
        # On a special position symmetry may make one of several what the others are.
        model = self.model
        places = made.places(model.frac, model.matrix)
        first = distinct(places, model.group, model.matrix, 0.2, len(places))
        return [
            HydrogenGroup(
                "rides", atom, (-1,), (), made.length, offset=places[i] - model.frac[atom]
            )
            for i in first
        ]

    def turned(
        self, kind: str, atom: int, images: tuple[Image, ...], length: str, factor: float
    ) -> list[HydrogenGroup]:
        """The torsion angle at which the density is highest."""
        made = HydrogenGroup(kind, atom, (-1,), images, self.lengths[length], 0.0, factor)
        turn = 2 * np.pi / 3 if kind == "CH3" else 2 * np.pi
        angles = np.linspace(0, turn, 24 if kind == "CH3" else 72, endpoint=False)
        turned = [dataclasses.replace(made, torsion=float(a)) for a in angles]
        return [max(turned, key=self.total)]

    def total(self, group: HydrogenGroup) -> float:
        places = group.places(self.model.frac, self.model.matrix)
        return self.sign * float(self.difference.at(places).sum())

    def evidence(self, group: HydrogenGroup) -> float:
        """The least density of its places, each the highest within reach of its geometry."""
        places = group.places(self.model.frac, self.model.matrix)
        near = places[:, None] + _REACH * _STAR @ np.linalg.inv(self.model.matrix)
        return float((self.sign * self.difference.at(near)).max(axis=1).min())

    def apart(self, groups: list[HydrogenGroup]) -> list[HydrogenGroup]:
        """Groups without those whose atoms would lie on others."""
        model, kept = self.model, []
        taken = np.zeros((0, 3))
        for group in groups:
            places = group.places(model.frac, model.matrix)
            together = np.concatenate([taken, places])
            if len(distinct(together, model.group, model.matrix, 0.6, len(together))) == len(
                together
            ):
                kept.append(group)
                taken = together
        return kept


def _sphere(n: int) -> np.ndarray:
    """Points spread evenly over the unit sphere (a Fibonacci lattice), (n, 3)."""
    i = np.arange(n) + 0.5
    z = 1 - 2 * i / n
    angle = np.pi * (1 + 5**0.5) * i
    r = np.sqrt(1 - z**2)
    return np.stack([r * np.cos(angle), r * np.sin(angle), z], axis=1)
