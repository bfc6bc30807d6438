"""Hydrogen atoms by geometry, and by the difference density where geometry does not tell."""

import dataclasses

import numpy as np

from ._bonds import Bond, find_bonds
from ._difference import DifferenceMap
from ._hydrogen_sites import HydrogenFinder
from ._labels import numbered
from ._model import Model
from ._parameters import ride
from ._riding import HydrogenGroup

#: Evidence that a hydrogen atom on N or O needs: of the density at sure ones, and of the rms.
_SHARE, _SIGMAS = 0.4, 3.0


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
    finder = HydrogenFinder(model, difference, radiation, bonds or find_bonds(model))
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
