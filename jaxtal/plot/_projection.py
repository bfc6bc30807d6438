"""The density of a cell seen along its shortest axis, with the atoms in it."""

import dataclasses
import itertools
from typing import Any

import numpy as np
from jaxtyping import Float

from ..refinement import Model, find_bonds
from ..scattering import species_label
from ._style import COLOURS, GREY

#: Beyond the cell, and beyond the atoms of the asymmetric unit, as fractions.
_MARGIN = 0.04
#: Colours of the elements that have one in chemistry.
_CHEMICAL = {1: "#8c8c8c", 6: "#333333", 7: COLOURS[0], 8: "#d02020", 16: "#c9a400"}


@dataclasses.dataclass(frozen=True)
class Projection:
    """A parallel projection of the cell along one of its axes onto the plane across it.

    Attributes:
        along: the axis that is looked along.
        across: the other two.
        frame: these two as vectors of the picture, rows, angstrom, (2, 2).
        depth: length of the axis looked along, angstrom.
    """

    along: int
    across: tuple[int, int]
    frame: Float[np.ndarray, "2 2"]
    depth: float

    @classmethod
    def along_shortest(cls, matrix: np.ndarray) -> "Projection":
        """That along the shortest axis.

        Args:
            matrix: lattice vectors as rows, angstrom, (3, 3).
        """
        lengths = np.linalg.norm(matrix, axis=1)
        along = int(lengths.argmin())
        # The longer of the other two lies across the picture.
        first, second = sorted((i for i in range(3) if i != along), key=lambda i: -lengths[i])
        axis = matrix[along] / lengths[along]
        u, v = (matrix[i] - (matrix[i] @ axis) * axis for i in (first, second))
        x = u / np.linalg.norm(u)
        tilt = float(v @ x)
        height = float(np.sqrt(max(v @ v - tilt**2, 0.0)))
        frame = np.array([[float(np.linalg.norm(u)), 0.0], [tilt, height]])
        return cls(along, (first, second), frame, float(lengths[along]))

    def points(self, frac: np.ndarray) -> np.ndarray:
        """Where points with fractional coordinates (..., 3) lie in the picture, (..., 2)."""
        return np.asarray(frac)[..., self.across] @ self.frame


def draw_density(
    ax: Any,
    values: np.ndarray,
    seen: Projection,
    window: tuple[np.ndarray, np.ndarray],
    *,
    signed: bool = False,
) -> None:
    """Draw the sum of a density over the axis looked along, grey where it is high.

    Args:
        ax: matplotlib axes.
        values: over the cell, (n1, n2, n3).
        seen: the projection.
        window: least and largest fraction of both axes across.
        signed: show negative density, too, in red.
    """
    flat = values.mean(axis=seen.along) * seen.depth
    flat = flat if seen.across[0] < seen.across[1] else flat.T
    steps = [
        np.arange(int(np.floor(low * n)), int(np.ceil(high * n)) + 1)
        for low, high, n in zip(*window, flat.shape, strict=True)
    ]
    shown = flat[np.ix_(*(step % n for step, n in zip(steps, flat.shape, strict=True)))]
    nodes = [step / n for step, n in zip(steps, flat.shape, strict=True)]
    x, y = np.moveaxis(np.stack(np.meshgrid(*nodes), axis=-1) @ seen.frame, -1, 0)
    shown = shown / (float(np.abs(flat).max()) or 1.0)
    if not signed:
        # Light atoms are seen beside heavy ones on a scale of square roots.
        shown = np.sqrt(np.maximum(shown, 0.0))
    colours = "RdGy" if signed else "Greys"
    image = ax.pcolormesh(x, y, shown.T, cmap=colours, shading="gouraud", rasterized=True)
    image.set_clim(-1.0 if signed else 0.0, 1.0)
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]) @ seen.frame
    ax.plot(*corners.T, color="black", linewidth=0.8)
    ax.set_aspect("equal")
    ax.set_xlabel("Å")
    ax.set_title(f"density along {'abc'[seen.along]}", fontsize="medium")
    ax.spines[:].set_visible(False)


def whole_cell() -> tuple[np.ndarray, np.ndarray]:
    """The window of one cell."""
    return np.full(2, -_MARGIN), np.full(2, 1 + _MARGIN)


def gathered(model: Model) -> np.ndarray:
    """Atoms of the asymmetric unit, moved by whole cells into the middle one, (N, 3)."""
    return model.frac - np.floor(model.frac.mean(axis=0))


def window_of(frac: np.ndarray, seen: Projection) -> tuple[np.ndarray, np.ndarray]:
    """The window that holds the cell and some atoms."""
    low, high = whole_cell()
    part = frac[:, seen.across]
    return (
        np.minimum(low, part.min(axis=0) - _MARGIN),
        np.maximum(high, part.max(axis=0) + _MARGIN),
    )


def draw_atoms(
    ax: Any, model: Model, seen: Projection, window: tuple[np.ndarray, np.ndarray]
) -> None:
    """Draw the asymmetric unit with its bonds, and the other atoms of the window as dots."""
    from matplotlib.collections import LineCollection

    frac = gathered(model)
    moved = frac - model.frac
    numbers = model.atomic_numbers
    for one in {int(z) for z in numbers}:
        others = _images(model, frac[numbers == one], seen, window)
        ax.plot(*others.T, ".", color=_colour(one, numbers), markersize=2, alpha=0.7)
    lines = []
    for bond in itertools.chain.from_iterable(find_bonds(model)):
        end = bond.rotation @ model.frac[bond.other] + bond.translation + moved[bond.atom]
        lines.append(seen.points(np.stack([frac[bond.atom], end])))
    drawn = LineCollection(lines, colors=COLOURS[5], linewidths=1.2, alpha=0.8, zorder=2.5)
    ax.add_collection(drawn, autolim=False)
    for one in sorted({int(z) for z in numbers}, reverse=True):
        at = seen.points(frac[numbers == one])
        size = 3.0 if one == 1 else 5.0 + min(one, 40) / 12
        ax.plot(
            *at.T,
            "o",
            color=_colour(one, numbers),
            markeredgecolor="white",
            markeredgewidth=0.5,
            markersize=size,
            label=species_label(one),
            zorder=3,
        )
    ax.legend(
        frameon=True,
        framealpha=0.85,
        edgecolor="none",
        fontsize="small",
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
        borderaxespad=0.2,
        handletextpad=0.1,
    )


def _images(
    model: Model, frac: np.ndarray, seen: Projection, window: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Every image of atoms in the window, in the picture, (n, 2)."""
    group = model.group
    W, w = group.rotations, group.translations / group.denominator
    images = (np.einsum("oij,nj->noi", W, frac) + w).reshape(-1, 3) % 1.0
    shifts = np.stack(np.meshgrid([-1, 0, 1], [-1, 0, 1]), axis=-1).reshape(-1, 2)
    flat = (images[:, None, seen.across] + shifts).reshape(-1, 2)
    inside = ((flat >= window[0]) & (flat <= window[1])).all(axis=1)
    return flat[inside] @ seen.frame


def _colour(number: int, numbers: np.ndarray) -> str:
    """Colours of chemistry for the common elements, others for the rest, by rank."""
    if number in _CHEMICAL:
        return _CHEMICAL[number]
    rest = sorted({int(z) for z in numbers} - set(_CHEMICAL))
    free = (COLOURS[2], COLOURS[3], COLOURS[4], COLOURS[1], GREY)
    return free[rest.index(number) % len(free)]
