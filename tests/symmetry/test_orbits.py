"""Orbits of wave vectors against structure factors of atoms put there by the operations."""

import numpy as np
import pytest

from jaxtal.symmetry import Orbits, SpaceGroup, SymOp, absent, laue_unique
from jaxtal.symmetry._orbits import OrbitKind, takes_mesh_to_itself

GROUPS = {
    "P 1": SpaceGroup.find("P 1"),
    "P 1 21/c 1": SpaceGroup.find("P 1 21/c 1"),
    "P 61": SpaceGroup.find("P 61"),
    "I -4 2 d": SpaceGroup.find("I -4 2 d"),
    "F d -3 m": SpaceGroup.find("F d -3 m"),
    "superspace": SpaceGroup.from_generators(["-x1,x2+1/2,-x3,x4", "-x1,-x2,-x3,-x4"]),
    "decagonal": SpaceGroup.find("decagonal P10_5/mmc"),
    "icosahedral": SpaceGroup.find("icosahedral P235"),
}


def some_indices(group: SpaceGroup, rng, count: int = 60) -> np.ndarray:
    k = rng.integers(-4, 5, (count, group.dimension))
    axes = np.eye(group.dimension, dtype=int)
    k = np.concatenate([k, axes, 2 * axes, axes - np.roll(axes, 1, axis=0)])
    k = k[k.any(axis=1)]
    return np.unique(laue_unique(k, group.laue_rotations)[0], axis=0)


def structure_factors(group: SpaceGroup, k: np.ndarray, rng) -> np.ndarray:
    """F of three atoms and all their images, (refl,)."""
    atoms, weights = rng.random((3, group.dimension)), rng.random(3) + 0.5
    F = np.zeros(len(k), complex)
    for W, w in zip(group.rotations, group.translations / group.denominator, strict=True):
        F += np.exp(2j * np.pi * k @ (atoms @ W.T + w).T) @ weights
    return F


@pytest.mark.parametrize("name", GROUPS)
def test_kinds_and_phases_hold_for_structure_factors(name, rng):
    group = GROUPS[name]
    k = some_indices(group, rng)
    orbits = Orbits.build(group, k)
    F = structure_factors(group, k, rng)
    scale = np.abs(F).max()
    extinct = orbits.kind == OrbitKind.EXTINCT
    np.testing.assert_array_equal(extinct, absent(k, group))
    assert np.abs(F[extinct]).max(initial=0) < 1e-9 * scale
    in_gauge = F * np.exp(-2j * np.pi * orbits.angle)
    assert np.abs(np.imag(in_gauge)[orbits.real]).max(initial=0) < 1e-9 * scale
    free = orbits.kind == OrbitKind.COMPLEX
    assert (np.abs(np.imag(F)[free]) > 1e-9).all()
    members = structure_factors(group, orbits.members, np.random.default_rng(20260127))
    first = structure_factors(group, k, np.random.default_rng(20260127))
    expected = first[orbits.orbit] * np.exp(2j * np.pi * orbits.phase)
    np.testing.assert_allclose(members, expected, atol=1e-9 * scale)


@pytest.mark.parametrize("name", GROUPS)
def test_members_are_the_whole_orbit_one_of_each_friedel_pair(name, rng):
    group = GROUPS[name]
    orbits = Orbits.build(group, some_indices(group, rng))
    everything = {tuple(k) for k in orbits.all_indices}
    assert len(everything) == len(orbits.all_indices) == orbits.n_reflections
    for i in np.flatnonzero(orbits.kind != OrbitKind.EXTINCT):
        images = {tuple(k) for W in group.laue_rotations for k in [orbits.k[i] @ W]}
        assert len(images) == orbits.multiplicity[i]
        assert images <= everything
    assert sum(orbits.counts.values()) == len(orbits.k)


def test_two_rows_of_one_orbit_are_refused_by_name():
    group = SpaceGroup.find("P 4")
    with pytest.raises(ValueError, match=r"rows 0 \[1, 2, 3\] and 1 \[-2, 1, 3\]"):
        Orbits.build(group, np.array([[1, 2, 3], [-2, 1, 3]]))
    with pytest.raises(ValueError, match=r"shape \(refl, 3\)"):
        Orbits.build(group, np.array([[1, 2, 3, 4]]))


def test_the_origin_of_reciprocal_space_is_one_real_reflection():
    orbits = Orbits.build(SpaceGroup.find("P 21"), np.array([[0, 0, 0], [1, 0, 0]]))
    assert orbits.kind[0] == OrbitKind.REAL
    assert orbits.multiplicity.tolist() == [1, 2]
    assert len(orbits.all_indices) == 3


def test_large_indices_in_many_dimensions_do_not_overflow():
    group = SpaceGroup.from_operations([SymOp.identity(9)])
    k = np.array([[400] * 9, [-399] + [400] * 8])
    assert Orbits.build(group, k).n_reflections == 4


def test_modulus_of_a_mesh():
    """Aliases are one wave: on the zone boundary -k is k, and more stars are real or extinct."""
    group = SpaceGroup.find("P 1")
    free = Orbits.build(group, np.array([[2, 0, 0], [1, 0, 0]]))
    mesh = Orbits.build(group, np.array([[2, 0, 0], [1, 0, 0]]), modulus=(4, 4, 4))
    assert free.kind.tolist() == [OrbitKind.COMPLEX] * 2
    assert mesh.kind.tolist() == [OrbitKind.REAL, OrbitKind.COMPLEX]
    assert mesh.multiplicity.tolist() == [1, 2]
    assert mesh.own_mate.tolist() == [True, False]
    assert len(mesh.all_indices) == 3

    # A glide along c takes (2, 1, 1) to its alias (-2, 1, 1) with the other sign.
    glide = SpaceGroup.find("P 1 c 1")
    k = np.array([[1, 2, 1]])
    assert Orbits.build(glide, k).kind.tolist() == [OrbitKind.COMPLEX]
    assert Orbits.build(glide, k, modulus=(4, 4, 4)).kind.tolist() == [OrbitKind.EXTINCT]


def test_modulus_that_does_not_fit():
    with pytest.raises(ValueError, match="modulus"):
        Orbits.build(SpaceGroup.find("P 1 c 1"), np.array([[1, 0, 0]]), modulus=(4, 4, 3))
    with pytest.raises(ValueError, match="equivalent"):
        Orbits.build(SpaceGroup.find("P 1"), np.array([[1, 0, 0], [3, 0, 0]]), modulus=(4, 4, 4))


def test_operations_that_take_a_mesh_to_itself():
    group = SpaceGroup.find("P 41")
    assert takes_mesh_to_itself(group, (6, 6, 8)).all()
    fits = takes_mesh_to_itself(group, (6, 6, 6))
    assert fits.tolist() == [w[2] in (0, 2) for w in group.translations.tolist()]
    assert takes_mesh_to_itself(group, (6, 5, 8)).tolist() == [
        bool((np.array(op.rotation)[:2, :2] != 0)[0, 0]) for op in group.operations
    ]
