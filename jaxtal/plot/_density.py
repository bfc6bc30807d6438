"""Sections of a density, to scale, with the cell outlined."""

from typing import Any

import numpy as np

from ..density import Section
from ._style import axes_or_new

#: White where there is nothing.
COLOUR_MAP = "gist_heat_r"


def density_section(
    section: Section,
    ax: Any = None,
    *,
    outline: bool = True,
    bar: bool = True,
    clip: tuple[float | int, float | int] = (0, 1),
    unit: str = "",
) -> Any:
    """Plot a section as an image to scale, with the outline of one cell and a colour bar.

    Args:
        section: a density on a plane.
        ax: matplotlib axes, default new ones.
        outline: draw the cell.
        bar: draw a colour bar beside the axes.
        clip: share of the values at which the colours begin, and of the largest value at which
            they end: (0, 0.3) shows what is weak.
        unit: unit of the density, for the bar.

    Returns:
        The axes.

    Raises:
        ValueError: a clip that is not 0 <= low < 1, 0 < high <= 1.
    """
    low, high = clip
    if not (0 <= low < 1 and 0 < high <= 1):
        raise ValueError(f"clip: expected 0 <= low < 1 and 0 < high <= 1, got {clip}")
    ax = axes_or_new(ax, (5.6, 4.8))
    image = section_image(ax, section, outline=outline)
    bottom, top = float(np.quantile(section.values, low)), high * float(section.values.max())
    image.set_clim(bottom, top if top > bottom else bottom + 1.0)
    if bar:
        label = "density" + (f" ({unit})" if unit else "")
        extend = "max" if high < 1 else "neither"
        ax.figure.colorbar(image, ax=ax, label=label, shrink=0.85, extend=extend)
    return ax


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
    ax.set_aspect("equal")
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) @ plane.frame + plane.offset
    ax.set_xlim(min(x.min(), corners[:, 0].min()), max(x.max(), corners[:, 0].max()))
    ax.set_ylim(min(y.min(), corners[:, 1].min()), max(y.max(), corners[:, 1].max()))
    ax.set_xlabel(plane.labels[0])
    ax.set_ylabel(plane.labels[1])
    ax.spines[:].set_visible(abs(plane.frame[1, 0]) < 1e-9 * abs(plane.frame[1, 1]))
    return image
