"""Pictures of densities and of phasing runs: what is drawn is what was given."""

import dataclasses
import types

import numpy as np
import pytest
from matplotlib.figure import Figure

from jaxtal import plot
from jaxtal.density import Density, Plane
from jaxtal.grids import mesh_grid
from jaxtal.lattice import Superspace
from jaxtal.plot._style import RED
from jaxtal.symmetry import Orbits, SpaceGroup, SymOp

TABLE = np.linspace(-1, 1, 11)[None] * np.linspace(1, 30, 20)[:, None]


@pytest.fixture
def ax():
    return Figure().add_subplot()


@pytest.fixture
def orbits():
    group = SpaceGroup.from_operations([SymOp.identity(3)])
    return Orbits.build(group, np.array([[1, 0, 0], [0, 1, 1], [1, 0, 2]]))


@pytest.fixture
def density(orbits):
    return Density.from_orbits(orbits, np.array([1.0, 0.5j, 0.3 + 0.1j]))


@pytest.fixture
def plane():
    space = Superspace.periodic([5.0, 6.0, 7.0, 90.0, 120.0, 90.0])
    return Plane.rational([1, 0, 0], [0, 0, 1], space=space)


def test_section_is_drawn_to_scale_with_its_cell(density, plane):
    figure = Figure()
    shown = density.section(plane, (8, 9))
    ax = plot.density_section(shown, figure.add_subplot(), unit="e/Å³")
    assert ax.get_aspect() == 1.0
    (image,) = [c for c in ax.collections if c.get_array() is not None]
    np.testing.assert_array_equal(image.get_array(), shown.values.T)
    # A corner of the mesh is half a pixel from the corner of the cell.
    mesh = image.get_coordinates()
    np.testing.assert_allclose(mesh[0, 0], -plane.frame[0] / 16 - plane.frame[1] / 18)
    np.testing.assert_allclose(mesh[9, 4], 3.5 / 8 * plane.frame[0] + 8.5 / 9 * plane.frame[1])
    outline = ax.get_lines()[-1].get_xydata()
    np.testing.assert_allclose(outline[:-1], plane.outline)
    np.testing.assert_allclose(outline[0], outline[-1])
    assert ax.get_xlabel() == "[1 0 0] (Å)"
    (bar,) = ax.child_axes
    assert "e/Å³" in bar.get_ylabel()
    assert image.get_clim()[1] == pytest.approx(shown.values.max())


def test_colours_are_scaled_by_the_whole_density(density, plane, ax):
    """A plane that misses the peaks is pale, whatever its own largest value is."""
    known = dataclasses.replace(density, grid=mesh_grid((8, 8, 8)))
    shown = known.section(plane, (8, 9))
    assert shown.highest == pytest.approx(float(known.on_grid(known.grid).max()))
    assert shown.highest > 1.2 * shown.values.max()
    plot.density_section(shown, ax, title="a plane", failure="it failed")
    assert ax.collections[0].get_clim() == pytest.approx((0.0, shown.highest))
    (bar,) = ax.child_axes
    assert bar.get_ylabel() == "density, of its highest value"
    assert ax.get_title() == "NOT SOLVED: it failed\na plane"
    assert ax.title.get_color() == RED


def test_section_clips_colours_on_request(density, plane, ax):
    shown = density.section(plane, (8, 9))
    plot.density_section(shown, ax, outline=False, bar=False, clip=(0.1, 0.5))
    assert not ax.get_lines()
    bottom, top = ax.collections[0].get_clim()
    assert top == pytest.approx(0.5 * shown.values.max())
    assert bottom == pytest.approx(0.1 * shown.values.max())
    with pytest.raises(ValueError, match="clip"):
        plot.density_section(shown, ax, clip=(0.5, 2.0))


