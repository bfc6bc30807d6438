"""Pseudoscalars: opposite for mirror images, zero for achiral crystals, left and right quartz."""

import itertools

import numpy as np
import pytest
from cells import atoms, in_cell, moved, rotation
from local_terms import arrays, check_gradients, compiled, mirrored, terms

from jaxtal._core import call_spglib
from jaxtal.crystal import Crystal, WyckoffCrystal, prototype
from jaxtal.descriptors.expansion import real_spherical_harmonics
from jaxtal.metric.terms._hand_vector import DEGREES
from jaxtal.metric.terms._triple_couplings import odd_coupling

TRIGONAL = (4.4572, 4.4572, 5.929, 90, 90, 120)


def chiral() -> dict[str, Crystal]:
    """Crystals of one hand; sites 1, 2, 3, 222 and 32 among them, and one where only 32 is."""
    rng = np.random.default_rng(11)
    free = [("C", rng.uniform(size=3)) for _ in range(4)]
    built = {
        "quartz": prototype("alpha-quartz"),
        "high quartz": prototype("beta-quartz"),
        "cristobalite": prototype("cristobalite"),
        "tellurium": WyckoffCrystal.build(152, TRIGONAL, [("Te", "3a", (0.2633, 0, 1 / 3))]),
        "net of 32": WyckoffCrystal.build(214, 4.2, [("C", "8a", (1 / 8, 1 / 8, 1 / 8))]),
        "SrSi2": WyckoffCrystal.build(
            212,
            6.535,
            [("Sr", "4a", (1 / 8, 1 / 8, 1 / 8)), ("Si", "8c", (0.4228, 0.4228, 0.4228))],
        ),
        "FeSi": WyckoffCrystal.build(
            198, 4.489, [("Fe", "4a", (0.1358,) * 3), ("Si", "4a", (0.844,) * 3)]
        ),
        "organic": WyckoffCrystal.build(
            19, (7.0, 8.0, 9.0, 90, 90, 90), [(name, "4a", tuple(x)) for name, x in free]
        ),
    }
    return {name: plan.expand() for name, plan in built.items()}


def achiral() -> dict[str, Crystal]:
    """Crystals that equal their mirror image by a mirror, an inversion, a glide, or -4 alone."""
    names = ("diamond", "rutile", "wurtzite", "zincblende", "corundum", "pyrite", "magnesium")
    found = {name: prototype(name).expand() for name in names}
    rng = np.random.default_rng(12)
    cells = {
        2: (5, 6, 7, 80, 95, 105),  # P -1
        7: (5, 6, 7, 90, 100, 90),  # P c
        14: (5, 6, 7, 90, 100, 90),  # P 2_1/c
        29: (5, 6, 7, 90, 90, 90),  # P c a 2_1
        81: (6, 6, 7, 90, 90, 90),  # P -4
        82: (6, 6, 7, 90, 90, 90),  # I -4
        114: (6, 6, 7, 90, 90, 90),  # P -4 2_1 c
        148: (7, 7, 8, 90, 90, 120),  # R -3
    }
    general = {2: "2i", 7: "2a", 14: "4e", 29: "4a", 81: "4h", 82: "8g", 114: "8e", 148: "18f"}
    for number, cell in cells.items():
        sites = [(z, general[number], tuple(rng.uniform(size=3))) for z in ("Si", "O")]
        sites = sites[: 1 if number == 148 else 2]
        found[f"group {number}"] = WyckoffCrystal.build(number, cell, sites).expand()
    return found


@pytest.fixture
def hands(x64) -> dict[str, np.ndarray]:
    return {name: terms(primitive(crystal))[1] for name, crystal in chiral().items()}


def primitive(crystal: Crystal) -> Crystal:
    """A primitive cell, so that all fit one size."""
    import spglib

    cell = call_spglib(spglib.standardize_cell, atoms(crystal), to_primitive=True, no_idealize=True)
    return Crystal.from_arrays(*cell)


def test_every_chiral_crystal_is_seen(hands):
    for name, v in hands.items():
        assert 0.2 < np.linalg.norm(v) < 3, name
    assert 0.7 < np.median([np.linalg.norm(v) for v in hands.values()]) < 1.4


def test_the_mirror_image_has_the_opposite_vector(x64, hands):
    for name, crystal in chiral().items():
        assert np.allclose(terms(mirrored(primitive(crystal)))[1], -hands[name], atol=1e-9), name


