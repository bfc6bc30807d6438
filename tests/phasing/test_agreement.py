"""Phase sets that differ by origin and hand agree; others do not."""

import dataclasses

import numpy as np
import pytest

from jaxtal.phasing import Equivalences
from jaxtal.phasing._agreement import compare_phases
from jaxtal.phasing._families import linked_families
from jaxtal.symmetry import Orbits, SpaceGroup, SymOp


def half_ball(dimension, radius):
    axes = [np.arange(-radius, radius + 1)] * dimension
    k = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, dimension)
    k = k[(k**2).sum(axis=1) <= radius**2]
    leading = k[np.arange(len(k)), (k != 0).argmax(axis=1)]
    return k[leading > 0]


def orbits_of(group, radius):
    """Representatives of all orbits that are not extinct."""
    k = half_ball(group.dimension, radius)
    images = np.einsum("ni,pij->pnj", k, group.laue_rotations)
    order = np.lexsort(np.moveaxis(images, -1, 0)[::-1], axis=0)[-1]
    k = np.unique(images[order, np.arange(len(k))], axis=0)
    orbits = Orbits.build(group, k)
    return Orbits.build(group, k[orbits.kind < 2])


def random_phases(orbits, rng, starts=()):
    modulus = rng.gamma(2.0, size=len(orbits.k))
    phase = rng.uniform(0, 2 * np.pi, size=(*starts, len(orbits.k)))
    f = modulus * np.exp(1j * phase)
    return np.where(orbits.real, modulus * np.sign(f.real), f)


def trivial(dimension):
    return SpaceGroup.from_operations([SymOp.identity(dimension)])


MODULATED = SpaceGroup.from_generators(
    [SymOp(np.diag([-1, 1, -1, 1]), [0, 1, 0, 0], 2)]  # polar along x2 and x4
)
ICOSAHEDRAL = SpaceGroup.from_generators(
    [
        SymOp(np.eye(6, dtype=int)[[2, 0, 1, 5, 3, 4]]),
        SymOp(
            [
                [1, 0, 0, 0, 0, 0],
                [0, 0, 0, 0, 1, 0],
                [0, 1, 0, 0, 0, 0],
                [0, 0, 1, 0, 0, 0],
                [0, 0, 0, 0, 0, -1],
                [0, 0, 0, -1, 0, 0],
            ]
        ),
    ]
)
CASES = {
    "P1 in 2D": (trivial(2), 8),
    "P1 in 3D": (SpaceGroup.find("P1"), 6),
    "P1 in 6D": (trivial(6), 2),
    "P21": (SpaceGroup.find("P 21"), 6),
    "P212121": (SpaceGroup.find("P 21 21 21"), 7),
    "P41": (SpaceGroup.find("P 41"), 7),
    "Fdd2": (SpaceGroup.find("F d d 2"), 9),
    "I-43d": (SpaceGroup.find("I -4 3 d"), 9),
    "P21/c": (SpaceGroup.find("P 21/c"), 6),
    "modulated": (MODULATED, 4),
    "icosahedral": (ICOSAHEDRAL, 3),
}


@pytest.fixture(scope="module")
def equivalences():
    return {name: Equivalences.build(orbits_of(*case)) for name, case in CASES.items()}


@pytest.mark.parametrize("name", CASES)
def test_a_moved_copy_agrees_entirely(name, equivalences, rng):
    e = equivalences[name]
    orbits = e.orbits
    f = random_phases(orbits, rng)
    origin = e.discrete[-1] + rng.random(len(e.continuous)) @ e.continuous
    hands = [(False, origin)] + ([] if e.hand is None else [(True, origin + e.hand)])
    for inverted, t in hands:
        copy = e.move(f, t, inverted)
        # The move is what moving the density does: every reflection turns by k.t.
        F = f * np.exp(2j * np.pi * orbits.angle)
        F = (np.conj(F) if inverted else F) * np.exp(2j * np.pi * orbits.k @ t)
        np.testing.assert_allclose(copy * np.exp(2j * np.pi * orbits.angle), F, atol=1e-9)
        np.testing.assert_allclose(np.abs(copy), np.abs(f), atol=1e-9)
        found = e.compare(f, copy)
        assert found.value > 1 - 1e-9
        assert found.correlation > 1 - 1e-9
        np.testing.assert_allclose(e.move(copy, found.shift, found.inverted), f, atol=1e-4)
        if not orbits.real.all():
            assert found.inverted == inverted


@pytest.mark.parametrize("name", CASES)
def test_every_allowed_origin_keeps_the_group(name, equivalences, rng):
    e = equivalences[name]
    k, W = e.orbits.members, e.orbits.group.rotations
    for t in [*e.discrete, rng.random(len(e.continuous)) @ e.continuous]:
        turns = np.einsum("mi,pij,j->pm", k, W, t) - k @ t
        np.testing.assert_allclose(turns, np.round(turns), atol=1e-9)


@pytest.mark.parametrize("name", ["P1 in 3D", "P21", "P212121", "modulated", "icosahedral"])
@pytest.mark.parametrize("noise", [0.5, 1.2])
def test_disturbed_copies_are_found_again(name, noise, equivalences, rng):
    e = equivalences[name]
    f = random_phases(e.orbits, rng)
    disturbed = f * np.exp(1j * noise * rng.normal(size=f.shape))
    disturbed = np.where(e.orbits.real, f, disturbed)
    w = e.orbits.multiplicity * np.abs(f) ** 2
    direct = float(np.sum(w * np.cos(np.angle(f / disturbed))) / w.sum())
    t = e.discrete[-1] + rng.random(len(e.continuous)) @ e.continuous
    found = e.compare(f, e.move(disturbed, t))
    assert direct - 1e-9 <= found.value < direct + 0.06
    assert not found.inverted


