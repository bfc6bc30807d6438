"""Meshes, quotient grids, folded grids: slots, points, aliasing."""

import itertools
import math

import numpy as np
import pytest

from jaxtal._core import next_smooth, smooth_sizes
from jaxtal.grids import (
    Grid,
    folded_grids,
    grid_report,
    mesh_for,
    mesh_grid,
    quotient_grid,
    random_origin,
)
from jaxtal.grids._transform_axes import lay_out, primary_parts


def ball(dimension: int, radius: float, metric: np.ndarray | None = None) -> np.ndarray:
    """All integer rows with k G k^T <= radius^2."""
    G = np.eye(dimension) if metric is None else metric
    reach = int(radius / np.sqrt(np.linalg.eigvalsh(G)[0]))
    box = np.array(list(itertools.product(range(-reach, reach + 1), repeat=dimension)))
    return box[np.einsum("ij,jk,ik->i", box, G, box) <= radius**2 + 1e-9]


HEXAGONAL = np.array([[1.0, 0.5, 0], [0.5, 1.0, 0], [0, 0, 0.6]])


def density(grid: Grid, k: np.ndarray, f: np.ndarray) -> np.ndarray:
    """The transform that the class promises, over all points."""
    slots = np.zeros(grid.moduli, dtype=complex)
    np.add.at(slots, tuple(grid.slots(k).T), f * np.exp(-2j * np.pi * (k @ grid.origin)))
    return np.fft.fftn(slots)


@pytest.mark.parametrize(
    "grid",
    [
        mesh_grid((6, 5)),
        quotient_grid([[4, 1], [-1, 7]]),
        quotient_grid([[6, 2], [2, 6]]),
        folded_grids((4, 3), 2, seed=3)[0],
    ],
    ids=["mesh", "cyclic", "two axes", "folded"],
)
def test_transform_of_slots_is_the_direct_sum(grid, rng):
    k = ball(2, 3.2)
    f = rng.normal(size=len(k)) + 1j * rng.normal(size=len(k))
    moved = grid.with_origin(random_origin(2, seed=5))
    j = np.array(list(np.ndindex(*moved.moduli)))
    direct = np.exp(-2j * np.pi * moved.points(j) @ k.T) @ f
    np.testing.assert_allclose(density(moved, k, f).ravel(), direct, atol=1e-10)


def test_quotient_of_a_matrix():
    M = np.array([[2, 4, 4], [-6, 6, 12], [10, 4, 16]])
    grid = quotient_grid(M)
    assert grid.size == abs(round(np.linalg.det(M)))
    assert all(b % a == 0 for a, b in itertools.pairwise(grid.moduli))
    assert not grid.slots(M).any()
    # Every slot occurs, so the kernel has index |det M| and is the lattice of the rows.
    box = np.array(list(itertools.product(range(13), repeat=3)))
    assert len(np.unique(grid.flat(box))) == grid.size
    assert quotient_grid(np.eye(3, dtype=int)).size == 1
    assert quotient_grid(np.diag([3, 5])).moduli == (15,)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ([[1, 2, 3]], "square"),
        ([[1, 2], [2, 4]], "independent rows, got rank 1"),
        ([[1.5, 0], [0, 1]], "integer"),
    ],
)
def test_bad_quotients(matrix, message):
    with pytest.raises(ValueError, match=message):
        quotient_grid(matrix)


def test_mesh_is_the_smallest_one():
    k = ball(2, 4.3, np.array([[1.0, 0.9], [0.9, 1.0]]))
    grid = mesh_for(k)
    assert grid.is_alias_free(k)
    allowed = [s for s in range(1, 40) if s in smooth_sizes(40, (2, 3, 5))]
    sizes = [
        a * b
        for a in allowed
        for b in allowed
        if a * b <= 900 and mesh_grid((a, b)).is_alias_free(k)
    ]
    # The skewed set leaves room that 2 max|k| + 1 does not see.
    needed = 2 * np.abs(k).max(axis=0) + 1
    assert min(sizes) <= grid.size <= math.prod(needed.tolist())
    even, odd = mesh_for(k, parity="even"), mesh_for(k, parity="odd")
    assert all(m % 2 == 0 for m in even.moduli)
    assert all(m % 2 == 1 for m in odd.moduli)
    assert even.is_alias_free(k)
    assert odd.is_alias_free(k)


@pytest.mark.parametrize("dimension", [1, 2, 3, 4])
def test_mesh_of_a_ball(dimension):
    grid = mesh_for(ball(dimension, 3.0))
    assert grid.moduli == (8,) * dimension


def test_mesh_of_a_set_whose_box_is_huge():
    k = np.concatenate([np.diag([60] * 6), -np.diag([60] * 6)])
    assert mesh_for(k, primes=(11,)).size == 11**6


