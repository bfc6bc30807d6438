"""Pictures of periodic fields: profiles, sections, and surfaces with the right area and shape."""

import io
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d.art3d import Poly3DCollection

from jaxtal import plot
from jaxtal.fields import Mesh, PeriodicField
from jaxtal.plot._marching_cubes import triangulate

SKEW = np.array([[1.0, 0.0, 0.0], [-0.5, 0.75**0.5, 0.0], [0.1, 0.0, 1.5]])


def gyroid(n):
    """sin x cos y + sin y cos z + sin z cos x on n nodes along each axis."""
    x = 2 * np.pi * np.moveaxis(Mesh((n, n, n)).points(), -1, 0)
    s, c = np.sin(x), np.cos(x)
    return np.sum([s[i] * c[(i + 1) % 3] for i in range(3)], axis=0)


@pytest.fixture
def field():
    return PeriodicField.from_arrays(np.stack([gyroid(8), -gyroid(8)]), "cubic", [2.0])


@pytest.fixture
def ax3():
    return Figure().add_subplot(projection="3d")


def polygons(ax):
    (surface,) = [c for c in ax.collections if isinstance(c, Poly3DCollection)]
    return surface


def assert_oriented(faces):
    """Every edge lies between two triangles that run along it in opposite directions."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    there, back = {tuple(e) for e in edges.tolist()}, {tuple(e) for e in edges[:, ::-1].tolist()}
    assert len(there) == len(edges)
    assert there == back
    return len(edges) // 2


# --- surfaces ------------------------------------------------------------------------------------


def test_a_sphere_has_its_area_and_volume():
    n = 40
    x = Mesh((n, n, n)).points() - 0.5
    inside = -np.linalg.norm(x, axis=-1)
    sphere = triangulate(inside, np.eye(3), -0.31)
    assert sphere.area == pytest.approx(4 * np.pi * 0.31**2, rel=5e-3)
    assert sphere.volume == pytest.approx(4 / 3 * np.pi * 0.31**3, rel=5e-3)
    # Normals point outwards, towards lower values.
    outwards = (sphere.corners.mean(axis=1) - 0.5) * sphere.area_vectors
    assert (outwards.sum(axis=1) > 0).all()
    assert_oriented(sphere.faces)
    np.testing.assert_allclose(np.linalg.norm(sphere.vertices - 0.5, axis=1), 0.31, atol=1e-3)
    pair = triangulate(inside, np.eye(3), -0.31, cells=(2, 1, 1))
    assert pair.volume == pytest.approx(2 * sphere.volume)
    assert len(triangulate(inside, np.eye(3), 1.0).faces) == 0


def test_the_gyroid_is_closed_and_has_its_genus():
    surface = triangulate(gyroid(12), np.eye(3), 0.13)
    # Area of the minimal surface, 3.0915 a^2, which this one is close to.
    assert surface.area == pytest.approx(3.09, abs=0.08)
    # One point for all its lattice translations.
    places = np.rint(surface.vertices * 1e7).astype(int) % 10**7
    unique, name = np.unique(places, axis=0, return_inverse=True)
    faces = name.reshape(-1)[surface.faces]
    n_edges = assert_oriented(faces)
    # Genus 3 in the primitive cell, two of which make the cubic one: 2 (2 - 2 * 3).
    assert len(unique) - n_edges + len(faces) == -8


@pytest.mark.parametrize("matrix", [np.eye(3), SKEW, SKEW[[1, 0, 2]]])
@pytest.mark.parametrize("cells", [(1, 1, 1), (1, 2, 1)])
def test_caps_close_the_surface_around_what_is_higher(matrix, cells):
    values = gyroid(16)
    closed = triangulate(values, matrix, 0.4, cells, caps=True)
    share = closed.volume / abs(np.linalg.det(matrix)) / np.prod(cells)
    fine = gyroid(64)
    assert share == pytest.approx(np.mean(fine > 0.4), abs=5e-3)
    assert_oriented(closed.faces)
    # The open surface is part of it.
    assert triangulate(values, matrix, 0.4, cells).area < closed.area


def test_what_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage.measure", None)
    with pytest.raises(ImportError, match=r"pip install 'jaxtal\[plot\]'"):
        triangulate(gyroid(4), np.eye(3), 0.4)


# --- pictures ------------------------------------------------------------------------------------


def test_isosurface_draws_in_the_box_of_its_cells(field, ax3):
    assert plot.isosurface(field, 0.7, ax3, cells=(2, 1, 1), refine=2) is ax3
    surface = polygons(ax3)
    assert len(ax3.lines) == 12
    np.testing.assert_allclose(ax3.get_xlim(), [0, 4])
    colours = surface.get_facecolor()
    assert len(np.unique(colours.round(3), axis=0)) > 10  # shaded
    np.testing.assert_array_equal(colours[:, 3], 0.7)
    assert [text.get_text() for text in ax3.texts] == ["a = 4", "b = 2", "c = 2"]
    ax3.figure.savefig(io.BytesIO(), dpi=20)


def test_several_levels_and_fields_in_one_picture(field):
    ax = plot.isosurface(
        field, [0.7, 0.7], i=(0, 1), caps=False, alpha=0.5, outline=False, axes=False, title="two"
    )
    assert (ax.get_title(), len(ax.texts)) == ("two", 0)
    n = sum(len(triangulate(np.asarray(v), np.eye(3), 0.7).faces) for v in field.values)
    colours = polygons(ax).get_facecolor()
    assert len(colours) == n
    np.testing.assert_array_equal(colours[:, 3], 0.5)
    blue = colours[:, 2] > colours[:, 0]
    assert 0.3 < blue.mean() < 0.7
    assert not ax.lines
    plt.close(ax.figure)


def test_section_of_a_plane_and_of_space(field):
    ax = Figure().add_subplot()
    assert plot.field_section(field, ax, i=1, shape=(8, 8), label="w", colour_map="viridis") is ax
    (image,) = [c for c in ax.collections if c.get_array() is not None]
    shown = image.get_array()
    assert shown is not None
    np.testing.assert_allclose(shown, -gyroid(8)[:, :, 0].T, atol=1e-5)
    assert image.get_cmap().name == "viridis"
    # Colours belong to the whole field, not to this plane of it.
    np.testing.assert_allclose(image.get_clim(), (-gyroid(8).max(), -gyroid(8).min()), rtol=1e-4)
    assert ax.get_xlabel() == "[1 0 0]"
    assert any(other.get_ylabel() == "w" for other in ax.figure.axes)
    values = gyroid(8)[:, :, 1]
    plane = PeriodicField.from_arrays(values[None], "hexagonal", [2.0])
    ax = plot.field_section(plane, repeat=(2, 2), shape=(16, 16))
    (image,) = [c for c in ax.collections if c.get_array() is not None]
    np.testing.assert_allclose(image.get_array(), np.tile(values, (2, 2)).T, atol=1e-5)
    plt.close(ax.figure)


def test_profiles(field):
    x = np.arange(10) / 10
    wave = np.stack([np.cos(2 * np.pi * x), np.sin(2 * np.pi * x) + 2])
    line = PeriodicField.from_arrays(wave, "lamellar", [3.0])
    ax = plot.field_profile(line, labels=["A", "B"], points=31, unit="Å")
    curve, nodes, *_ = [c.get_xydata() for c in ax.lines]
    np.testing.assert_allclose(curve[:, 0], np.linspace(0, 3, 31))
    np.testing.assert_allclose(curve[:, 1], np.cos(2 * np.pi * curve[:, 0] / 3), atol=1e-5)
    np.testing.assert_allclose(nodes[:, 1], np.append(wave[0], wave[0, 0]), atol=1e-6)
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["A", "B"]
    assert ax.get_xlabel() == "distance (Å)"
    plt.close(ax.figure)
    ax = plot.field_profile(field, Figure().add_subplot(), end=[1, 1, 1], points=9)
    curve = ax.lines[0].get_xydata()
    assert curve[-1, 0] == pytest.approx(2 * np.sqrt(3))
    np.testing.assert_allclose(curve[1, 1], 1.5, atol=1e-5)


def test_what_is_refused(field, ax3):
    with pytest.raises(ValueError, match="level: expected a value between"):
        plot.isosurface(field, 3.0, ax3)
    with pytest.raises(ValueError, match="expected positive cells"):
        plot.isosurface(field, 0.5, ax3, cells=(1, 0, 1))
    with pytest.raises(ValueError, match="0 to 1, got 2"):
        plot.isosurface(field, 0.5, ax3, i=2)
    with pytest.raises(ValueError, match='projection="3d"'):
        plot.isosurface(field, 0.5, Figure().add_subplot())
    line = PeriodicField.from_arrays(np.ones((1, 4)), "lamellar", [3.0])
    with pytest.raises(ValueError, match="field_profile draws one"):
        plot.field_section(line)
    with pytest.raises(ValueError, match="three dimensions"):
        plot.isosurface(line, 0.5)
    with pytest.raises(ValueError, match="labels: expected one for each of 1"):
        plot.field_profile(line, Figure().add_subplot(), labels=["A", "B"])
    with pytest.raises(ValueError, match="another point"):
        plot.field_profile(line, Figure().add_subplot(), end=[0.0])
    with pytest.raises(ValueError, match="expected 1 coordinates"):
        plot.field_profile(line, Figure().add_subplot(), end=[0.0, 1.0])
