"""One start: the deciles of its density over the cycles, and a section of it."""

import math
from typing import Any

import numpy as np
from bokeh.layouts import column
from bokeh.models import (
    ColorBar,
    ColumnDataSource,
    CustomJSTickFormatter,
    DataRange1d,
    FixedTicker,
    Image,
    Legend,
    LegendItem,
    Line,
    LinearColorMapper,
)
from bokeh.palettes import interp_palette

from ._curve import Curve
from ._lines import Lines
from ._plane_sum import PlaneSum
from ._style import COLOURS, plot

#: White where there is nothing, as in all pictures of densities.
_HEAT = interp_palette(
    ("#ffffff", "#ffd9a8", "#ff9a3c", "#e2461f", "#a3150c", "#4d0505", "#000000"), 256
)
#: Minimum, deciles (darker towards the median), maximum.
_STYLE = (
    [COLOURS[5], *[COLOURS[0]] * 4, "black", *[COLOURS[0]] * 4, COLOURS[1]],
    [1.6, *[0.9] * 4, 1.6, *[0.9] * 4, 1.6],
    [1.0, 0.25, 0.4, 0.55, 0.7, 1.0, 0.7, 0.55, 0.4, 0.25, 1.0],
)
_NAMES = {0: "minimum", 2: "deciles 10 to 90 %", 5: "median", 10: "maximum"}
#: Numbers on an axis whose places are asinh(value / scale).
_FORMAT = """
const v = source.data.scale[0] * Math.sinh(tick)
const size = Math.abs(v)
if (size < 1e-9 * source.data.scale[0]) return "0"
return (size >= 1e5 || size < 1e-2) ? v.toExponential(0) : String(Number(v.toPrecision(2)))
"""


class StartPanel:
    """Two pictures, one above the other; their artists are changed in place.

    Attributes:
        layout: of bokeh.
        apart: what the page does when it is loaded.
    """

    def __init__(self, number: int):
        """Lay out empty pictures; number: place from the left."""
        self._scale = ColumnDataSource({"scale": [1.0]})
        top = plot(
            "Waiting for the first look, which is compiled",
            "iteration",
            "density (arbitrary units)",
            210,
        )
        top.x_range.start = 0
        self._curve = Lines(top, f"deciles{number}", dotted=(0, 10), size=3)
        lines = [self._curve.lines]
        named = [LegendItem(label=n, renderers=lines, index=i) for i, n in _NAMES.items()]
        top.add_layout(Legend(items=named), "above")
        top.yaxis.ticker = FixedTicker(ticks=[0.0])
        top.yaxis.formatter = CustomJSTickFormatter(args={"source": self._scale}, code=_FORMAT)
        top.legend.location, top.legend.orientation = "left", "horizontal"
        top.legend.label_text_font_size, top.legend.spacing = "7.5pt", 6
        top.legend.border_line_color, top.legend.padding, top.legend.margin = None, 0, 0
        top.legend.glyph_width = 14
        self._top = top
        self._image = ColumnDataSource(
            {"image": [_nothing()], "x": [0.0], "y": [0.0], "w": [1], "h": [1]},
            name=f"section{number}",
        )
        self._outline = ColumnDataSource({"x": [], "y": []})
        self._colours = LinearColorMapper(palette=_HEAT, low=0.0, high=1.0)
        bottom = plot(
            "",
            "",
            "",
            265,
            x_range=DataRange1d(range_padding=0),
            y_range=DataRange1d(range_padding=0),
        )
        glyph = Image(image="image", x="x", y="y", dw="w", dh="h", color_mapper=self._colours)
        image = bottom.add_glyph(self._image, glyph)
        for one in (bottom.x_range, bottom.y_range):
            one.renderers = [image]
        for colour, width in (("white", 2.6), ("black", 1.0)):
            line = Line(x="x", y="y", line_color=colour, line_width=width, line_alpha=0.9)
            bottom.add_glyph(self._outline, line)
        bottom.add_layout(
            ColorBar(
                color_mapper=self._colours,
                width=9,
                padding=4,
                major_label_text_font_size="7.5pt",
                bar_line_color=None,
            ),
            "right",
        )
        bottom.grid.visible = False
        bottom.match_aspect = True
        self._bottom = bottom
        self._plane: Any = None
        self._start = -1
        self.apart = self._curve.apart
        self.layout = column(top, bottom, sizing_mode="stretch_width")

    def show(self, curve: Curve, section: Any, plane_sum: PlaneSum | None) -> None:
        """Put in what was prepared.

        Args:
            curve: of the start.
            section: values on the plane, (n1, n2), or None.
            plane_sum: where they are.
        """
        table = curve.table()
        again = f" (attempt {curve.attempt + 1})" if curve.attempt > 0 else ""
        self._top.title.text = f"Start {curve.start}{again}: minimum, deciles, maximum"
        deciles = np.stack([table[f"d{i}"] for i in range(11)], axis=1)
        if len(deciles):
            inner = float(np.nanmax(np.abs(deciles[:, 1:-1]))) or 1.0
            top = float(np.nanmax(np.abs(deciles)))
            self._scale.data = {"scale": [inner]}
            self._top.yaxis.ticker.ticks = [math.asinh(v / inner) for v in _nice(inner, top)]
            cycle, y = table["cycle"], np.arcsinh(deciles.T / inner)
            self._curve.show([cycle] * 11, list(y), *_STYLE)
        if section is None or plane_sum is None:
            if self._start != curve.start:
                self._bottom.title.text = f"Section of start {curve.start}: not yet"
                self._image.data = {**self._image.data, "image": [_nothing()]}
            self._start = curve.start
            return
        self._start = curve.start
        plane, highest = plane_sum.plane, float(section.max())
        most = float(deciles[-1, 10]) if len(deciles) else 0.0
        # Between the points of a coarse grid, a section may be higher than all of them.
        share = f" = {100 * highest / most:.0f} % of the maximum" if 0 < highest <= most else ""
        self._bottom.title.text = f"Section of start {curve.start}; highest {highest:.3g}{share}"
        self._colours.high = highest if highest > 0 else 1.0
        self._image.data = {
            "image": [np.ascontiguousarray(section.T, np.float32)],
            "x": [plane_sum.left],
            "y": [plane_sum.bottom],
            "w": [plane_sum.width],
            "h": [plane_sum.height],
        }
        if self._plane is not plane:
            self._plane = plane
            closed = np.concatenate([plane.outline, plane.outline[:1]])
            self._outline.data = {"x": closed[:, 0], "y": closed[:, 1]}
            self._bottom.xaxis.axis_label, self._bottom.yaxis.axis_label = map(_plain, plane.labels)
            self._bottom.match_aspect = plane.to_scale


def _nothing() -> np.ndarray:
    """A picture that is not seen."""
    return np.full((2, 2), np.nan, np.float32)


def _nice(inner: float, top: float) -> list[float]:
    """Zero, and powers of ten to both sides from where the scale becomes logarithmic."""
    first = math.ceil(math.log10(inner)) if inner > 0 else 0
    last = max(math.ceil(math.log10(max(top, 1e-300))), first)
    powers = [10.0**i for i in range(first, last + 1)]
    return [*(-one for one in reversed(powers)), 0.0, *powers]


def _plain(label: str) -> str:
    """Labels of planes without the marks of mathematics."""
    return label.replace("$", "").replace("r_", "r").replace("s_", "s")
