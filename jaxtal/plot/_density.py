"""Sections of a density, to scale, with the cell outlined."""

from typing import Any

import numpy as np

from ..density import Section
from ._style import RED, axes_or_new

#: White where there is nothing.
COLOUR_MAP = "gist_heat_r"


def density_section(
    section: Section,
    ax: Any = None,
    *,
    title: str = "",
    failure: str = "",
    outline: bool = True,
    bar: bool = True,
    clip: tuple[float | int, float | int] = (0, 1),
    unit: str = "",
) -> Any:
    """Plot a section as an image to scale, with the outline of one cell and a colour bar.

    Colours are scaled by the largest value of the whole density (`Section.highest`), so that a
    plane between the atoms is pale, and ripples in it do not look like atoms. Where that is not
    known, the largest value of the section takes its place.

    Args:
        section: a density on a plane.
        ax: matplotlib axes, default new ones.
        title: text above the axes.
        failure: what went wrong, written above the axes in red.
        outline: draw the cell.
        bar: draw a colour bar beside the axes.
        clip: where the colours begin and end, as shares of the largest value: (0, 0.3) shows what
            is weak.
        unit: unit of the density, for the bar; without one the bar tells percent of the largest
            value.

    Returns:
        The axes.

    Raises:
        ValueError: a clip that is not 0 <= low < high <= 1.
    """
    low, high = clip
    if not 0 <= low < high <= 1:
        raise ValueError(f"clip: expected 0 <= low < high <= 1, got {clip}")
    ax = axes_or_new(ax, (5.6, 4.8))
    image = section_image(ax, section, outline=outline)
    largest = float(section.values.max()) if section.highest is None else section.highest
    # A density that is nowhere positive is white.
    scale = largest if largest > 0 else 1.0
    image.set_clim(low * scale, high * scale)
    text = "\n".join(line for line in (failure and f"NOT SOLVED: {failure}", title) if line)
    if text:
        ax.set_title(text, fontsize="medium", color=RED if failure else "black")
    if bar:
        _colour_bar(ax, image, scale, unit, section.highest is not None, (low, high))
    return ax


def _colour_bar(
    ax: Any, image: Any, scale: float, unit: str, whole: bool, clip: tuple[float | int, float | int]
) -> None:
    from matplotlib.ticker import PercentFormatter

    extend = "both" if clip[1] < 1 else "min"
    # As high as the picture, whatever its shape.
    place = ax.inset_axes([1.04, 0.0, 0.045, 1.0])
    bar = ax.figure.colorbar(image, cax=place, extend=extend, extendfrac=0.04)
    if unit:
        bar.set_label(f"density ({unit})")
        return
    bar.set_ticks((scale * np.linspace(*clip, 6)).tolist())
    digits = 0 if 20 * (clip[1] - clip[0]) % 1 < 1e-9 else 1
    bar.ax.yaxis.set_major_formatter(PercentFormatter(xmax=scale, decimals=digits))
    bar.set_label("density, of its highest value" + ("" if whole else " in this plane"))


def section_image(ax: Any, section: Section, *, outline: bool) -> Any:
    """Draw the values; returns the artist, whose `set_array(values.T)` changes them."""
    plane = section.plane
    steps = [(np.arange(n + 1) - 0.5) / n for n in section.values.shape]
    a, b = np.meshgrid(*steps, indexing="xy")
    x, y = np.moveaxis(np.stack([a, b], axis=-1) @ plane.frame + plane.offset, -1, 0)
    image = ax.pcolormesh(x, y, section.values.T, cmap=COLOUR_MAP, rasterized=True)
    if outline:
        closed = np.concatenate([plane.outline, plane.outline[:1]])
        # White under black: seen on every background.
        ax.plot(*closed.T, color="white", linewidth=2.4, alpha=0.8)
        ax.plot(*closed.T, color="black", linewidth=1.0)
    ax.set_aspect("equal" if plane.to_scale else "auto")
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) @ plane.frame + plane.offset
    ax.set_xlim(min(x.min(), corners[:, 0].min()), max(x.max(), corners[:, 0].max()))
    ax.set_ylim(min(y.min(), corners[:, 1].min()), max(y.max(), corners[:, 1].max()))
    ax.set_xlabel(plane.labels[0])
    ax.set_ylabel(plane.labels[1])
    ax.spines[:].set_visible(abs(plane.frame[1, 0]) < 1e-9 * abs(plane.frame[1, 1]))
    return image
