"""Crystals of random atoms, and their structure factors by the definition."""

import numpy as np

from jaxtal.crystal import HostAtoms
from jaxtal.scattering import FormFactors
from jaxtal.symmetry import SpaceGroup

ORGANIC = ["O", "O", "N", "N"] + ["C"] * 10


def structure_factors(k, group, matrix, elements, x, b_iso=1.5):
    s2 = (np.linalg.norm(k @ np.linalg.inv(matrix).T, axis=1) / 2) ** 2
    f = np.asarray(FormFactors.build(elements, host=True)(s2), float)
    W, w = group.rotations, group.translations / group.denominator
    F = np.zeros(len(k), complex)
    for one, point in zip(f, x, strict=True):
        F += one * np.exp(2j * np.pi * (k @ (W @ point + w).T)).sum(axis=1)
    return F * np.exp(-b_iso * s2)


def crystal(name, cell, elements, seed=0, apart=1.3):
    """A group, a cell, and atoms at random general positions that keep their distance."""
    group, rng = SpaceGroup.find(name), np.random.default_rng(seed)
    matrix = HostAtoms.from_arrays(np.array(cell, float), np.zeros((1, 3)), [1]).matrix
    W, w = group.rotations, group.translations / group.denominator
    taken, x = np.zeros((0, 3)), []
    while len(x) < len(elements):
        images = W @ (point := rng.random(3)) + w
        others = np.concatenate([taken, images[1:]]) - images[0]
        if np.linalg.norm((others - np.round(others)) @ matrix, axis=1).min(initial=np.inf) > apart:
            x.append(point)
            taken = np.concatenate([taken, images])
    return group, matrix, np.array(x)
