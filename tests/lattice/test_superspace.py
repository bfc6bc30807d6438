"""Superspaces: published bases, duality with direct lattices, groups of every kind, bad input."""

import itertools

import numpy as np
import pytest

from jaxtal.lattice import Superspace, cell_to_matrix

GOLDEN = (1 + 5**0.5) / 2
R3 = np.eye(6, dtype=int)[[2, 0, 1, 5, 3, 4]]
R5 = np.array(
    [
        [1, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 1, 0],
        [0, 1, 0, 0, 0, 0],
        [0, 0, 1, 0, 0, 0],
        [0, 0, 0, 0, 0, -1],
        [0, 0, 0, -1, 0, 0],
    ]
)
AXIAL = {
    "decagonal": np.array(
        [
            [0, 1, 0, 0, 0],
            [0, 0, 1, 0, 0],
            [0, 0, 0, 1, 0],
            [-1, -1, -1, -1, 0],
            [0, 0, 0, 0, 1],
        ]
    ),
    "octagonal": np.array(
        [[0, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 0], [-1, 0, 0, 0, 0], [0, 0, 0, 0, 1]]
    ),
    "dodecagonal": np.array(
        [[0, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 0], [-1, 0, 1, 0, 0], [0, 0, 0, 0, 1]]
    ),
}
HEXAGONAL = np.array([[[1, -1, 0], [1, 0, 0], [0, 0, 1]]])


def direct(space: Superspace) -> tuple[np.ndarray, np.ndarray]:
    """Physical and internal parts of the direct lattice vectors, rows."""
    basis = np.concatenate([space.parallel, space.perpendicular], axis=1)
    vectors = 2 * np.pi * np.linalg.inv(basis).T
    return vectors[:, : space.n_physical], vectors[:, space.n_physical :]


def test_icosahedral_basis_is_the_published_one():
    space = Superspace.icosahedral(5.689)
    t, size = GOLDEN, np.pi / 5.689 / np.sqrt(1 + GOLDEN**2)
    x, y, z = (1, t, 0, -1, t, 0), (t, 0, 1, t, 0, -1), (0, 1, t, 0, -1, t)
    np.testing.assert_allclose(space.parallel.T, size * np.array([x, y, z]), rtol=1e-14)
    x, y, z = (-t, 1, 0, t, 1, 0), (1, 0, -t, 1, 0, t), (0, -t, 1, 0, t, 1)
    np.testing.assert_allclose(space.perpendicular.T, size * np.array([x, y, z]), rtol=1e-14)
    assert space.metric_inconsistency(np.array([R3, R5])) < 5e-17
    space.check_group(np.array([R3, R5]), tol=1e-14)
    # Six-dimensional cube of edge sqrt(2) a, seen as rhombohedra of edge a.
    outer, inner = direct(space)
    gram = outer @ outer.T + inner @ inner.T
    np.testing.assert_allclose(gram, 2 * 5.689**2 * np.eye(6), atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(outer, axis=1), 5.689, rtol=1e-14)


@pytest.mark.parametrize("name", AXIAL)
def test_axial_quasilattices_have_their_axis_and_tile_edge(name):
    a, c = 3.7, 4.1
    space = getattr(Superspace, name)(a, c)
    assert (space.dimension, space.n_physical, space.n_internal) == (5, 3, 2)
    space.check_group(AXIAL[name][None], tol=1e-12)
    power = np.eye(5, dtype=int)
    order = {"decagonal": 5, "octagonal": 8, "dodecagonal": 12}[name]
    for i in range(1, order + 1):
        power = power @ AXIAL[name]
        assert (power == np.eye(5)).all() == (i == order)
    outer, _ = direct(space)
    assert np.linalg.norm(outer[4]) == pytest.approx(c)
    # Every tile edge is a combination of direct lattice vectors of length a.
    edges = outer[:4] - (outer[3] if name == "decagonal" else 0)
    if name == "decagonal":  # a (e_j - e_0): differences with e_3 span rhombs of edge a
        star = np.stack(
            [np.cos(2 * np.pi * np.arange(5) / 5), np.sin(2 * np.pi * np.arange(5) / 5)]
        )
        expected = a * (star.T[1:] - star.T[:1])
        np.testing.assert_allclose(outer[:4, :2], expected, atol=1e-12)
    else:
        np.testing.assert_allclose(np.linalg.norm(edges, axis=1), a, rtol=1e-12)


def test_decagonal_angle_doubles_inside():
    space = Superspace.decagonal(2.0, 4.0)
    z, w = (b[:4, 0] + 1j * b[:4, 1] for b in (space.parallel, space.perpendicular))
    np.testing.assert_allclose(np.abs(z), 4 * np.pi / 10, rtol=1e-14)
    np.testing.assert_allclose(w / abs(w), (z / abs(z)) ** 2, atol=1e-14)


def test_metric_is_tested_on_the_right_side():
    hexagonal = Superspace.periodic([3.0, 3.0, 5.0, 90, 90, 120])
    hexagonal.check_group(HEXAGONAL, tol=1e-12)
    # W^T G W would refuse this basis, and accept the one with the angle of the other setting.
    G = hexagonal.parallel @ hexagonal.parallel.T
    assert np.abs(HEXAGONAL[0].T @ G @ HEXAGONAL[0] - G).max() > 0.5
    with pytest.raises(ValueError, match=r"operation 0, rotation .* parallel metric"):
        Superspace.periodic([3.0, 3.0, 5.0, 90, 90, 60]).check_group(HEXAGONAL)
    with pytest.raises(ValueError, match="parallel metric"):
        Superspace.decagonal(2.0, 4.0).check_group(AXIAL["decagonal"].T[None])


