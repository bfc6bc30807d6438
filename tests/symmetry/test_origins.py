"""Allowed origins and the hand of a group, against International Tables and by brute force."""

import numpy as np
import pytest

from jaxtal.symmetry import BasisChange, SpaceGroup, SymOp, allowed_origins
from jaxtal.symmetry._origins import hand_shift
from jaxtal.symmetry._unseen_translations import with_unseen_translations

ENANTIOMORPHIC = [76, 78, 91, 92, 95, 96, 144, 145, *range(151, 155), *range(169, 173)]
ENANTIOMORPHIC += [*range(178, 182), 212, 213]
STEPS = 24


@pytest.mark.parametrize(
    ("name", "count", "continuous"),
    [
        ("P 1", 1, [[1, 0, 0], [0, 1, 0], [0, 0, 1]]),
        ("P -1", 8, []),
        ("P 21", 4, [[0, 1, 0]]),
        ("P m", 2, [[1, 0, 0], [0, 0, 1]]),
        ("C 2", 2, [[0, 1, 0]]),
        ("C 2/m", 4, []),
        ("P 21 21 21", 8, []),
        ("I 2 2 2", 4, []),
        ("F 2 2 2", 4, []),
        ("P 3", 3, [[0, 0, 1]]),
        ("R 3 :H", 1, [[0, 0, 1]]),
        ("R 3 :R", 1, [[1, 1, 1]]),
        ("P 3 2 1", 2, []),
        ("P 3 1 2", 6, []),
        ("P -6", 6, []),
        ("P 61", 1, [[0, 0, 1]]),
        ("I -4", 4, []),
        ("I 41", 1, [[0, 0, 1]]),
        ("F -4 3 m", 4, []),
        ("F m -3 m", 2, []),
        ("I m -3 m", 1, []),
        ("P m -3 m", 2, []),
        ("icosahedral P235", 2, []),
        pytest.param("icosahedral Fm-3-5", 4, [], marks=pytest.mark.slow),
        ("icosahedral Im-3-5", 1, []),
        ("decagonal P10_5mc", 1, [[0, 0, 0, 0, 1]]),
    ],
)
def test_counts_of_the_euclidean_normalisers(name, count, continuous):
    """International Tables A, section 3.5.2: additional translations of the normaliser."""
    origins = allowed_origins(SpaceGroup.find(name))
    assert origins.discrete.shape == (count, len(origins.discrete[0]))
    assert origins.continuous.tolist() == continuous
    assert not origins.discrete[0].any()


def test_icosahedral_origins():
    origins = allowed_origins(SpaceGroup.find("icosahedral P235"))
    np.testing.assert_array_equal(origins.discrete, [[0.0] * 6, [0.5] * 6])


def _on_mesh(group):
    """Number of shifts on a mesh of 1 / STEPS that keep the group, by trying all of them."""
    mesh = np.indices((STEPS,) * 3).reshape(3, -1).T
    scale = STEPS // group.denominator
    centring = {tuple(v) for v in (group.centering * scale % STEPS).tolist()}
    lattice = np.zeros((STEPS,) * 3, dtype=bool)
    lattice[tuple(np.array(sorted(centring)).T)] = True
    kept = np.ones(len(mesh), dtype=bool)
    for W in group.point_rotations:
        kept[kept] = lattice[tuple(((mesh[kept] @ (W.T - np.eye(3, dtype=int))) % STEPS).T)]
    return int(kept.sum()), len(centring)


@pytest.mark.parametrize("number", [*range(1, 230, 7), 5, 43, 70, 146, 166, 210, 214, 227, 230])
def test_counts_agree_with_trying_a_mesh_of_shifts(number):
    group = SpaceGroup.from_number(number)
    origins = allowed_origins(group)
    found, centring = _on_mesh(group)
    # Every component is a torus of STEPS^c shifts, unless centring translations lie along it.
    directions = origins.continuous.astype(float)
    fractions = group.centering / group.denominator
    along = (
        fractions @ np.linalg.pinv(directions) @ directions if len(directions) else 0 * fractions
    )
    inside = int((np.abs(along - fractions).max(axis=1) < 1e-9).sum())
    assert found * inside == len(origins.discrete) * centring * STEPS ** len(directions)


@pytest.mark.parametrize(
    "name", ["P 43 21 2", "I 41 c d", "F d d 2", "P 21/n", "R 3 2:R", "A m a 2"]
)
def test_shifted_origins_keep_the_operations(name, rng):
    group = SpaceGroup.find(name)
    origins = allowed_origins(group)
    for t in origins.fractions:
        along = [int(v) for v in rng.integers(1, 97, len(origins.continuous)) @ origins.continuous]
        shift = [v + type(v)(a, 97) for v, a in zip(t, along or [0] * 3, strict=True)]
        change = BasisChange.from_fractions(np.eye(3, dtype=int).tolist(), shift)
        assert set(map(change.transform, group.operations)) == set(group.operations)