def test_left_and_right_groups(x64):
    """P3_121 and P3_221, P4_332 and P4_132 hold the two hands of one crystal."""
    right = WyckoffCrystal.build(152, TRIGONAL, [("Te", "3a", (0.2633, 0, 1 / 3))])
    left = WyckoffCrystal.build(154, TRIGONAL, [("Te", "3a", (0.2633, 0, 2 / 3))])
    a, b = terms(right)[1], terms(left)[1]
    assert np.allclose(a, -b, atol=1e-9)
    assert np.linalg.norm(a - b) > 1
    # P4_332 inverted through the origin is P4_132.
    sites = {
        212: (("Sr", "4a", 1 / 8), ("Si", "8c", 0.4228)),
        213: (("Sr", "4b", 7 / 8), ("Si", "8c", 0.5772)),
    }
    c, d = (
        terms(WyckoffCrystal.build(number, 6.535, [(z, w, (x,) * 3) for z, w, x in listed]))
        for number, listed in sites.items()
    )
    assert np.allclose(c[1], -d[1], atol=1e-9)
    assert np.linalg.norm(c[1]) > 0.2


def test_achiral_crystals_have_none(x64):
    for name, crystal in achiral().items():
        distances, hand = terms(primitive(crystal))
        assert np.abs(hand).max() < 1e-8, name
        assert np.linalg.norm(distances) > 0.5


def test_achiral_crystals_have_none_in_float32():
    for name in ("diamond", "rutile", "corundum"):
        hand = compiled(*arrays(primitive(prototype(name).expand()), "float32"))[1]
        assert float(np.abs(np.asarray(hand)).max()) < 1e-4, name


def test_invariances(x64, hands, rng):
    quartz = chiral()["quartz"]
    matrix, frac, numbers = atoms(quartz)
    turn = rotation(rng)
    turn = turn * np.sign(np.linalg.det(turn))
    others = [
        in_cell(quartz, np.diag([1, 1, 2])),
        in_cell(quartz, [[0, 1, 0], [1, 0, 0], [0, 0, 1]]),
        in_cell(quartz, [[1, 3, 0], [0, 1, 4], [0, 0, 1]]),
        moved(quartz, turn=turn, shift=rng.uniform(size=3)),
        Crystal.from_arrays(1.2 * matrix, frac, numbers),
    ]
    for other in others:
        assert np.allclose(terms(other)[1], hands["quartz"], atol=1e-6)


def test_gradients(x64, rng):
    matrix, frac, numbers = atoms(chiral()["quartz"])
    moved_atoms = frac + rng.normal(size=frac.shape) * 0.02
    # At full occupancy the derivatives in occupancies differ on the two sides.
    filled = rng.uniform(0.9, 0.98, len(numbers))
    check_gradients(1, Crystal.from_arrays(matrix, moved_atoms, numbers, occupancies=filled), rng)


def test_a_shared_site_is_the_mean_of_its_atoms(x64, hands):
    """Half silicon and half silicon on one site is silicon."""
    matrix, frac, numbers = atoms(chiral()["quartz"])
    order = np.array([0, 0, 1, 1, 2, 2, *range(3, 9)])
    doubled = Crystal.from_arrays(
        matrix, frac[order], numbers[order], occupancies=[0.5] * 6 + [1.0] * 6
    )
    assert np.allclose(terms(doubled)[1], hands["quartz"], atol=1e-6)


@pytest.mark.parametrize("degrees", DEGREES)
def test_couplings_are_pseudoscalars(rng, degrees):
    """Against random coefficients turned by rotations and reflections, and by exchange."""
    C = odd_coupling(*degrees)
    assert np.isclose((C * C).sum(), 1)
    turn = rotation(rng)
    points = rng.normal(size=(60, 3))
    turned = []
    for l in degrees:
        part = slice(l * l, (l + 1) ** 2)
        old, new = (real_spherical_harmonics(p, 4)[:, part] for p in (points, points @ turn))
        turned.append(np.linalg.lstsq(old, new, rcond=None)[0])
    rotated = np.einsum("xyz,ax,by,cz->abc", C, *turned)
    assert np.allclose(rotated, np.linalg.det(turn) * C, atol=1e-10)
    for i, j in itertools.combinations(range(3), 2):
        if degrees[i] == degrees[j]:
            assert np.allclose(np.swapaxes(C, i, j), -C, atol=1e-12)


@pytest.mark.parametrize("degrees", [(1, 1, 2), (1, 1, 3), (2, 2, 2)])
def test_other_couplings_are_refused(degrees):
    with pytest.raises(ValueError, match="triangle"):
        odd_coupling(*degrees)
