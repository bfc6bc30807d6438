"""Pictures: what is drawn is what was given, into the axes given, without a display."""

import dataclasses
import subprocess
import sys

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.figure import Figure

import jaxtal as jxt
from jaxtal.plot._style import RED


@pytest.fixture(scope="module")
def descriptor():
    return jxt.Descriptor(4, 4, 5.0)


@pytest.fixture(scope="module")
def both(descriptor):
    names = ("diamond", "h-diamond")
    return {name: jxt.describe(jxt.prototype(name), descriptor) for name in names}


@pytest.fixture
def ax():
    return Figure().add_subplot()


@pytest.fixture(scope="module")
def found():
    """A search with an outcome of every kind, made up."""
    diamond = jxt.prototype("diamond")
    history = np.geomspace(1.0, [1e-3, 1e-9, 1e-12, 0.5], 30).T
    history[3, 5:] = np.nan
    losses = np.array([1e-3, 1e-9, 0.0, np.inf])
    return jxt.reconstruct.Reconstruction(
        best=diamond,
        loss=0.0,
        success=True,
        losses=losses,
        converged=losses <= 1e-8,
        history=history,
        solutions=(),
        initial=np.zeros((4, 1)),
        variables=np.zeros((4, 1)),
        tolerance=1e-8,
        seconds=1.0,
        interrupted=False,
    )


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_power_spectrum_draws_every_entry_once(ax, both):
    assert jxt.plot.power_spectrum(both, ax, unit="Å³") is ax
    assert labels(ax) == ["diamond", "h-diamond"]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["$l = 0$", "$l = 2$", "$l = 4$"]
    assert "Å³" in ax.get_ylabel()
    bottom, top = ax.get_ylim()
    curves = [line for line in ax.get_lines() if len(line.get_xdata()) == 4]
    assert len(curves) == 6
    for k, name in enumerate(both):
        P = np.asarray(both[name].power_spectrum)[:, [0, 2, 4]]
        drawn = np.stack([line.get_ydata() for line in curves[3 * k : 3 * k + 3]], axis=1)
        np.testing.assert_allclose(drawn, np.maximum(P, bottom / 2), rtol=1e-6)
        assert drawn.max() < top


def test_radial_distribution(ax, both, descriptor):
    assert jxt.plot.radial_distribution(both, descriptor.rdf_centres, ax) is ax
    assert labels(ax) == ["diamond", "h-diamond"]
    for line, description in zip(ax.get_lines(), both.values(), strict=True):
        np.testing.assert_allclose(line.get_xdata(), descriptor.rdf_centres)
        np.testing.assert_allclose(line.get_ydata(), description.rdf)
    assert "Å" in ax.get_xlabel()


def test_loss_curves_show_every_start_and_the_best(ax, found):
    jxt.plot.loss_curves(found, ax)
    assert labels(ax) == ["not converged: 2", "converged: 2", "best start", "tolerance"]
    curves = [line for line in ax.get_lines() if len(line.get_xdata()) == 31]
    assert len(curves) == 5
    best = curves[-1].get_ydata()
    np.testing.assert_allclose(best[:-1], found.history[2])
    assert best[-1] > 0  # a loss of zero has no place on the scale


def test_a_search_without_iterations_is_drawn_as_points(ax, found):
    stopped = dataclasses.replace(found, history=np.zeros((4, 0)))
    jxt.plot.loss_curves(stopped, ax)
    assert any(line.get_marker() == "o" and len(line.get_xdata()) == 1 for line in ax.get_lines())


def test_reconstruction_figure(found, tmp_path):
    target = jxt.describe(jxt.prototype("diamond"), n_max=8, l_max=8, q_max=6.0)
    figure = jxt.plot.reconstruction_figure(found, target, title="diamond")
    spectrum, distribution, losses = figure.axes
    assert labels(spectrum) == labels(distribution) == ["target", "recovered"]
    assert "Å³" in spectrum.get_ylabel()
    assert losses.get_xlabel() == "iteration"
    figure.savefig(tmp_path / "x.png")
    assert (tmp_path / "x.png").stat().st_size > 10_000


def test_a_failed_reconstruction_does_not_look_solved(found):
    """Curves that lie on each other are no proof: the headline is red, and says what failed."""
    target = jxt.describe(jxt.prototype("diamond"), n_max=8, l_max=8, q_max=6.0)
    headline = jxt.plot.reconstruction_figure(found, target, title="diamond").get_suptitle
    assert headline() == "diamond"
    lost = dataclasses.replace(found, success=False)
    figure = jxt.plot.reconstruction_figure(lost, target, title="diamond")
    assert figure.get_suptitle().startswith("diamond\nNOT SOLVED: not converged: the best of")
    assert labels(figure.axes[0]) == ["target", "best start, not converged"]
    (text,) = figure.texts
    assert text.get_color() == RED
    figure = jxt.plot.reconstruction_figure(found, target, failure="another crystal")
    assert figure.get_suptitle() == "NOT SOLVED: another crystal"


def test_axes_are_made_on_demand(both, descriptor):
    import matplotlib.pyplot as plt

    plt.switch_backend("Agg")
    ax = jxt.plot.radial_distribution(both, descriptor.rdf_centres)
    assert plt.gcf() is ax.figure
    plt.close(ax.figure)


def test_bad_input(ax, both, descriptor):
    with pytest.raises(ValueError, match="one shape"):
        jxt.plot.power_spectrum({}, ax)
    other = jxt.describe(jxt.prototype("diamond"), jxt.Descriptor(3, 4, 5.0))
    with pytest.raises(ValueError, match="one shape"):
        jxt.plot.power_spectrum({**both, "other": other}, ax)
    nothing = eqx.tree_at(lambda d: d.power_spectrum, other, jnp.zeros((3, 5)))
    with pytest.raises(ValueError, match="positive"):
        jxt.plot.power_spectrum({"nothing": nothing}, ax)
    with pytest.raises(ValueError, match="bins"):
        jxt.plot.radial_distribution(both, descriptor.rdf_centres[:-1], ax)


def test_matplotlib_is_imported_by_the_first_picture_only():
    code = "import sys, jaxtal; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
