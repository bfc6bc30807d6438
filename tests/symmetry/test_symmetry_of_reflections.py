"""Equivalents, absences, epsilon and centric reflections against gemmi and against counting."""

import gemmi
import numpy as np
import pytest

from jaxtal.symmetry import SpaceGroup, SymOp, absent, centric, epsilon, laue_unique

GROUPS = ["P 1", "P 21/c", "P 21/n", "P 21 21 21", "F d d 2", "I 41/a m d", "R -3 c", "R -3 c :R"]
GROUPS += ["P 61 2 2", "P -6 2 c", "I a -3 d", "F d -3 m :1", "F d -3 c"]


def _box(limit: int) -> np.ndarray:
    axis = np.arange(-limit, limit + 1)
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)


@pytest.mark.parametrize("name", GROUPS)
def test_absences_epsilon_and_centric_agree_with_gemmi(name):
    group = SpaceGroup.find(name)
    assert group.hm is not None
    peer = gemmi.SpaceGroup(group.hm).operations()
    hkl = _box(4)
    listed = hkl.tolist()
    np.testing.assert_array_equal(
        absent(hkl, group), [peer.is_systematically_absent(h) for h in listed]
    )
    np.testing.assert_array_equal(
        epsilon(hkl, group), [peer.epsilon_factor_without_centering(h) for h in listed]
    )
    np.testing.assert_array_equal(
        centric(hkl, group), [peer.is_reflection_centric(h) for h in listed]
    )


@pytest.mark.parametrize("name", GROUPS)
def test_laue_representatives_partition_the_reflections(name):
    group = SpaceGroup.find(name)
    hkl = _box(3)
    representatives, multiplicity = laue_unique(hkl, group.laue_rotations)
    for h, representative, count in zip(hkl, representatives, multiplicity, strict=True):
        equivalents = {tuple(map(int, h @ W)) for W in group.laue_rotations}
        assert tuple(map(int, representative)) == max(equivalents)
        assert count == len(equivalents)
    # A box that the group keeps: each orbit occurs as often as its multiplicity says.
    if name != "R -3 c" and not name.startswith("P 6") and not name.startswith("P -6"):
        _, index, counts = np.unique(representatives, axis=0, return_index=True, return_counts=True)
        np.testing.assert_array_equal(counts, multiplicity[index])


def test_absent_reflections_have_no_structure_factor(rng):
    group = SpaceGroup.find("I 41/a m d")
    frac = np.concatenate(
        [op(rng.uniform(size=(1, 3)) * 0 + [0.13, 0.29, 0.41]) for op in group.operations]
    )
    hkl = _box(3)
    F = np.abs(np.exp(2j * np.pi * hkl @ frac.T).sum(1))
    missing = absent(hkl, group)
    assert 0.5 < missing.mean() < 0.9
    assert F[missing].max() < 1e-9
    assert F[~missing].min() > 1e-6


def test_any_dimension():
    square = SpaceGroup.from_generators([SymOp([[0, -1], [1, 0]]), SymOp([[1, 0], [0, -1]])])
    hk = np.array([[1, 2], [-2, 1], [0, 3], [2, 2], [0, 0]])
    representatives, multiplicity = laue_unique(hk, square.laue_rotations)
    assert representatives.tolist() == [[2, 1], [2, 1], [3, 0], [2, 2], [0, 0]]
    assert multiplicity.tolist() == [8, 8, 4, 4, 1]
    assert epsilon(hk, square).tolist() == [1, 1, 2, 2, 8]
    glide = SpaceGroup.from_generators([SymOp([[1, 0], [0, -1]], [1, 0], 2)])
    assert absent(np.array([[1, 0], [2, 0], [1, 1]]), glide).tolist() == [True, False, False]


def test_empty_and_bad_indices():
    group = SpaceGroup.find("P 21/c")
    representatives, multiplicity = laue_unique(np.zeros((0, 3), dtype=int), group.laue_rotations)
    assert representatives.shape == (0, 3)
    assert multiplicity.shape == (0,)
    with pytest.raises(ValueError, match=r"shape \(refl, 3\)"):
        absent(np.zeros((4, 2), dtype=int), group)
