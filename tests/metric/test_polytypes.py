"""Stacking sequences, which differ beyond the second neighbours alone, are different crystals."""

import numpy as np
import pytest

from jaxtal.crystal import Crystal
from jaxtal.metric import DUPLICATE_DISTANCE, CrystalMetric

METRIC = CrystalMetric(composition=1, stacking=1)
#: Runs of layers that follow each other as A, B, C and as C, B, A, and how often they repeat.
ZHDANOV = {
    "2H": ((1, 1), 1),
    "3C": ((3,), 1),
    "4H": ((2, 2), 1),
    "6H": ((3, 3), 1),
    "8H": ((4, 4), 1),
    "9R": ((2, 1), 3),
    "10H": ((5, 5), 1),
    "15R": ((3, 2), 3),
    "21R": ((4, 3), 3),
}
PLACES = np.array([[0, 0], [1 / 3, 2 / 3], [2 / 3, 1 / 3]])
#: Edge and distance of layers, angstrom; atomic numbers of each layer and of what is between.
COMPOUNDS = {
    "SiC": (3.081, 2.519, 14, 6),
    "ZnS": (3.823, 3.130, 30, 16),
    "Co": (2.507, 2.035, 27, None),
    "CdI2": (4.240, 3.420, 53, 48),
}


def layers(name):
    runs, times = ZHDANOV[name]
    signs = np.concatenate([np.full(n, (-1) ** i) for i, n in enumerate(runs)] * times)
    places = np.concatenate([[0], np.cumsum(signs)]) % 3
    assert places[-1] == 0
    return places[:-1]


def polytype(compound, name):
    a, step, z, other = COMPOUNDS[compound]
    stack = layers(name)
    if compound == "CdI2" and len(stack) % 2:
        stack = np.tile(stack, 2)
    n = len(stack)
    points, numbers = [], []
    for i, place in enumerate(stack):
        points.append([*PLACES[place], i / n])
        numbers.append(z)
        if compound in ("SiC", "ZnS"):
            points.append([*PLACES[place], (i + 0.75) / n])
            numbers.append(other)
        elif compound == "CdI2" and i % 2 == 0:  # octahedra of every other gap
            points.append([*PLACES[3 - place - stack[i + 1]], (i + 0.5) / n])
            numbers.append(other)
    matrix = [[a, 0, 0], [-a / 2, a * 3**0.5 / 2, 0], [0, 0, n * step]]
    return Crystal.from_arrays(matrix, points, numbers)


def moved(crystal, size, rng):
    """Every atom moved at random, by `size` (r.m.s.)."""
    matrix, frac = np.asarray(crystal.lattice.matrix), np.asarray(crystal.frac_coords)
    steps = rng.standard_normal(frac.shape)
    steps *= size / np.sqrt(np.mean(np.sum(steps**2, axis=1)))
    return Crystal.from_arrays(matrix, frac + steps @ np.linalg.inv(matrix), crystal.atomic_numbers)


@pytest.mark.parametrize("compound", COMPOUNDS)
def test_polytypes_are_apart_and_noise_is_not(compound, rng):
    ideal = [polytype(compound, name) for name in ZHDANOV]
    noisy = [moved(crystal, 0.02, rng) for crystal in ideal]
    found = METRIC([*ideal, *noisy])
    assert found.complete.all()
    n = len(ideal)
    vectors = np.asarray(found.vector)
    apart = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
    same = np.equal.outer(np.arange(2 * n) % n, np.arange(2 * n) % n)
    assert apart[same].max() < 0.6 * DUPLICATE_DISTANCE
    assert apart[~same].min() > 1.3 * DUPLICATE_DISTANCE
    np.testing.assert_array_equal(found.groups(), np.arange(2 * n) % n)
