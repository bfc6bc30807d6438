"""Isosurfaces of periodic fields, drawn."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..fields import PeriodicField
from ._marching_cubes import Triangles, triangulate
from ._style import COLOURS, DPI, GREY

#: Direction of the lamp: to the right, away from the viewer, up.
_LIGHT = np.array([0.3, -0.75, 0.6])
_AMBIENT = 0.4


def isosurface(
    field: PeriodicField,
    level: float | int | Sequence[float | int],
    ax: Any = None,
    *,
    i: int | Sequence[int] = 0,
    cells: tuple[int, int, int] = (1, 1, 1),
    caps: bool = True,
    refine: int = 1,
    colours: Sequence[str] = COLOURS,
    alpha: float | int = 0.7,
    view: tuple[float | int, float | int] = (22, -58),
    outline: bool = True,
    axes: bool = True,
    unit: str = "",
    title: str = "",
) -> Any:
    """Plot where a three-dimensional field has a value, shaded, to scale, in whole cells.

    Args:
        field: fields in three dimensions.
        level: value on the surface, or several.
        ax: matplotlib axes with projection="3d", default new ones.
        i: which field, or one for each level.
        cells: how many cells to draw along each axis.
        caps: fill the faces of the box where the field is higher than the level.
        refine: nodes along each axis are multiplied by this first, by the field's own waves.
        colours: one per level.
        alpha: opacity; 1 hides what lies behind.
        view: elevation and azimuth of the eye, degrees.
        outline: draw the edges of the box.
        axes: name the three edges that meet in front below, with their lengths.
        unit: unit of length, for the axes.
        title: text above the axes.

    Returns:
        The axes.

    Raises:
        ValueError: another dimension, counts below 1, or a level that the field does not take.
        ImportError: scikit-image, the extra `plot`, is not installed.
    """
    from matplotlib.colors import to_rgb
    from mpl_toolkits.mplot3d.art3d import Poly3DCollection

    if field.mesh.dimension != 3:
        raise ValueError(f"field: expected three dimensions, got {field.mesh.dimension}")
    if len(cells) != 3 or min(cells) < 1 or refine < 1:
        raise ValueError(f"expected positive cells and refine, got {cells} and {refine}")
    levels = [float(x) for x in np.atleast_1d(np.asarray(level, dtype=np.float64))]
    if not levels:
        raise ValueError("level: expected at least one value, got none")
    which = [int(k) for k in np.broadcast_to(np.asarray(i), (len(levels),))]
    if refine > 1:
        field = field.resample([n * refine for n in field.mesh.sizes])
    matrix = field.host_matrix()
    eye = _eye(*view)
    forward = eye[1]
    light = _LIGHT @ eye / np.linalg.norm(_LIGHT)
    corners, rgba = [], []
    for n, (value, k) in enumerate(zip(levels, which, strict=True)):
        field.checked_index(k)
        values = np.asarray(field.values[k], dtype=np.float64)
        if not values.min() < value < values.max():
            raise ValueError(
                f"level: expected a value between {values.min():.4g} and {values.max():.4g} of "
                f"field {k}, got {value:.4g}"
            )
        surface = triangulate(values, matrix, value, cells, caps)
        normal = _normals(surface, matrix, cells)
        # The inner side of an open surface is seen too.
        facing = np.where(normal @ forward > 0, -1.0, 1.0) if not caps else 1.0
        bright = np.clip((normal @ light) * facing, 0.0, 1.0)
        shade = (_AMBIENT + (1.0 - _AMBIENT) * bright)[:, None]
        corners.append(surface.corners)
        rgb = shade * np.array(to_rgb(colours[n % len(colours)]))
        rgba.append(np.concatenate([rgb, np.full_like(shade, alpha)], axis=1))
    ax = _axes_3d(ax)
    # One collection, so that all triangles are sorted by depth together.
    paint = np.concatenate(rgba)
    ax.add_collection3d(
        Poly3DCollection(
            np.concatenate(corners),
            facecolors=paint,
            # Edges close the seams between opaque triangles; between others they would be seen.
            edgecolors=paint if alpha == 1 else "none",
            linewidths=0.4,
            zorder=2,
        )
    )
    box = matrix * np.array(cells)[:, None]
    _frame_box(ax, box, eye, outline)
    if axes:
        _name_edges(ax, box, eye, unit)
    if title:
        ax.set_title(title, fontsize="medium")
    ax.view_init(*view)
    return ax


def _axes_3d(ax: Any) -> Any:
    if ax is None:
        import matplotlib.pyplot as plt

        dpi = max(DPI, plt.rcParams["figure.dpi"])
        ax = plt.figure(figsize=(5.4, 5.2), dpi=dpi, layout="constrained").add_subplot(
            projection="3d"
        )
    if not hasattr(ax, "add_collection3d"):
        raise ValueError('ax: expected axes with projection="3d"')
    ax.computed_zorder = False
    ax.set_axis_off()
    return ax


def _eye(elevation: float | int, azimuth: float | int) -> np.ndarray:
    """Directions to the right, away from the viewer, and up, rows, (3, 3)."""
    e, a = np.deg2rad([elevation, azimuth])
    away = -np.array([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])
    right = np.array([-np.sin(a), np.cos(a), 0.0])
    return np.stack([right, away, np.cross(right, away)])


def _normals(surface: Triangles, matrix: np.ndarray, cells: tuple[int, int, int]) -> np.ndarray:
    """Unit normals of triangles, smoothed along the surface but not over the edges of caps."""
    places = (surface.vertices @ np.linalg.inv(matrix))[surface.faces]
    cap = np.zeros(len(places), dtype=bool)
    for axis, n in enumerate(cells):
        for end in (0, n):
            cap |= (np.abs(places[:, :, axis] - end) < 1e-9).all(axis=1)
    flat = surface.area_vectors
    sums = np.zeros_like(surface.vertices)
    for corner in range(3):
        np.add.at(sums, surface.faces[~cap, corner], flat[~cap])
    smooth = np.where(cap[:, None], flat, sums[surface.faces].sum(axis=1))
    length = np.linalg.norm(smooth, axis=1, keepdims=True)
    return smooth / np.where(length > 0, length, 1.0)


def _frame_box(ax: Any, box: np.ndarray, eye: np.ndarray, outline: bool) -> None:
    """The twelve edges of a box, those behind drawn first, and axes to scale around it."""
    corners = np.indices((2, 2, 2)).reshape(3, -1).T
    places = corners @ box
    seen = places @ eye.T
    hidden = int(seen[:, 1].argmax())
    edges = [(a, b) for a in range(8) for b in range(a) if (corners[a] != corners[b]).sum() == 1]
    for a, b in edges if outline else []:
        behind = hidden in (a, b)
        style = {"color": GREY, "zorder": 1} if behind else {"color": "black", "zorder": 3}
        ax.plot(*places[[a, b]].T, linewidth=0.9, **style)
    low, high = places.min(axis=0), places.max(axis=0)
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), zlim=(low[2], high[2]))
    # The box fills the picture whatever its shape; perspective and labels need a margin.
    size = max(np.ptp(seen[:, 0]), np.ptp(seen[:, 2]))
    ax.set_proj_type("persp", focal_length=2.0)
    ax.set_box_aspect(high - low, zoom=0.78 * float(np.linalg.norm(high - low) / size))


def _name_edges(ax: Any, box: np.ndarray, eye: np.ndarray, unit: str) -> None:
    """Name of an axis and its length, at the outermost of the four edges along it."""
    middle = box.sum(axis=0) / 2
    for axis, name in enumerate("abc"):
        others = [box[i] for i in range(3) if i != axis]
        starts = [m * others[0] + n * others[1] for m in (0, 1) for n in (0, 1)]
        centres = np.array([start + box[axis] / 2 for start in starts])
        # Seen from the eye: c on the left side, a and b below.
        seen = (centres - middle) @ eye.T
        best = int(np.argmin(seen[:, 0] if axis == 2 else seen[:, 2] + 0.1 * seen[:, 1]))
        away = (centres[best] - middle) / np.linalg.norm(centres[best] - middle)
        place = centres[best] + 0.1 * np.linalg.norm(box, axis=1).max() * away
        length = f"{np.linalg.norm(box[axis]):.4g}" + (f" {unit}" if unit else "")
        ax.text(*place, f"{name} = {length}", ha="center", va="center", fontsize="small", zorder=4)