@pytest.mark.parametrize("cell", [[4.2], [3.0, 4.0, 100.0], [3.0, 4.0, 5.0, 80, 95, 105]])
def test_periodic_crystals(cell):
    space = Superspace.periodic(cell)
    matrix = cell_to_matrix(np.array(cell))
    np.testing.assert_allclose(
        space.parallel @ matrix.T, 2 * np.pi * np.eye(len(matrix)), atol=1e-12
    )
    np.testing.assert_array_equal(Superspace.periodic(matrix).parallel, space.parallel)
    assert space.n_internal == 0
    assert space.q_perpendicular(np.eye(len(matrix), dtype=int)).shape == (len(matrix), 0)


def test_modulated_crystal_and_its_sections(rng):
    space = Superspace.modulated([5.1, 7.3, 6.2, 90, 90, 90], [0, 2**0.5 - 1, 0])
    k = np.array([[1, 0, 2, 0], [0, 1, 0, 1], [0, 0, 0, -2]])
    q = space.q_parallel(k)
    np.testing.assert_allclose(q[1], [0, 2 * np.pi / 7.3 * 2**0.5, 0], rtol=1e-14)
    np.testing.assert_array_equal(space.q_perpendicular(k)[:, 0], [0, 1, -2])
    r, s = rng.normal(size=(5, 3)), rng.normal(size=(5, 1))
    x = space.coordinates(r, s)
    np.testing.assert_allclose(
        2 * np.pi * k @ x.T, q @ r.T + space.q_perpendicular(k) @ s.T, atol=1e-12
    )
    for back, was in zip(space.components(x), (r, s), strict=True):
        np.testing.assert_allclose(back, was, atol=1e-12)
    np.testing.assert_array_equal(space.coordinates(r), space.coordinates(r, np.zeros((5, 1))))
    # W takes the satellite vector to its negative and main reflections to main reflections.
    space.check_group(np.diag([1, -1, 1, -1])[None], tol=1e-12)
    with pytest.raises(ValueError, match="parallel metric"):
        space.check_group(np.diag([1, -1, 1, 1])[None])


def test_a_group_can_choose_the_internal_angles():
    cell = [6.0, 6.0, 4.0, 90, 90, 120]
    space = Superspace.modulated(cell, [[0.31, 0, 0], [0, 0.31, 0]])
    W = np.zeros((5, 5), dtype=int)
    W[:3, :3], W[3:, 3:] = HEXAGONAL[0], HEXAGONAL[0, :2, :2]
    group = np.array(list(itertools.accumulate([W] * 6, np.matmul)))
    assert (group[-1] == np.eye(5)).all()
    with pytest.raises(ValueError, match=r"perpendicular metric.*symmetrised"):
        space.check_group(group)
    fitted = space.symmetrised(group)
    fitted.check_group(group, tol=1e-12)
    assert np.abs(fitted.perpendicular[:3]).max() < 1e-12
    b = fitted.perpendicular[3:]
    assert b[0] @ b[1] / (b[0] @ b[0]) == pytest.approx(0.5)  # W takes b1 to b1 - b2
    again = fitted.symmetrised(group)
    np.testing.assert_allclose(again.perpendicular, fitted.perpendicular, atol=1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Superspace(np.zeros((2, 3))), r"N >= d >= 1, got \(2, 3\)"),
        (lambda: Superspace(np.zeros(3)), r"got \(3,\)"),
        (lambda: Superspace([[1.0, np.nan], [0, 1]]), r"parallel\[0, 1\].*nan"),
        (lambda: Superspace([[1.0, 2.0], [2.0, 4.0]]), "rank 2"),
        (lambda: Superspace([[1.0], [2.0]], [[1.0], [2.0]]), "rank 2"),
        (lambda: Superspace(np.eye(3), np.zeros((2, 1))), r"got \(2, 1\)"),
        (lambda: Superspace([[1.0], [2.0]], np.eye(2)), r"got \(2, 2\)"),
        (lambda: Superspace.periodic([3.0, -4.0, 90.0]), "positive length b"),
        (lambda: Superspace.periodic([[1.0, 2.0], [2.0, 4.0]]), "independent rows"),
        (lambda: Superspace.modulated([3.0, 4.0, 5.0, 90, 90, 90], [[0.3, 0.0]]), r"\(1, 2\)"),
        (lambda: Superspace.icosahedral(0.0), "a: expected a positive length"),
        (lambda: Superspace.decagonal(3.0, np.inf), "c: expected a positive length"),
        (lambda: Superspace.icosahedral(1.0).q_parallel(np.ones((1, 5), int)), r"\(refl, 6\)"),
        (lambda: Superspace.icosahedral(1.0).coordinates(np.ones((2, 2))), "last axis of 3"),
        (
            lambda: Superspace.icosahedral(1.0).check_group(np.eye(3, dtype=int)[None]),
            r"\(n, 6, 6\)",
        ),
        (lambda: Superspace([[1.0], [2.0**0.5]]).components(np.ones((1, 2))), "internal space"),
        (
            lambda: Superspace.decagonal(2.0, 4.0).symmetrised(
                np.array([np.eye(5, dtype=int), np.roll(np.eye(5, dtype=int), 1, axis=0)])
            ),
            "keeps an internal space",
        ),
    ],
)
def test_bad_input_is_refused_by_name(make, message):
    with pytest.raises(ValueError, match=message):
        make()
