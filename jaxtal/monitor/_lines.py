"""Many lines in one figure, sent as three arrays however many they are."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource, CustomJS, MultiLine, Scatter

#: Takes the lines apart; dots are on all points of the lines `all`, or on the last one of each.
_APART = """
const [x, y, ends, colour, width, alpha] =
  ["x", "y", "ends", "colour", "width", "alpha"].map(name => packed.data[name][0])
const part = (a, i, j) => Array.prototype.slice.call(a, i, j)
const xs = [], ys = [], at = {x: [], y: [], colour: []}
let begin = 0
for (let i = 0; i < ends.length; i++) {
  const end = ends[i]
  xs.push(part(x, begin, end))
  ys.push(part(y, begin, end))
  const first = all === null ? end - 1 : all.includes(i) ? begin : end
  for (let j = Math.max(first, begin); j < end; j++) {
    at.x.push(x[j])
    at.y.push(y[j])
    at.colour.push(colour[i])
  }
  begin = end
}
if (!at.x.length) Object.assign(at, nothing.data)
lines.data = {xs, ys, colour: part(colour), width: part(width), alpha: part(alpha)}
dots.data = at
"""
#: A dot that is not seen: without any, there were no axes.
_NOTHING = {"x": [0.0], "y": [1.0], "colour": ["transparent"]}
_EMPTY = ("x", "y", "ends", "colour", "width", "alpha")


class Lines:
    """Lines with dots, which the page takes apart itself.

    A line of its own costs two messages for each of its arrays, and a run has hundreds of starts.

    Attributes:
        lines: the glyphs of the lines.
        apart: what the page does with new ones, and when it is loaded.
        packed: all of them, one row: x and y one after the other, where each ends, and its style.
    """

    def __init__(self, shown: Any, name: str, *, dotted: Sequence[int] | None = None, size: int):
        """No lines yet.

        Args:
            shown: the figure.
            name: of the source that has the lines in the page.
            dotted: those that have dots on all points; by default all have one at their end.
            size: of the dots.
        """
        self.packed = ColumnDataSource({key: [[]] for key in _EMPTY})
        columns = ("xs", "ys", "colour", "width", "alpha")
        # What the page makes is not sent back.
        lines = ColumnDataSource({key: [] for key in columns}, name=name, syncable=False)
        # Reached from the layout, or it were not sent.
        lines.tags = [self.packed]
        dots = ColumnDataSource(dict(_NOTHING), syncable=False)
        style: Any = {"line_color": "colour", "line_width": "width", "line_alpha": "alpha"}
        self.lines = shown.add_glyph(lines, MultiLine(xs="xs", ys="ys", **style))
        style = {"size": size, "fill_color": "colour", "line_color": "colour"}
        shown.add_glyph(dots, Scatter(x="x", y="y", **style))
        places = None if dotted is None else list(dotted)
        arguments: Any = {"packed": self.packed, "lines": lines, "dots": dots, "all": places}
        arguments["nothing"] = ColumnDataSource(dict(_NOTHING))
        self.apart = CustomJS(args=arguments, code=_APART)
        self.packed.js_on_change("data", self.apart)

    def show(
        self,
        xs: Sequence[Any],
        ys: Sequence[Any],
        colours: Sequence[str],
        widths: Sequence[float],
        alphas: Sequence[float] | None = None,
    ) -> None:
        """Put in lines, each (points,) and (points,), and their style."""
        sizes = np.cumsum([len(x) for x in xs], dtype=np.int32)
        x, y = (
            np.concatenate([np.zeros(0, np.float32), *parts], dtype=np.float32, casting="same_kind")
            for parts in (xs, ys)
        )
        alphas = [0.9] * len(colours) if alphas is None else list(alphas)
        self.packed.data = {
            "x": [x],
            "y": [y],
            "ends": [sizes],
            "colour": [list(colours)],
            "width": [list(widths)],
            "alpha": [alphas],
        }
