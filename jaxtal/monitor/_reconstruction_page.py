"""The page of a reconstruction: losses, spectra, and the best crystal."""

from typing import Any

import numpy as np
from bokeh.layouts import column, row
from bokeh.models import ColumnDataSource, FixedTicker

from ._crystal_view import CrystalView
from ._lines import Lines
from ._page import Page
from ._reconstruction_news import ReconstructionNews
from ._style import COLOURS, WIDE, mark_level, plot

#: Iterations drawn of each start, starts drawn, and decades of the spectrum.
_STEPS, _STARTS, _DECADES = 300, 128, 6.0


class ReconstructionPage(Page):
    """Losses of all starts, power spectrum and G(q) against the target, the best crystal."""

    @property
    def _news(self) -> ReconstructionNews:
        news = self.monitor.news
        assert isinstance(news, ReconstructionNews)
        return news

    def build(self) -> list[Any]:
        losses = plot("Loss of every start", "iteration", "loss", 320, y_axis_type="log")
        self._losses = Lines(losses, "losses", size=1)
        self.when_loaded(self._losses.apart)
        self._tolerance = mark_level(losses)
        self._losses_figure = losses
        self._crystal = CrystalView(320)
        self.when_loaded(self._crystal.draw)
        self._spectrum_figure = plot(
            "Power spectrum against the target", "degree l; within each, n from left to right",
            "P(n, l)", 290, y_axis_type="log",
        )  # fmt: skip
        self._spectrum = self._both(self._spectrum_figure, "spectrum")
        self._radial_figure = plot("Radial distribution against the target", "q (1/Å)", "G(q)", 290)
        self._radial = self._both(self._radial_figure, "radial")
        top = row(losses, self._crystal.layout, sizing_mode="stretch_width")
        bottom_row = row(self._spectrum_figure, self._radial_figure, sizing_mode="stretch_width")
        return [column(top, bottom_row, sizing_mode="stretch_width", styles=WIDE)]

    def begin(self) -> None:
        news = self._news
        self._tolerance(news.tolerance)
        target = news.target
        assert target is not None
        if target.power_spectrum is not None:
            x, y, ticks, bottom = _grouped(np.asarray(target.power_spectrum, np.float64))
            self._degrees, self._floor = x, bottom
            self._spectrum[0].data = {"x": x, "y": y}
            axis = self._spectrum_figure.xaxis
            axis.ticker = FixedTicker(ticks=list(ticks))
            axis.major_label_overrides = {place: str(l) for place, l in ticks.items()}
            self._spectrum_figure.y_range.start = bottom
            self._spectrum_figure.y_range.end = 3 * float(np.nanmax(y))
        if target.rdf is not None:
            centres = np.asarray(target.specification.rdf_centres, np.float64)
            self._radial[0].data = {"x": centres, "y": np.asarray(target.rdf, np.float64)}

    def _both(self, shown: Any, name: str) -> tuple[ColumnDataSource, ColumnDataSource]:
        """Target as a line, best as points over it."""
        target = ColumnDataSource({"x": [], "y": []}, name=f"target-{name}")
        best = ColumnDataSource({"x": [], "y": []}, name=f"best-{name}")
        shown.line("x", "y", source=target, color=COLOURS[0], line_width=1.6, legend_label="target")
        shown.scatter(
            "x", "y", source=best, size=5, line_color=COLOURS[1], fill_color=None,
            legend_label="best start",
        )  # fmt: skip
        place = "bottom_right" if name == "spectrum" else "top_right"
        shown.legend.location, shown.legend.label_text_font_size = place, "8pt"
        shown.legend.border_line_color, shown.legend.background_fill_alpha = None, 0.6
        return target, best

    def prepare(self) -> Any:
        news = self._news
        losses, best = news.losses, news.best
        some = max(1, -(-losses.shape[1] // _STEPS))
        last = {i: row[np.isfinite(row)][-1:] for i, row in enumerate(losses)}
        # Those that have begun, the lowest over the others.
        begun = [i for i, value in last.items() if len(value)]
        lines = []
        for i in sorted(begun, key=lambda i: -last[i][0])[-_STARTS:]:
            good = np.flatnonzero(np.isfinite(losses[i]))
            picked = np.union1d(good[::some], good[-1:])
            lines.append((picked.astype(float), losses[i][picked], int(i)))
        return lines, best

    def show(self, prepared: Any) -> None:
        lines, best = prepared
        first = None if best is None else best.start
        lines.sort(key=lambda one: one[2] == first)
        self._losses.show(
            [x for x, _, _ in lines],
            [y for _, y, _ in lines],
            [COLOURS[1] if i == first else COLOURS[0] for _, _, i in lines],
            [2.2 if i == first else 0.7 for _, _, i in lines],
            [1.0 if i == first else 0.45 for _, _, i in lines],
        )
        if best is None:
            return
        self._losses_figure.title.text = (
            f"Loss of {len(self._news.losses)} starts; best {best.loss:.1e}, dashed: tolerance"
        )
        try:
            self._crystal.show(best.crystal.to_host(), f"Best crystal, start {best.start}")
        except ValueError:
            self._crystal.layout.title.text = f"Start {best.start}: no crystal yet"
        said = best.said
        if said is None:
            return
        if said.power_spectrum is not None:
            values = np.asarray(said.power_spectrum, np.float64)
            y = _grouped(values)[1] if values.shape else values
            keep = np.isfinite(self._spectrum[0].data["y"])
            shown = np.where(keep, np.maximum(y, 0.5 * self._floor), np.nan)
            self._spectrum[1].data = {"x": self._degrees, "y": shown}
        if said.rdf is not None:
            x = self._radial[0].data["x"]
            self._radial[1].data = {"x": x, "y": np.asarray(said.rdf, np.float64)}


def _grouped(spectrum: np.ndarray) -> tuple[np.ndarray, np.ndarray, dict[float, int], float]:
    """P(n, l) in a row, even degrees one after the other with gaps (NaN) between them.

    The odd ones vanish by Friedel's law. Also the places of the degrees and the end of the scale.
    """
    n, degrees = spectrum.shape[0], range(0, spectrum.shape[1], 2)
    gap = max(1, round(0.15 * n))
    x = np.arange(len(degrees) * (n + gap), dtype=float)
    y = np.full(len(x), np.nan)
    ticks = {}
    for i, l in enumerate(degrees):
        begin = i * (n + gap)
        y[begin : begin + n] = spectrum[:, l]
        ticks[begin + (n - 1) / 2] = l
    top = float(np.nanmax(y, initial=1e-300))
    bottom = max(top * 10.0**-_DECADES, float(np.nanmin(np.where(y > 0, y, np.nan))) / 3)
    return x, np.where(y > 0, y, np.nan), ticks, bottom
