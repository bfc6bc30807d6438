"""Planes through the cell and maps of physical space: where the points lie, to scale."""

import numpy as np
import pytest

from jaxtal.density import Density, Plane
from jaxtal.lattice import Superspace

CELL = [8.0, 9.0, 10.0, 90.0, 110.0, 90.0]


@pytest.fixture
def density(rng):
    k = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 2, 3], [2, -1, 0], [0, 1, -3]])
    return Density.from_reflections(k, rng.normal(size=6) + 1j * rng.normal(size=6))


@pytest.fixture
def hyper(rng):
    k = rng.integers(-3, 4, (30, 6))
    k = np.unique(k[(k @ 7 ** np.arange(6)) > 0], axis=0)
    return Density.from_reflections(k, rng.normal(size=len(k)) + 1j * rng.normal(size=len(k)))


def values_at(density, plane, shape):
    a, b = np.meshgrid(*[np.arange(n) / n for n in shape], indexing="ij")
    return density(plane.points(np.stack([a, b], axis=-1)))


def test_rational_planes_have_the_cell_of_the_lattice(x64, density):
    space = Superspace.periodic(CELL)
    plane = Plane.rational([1, 0, 0], [0, 0, 1], [0.1, 0.2, 0.3], space, repeat=(2, 1))
    np.testing.assert_allclose(np.linalg.norm(plane.frame, axis=1), [16, 10])
    assert plane.frame[0] @ plane.frame[1] / 160 == pytest.approx(np.cos(np.radians(110)))
    sides = np.roll(plane.outline, -1, axis=0) - plane.outline
    np.testing.assert_allclose(np.linalg.norm(sides, axis=1), [8, 10, 8, 10])
    assert plane.labels == ("[1 0 0] (Å)", "[0 0 1] (Å)")
    assert plane.to_scale
    shown = density.section(plane, (7, 5))
    np.testing.assert_allclose(shown.values, values_at(density, plane, (7, 5)), atol=1e-12)


def test_rational_planes_without_a_metric_are_square(x64, hyper):
    plane = Plane.rational(
        [1, 0, 0, 0, 0, 0], [0, 1, 1, 0, 0, -1], np.full(6, 0.3), repeat=(1, 1.5)
    )
    np.testing.assert_array_equal(plane.frame, [[1, 0], [0, 1.5]])
    shown = hyper.section(plane, (6, 9))
    np.testing.assert_allclose(shown.values, values_at(hyper, plane, (6, 9)), atol=1e-12)


def test_a_plane_is_moved_through_a_point(x64):
    space = Superspace.icosahedral(5.689)
    x = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    drawn = {
        (0.5, 0.5): Plane.physical(space, [10.0, 0, 0], [3.0, 7.0, 0], np.full(6, 0.5)),
        # The middle of the cell, of several the first.
        (0.25, 0.5): Plane.rational(np.eye(6)[0], np.eye(6)[1], space=space, repeat=(2, 1)),
    }
    for middle, plane in drawn.items():
        moved = plane.through(x)
        np.testing.assert_allclose(moved.middle, middle, atol=1e-12)
        np.testing.assert_allclose(moved.points(middle), x, atol=1e-12)
        np.testing.assert_array_equal(moved.frame, plane.frame)
    with pytest.raises(ValueError, match="point: expected 6"):
        drawn[0.5, 0.5].through([0, 0, 0])


def test_internal_axes_of_modulated_crystals_are_phases():
    space = Superspace.modulated(CELL, [0.0, 0.4142, 0.0])
    plane = Plane.rational([0, 1, 0, 0], [0, 0, 0, 1], space=space, repeat=(1, 2))
    np.testing.assert_allclose(plane.frame, [[CELL[1], 0], [0, 2]], atol=1e-12)
    assert plane.labels == ("[0 1 0 0] (Å)", "[0 0 0 1] (periods)")
    assert not plane.to_scale
    basic = Plane.rational([1, 0, 0, 0], [0, 0, 1, 0], space=space)
    np.testing.assert_allclose(np.linalg.norm(basic.frame, axis=1), [CELL[0], CELL[2]])
    assert basic.to_scale
    assert not Plane.mixed(space, [1.0, 0, 0], [1.0]).to_scale
    # The periodic axis of a decagonal crystal has no part in internal space either.
    decagonal = Plane.mixed(Superspace.decagonal(2.5, 4.1), [1.0, 0, 0], [1.0, 0])
    assert decagonal.labels[1] == "$s_2$ (Å)"


