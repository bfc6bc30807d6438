"""The page of a search from a composition: candidates, lattices, and the best crystal."""

from typing import Any

import numpy as np
from bokeh.layouts import column, row
from bokeh.models import ColorBar, ColumnDataSource, Div, LinearColorMapper
from bokeh.palettes import Viridis256

from ._composition_news import CompositionNews
from ._crystal_view import CrystalView
from ._page import Page
from ._style import COLOURS, FONT, WIDE, escaped, mark_level, plot

#: Candidates drawn at most, free coordinates with colours of their own, lattices listed.
_POINTS, _FREE, _LISTED = 1200, 10, 9
#: Losses below are drawn there.
_LEAST = 1e-14


class CompositionPage(Page):
    """Loss of every candidate, the best crystal, G(q) by its lattice alone, all lattices."""

    @property
    def _news(self) -> CompositionNews:
        news = self.monitor.news
        assert isinstance(news, CompositionNews)
        return news

    def build(self) -> list[Any]:
        tried = plot("Loss of every candidate", "candidate", "loss", 320, y_axis_type="log")
        tried.x_range.start = 0
        colours = LinearColorMapper(palette=Viridis256, low=0, high=_FREE)
        self._tried = ColumnDataSource({"x": [], "y": [], "free": []}, name="candidates")
        dots: Any = {"size": 4, "line_color": None, "fill_alpha": 0.7}
        colour: Any = {"field": "free", "transform": colours}
        tried.scatter("x", "y", source=self._tried, fill_color=colour, **dots)
        self._lowest = ColumnDataSource({"x": [], "y": []}, name="lowest")
        tried.step("x", "y", source=self._lowest, mode="after", line_color=COLOURS[1], line_width=2)
        self._tolerance = mark_level(tried)
        bar: Any = {"width": 9, "padding": 4, "major_label_text_font_size": "7.5pt"}
        tried.add_layout(ColorBar(color_mapper=colours, **bar), "right")
        self._tried_figure = tried
        self._crystal = CrystalView(320)
        self.when_loaded(self._crystal.draw)
        self._radial = plot("Radial distribution by a lattice alone", "q (1/Å)", "G(q)", 290)
        self._known = ColumnDataSource({"x": [], "y": []}, name="target-radial")
        self._explained = ColumnDataSource({"x": [], "y": []}, name="explained")
        line: Any = {"color": COLOURS[0], "line_width": 1.6, "legend_label": "target"}
        self._radial.line("x", "y", source=self._known, **line)
        ring: Any = {"size": 5, "line_color": COLOURS[1], "fill_color": None}
        ring["legend_label"] = "lattice alone"
        self._radial.scatter("x", "y", source=self._explained, **ring)
        self._radial.legend.location = "top_right"
        self._radial.legend.label_text_font_size = "8pt"
        self._radial.legend.border_line_color = None
        self._radial.legend.background_fill_alpha = 0.6
        self._lattices = Div(sizing_mode="stretch_width", name="lattices")
        top = row(tried, self._crystal.layout, sizing_mode="stretch_width")
        bottom = row(self._radial, self._lattices, sizing_mode="stretch_width")
        return [column(top, bottom, sizing_mode="stretch_width", styles=WIDE)]

    def begin(self) -> None:
        news = self._news
        target = news.target
        assert target is not None
        assert target.rdf is not None
        self._tolerance(news.tolerance)
        self._centres = np.asarray(target.specification.rdf_centres, np.float64)
        values = np.asarray(target.rdf, np.float64)
        self._known.data = {"x": self._centres, "y": values}
        self._radial.y_range.start = min(0.0, float(values.min()))

    def prepare(self) -> Any:
        news = self._news
        losses = np.maximum(np.nan_to_num(news.losses, nan=np.inf), _LEAST)
        free = np.array(news.free[: len(losses)], float)
        losses = losses[: len(free)]
        # The lowest of every few, when there are many.
        width = max(1, -(-len(losses) // _POINTS))
        edges = np.arange(0, len(losses), width)
        kept = np.array([i + int(np.argmin(losses[i : i + width])) for i in edges], int)
        kept = kept[np.isfinite(losses[kept])]
        lowest = np.minimum.accumulate(losses) if len(losses) else losses
        # Where it sinks, and the end.
        sinks = np.diff(lowest, prepend=np.inf) < 0
        corners = np.flatnonzero(sinks | (np.arange(len(losses)) == len(losses) - 1))
        points = (kept.astype(float), losses[kept], free[kept])
        return points, (corners.astype(float), lowest[corners]), len(losses)

    def show(self, prepared: Any) -> None:
        (x, y, free), (at, lowest), count = prepared
        news = self._news
        self._tried.data = {"x": x, "y": y, "free": free}
        good = np.isfinite(lowest)
        self._lowest.data = {"x": at[good], "y": lowest[good]}
        some = "" if count <= _POINTS else f" ({len(x)} drawn)"
        self._tried_figure.title.text = (
            f"Loss of {count} candidates{some}; dashed: tolerance; free coordinates by colour"
        )
        closest, explained = news.closest, news.explained
        if closest is not None:
            text = f"{closest.text}, loss {closest.loss:.1e}"
            try:
                if closest.crystal is None:
                    raise ValueError("atoms on top of each other")
                self._crystal.show(closest.crystal.to_host(), text)
            except ValueError:
                self._crystal.layout.title.text = f"{text}: not a crystal yet"
        if explained is not None:
            values = explained.values
            self._explained.data = {"x": self._centres[: len(values)], "y": values}
            a, b, c = explained.lattice.cell[:3]
            name = explained.lattice.lattice.name
            self._radial.title.text = (
                f"Radial distribution by lattice {name} {a:.3f} {b:.3f} {c:.3f} Å"
            )
        self._lattices.text = _listed(news.lattices)


def _listed(lattices: list[Any]) -> str:
    """The newest lattices as a table."""
    cell = "padding:1px 9px 1px 0;text-align:right"
    heads = ("lattice", "a (Å)", "b (Å)", "c (Å)", "α (°)", "β (°)", "γ (°)", "unexplained")
    if not lattices:
        return f'<div style="font:12px {FONT};color:#333;padding:6px 0 0 30px">No lattice yet</div>'
    rows = ["".join(f'<th style="{cell};font-weight:600">{head}</th>' for head in heads)]
    for one in lattices[: -_LISTED - 1 : -1]:
        lengths = (f"{x:.3f}" for x in one.cell[:3])
        angles = (f"{x:.2f}" for x in one.cell[3:])
        words = (one.lattice.name, *lengths, *angles, f"{one.unexplained:.0e}")
        rows.append("".join(f'<td style="{cell}">{escaped(word)}</td>' for word in words))
    more = len(lattices) - _LISTED
    note = f"<br>and {more} before" if more > 0 else ""
    body = "".join(f"<tr>{line}</tr>" for line in rows)
    return (
        f'<div style="font:12px {FONT};color:#333;padding:6px 0 0 30px"><b>Lattices that explain '
        f"G(q): {len(lattices)}</b> (newest first)<table>{body}</table>{note}</div>"
    )