def test_all_settings_have_as_many_origins_as_the_standard_one():
    for name in [
        "P 21/n",
        "P 1 1 21",
        "F d -3 m:1",
        "R -3 c:R",
        "I 1 2/m 1",
        "P n n n:1",
        "B 1 1 2",
    ]:
        group = SpaceGroup.find(name)
        standard = SpaceGroup.from_number(group.number)
        assert len(allowed_origins(group).discrete) == len(allowed_origins(standard).discrete)


@pytest.mark.slow
def test_hand_of_the_230_groups():
    fixed = [n for n in range(1, 231) if hand_shift(SpaceGroup.from_number(n)) is None]
    assert fixed == ENANTIOMORPHIC


@pytest.mark.parametrize(
    ("name", "shift"),
    [
        # The inversion centres that the MOVE instruction of SHELXL needs for these seven groups.
        ("F d d 2", [0.25, 0.25, 0]),
        ("I 41", [0, 0.5, 0]),
        ("I 41 2 2", [0, 0.5, 0.25]),
        ("I 41 m d", [0, 0.5, 0]),
        ("I 41 c d", [0, 0.5, 0]),
        ("I -4 2 d", [0, 0.5, 0.25]),
        ("F 41 3 2", [0.25, 0.25, 0.25]),
        ("P 21", [0, 0, 0]),
    ],
)
def test_hand_shift_is_the_known_one_up_to_the_origin(name, shift):
    group = SpaceGroup.find(name)
    found = hand_shift(group)
    assert found is not None
    origins = allowed_origins(group)
    difference = np.array(shift) - found
    difference -= difference * (np.abs(origins.continuous).sum(axis=0) > 0)
    candidates = origins.discrete[:, None] + (group.centering / group.denominator)[None]
    distance = difference - candidates.reshape(-1, 3)
    assert np.abs(distance - np.rint(distance)).max(axis=1).min() < 1e-12


@pytest.mark.parametrize("name", ["I 41 c d", "F 41 3 2", "P 21 21 21", "octagonal P8_4/nbc"])
def test_the_other_hand_has_structure_factors_of_the_same_group(name, rng):
    group = SpaceGroup.find(name)
    s = hand_shift(group)
    assert s is not None
    x = rng.uniform(size=group.dimension)
    atoms = np.stack([op(x) for op in group.operations])
    k = rng.integers(-4, 5, (30, group.dimension))

    def other(k):
        return np.conj(np.exp(2j * np.pi * k @ atoms.T).sum(1)) * np.exp(2j * np.pi * k @ s)

    for op in group.operations:
        expected = other(k) * np.exp(1j * op.phase_shift(k))
        np.testing.assert_allclose(other(op.transform_hkl(k)), expected, atol=1e-9)


def test_hand_in_other_dimensions():
    assert hand_shift(SpaceGroup.find("decagonal P10_1 2 2")) is None
    assert hand_shift(SpaceGroup.find("icosahedral P235_1")) is None
    assert hand_shift(SpaceGroup.find("icosahedral F235")) is not None
    modulated = SpaceGroup.from_generators(["-x1,x2+1/2,-x3,x4"])
    assert allowed_origins(modulated).continuous.tolist() == [[0, 1, 0, 0], [0, 0, 0, 1]]
    assert hand_shift(modulated) is not None
    assert len(allowed_origins(SpaceGroup.from_generators([SymOp.identity(4)])).continuous) == 4


def test_reflections_on_a_sublattice_leave_more_origins():
    """With l even only, the density repeats at c / 2, and the origin may move by c / 4."""
    group = SpaceGroup.find("P -1")
    k = np.argwhere(np.ones((5, 5, 5))) - 2
    assert with_unseen_translations(group, k) is group
    halved = with_unseen_translations(group, k[k[:, 2] % 2 == 0])
    assert halved.order == 4
    shifts = {tuple(t) for t in allowed_origins(halved).discrete}
    assert (0.0, 0.0, 0.25) in shifts
    assert len(shifts) == 8
    flat = k[k[:, 2] == 0]
    assert with_unseen_translations(group, flat) is group
    face_centred = SpaceGroup.find("F m -3 m")
    allowed = k[(k % 2 == k[:, :1] % 2).all(axis=1)]
    assert with_unseen_translations(face_centred, allowed) is face_centred