def test_icosahedral_planes_of_every_kind(x64, hyper):
    space = Superspace.icosahedral(5.689)
    point = np.full(6, 0.5)
    first, second = np.array([10.0, 0, 0]), np.array([3.0, 7.0, 0])
    planes = {
        "r r": Plane.physical(space, first, second, point),
        "s s": Plane.perpendicular(space, first, second, point),
        "r s": Plane.mixed(space, first, second, point),
    }
    for kinds, plane in planes.items():
        # The middle of the picture is the point; the edges are the vectors asked for.
        np.testing.assert_allclose(plane.points([0.5, 0.5]), point, atol=1e-12)
        np.testing.assert_allclose(plane.offset + plane.frame.sum(axis=0) / 2, 0, atol=1e-12)
        parts = dict(zip("rs", space.components(plane.edges), strict=True))
        for kind, i, vector in ((kinds[0], 0, first), (kinds[2], 1, second)):
            np.testing.assert_allclose(parts[kind][i], vector, atol=1e-10)
            np.testing.assert_allclose(parts["sr"["rs".index(kind)]][i], 0, atol=1e-10)
            assert plane.labels[i].startswith(f"${kind}")
        inner = 0.0 if kinds == "r s" else first @ second
        assert plane.frame[0] @ plane.frame[1] == pytest.approx(inner, abs=1e-9)
        shown = hyper.section(plane, (4, 5))
        np.testing.assert_allclose(shown.values, values_at(hyper, plane, (4, 5)), atol=1e-10)


def test_the_cut_of_the_cell_lies_on_its_faces(x64):
    space = Superspace.icosahedral(5.689)
    plane = Plane.physical(space, [30.0, 0, 0], [0, 30.0, 0], np.full(6, 0.25))
    ab = (plane.outline - plane.offset) @ np.linalg.inv(plane.frame)
    x = np.abs(plane.points(ab) - 0.25)
    assert (x <= 0.5 + 1e-9).all()
    # A corner of the polygon lies on two faces, unless two of them coincide there.
    assert ((x > 0.5 - 1e-9).sum(axis=1) >= 2).all()
    cell = Plane.physical(Superspace.periodic(CELL), [30.0, 0, 0], [0, 30.0, 0], np.zeros(3))
    sides = np.linalg.norm(np.roll(cell.outline, -1, axis=0) - cell.outline, axis=1)
    np.testing.assert_allclose(np.sort(sides), [8, 8, 9, 9], atol=1e-9)


def test_physical_maps(x64, density, hyper):
    space = Superspace.periodic(CELL)
    edges = 2 * np.pi * np.linalg.inv(space.parallel).T
    cell = density.physical_map(edges, (3, 4, 5), space=space)
    np.testing.assert_allclose(cell.values[1, 2, 4], density(np.array([1 / 3, 1 / 2, 4 / 5])))
    quasi = Superspace.icosahedral(5.689)
    s, corner = np.array([0.3, 0.1, -0.2]), np.array([1.0, 2.0, 3.0])
    box = hyper.physical_map([5.0, 6.0, 7.0], (2, 3, 4), origin=corner, s=s, space=quasi)
    r = corner + np.array([5 / 2, 2 * 6 / 3, 3 * 7 / 4])
    np.testing.assert_allclose(box.values[1, 2, 3], hyper(quasi.coordinates(r, s)), atol=1e-10)


def test_bad_planes():
    space = Superspace.icosahedral(5.689)
    with pytest.raises(ValueError, match="integers"):
        Plane.rational([1, 0.5], [0, 1])
    with pytest.raises(ValueError, match="independent"):
        Plane.rational([1, 2, 0], [2, 4, 0])
    with pytest.raises(ValueError, match="independent"):
        Plane.physical(space, [1.0, 0, 0], [2.0, 0, 0])
    with pytest.raises(ValueError, match="second: expected 3"):
        Plane.mixed(space, [1.0, 0, 0], [2.0, 0])
    with pytest.raises(ValueError, match="point: expected 6"):
        Plane.perpendicular(space, [1.0, 0, 0], [0, 2.0, 0], [0, 0, 0])
    with pytest.raises(ValueError, match="independent vectors"):
        Density.from_reflections(np.eye(6, dtype=int), np.ones(6)).physical_map(
            np.ones((3, 3)), (2, 2, 2), space=space
        )