def test_deciles_draw_all_columns(ax):
    assert plot.deciles(TABLE, ax, first=5, stages=(12,)) is ax
    curves = [line for line in ax.get_lines() if len(line.get_xdata()) == 20]
    assert len(curves) == 11
    for line, column in zip(curves, TABLE.T, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), np.arange(5, 25))
        np.testing.assert_array_equal(line.get_ydata(), column)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["minimum", "deciles 10 to 90 %", "median", "maximum"]
    bottom, top = ax.get_ylim()
    assert bottom < TABLE.min() < TABLE.max() < top
    with pytest.raises(ValueError, match=r"\(iterations, 11\)"):
        plot.deciles(TABLE[:, 1:], ax)
    with pytest.raises(ValueError, match="at least one iteration"):
        plot.deciles(TABLE[:0], ax)


def test_histogram_counts_successes(ax):
    iterations = np.array([10, 12, 12, 30, 100, 100])
    good = iterations < 100
    plot.success_histogram(iterations, good, ax, bins=10)
    assert sum(patch.get_height() for patch in ax.patches) == 4
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert "4 of 6 starts" in labels
    assert "median 12" in labels
    assert "2 without success" in labels
    plot.success_histogram(iterations, ~np.ones(6, bool), Figure().add_subplot())
    with pytest.raises(ValueError, match="as many iterations"):
        plot.success_histogram(iterations, good[1:], ax)


def test_live_view_changes_its_artists_in_place(density, plane):
    view = plot.LiveView(plane, shape=(6, 6), share=1.0, figure=Figure())
    assert view.update(TABLE[:5], np.full(5, 0.4), density)
    before = [view.figure.axes[0].get_lines(), view.figure.axes[2].collections]
    artists = [id(artist) for group in before for artist in group]
    assert view.update(TABLE[5:], np.full(15, 0.3), lambda: density)
    after = [view.figure.axes[0].get_lines(), view.figure.axes[2].collections]
    assert artists == [id(artist) for group in after for artist in group]
    np.testing.assert_array_equal(after[0][10].get_ydata(), TABLE[:, 10])
    r_line = view.figure.axes[1].get_lines()[0]
    np.testing.assert_array_equal(r_line.get_ydata(), [0.4] * 5 + [0.3] * 15)
    image = after[1][0]
    np.testing.assert_allclose(image.get_array(), density.section(plane, (6, 6)).values.T)
    assert view.drawn == 2
    view.figure.savefig("/dev/null", format="png")


def test_live_view_takes_its_share_of_the_time_at_most(density, plane, monkeypatch):
    clock = types.SimpleNamespace(now=0.0)
    monkeypatch.setattr("time.perf_counter", lambda: clock.now)
    view = plot.LiveView(plane, shape=(6, 6), share=0.1, figure=Figure())

    def slow():
        clock.now += 1.0  # a section that costs a second
        return density

    for _ in range(1000):
        clock.now += 0.05
        view.update(TABLE[:1], density=slow)
    assert view.drawn == pytest.approx(5, abs=1)
    assert view.seconds <= 0.11 * clock.now
    assert len(np.concatenate(view._deciles)) == 1000
    with pytest.raises(ValueError, match="share"):
        plot.LiveView(share=0)


def test_live_view_follows_one_start(orbits, plane):
    view = plot.LiveView(plane, orbits, shape=(6, 6), start=1, share=1.0, figure=Figure())

    def snapshot(start, number, records):
        attempt = types.SimpleNamespace(start=start, number=number)
        return types.SimpleNamespace(attempt=attempt, records=records, f=np.ones(3, complex))

    view(snapshot(0, 0, [TABLE[:5], np.ones(5)]))
    assert view.drawn == 0
    view(snapshot(1, 0, [TABLE[:5], np.ones(5)]))
    view(snapshot(1, 0, [TABLE[5:7], np.ones(2)]))
    assert len(view.figure.axes[0].get_lines()[0].get_xdata()) == 7
    view(snapshot(1, 1, [TABLE[:3]]))  # begun again
    assert len(view.figure.axes[0].get_lines()[0].get_xdata()) == 3
    image = view.figure.axes[2].collections[0]
    expected = Density.from_orbits(orbits, np.ones(3, complex)).section(plane, (6, 6))
    np.testing.assert_allclose(image.get_array(), expected.values.T)


def test_live_view_makes_a_pyplot_figure():
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    view = plot.LiveView()
    assert view.figure.number in plt.get_fignums()
    assert view.update(TABLE[:2])
    plt.close(view.figure)
