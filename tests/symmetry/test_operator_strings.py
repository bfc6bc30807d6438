"""Operator strings, groups from them and bad input, in any number of dimensions."""

import itertools
from fractions import Fraction

import numpy as np
import pytest

from jaxtal.symmetry import BasisChange, Orbits, SpaceGroup, SymOp, smith_normal_form
from jaxtal.symmetry._integer_matrices import determinant


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("x", "x"),
        ("-x1+1/2", "-x+1/2"),
        ("-y, x", "-y,x"),
        ("x1,x2,x3", "x,y,z"),
        ("-X1, 1/2+x2, -x3, x4", "-x1,x2+1/2,-x3,x4"),
        ("x2-x4,x1,x2,x3,x5+11/12", "x2-x4,x1,x2,x3,x5+11/12"),
        ("x1,x2,x3,x4,x5,x6-2*x1+0.25", "x1,x2,x3,x4,x5,-2x1+x6+1/4"),
        ("x2,x3,x4,x5,x6,x7,x8,x9,x10,x1", "x2,x3,x4,x5,x6,x7,x8,x9,x10,x1"),
    ],
)
def test_round_trip(text, written):
    op = SymOp.from_xyz(text)
    assert op.to_xyz() == written
    assert SymOp.from_xyz(written) == op
    assert repr(op) == f"SymOp({written!r})"
    assert op.dimension == len(text.split(","))


def test_strings_mean_matrices():
    op = SymOp.from_xyz("x2-x4,x1,-x2,x3+1/3")
    assert op.rotation == ((0, 1, 0, -1), (1, 0, 0, 0), (0, -1, 0, 0), (0, 0, 1, 0))
    assert op.fractions == (0, 0, 0, Fraction(1, 3))
    change = BasisChange.from_xyz("x1/2+x2/2,x2,x3,x4+1/8")
    assert BasisChange.from_xyz(change.to_xyz()) == change
    assert change.transform(SymOp.identity(4)) == SymOp.identity(4)


def test_random_operations_survive(rng):
    for dimension in range(1, 9):
        W = np.eye(dimension, dtype=int)[rng.permutation(dimension)]
        W = W * rng.choice([-1, 1], dimension)
        if dimension > 1:
            W[0] += 3 * W[-1]
        w = [Fraction(int(n), int(d)) for n, d in rng.integers(1, 12, (dimension, 2))]
        op = SymOp(W, w)
        assert SymOp.from_xyz(op.to_xyz()) == op


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x,y,z,t", "x1 ... x4"),
        ("x1,x2,x3,x5", "'x5'"),
        ("x0,x2,x3,x4", "'x0'"),
        ("x1,x2,,x4", "empty"),
        ("x1,x2,x3,x4/2", "integer factors"),
        ("x1,x2,x3,x3", "determinant"),
    ],
)
def test_bad_strings_are_refused(text, message):
    with pytest.raises(ValueError, match=message):
        SymOp.from_xyz(text)


def test_superspace_group_from_strings():
    group = SpaceGroup.from_generators(["-x1,x2+1/2,-x3,x4", "-x1,-x2,-x3,-x4"])
    assert (group.order, group.dimension, group.denominator) == (4, 4, 2)
    again = SpaceGroup.from_operations([op.to_xyz() for op in reversed(group.operations)])
    assert again == group
    assert "-x1,x2+1/2,-x3,x4" in repr(group)
    assert "4 dimensions, 4 operations" in repr(group)
    orbits = Orbits.build(group, np.array([[0, 1, 0, 0], [0, 2, 0, 0], [1, 2, 3, 4]]))
    assert orbits.counts == {"real": 2, "complex": 0, "extinct": 1}


@pytest.mark.parametrize(
    ("generators", "message"),
    [
        (["x1+x2,x2,x3,x4"], "finite group"),
        (["x,y,z", "x1,x2,x3,x4"], "one dimension"),
        ("-x,-y,-z", "one string"),
        ([], "at least one"),
    ],
)
def test_bad_generators_are_refused(generators, message):
    with pytest.raises(ValueError, match=message):
        SpaceGroup.from_generators(generators)


@pytest.mark.parametrize(
    "rotation", [[[1.5, 0], [0, 1]], [[np.nan, 0], [0, 1]], [[np.inf]], np.array([1, 0]), []]
)
def test_bad_rotations_are_refused(rotation):
    with pytest.raises(ValueError, match="expected"):
        SymOp(rotation)


def test_matrix_that_is_no_symmetry_of_the_basis_is_refused():
    group = SpaceGroup.find("decagonal P10")
    with pytest.raises(ValueError, match="changes its metric"):
        group.check_matrix(np.diag([1.0, 1.0, 1.0, 1.1, 2.0]))


def test_smith_normal_form(rng):
    for shape in [(1, 1), (1, 4), (4, 1), (3, 3), (4, 6), (6, 4), (6, 6)]:
        A = rng.integers(-9, 10, shape) * rng.choice([1, 2, 6], shape)
        if shape == (6, 6):
            A[5] = 2 * A[0] - A[1]
        U, d, V = smith_normal_form(A)
        product = np.array(U, dtype=object) @ A.astype(object) @ np.array(V, dtype=object)
        expected = np.zeros(shape, dtype=object)
        expected[range(len(d)), range(len(d))] = d
        assert (product == expected).all()
        assert abs(determinant(U)) == abs(determinant(V)) == 1
        assert all(v > 0 for v in d)
        assert all(b % a == 0 for a, b in itertools.pairwise(d))
        assert len(d) == np.linalg.matrix_rank(A)
    assert smith_normal_form([[4, 0, 0], [0, 6, 0], [0, 0, 10]])[1] == [2, 2, 60]
    assert smith_normal_form([[0, 0]])[1] == []
    large = rng.integers(-(10**12), 10**12, (6, 6)).tolist()
    assert np.prod(np.array(smith_normal_form(large)[1], dtype=object)) == abs(determinant(large))
    for bad in ([[0.5]], [[1, 2], [3]], [], [[]], [[np.nan]]):
        with pytest.raises(ValueError, match="expected"):
            smith_normal_form(bad)
