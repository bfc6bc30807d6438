"""Hydrogen atoms by geometry, and by the difference density where geometry does not tell."""

import dataclasses

import numpy as np

from ._bonds import Bond, find_bonds
from ._difference import DifferenceMap, distinct
from ._model import Model, numbered
from ._parameters import ride
from ._riding import HydrogenGroup, Image, unit

#: Lengths of bonds to hydrogen, angstrom: centres of the electron cloud at about 100 K, nuclei.
_XRAY = {"aromatic": 0.95, "CH": 1.00, "CH2": 0.99, "CH3": 0.98, "N": 0.88, "O": 0.84, "B": 1.10}
_NUCLEAR = {"aromatic": 1.08, "CH": 1.10, "CH2": 1.09, "CH3": 1.07, "N": 1.01, "O": 0.97, "B": 1.20}
#: Elements that count as neighbours; bonds to metals say little of the geometry.
_NON_METALS = {1, 5, 6, 7, 8, 9, 14, 15, 16, 17, 32, 33, 34, 35, 52, 53}
#: Bonds of carbon shorter than this are no single ones, angstrom.
_DOUBLE = {6: 1.445, 7: 1.39, 8: 1.35, 16: 1.75, 5: 1.50}
#: Evidence that a hydrogen atom on N or O needs: of the density at sure ones, and of the rms.
_SHARE, _SIGMAS = 0.4, 3.0
#: How far a hydrogen atom may be from where geometry puts it, angstrom, and where is looked.
_REACH = 0.12
_STAR = np.concatenate([np.zeros((1, 3)), np.eye(3), -np.eye(3)])


def add_hydrogens(
    model: Model,
    difference: DifferenceMap,
    radiation: str = "xray",
    bonds: list[list[Bond]] | None = None,
    least: float = 0.0,
) -> Model:
    """Add riding hydrogen atoms to carbon, nitrogen and oxygen.

    Carbon gets them by geometry: CH opposite to three neighbours, CH2, aromatic and olefinic CH on
    the bisector, CH3 with the torsion angle of the highest difference density. On N and O the
    difference density has to show them. U_iso is 1.2 U_eq of the carrier, 1.5 for CH3 and OH.

    Args:
        model: atoms without these hydrogen atoms; carriers that have some are passed over.
        difference: F_o - F_c of the model.
        radiation: "xray" places the electron cloud, others the nucleus.
        bonds: as `find_bonds` gives them.
        least: smallest density that shows a hydrogen atom on N or O, beside three rms and 0.4 of
            that of the hydrogen atoms on carbon.

    Returns:
        the model with the hydrogen atoms at its end, as groups that ride.

    References:
        Sheldrick (2015), Acta Cryst. C71, 3 (AFIX).
    """
    finder = _Finder(model, difference, radiation, bonds or find_bonds(model))
    sure, asked = [], []
    for atom in range(len(model)):
        number = int(model.atomic_numbers[atom])
        if number == 6:
            sure += finder.on_carbon(atom)
        elif number in (7, 8):
            asked += finder.on_nitrogen(atom) if number == 7 else finder.on_oxygen(atom)
    seen = [finder.evidence(group) for group in sure]
    least = max(least, _SIGMAS * difference.deviation)
    if seen:
        least = max(least, _SHARE * float(np.median(seen)))
    shown = [group for group in asked if finder.evidence(group) > least]
    return _joined(model, finder.apart(sure + shown))


def _joined(model: Model, groups: list[HydrogenGroup]) -> Model:
    """The model with the atoms of new groups."""
    if not groups:
        return model
    n = len(model)
    placed, carriers, numbered_groups = [], [], []
    for group in groups:
        places = group.places(model.frac, model.matrix)
        numbered_groups.append(
            dataclasses.replace(group, atoms=tuple(n + len(placed) + i for i in range(len(places))))
        )
        placed += list(places)
        carriers += [group.carrier] * len(places)
    labels = _labels(model, carriers)
    added = model.with_atoms(["H"] * len(placed), placed, labels=labels, site_tolerance=0.02)
    occupancies = np.concatenate([model.occupancies, model.occupancies[carriers]])
    return ride(
        added.replace(occupancies=occupancies, hydrogens=(*model.hydrogens, *numbered_groups))
    )


def _labels(model: Model, carriers: list[int]) -> tuple[str, ...]:
    """H7, or H7A, H7B, H7C of carrier C7; plain numbers where such names are taken."""
    labels = []
    for i, carrier in enumerate(carriers):
        digits = model.labels[carrier].lstrip(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
        )
        same = [k for k, other in enumerate(carriers) if other == carrier]
        suffix = "ABCDEFGH"[same.index(i)] if len(same) > 1 else ""
        symbol = "" if model.atomic_numbers[carrier] == 6 else model.species[carrier][:1]
        labels.append(f"H{symbol}{digits}{suffix}")
    if len(set(labels) | set(model.labels)) < len(labels) + len(model):
        return numbered(["H"] * len(labels), model.labels)
    return tuple(labels)


class _Finder:
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

    def on_carbon(self, atom: int) -> list[HydrogenGroup]:
        bonds = self.heavy(atom)
        if self.has_hydrogen(atom) or not 1 <= len(bonds) <= 3:
            return []
        v = self.vectors(atom, bonds)
        units = np.array([unit(one) for one in v])
        images = tuple(b.image for b in bonds)
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
        bonds = self.heavy(atom)
        if self.has_hydrogen(atom) or not 1 <= len(bonds) <= 3:
            return []
        v = self.vectors(atom, bonds)
        units = np.array([unit(one) for one in v])
        images = tuple(b.image for b in bonds)
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
