"""A crystal that can be turned with the mouse, drawn by the page itself."""

from typing import Any

import numpy as np
from ase.data import chemical_symbols, covalent_radii
from ase.data.colors import jmol_colors
from bokeh.events import Pan
from bokeh.models import ColumnDataSource, CustomJS, Range1d

from ..crystal import HostAtoms
from ._style import plot

#: Atoms drawn at most, with those on the faces of the cell; bonds are this much longer than the
#: sum of covalent radii, at most.
_MOST, _BOND = 400, 1.15
#: Radius of atoms, angstrom, that are bonded by others.
_LARGE = 1.25
#: Turns what is drawn, and puts the far before the near. `turn.data.m` is the rotation, rows.
_DRAW = """
const m = turn.data.m
if (typeof cb_obj.delta_x === "number") {
  const a = 0.01 * cb_obj.delta_x, b = -0.01 * cb_obj.delta_y
  const [ca, sa, cb, sb] = [Math.cos(a), Math.sin(a), Math.cos(b), Math.sin(b)]
  for (let j = 0; j < 3; j++) {
    const [x, y, z] = [m[j], m[3 + j], m[6 + j]]
    const [x1, z1] = [ca * x + sa * z, -sa * x + ca * z]
    m[j] = x1; m[3 + j] = cb * y - sb * z1; m[6 + j] = sb * y + cb * z1
  }
}
const at = (x, y, z, row) => m[3 * row] * x + m[3 * row + 1] * y + m[3 * row + 2] * z
const r = atoms.data
const order = Array.from(r.x, (_, i) => i)
const depth = order.map(i => at(r.x[i], r.y[i], r.z[i], 2))
order.sort((i, j) => depth[i] - depth[j])
const far = Math.max(1e-6, ...depth.map(Math.abs))
if (typeof cb_obj.delta_x !== "number") {
  const high = reach.data.reach[0], wide = high * (shown.inner_width / shown.inner_height || 1)
  shown.y_range.setv({start: -high, end: high})
  shown.x_range.setv({start: -wide, end: wide})
}
const pick = name => order.map(i => r[name][i])
drawn.data = {
  x: order.map(i => at(r.x[i], r.y[i], r.z[i], 0)),
  y: order.map(i => at(r.x[i], r.y[i], r.z[i], 1)),
  radius: pick("radius"), colour: pick("colour"), name: pick("name"),
  alpha: order.map(i => 0.72 + 0.28 * depth[i] / far),
}
for (const [from, to] of [[bonds, bonds2], [edges, edges2]]) {
  const b = from.data, n = b.x0.length
  const xs = [], ys = []
  for (let i = 0; i < n; i++) {
    xs.push([at(b.x0[i], b.y0[i], b.z0[i], 0), at(b.x1[i], b.y1[i], b.z1[i], 0)])
    ys.push([at(b.x0[i], b.y0[i], b.z0[i], 1), at(b.x1[i], b.y1[i], b.z1[i], 1)])
  }
  to.data = {xs: xs, ys: ys}
}
"""
_SEGMENT = ("x0", "y0", "z0", "x1", "y1", "z1")


