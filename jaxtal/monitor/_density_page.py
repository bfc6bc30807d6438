"""The page of starts that look for a density."""

from typing import Any

import numpy as np
from bokeh.layouts import column, row
from bokeh.models import (
    CheckboxGroup,
    ColorBar,
    ColumnDataSource,
    Div,
    FixedTicker,
    Image,
    LinearColorMapper,
    MultiChoice,
    Slider,
)
from bokeh.palettes import Viridis256

from ._lines import Lines
from ._monitor import Monitor
from ._page import Page
from ._plane_panel import PlanePanel
from ._plane_sum import PlaneSum
from ._runs import Families, Runs
from ._start_panel import StartPanel
from ._style import COLOURS, FONT, HIGH, WIDE, escaped, plot

#: Starts side by side, and numbers that can be changed, at most.
_PANELS, _SLIDERS = 3, 3
#: What is drawn of all starts.
_CURVES = {
    "r_factor": ("R of the moduli", "R"),
    "flipped": ("Share of points changed", "share"),
    "phase_change": ("Phase change, r.m.s.", "radians per {per}"),
}


class DensityPage(Page):
    """Deciles and sections of some starts side by side; R, changes and families of all."""

    def __init__(self, document: Any, monitor: Monitor, planes: Any = ()):
        """Begin; planes: to choose from besides those that a user makes."""
        self._planes = tuple(planes)
        self._sum: PlaneSum | None = None
        self._families: Families | None = None
        runs = monitor.news
        assert isinstance(runs, Runs)
        # Of a run that prepares, all: later they would slow down its cycles.
        count = min(max(len(runs.active), 1), _PANELS) if runs.ready else _PANELS
        self._panels = [StartPanel(i) for i in range(count)]
        for panel in self._panels[1:]:
            panel.layout.visible = False
        self._lines: dict[str, Lines] = {}
        self._figures = []
        for name, (title, label) in _CURVES.items():
            self._all_starts(name, title, label.format(per=runs.per))
        self._figures.append(self._families_figure())
        super().__init__(document, monitor)

    def _all_starts(self, name: str, title: str, label: str) -> None:
        """A curve of each start, and a dot at its end."""
        shown = plot(title, "iteration", label, 172)
        self._lines[name] = Lines(shown, name, size=4)
        shown.x_range.start = shown.y_range.start = 0
        shown.xaxis.ticker.desired_num_ticks = 4
        self._figures.append(shown)

    @property
    def _runs(self) -> Runs:
        runs = self.monitor.news
        assert isinstance(runs, Runs)
        return runs

    def build(self) -> list[Any]:
        self._plane = PlanePanel(self._planes, self._ask)
        self._follow = CheckboxGroup(labels=["follow what runs"], active=[0], name="follow")
        self._chosen = MultiChoice(
            title=f"starts side by side (up to {_PANELS})",
            max_items=_PANELS,
            width=230,
            name="starts",
        )
        self._chosen.on_change("value", self._choose)
        self._sliders = [
            Slider(
                start=0, end=1, value=0, step=0.01, title="-", width=215, visible=False,
                format="0.000", name=f"slider{i}",
            )
            for i in range(_SLIDERS)
        ]  # fmt: skip
        for slider in self._sliders:
            slider.on_change("value_throttled", self._changer(slider))
        self._numbers_heading = self._heading("numbers of the algorithm")
        side = column(
            self._numbers_heading,
            *self._sliders,
            self._heading("section"),
            self._plane.layout,
            self._chosen,
            self._follow,
            width=245,
        )
        bottom = row(*self._figures, sizing_mode="stretch_width")
        for one in (*self._panels, *self._lines.values()):
            self.when_loaded(one.apart)
        self._row = row(*(one.layout for one in self._panels), sizing_mode="stretch_width")
        side.styles, self._said.styles = HIGH, WIDE
        return [side, self._row, bottom, self._said]

    def begin(self) -> None:
        space = self._runs.space
        assert space is not None
        self._plane.begin(space)

    def _heading(self, text: str) -> Div:
        style = f"font:600 12px {FONT};color:#444;border-bottom:1px solid #ccc;width:225px"
        return Div(text=f'<div style="{style}">{text}</div>', width=235)

    def _families_figure(self) -> Any:
        colours = LinearColorMapper(palette=Viridis256, low=0.0, high=1.0)
        self._agreement = ColumnDataSource(
            {"image": [np.full((1, 1), np.nan, np.float32)], "n": [1]}, name="agreement"
        )
        shown = plot("Agreement of starts", "start", "start", 172, x_range=(0, 1), y_range=(0, 1))
        image = Image(image="image", x=0, y=0, dw="n", dh="n", color_mapper=colours)
        shown.add_glyph(self._agreement, image)
        shown.grid.visible = False
        shown.min_border_left = 44
        shown.add_layout(
            ColorBar(color_mapper=colours, width=8, padding=3, major_label_text_font_size="7.5pt"),
            "right",
        )
        shown.axis.ticker = FixedTicker(ticks=[])
        self._matrix = shown
        self._said = Div(sizing_mode="stretch_width", name="families")
        return shown

    # --- what a user does ----------------------------------------------------------------------

    def _ask(self) -> None:
        self.asked = True

    def _choose(self, attr: str, old: Any, new: list[str]) -> None:
        if new and new != self._shown_now:
            self._follow.active = []
            self.asked = True

    def _changer(self, slider: Slider) -> Any:
        def change(attr: str, old: float, new: float) -> None:
            self.monitor.change(str(slider.title), new)

        return change

    _shown_now: tuple[str, ...] | list[str] = ()

    # --- pictures ------------------------------------------------------------------------------

    def prepare(self) -> Any:
        runs = self._runs
        starts = self._starts()
        plane = self._plane.plane
        if runs.waves is not None and plane and (self._sum is None or self._sum.plane is not plane):
            self._sum = PlaneSum.build(runs.waves, plane)
        sections = {}
        for start in starts:
            f = runs.amplitudes(start)
            if f is not None and self._sum is not None:
                sections[start] = self._sum.values(f)
        tables = {i: one.table() for i, one in sorted(runs.curves.items())}
        return starts, sections, self._sum, tables

    def _starts(self) -> list[int]:
        """Those that a user has chosen; otherwise those that run, the best in front at the end."""
        runs = self._runs
        if not self._follow.active and self._chosen.value:
            return [int(one) for one in self._chosen.value if int(one) in runs.curves]
        return sorted(runs.active)[:_PANELS]

    def show(self, prepared: Any) -> None:
        starts, sections, plane_sum, tables = prepared
        runs = self._runs
        if len(starts) > len(self._panels):
            more = range(len(self._panels), len(starts))
            self._panels += [StartPanel(i) for i in more]
            for panel in self._panels[more.start :]:
                self.when_loaded(panel.apart)
            self._row.children = [one.layout for one in self._panels]
        for i, panel in enumerate(self._panels):
            panel.layout.visible = i < max(len(starts), 1)
            if i < len(starts):
                panel.show(runs.curves[starts[i]], sections.get(starts[i]), plane_sum)
        names: Any = [str(i) for i in tables]
        if names != self._chosen.options:
            self._chosen.options = names
        self._shown_now = [str(i) for i in starts]
        if self._follow.active:
            self._chosen.value = list(self._shown_now)
        order = [i for i in tables if i not in starts] + starts
        colour = {i: COLOURS[n] for n, i in enumerate(starts)}
        for name, lines in self._lines.items():
            some = {}
            for i in order:
                good = np.isfinite(tables[i][name])
                if good.any():
                    some[i] = (tables[i]["cycle"][good], tables[i][name][good])
            lines.show(
                [x for x, _ in some.values()],
                [y for _, y in some.values()],
                [colour.get(i, "#c8c8c8") for i in some],
                [1.8 if i in colour else 0.8 for i in some],
            )
        self._show_families()
        self._show_sliders()

    def _show_families(self) -> None:
        found = self._runs.families
        if found is None or found is self._families:
            return
        self._families = found
        n = len(found.starts)
        self._agreement.data = {"image": [found.agreement.astype(np.float32)], "n": [n]}
        for name in "xy":
            axis = getattr(self._matrix, f"{name}axis")
            getattr(self._matrix, f"{name}_range").end = n
            step = -(-n // 8)
            # A new ticker would make bokeh go through the whole document.
            axis.ticker.ticks = [i + 0.5 for i in range(0, n, step)]
            axis.major_label_overrides = {i + 0.5: str(found.starts[i]) for i in range(0, n, step)}
        text = "<br>".join(f"family of {escaped(line)}" for line in found.lines[:4])
        more = f"<br>and {len(found.lines) - 4} more" if len(found.lines) > 4 else ""
        self._said.text = f'<div style="font:12px {FONT};color:#333">{text}{more}</div>'

    def _show_sliders(self) -> None:
        numbers = list(self._runs.changeable().items())[:_SLIDERS]
        self._numbers_heading.visible = bool(numbers)
        for i, slider in enumerate(self._sliders):
            slider.visible = i < len(numbers)
            if i < len(numbers):
                name, (low, high, value) = numbers[i]
                if slider.title != name:
                    slider.update(title=name, start=low, end=high, step=(high - low) / 200)
                slider.value = min(max(value, low), high)