def test_smooth_sizes():
    assert smooth_sizes(16, (2, 3, 5)) == [1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 15, 16]
    assert [next_smooth(n) for n in (1, 7, 11, 241, 3_300_000)] == [1, 8, 12, 243, 3_317_760]
    assert next_smooth(7, (2, 3, 5, 7)) == 7


def test_layout_keeps_the_sublattice(rng):
    V = rng.integers(0, 10_000, size=(4, 3))
    moduli = [2**4 * 3, 2 * 3**2 * 5, 3]
    grid = lay_out(primary_parts(V, moduli, (2, 3, 5)), 4, 3, 4096)
    assert grid.size == math.prod(moduli)
    k = rng.integers(-40, 40, size=(20_000, 4))
    zero = ((k @ V) % moduli == 0).all(axis=1)
    assert zero.any()
    np.testing.assert_array_equal((grid.slots(k) == 0).all(axis=1), zero)
    assert sorted(grid.moduli) == [9, 30, 48]  # every axis needs a 3, so that 16 comes with one
    assert grid.moduli[-1] % 2 == 0
    assert lay_out(primary_parts(V, moduli, (2, 3, 5)), 4, 2, 4096) is None
    with pytest.raises(ValueError, match="made of the primes"):
        primary_parts(V, [7, 1, 1], (2, 3))


def test_folded_grids():
    three = folded_grids((8, 6, 5), 6, count=3, seed=2)
    again = folded_grids((8, 6, 5), 6, count=2, seed=2)
    for a, b in zip(three, again, strict=False):
        np.testing.assert_array_equal(a.characters, b.characters)
        np.testing.assert_array_equal(a.origin, b.origin)
    assert not np.array_equal(three[0].characters, three[2].characters)
    for grid in three:
        assert grid.moduli == (8, 6, 5)
        # All points differ, which is the same as all slots being reached.
        points = grid.points(np.array(list(np.ndindex(8, 6, 5))))
        assert len(np.unique(np.round(points * 240 - grid.origin * 240) % 240, axis=0)) == 240
        assert (grid.origin % 0.5 != 0).all()
        assert not grid.is_alias_free(ball(6, 2.0))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((4, 0), 3), "positive integer moduli"),
        (((), 3), "positive integer moduli"),
        (((4, 4, 4), 2), "at most 2 axes"),
        (((4,), 2, 0), "at least one grid"),
    ],
)
def test_bad_folded_grids(arguments, message):
    with pytest.raises(ValueError, match=message):
        folded_grids(*arguments[:2], **({"count": arguments[2]} if len(arguments) > 2 else {}))


def test_random_origin():
    np.testing.assert_array_equal(random_origin(5, seed=3), random_origin(5, seed=3))
    assert not np.array_equal(random_origin(5, seed=3), random_origin(5, seed=4))
    with pytest.raises(ValueError, match="dimension of at least 1"):
        random_origin(0)


def test_report():
    k = ball(3, 4.0)
    report = grid_report(mesh_for(k), k)
    assert report.size == 729
    assert report.reflections == len(k)
    assert report.filling == pytest.approx(len(k) / 729)
    assert report.alias_free
    assert report.packing_density == pytest.approx(math.pi / math.sqrt(18))
    assert report.packing_size == pytest.approx(report.ellipsoid_points / report.packing_density)
    # A ball of radius 4 is enclosed, so its volume is nearly that of the ball.
    assert report.ellipsoid_points == pytest.approx(4 / 3 * math.pi * 64, rel=0.03)
    assert "9 x 9 x 9 = 729 points, alias-free" in report.text()
    aliased = grid_report(mesh_grid((6, 6, 6)), k)
    assert not aliased.alias_free
    assert aliased.filling == len(np.unique(k % 6, axis=0)) / 216
    assert "aliased" in aliased.text()


@pytest.mark.parametrize(
    ("k", "message"),
    [
        ([[1, 0], [0, 1], [0, -1]], r"mate of \[1, 0\] is not in it"),
        ([[1, -2], [1, -2], [-1, 2]], r"\[1, -2\] twice"),
        ([[1.0, 0.0]], "expected integer indices"),
        ([1, 2, 3], "expected integer indices"),
        ([[10**8] * 3, [-(10**8)] * 3], "box has fewer"),
    ],
)
def test_bad_sets(k, message):
    with pytest.raises(ValueError, match=message):
        mesh_for(np.array(k))


def test_bad_meshes():
    k = ball(2, 2.0)
    with pytest.raises(ValueError, match="parity"):
        mesh_for(k, parity="both")
    with pytest.raises(ValueError, match="no even size of the primes"):
        mesh_for(k, parity="even", primes=(3, 5))
    with pytest.raises(ValueError, match="positive integer moduli"):
        mesh_grid((4, 0))