class CrystalView:
    """Atoms, bonds and cell in parallel projection; dragging turns them.

    The turning is done in the page, which needs no server for it and no library from elsewhere.

    Attributes:
        layout: of bokeh.
        draw: what the page does with new atoms, and when it is loaded.
    """

    def __init__(self, height: int):
        """Lay out an empty picture."""
        self._atoms = ColumnDataSource(
            {name: [] for name in ("x", "y", "z", "radius", "colour", "name")}, name="atoms"
        )
        self._bonds, self._edges = (ColumnDataSource({n: [] for n in _SEGMENT}) for _ in range(2))
        # What the page makes of them is not sent back.
        drawn = ColumnDataSource(
            {name: [] for name in ("x", "y", "radius", "colour", "name", "alpha")},
            name="drawn",
            syncable=False,
        )
        empty: Any = {"xs": [], "ys": []}
        bonds, edges = (ColumnDataSource(empty, syncable=False) for _ in range(2))
        turn = ColumnDataSource({"m": _view()}, name="turn", syncable=False)
        self._reach = ColumnDataSource({"reach": [5.0]})
        shown = plot(
            "Best crystal (drag to turn)",
            "",
            "",
            height,
            tools="",
            x_range=Range1d(start=-5, end=5),
            y_range=Range1d(start=-5, end=5),
            match_aspect=True,
        )
        shown.axis.visible = shown.grid.visible = False
        shown.min_border_left = 8
        shown.multi_line("xs", "ys", source=edges, line_color="#888888", line_width=1.0)
        shown.multi_line("xs", "ys", source=bonds, line_color="#7a7a7a", line_width=4.0)
        shown.circle(
            "x", "y", radius="radius", source=drawn, fill_color="colour", line_color="#333333",
            line_width=0.8, fill_alpha="alpha",
        )  # fmt: skip
        self.draw = CustomJS(
            args={
                "turn": turn, "reach": self._reach, "shown": shown, "atoms": self._atoms,
                "drawn": drawn, "bonds": self._bonds,
                "bonds2": bonds, "edges": self._edges, "edges2": edges,
            },
            code=_DRAW,
        )  # fmt: skip
        shown.js_on_event(Pan, self.draw)
        self._atoms.js_on_change("data", self.draw)
        self.layout = shown

    def show(self, atoms: HostAtoms, text: str) -> None:
        """Put in a crystal; text: above it."""
        self.layout.title.text = f"{text} (drag to turn)"
        cart, numbers = _drawn_atoms(atoms)
        middle = atoms.matrix.sum(axis=0) / 2
        corners = np.array(np.meshgrid([0, 1], [0, 1], [0, 1])).reshape(3, -1).T
        starts, ends = _cell_edges(corners)
        edges = [corners[starts] @ atoms.matrix - middle, corners[ends] @ atoms.matrix - middle]
        first, second = _bonded(cart, numbers)
        cart = cart - middle
        reach = 0.92 * float(np.linalg.norm(corners @ atoms.matrix - middle, axis=1).max())
        self._reach.data = {"reach": [reach]}
        self._bonds.data = _segments(cart[first], cart[second])
        self._edges.data = _segments(*edges)
        # The last, as it has all of it drawn.
        self._atoms.data = {
            "x": cart[:, 0],
            "y": cart[:, 1],
            "z": cart[:, 2],
            "radius": 0.42 * covalent_radii[numbers],
            "colour": [_colour(int(number)) for number in numbers],
            "name": [chemical_symbols[number] for number in numbers],
        }


def _drawn_atoms(atoms: HostAtoms) -> tuple[np.ndarray, np.ndarray]:
    """Those of the cell, and again those on its faces at the opposite ones; cartesian."""
    frac, numbers = atoms.frac_coords % 1.0, atoms.atomic_numbers
    places, kinds = [], []
    for shift in np.array(np.meshgrid([0, 1], [0, 1], [0, 1])).reshape(3, -1).T:
        inside = ((frac + shift) <= 1.0 + 1e-3).all(axis=1)
        places.append(frac[inside] + shift)
        kinds.append(numbers[inside])
    x, z = np.concatenate(places)[:_MOST], np.concatenate(kinds)[:_MOST]
    return x @ atoms.matrix, z.astype(int)


def _bonded(cart: np.ndarray, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    distance = np.linalg.norm(cart[:, None] - cart[None], axis=-1)
    limit = _BOND * (covalent_radii[numbers][:, None] + covalent_radii[numbers][None])
    near = np.triu((distance < limit) & (distance > 0.4), 1)
    # Between two large atoms only where that is all there is, as in metals.
    large = covalent_radii[numbers] > _LARGE
    others = near & ~(large[:, None] & large[None])
    first, second = np.nonzero(others if others.any() else near)
    return first, second


def _cell_edges(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    apart = np.abs(corners[:, None] - corners[None]).sum(axis=-1)
    first, second = np.nonzero(np.triu(apart == 1))
    return first, second


def _segments(first: np.ndarray, second: np.ndarray) -> dict[str, Any]:
    return dict(zip(_SEGMENT, (*first.T, *second.T), strict=True))


def _colour(number: int) -> str:
    return "#" + "".join(f"{round(255 * float(c)):02x}" for c in jmol_colors[number])


def _view() -> list[float]:
    """A look from above and aside, as rows of a rotation."""
    a, b = np.radians(-18.0), np.radians(14.0)
    about_y = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    # c upwards, a to the right.
    upright = np.array([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]])
    return (about_x @ about_y @ upright).reshape(-1).tolist()
