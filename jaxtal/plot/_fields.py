"""Periodic fields along lines and on planes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..density import Plane
from ..fields import PeriodicField
from ..lattice import Superspace
from ._density import COLOUR_MAP, section_image
from ._style import COLOURS, axes_or_new, tidy


def field_profile(
    field: PeriodicField,
    ax: Any = None,
    *,
    start: Any = None,
    end: Any = None,
    labels: Sequence[str] | None = None,
    points: int = 401,
    unit: str = "",
) -> Any:
    """Plot all fields along a straight line, against the distance from its start.

    Args:
        field: fields in any dimension.
        ax: matplotlib axes, default new ones.
        start: fractional coordinates of the start, (D,); default the origin.
        end: fractional coordinates of the end, (D,); default start + the first axis: in one
            dimension the whole cell, whose nodes are then drawn as dots.
        labels: names of the fields, for a legend.
        points: number of points along the line.
        unit: unit of length, for the axis.

    Returns:
        The axes.

    Raises:
        ValueError: labels that are not one per field, or a line of no length.
    """
    ax = axes_or_new(ax, (5.6, 3.6))
    D = field.mesh.dimension
    names = _names(labels, field)
    first = np.zeros(D) if start is None else np.asarray(start, dtype=np.float64)
    last = first + np.eye(D)[0] if end is None else np.asarray(end, dtype=np.float64)
    if first.shape != (D,) or last.shape != (D,):
        raise ValueError(f"start, end: expected {D} coordinates, got {first} and {last}")
    length = float(np.linalg.norm((last - first) @ field.host_matrix()))
    if not length > 0:
        raise ValueError(f"end: expected another point than {first.tolist()}")
    share = np.linspace(0.0, 1.0, points)
    values = np.asarray(field.at(first + share[:, None] * (last - first)))
    whole = D == 1 and start is None and end is None
    for i, name in enumerate(names):
        colour = COLOURS[i % len(COLOURS)]
        ax.plot(share * length, values[:, i], color=colour, label=name, linewidth=1.6)
        if whole:
            nodes = np.arange(field.mesh.size + 1)
            heights = np.asarray(field.values[i])[nodes % field.mesh.size]
            ax.plot(nodes / field.mesh.size * length, heights, ".", color=colour, markersize=5)
    ax.set_xlim(0.0, length)
    ax.set_xlabel("distance" + (f" ({unit})" if unit else ""))
    ax.set_ylabel("field")
    if labels is not None:
        ax.legend(frameon=False)
    tidy(ax)
    return ax


def field_section(
    field: PeriodicField,
    ax: Any = None,
    *,
    i: int = 0,
    plane: Plane | None = None,
    repeat: tuple[int, int] = (1, 1),
    shape: tuple[int, int] = (200, 200),
    label: str = "field",
    unit: str = "",
    title: str = "",
    colour_map: str = COLOUR_MAP,
) -> Any:
    """Plot one field on a plane, to scale, with the cell outlined and a colour bar.

    Colours run from the least to the largest value of the whole field at its nodes.

    Args:
        field: fields in two or more dimensions.
        ax: matplotlib axes, default new ones.
        i: which field.
        plane: where; default the plane of the first two axes through the origin.
        repeat: cells along both edges of the default plane.
        shape: number of points along both edges.
        label: of the colour bar.
        unit: unit of length, for the axes.
        title: text above the axes.
        colour_map: matplotlib's name of the colours.

    Returns:
        The axes.

    Raises:
        ValueError: a field of one dimension (see `field_profile`), or no such field.
    """
    i = field.checked_index(i)
    D = field.mesh.dimension
    if D < 2:
        raise ValueError("field: expected two or more dimensions; field_profile draws one")
    if plane is None:
        space = Superspace.periodic(field.host_matrix())
        u, v = np.eye(D, dtype=int)[:2]
        plane = Plane.rational(u, v, space=space, repeat=repeat)
    ax = axes_or_new(ax, (5.6, 4.8))
    section = field.section(plane, i, shape)
    image = section_image(ax, section, outline=True)
    image.set_cmap(colour_map)
    # Between the nodes a plane may go a little beyond them.
    both = [np.asarray(field.values[i], np.float64), section.values]
    image.set_clim(min(v.min() for v in both), max(v.max() for v in both))
    for axis, name in ((ax.xaxis, plane.labels[0]), (ax.yaxis, plane.labels[1])):
        axis.set_label_text(name.replace(" (Å)", f" ({unit})" if unit else ""))
    if title:
        ax.set_title(title, fontsize="medium")
    ax.figure.colorbar(image, ax=ax, label=label, shrink=0.85)
    return ax


def _names(labels: Sequence[str] | None, field: PeriodicField) -> list[str]:
    if labels is None:
        return [f"field {i}" for i in range(field.n_fields)]
    if len(labels) != field.n_fields:
        raise ValueError(f"labels: expected one for each of {field.n_fields} fields, got {labels}")
    return list(labels)