def test_unrelated_phases_do_not_agree(equivalences, rng):
    for name in ("P212121", "I-43d", "icosahedral"):
        e = equivalences[name]
        f, g = random_phases(e.orbits, rng, (2,))
        assert e.compare(f, g).value < 0.6


def test_the_value_is_the_weighted_mean_cosine(equivalences, rng):
    orbits = equivalences["P212121"].orbits
    e = Equivalences(orbits, np.zeros((1, 3)), np.zeros((0, 3), int), None)
    f, g = random_phases(orbits, rng, (2,))
    m, modulus = orbits.multiplicity, np.abs(f)
    cosine = np.cos(np.angle(f) - np.angle(g))
    for weighting, w in (("amplitude", modulus), ("intensity", modulus**2)):
        expected = np.sum(m * w * cosine) / np.sum(m * w)
        assert e.compare(f, g, weighting=weighting).value == pytest.approx(expected, abs=1e-12)
        matrix = e.pairwise(np.stack([f, g]), weighting=weighting)
        np.testing.assert_allclose(matrix, [[1, expected], [expected, 1]], atol=1e-12)
    weight = rng.random(len(f))
    expected = np.sum(m * weight * cosine) / np.sum(m * weight)
    assert e.compare(f, g, weight).value == pytest.approx(expected, abs=1e-12)
    # Densities correlate over all reflections, Friedel mates and equivalents counted.
    a, b = (x[orbits.orbit] * np.exp(2j * np.pi * orbits.phase) for x in (f, g))
    expected = np.sum((np.conj(a) * b).real) / np.sqrt(
        np.sum(np.abs(a) ** 2) * np.sum(np.abs(b) ** 2)
    )
    assert e.compare(f, g).correlation == pytest.approx(expected, abs=1e-12)


def test_hands_are_told_apart_on_request_and_in_enantiomorphic_groups(equivalences, rng):
    e = equivalences["P212121"]
    f = random_phases(e.orbits, rng)
    assert compare_phases(e.orbits, f, e.move(f, e.hand, True)).inverted
    assert compare_phases(e.orbits, f, e.move(f, e.hand, True), hands=False).value < 0.7
    assert equivalences["P41"].hand is None
    assert equivalences["P21/c"].hand is None  # inversion is in the group


@pytest.mark.parametrize("name", ["P212121", "modulated", "icosahedral"])
def test_pairwise_equals_one_by_one(name, equivalences, rng):
    e = equivalences[name]
    f = random_phases(e.orbits, rng, (4,))
    f[2] = e.move(f[0], e.discrete[-1] + 0.37 * e.continuous.sum(axis=0))
    f[3] *= 0.5
    matrix = e.pairwise(f)
    one_by_one = [[e.compare(a, b).value for b in f] for a in f]
    np.testing.assert_allclose(matrix, one_by_one, atol=1e-3)
    np.testing.assert_allclose(np.diag(matrix), 1.0, atol=1e-9)
    np.testing.assert_array_equal(matrix, matrix.T)
    assert matrix[0, 2] > 1 - 1e-9
    assert linked_families(matrix, 0.9) == [[0, 2], [1], [3]]


def test_families_are_chains_largest_first():
    matrix = np.eye(5)
    for i, j in ((1, 3), (3, 4), (0, 2)):
        matrix[i, j] = matrix[j, i] = 0.97
    assert linked_families(matrix, 0.95) == [[1, 3, 4], [0, 2]]


def test_bad_input(equivalences, rng):
    e = equivalences["P212121"]
    f = random_phases(e.orbits, rng)
    with pytest.raises(ValueError, match="expected amplitudes of"):
        e.compare(f, f[1:])
    with pytest.raises(ValueError, match=r"f2\[3\]: expected a finite"):
        e.compare(f, np.where(np.arange(len(f)) == 3, np.nan, f))
    with pytest.raises(ValueError, match="weight in common"):
        e.compare(f, 0 * f)
    with pytest.raises(ValueError, match=r"f\[1\]: every amplitude is zero"):
        e.pairwise(np.stack([f, 0 * f]))
    with pytest.raises(ValueError, match="weight"):
        e.compare(f, f, -np.ones(len(f)))
    assert dataclasses.is_dataclass(e.compare(f, f))


def test_a_known_structure_is_recognised(data_dir, rng):
    """The modulated model: origin, phason shift and hand, with F from its atoms."""
    data = np.load(data_dir / "quasicrystal" / "synthetic_mod4d" / "mod4d.npz")
    e = Equivalences.build(Orbits.build(MODULATED, data["k"]))
    assert sorted(map(tuple, np.abs(e.continuous))) == [(0, 0, 0, 1), (0, 1, 0, 0)]
    f = data["F"] * np.exp(-2j * np.pi * e.orbits.angle)
    shift = np.array([0.5, 0.123, 0.5, 0.789])
    found = e.compare(f, e.move(f, shift, True))
    assert found.value > 1 - 1e-9
    assert found.inverted
