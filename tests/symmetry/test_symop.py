"""Single operations and the exact integer algebra below them."""

import pickle
from fractions import Fraction

import gemmi
import numpy as np
import pytest

from jaxtal.symmetry import BasisChange, SymOp
from jaxtal.symmetry._integer_matrices import (
    determinant,
    diagonalise,
    hermite,
    kernel,
    rational_inverse,
)

TRIPLETS = ["x,y,z", "-y,x-y,z+1/3", "y+1/4,x+3/4,-z+1/4", "-x+1/2,y,-z+1/2", "x-y,-y,-z+2/3"]


@pytest.mark.parametrize("text", TRIPLETS)
def test_xyz_round_trip_agrees_with_gemmi(text):
    op, peer = SymOp.from_xyz(text), gemmi.Op(text)
    assert op.to_xyz() == text
    assert SymOp.from_xyz(op.inverse().to_xyz()) == SymOp.from_xyz(peer.inverse().triplet())
    hkl = np.array([[1, 2, 3], [-4, 0, 7]])
    expected = [peer.apply_to_hkl(list(h)) for h in hkl.tolist()]
    np.testing.assert_array_equal(op.transform_hkl(hkl), expected)
    np.testing.assert_allclose(
        op.phase_shift(hkl) % (2 * np.pi),
        [peer.phase_shift(list(h)) % (2 * np.pi) for h in hkl.tolist()],
        atol=1e-12,
    )


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("1/2+X, -Y, Z-1/4", "x+1/2,-y,z+3/4"),
        ("x + 0.5, y, z+0.3333", "x+1/2,y,z+1/3"),
        ("2*x-y, x, 5/2+z", "2x-y,x,z+1/2"),
        ("'x,y,z'", "x,y,z"),
    ],
)
def test_xyz_spellings(text, same):
    assert SymOp.from_xyz(text).to_xyz() == SymOp.from_xyz(same).to_xyz()


@pytest.mark.parametrize(
    "text",
    ["x,z", "x,y,z,x", "x,y,q", "x,,z", "x,y,", "x y,y,z", "x/0,y,z", "x/2,y,z", "x,x,z", ""],
)
def test_bad_xyz_is_refused(text):
    with pytest.raises(ValueError, match="expected"):
        SymOp.from_xyz(text)


@pytest.mark.parametrize("first", TRIPLETS)
@pytest.mark.parametrize("second", TRIPLETS)
def test_product_is_composition(first, second):
    a, b = SymOp.from_xyz(first), SymOp.from_xyz(second)
    x = np.array([Fraction(1, 7), Fraction(2, 9), Fraction(-3, 5)])
    difference = (a @ b)(x) - a(b(x))
    assert all(value.denominator == 1 for value in difference)
    assert (a @ b).inverse() == b.inverse() @ a.inverse()
    assert a @ a.inverse() == SymOp.identity()


def test_action_on_coordinates_and_reflections_is_consistent(rng):
    op = SymOp.from_xyz("-y+1/4,x-y,z+1/3")
    frac, hkl = rng.uniform(size=(20, 3)), rng.integers(-50, 50, (7, 3))
    # Atoms moved by the operation: their F(h) is F(h W) exp(2 pi i h.w) of the atoms before.
    moved = np.exp(2j * np.pi * hkl @ op(frac).T).sum(1)
    turned = np.exp(2j * np.pi * op.transform_hkl(hkl) @ frac.T).sum(1)
    np.testing.assert_allclose(turned, moved * np.exp(1j * op.phase_shift(hkl)), atol=1e-11)
    assert np.abs(moved).max() > 1


def test_exact_action_stays_exact():
    op = SymOp.from_xyz("x+1/3,y,z")
    image = op([0, 0, 0])
    assert image.tolist() == [Fraction(1, 3), 0, 0]
    assert isinstance(image[0], Fraction)


@pytest.mark.parametrize("dimension", [1, 2, 4, 6])
def test_other_dimensions(dimension):
    cycle = np.roll(np.eye(dimension, dtype=int), 1, axis=0)
    op = SymOp(cycle, [Fraction(1, dimension)] * dimension)
    power = SymOp.identity(dimension)
    for _ in range(dimension):
        power = op @ power
    assert power == SymOp.identity(dimension)
    assert op.dimension == dimension
    assert op(np.zeros((5, dimension))).shape == (5, dimension)
    assert SymOp.from_xyz(op.to_xyz()) == op


def test_bad_operations_are_refused():
    for rotation in ([[1, 0], [0, 2]], [[1, 0.5], [0, 1]], [[1, 0]], np.zeros((3, 3))):
        with pytest.raises(ValueError, match="expected"):
            SymOp(rotation)
    with pytest.raises(ValueError, match="length 2"):
        SymOp(np.eye(2), [0, 0, 0])
    with pytest.raises(ValueError, match="exact"):
        SymOp(np.eye(2), [0.5, 0])
    with pytest.raises(ValueError, match="last axis of 3"):
        SymOp.identity()(np.zeros((4, 2)))
    with pytest.raises(ValueError, match="dimensions"):
        _ = SymOp.identity(2) @ SymOp.identity(3)


def test_equal_operations_hash_alike_and_pickle():
    a = SymOp(np.eye(3), [2, 4, -2], 4)
    assert a == SymOp.from_xyz("x+1/2,y,z+1/2")
    assert hash(a) == hash(SymOp.from_xyz("x+1/2,y+1,z-1/2"))
    assert pickle.loads(pickle.dumps(a)) == a


def test_change_of_basis_round_trip(rng):
    change = BasisChange.from_xyz("x/2+y/2,-x/2+y/2,z+1/8")
    frac, matrix = rng.uniform(size=(5, 3)), rng.normal(size=(3, 3))
    np.testing.assert_allclose(change.inverse()(change(frac)), frac, atol=1e-14)
    assert change.inverse().inverse() == change
    assert BasisChange.from_xyz(change.to_xyz()) == change
    # Differences of positions in space do not depend on the basis.
    new = np.diff(change(frac), axis=0) @ change.lattice(matrix)
    np.testing.assert_allclose(new, np.diff(frac, axis=0) @ matrix, atol=1e-13)


def test_integer_algebra(rng):
    for shape in [(1, 3), (2, 3), (3, 3), (4, 3), (6, 6)]:
        A = rng.integers(-4, 5, shape)
        U, d, V = (np.array(part) for part in diagonalise(A.tolist()))
        product = U @ A @ V
        expected = np.zeros(shape, dtype=int)
        expected[range(len(d)), range(len(d))] = d
        np.testing.assert_array_equal(product, expected)
        assert abs(determinant(U.tolist())) == abs(determinant(V.tolist())) == 1
        assert len(d) == np.linalg.matrix_rank(A)
        null = np.array(kernel(A.tolist(), shape[1])).reshape(-1, shape[1])
        assert not (A @ null.T).any()
        assert len(null) == shape[1] - len(d)
    square = rng.integers(-3, 4, (4, 4))
    assert determinant(square.tolist()) == round(np.linalg.det(square))
    inverse = np.array(rational_inverse(square.tolist()), dtype=float)
    np.testing.assert_allclose(inverse @ square, np.eye(4), atol=1e-10)
    H, U = hermite([[2, 4, 4], [-6, 6, 12]])
    np.testing.assert_array_equal(H, np.array(U) @ [[2, 4, 4], [-6, 6, 12]])
    assert H == [[2, 4, 4], [0, 18, 24]]
    with pytest.raises(ValueError, match="singular"):
        rational_inverse([[1, 2], [2, 4]])
