"""Space groups derived from the Frobenius congruences, against the 230 and by brute force."""

import itertools
from fractions import Fraction

import numpy as np
import pytest

from jaxtal.symmetry import BasisChange, SpaceGroup, SymOp, derive_space_groups
from jaxtal.symmetry._congruence import solve_on_torus

PERMUTATIONS = [np.eye(3, dtype=int)[list(p)] for p in [(1, 0, 2), (1, 2, 0)]]


def _centring(group):
    return [[Fraction(int(v), group.denominator) for v in row] for row in group.centering]


def _generators(group):
    found, order = [], 1
    for W in group.point_rotations:
        larger = SpaceGroup.from_generators([SymOp(V) for V in [*found, W]]).order
        if larger > order:
            found, order = [*found, W], larger
    return found or [np.eye(3, dtype=int)]


def _symmorphic():
    for number in range(1, 231):
        group = SpaceGroup.from_number(number)
        without = {op.rotation for op in group.operations if not any(op.translation)}
        if len(without) == len(group.point_rotations):
            yield group


@pytest.mark.slow
def test_the_73_arithmetic_classes_give_the_230_groups():
    """Every class holds the groups of International Tables, each at least once, and no others."""
    classes, found, total = 0, set(), 0
    for group in _symmorphic():
        classes += 1
        derived = derive_space_groups(_generators(group), _centring(group))
        assert derived[0] == group
        assert len(set(derived)) == len(derived)
        numbers = {g.number for g in derived}
        assert not numbers & found  # no type belongs to two classes
        found |= numbers
        total += len(derived)
    assert classes == 73
    assert found == set(range(1, 231))
    assert total == 303


@pytest.mark.parametrize(
    ("number", "numbers"),
    [
        (10, [10, 11, 13, 14]),
        (44, [44, 45, 46]),
        (75, range(75, 79)),
        (123, range(123, 139)),
        (149, [149, 151, 153]),
        (160, [160, 161]),
        (168, range(168, 174)),
        (202, [202, 203]),
        (207, [207, 208, 212, 213]),
        pytest.param(225, range(225, 229), marks=pytest.mark.slow),
        pytest.param(229, [229, 230], marks=pytest.mark.slow),
    ],
)
def test_classes_hold_the_groups_of_international_tables(number, numbers):
    group = SpaceGroup.from_number(number)
    derived = derive_space_groups(_generators(group), _centring(group))
    assert {g.number for g in derived} == set(numbers)
    assert derived[0] == group


@pytest.mark.parametrize(
    ("number", "types"),
    [
        (16, 4),
        (47, 16),
        (23, 2),
        (69, 2),
        (71, 4),
        (200, 3),
        pytest.param(221, 4, marks=pytest.mark.slow),
    ],
)
def test_equivalences_leave_one_group_of_each_type(number, types):
    group = SpaceGroup.from_number(number)
    equivalences = [*PERMUTATIONS, -np.eye(3, dtype=int)]
    derived = derive_space_groups(_generators(group), _centring(group), equivalences)
    assert sorted({g.number for g in derived}) == sorted(g.number for g in derived)
    assert len(derived) == types


def test_no_group_is_another_with_a_shifted_origin():
    rotations = [np.diag([-1, -1, 1]), np.diag([1, -1, -1])]
    derived = derive_space_groups(rotations)
    assert len(derived) == 8
    shifted = set()
    for group in derived:
        own = set()
        for shift in itertools.product((Fraction(0), Fraction(1, 4)), repeat=3):
            change = BasisChange.from_fractions(np.eye(3, dtype=int).tolist(), shift)
            own.add(frozenset(map(change.transform, group.operations)))
        assert not own & shifted
        shifted |= own
    # All solutions of the congruences with translations of halves are among them.
    assert len(shifted) == 64


def test_dimensions_one_two_and_four():
    def plane(rotations):
        return [g.order for g in derive_space_groups(rotations)]

    assert plane([np.array([[-1]])]) == [2]
    assert plane([np.diag([1, -1])]) == [2, 2]  # pm, pg
    assert plane([np.diag([1, -1]), np.diag([-1, 1])]) == [4] * 4  # pmm, pmg twice, pgg
    assert plane([np.array([[0, -1], [1, 0]]), np.diag([1, -1])]) == [8, 8]  # p4m, p4g
    assert len(derive_space_groups([np.diag([-1, 1, -1, 1])])) == 4  # translations along x2, x4


def test_bad_point_groups_are_refused():
    with pytest.raises(ValueError, match="finite group"):
        derive_space_groups([np.array([[1, 1], [0, 1]])])
    with pytest.raises(ValueError, match="preserves the lattice"):
        derive_space_groups([np.diag([1, 1, -1])[[1, 2, 0]]], [[Fraction(1, 2), Fraction(1, 2), 0]])
    with pytest.raises(ValueError, match="equivalence"):
        derive_space_groups([np.diag([-1, 1])], equivalences=[np.array([[0, 1], [1, 0]])])
    with pytest.raises(ValueError, match="one dimension"):
        derive_space_groups([np.eye(2, dtype=int), np.eye(3, dtype=int)])


def test_congruences_on_the_torus(rng):
    for _ in range(30):
        A = rng.integers(-3, 4, (4, 3))
        x = [Fraction(int(v), 12) for v in rng.integers(0, 12, 3)]
        b = [sum((int(a) * v for a, v in zip(row, x, strict=True)), Fraction(0)) for row in A]
        solutions = solve_on_torus(A.tolist(), b, 3)
        assert solutions is not None
        listed = list(solutions.discrete())
        assert len(set(map(tuple, listed))) == len(listed)
        for t in [*listed, *solutions.continuous]:
            if t in listed:
                t = [u + v for u, v in zip(solutions.particular, t, strict=True)]
                assert all(
                    (sum(int(a) * v for a, v in zip(row, t, strict=True)) - c).denominator == 1
                    for row, c in zip(A, b, strict=True)
                )
            else:
                assert not (A @ t).any()
    assert solve_on_torus([[2, 0], [2, 0]], [0, Fraction(1, 2)], 2) is None
    assert solve_on_torus([[0, 0]], [Fraction(1, 2)], 2) is None
