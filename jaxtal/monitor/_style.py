"""What pages look like."""

import html
from collections.abc import Callable
from typing import Any

from bokeh.models import ColumnDataSource, GlobalInlineStyleSheet, Span
from bokeh.plotting import figure

#: Okabe and Ito's colours, told apart with every kind of colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
GREY, RED, GREEN, AMBER = "#9a9a9a", "#c00000", "#1a7f37", "#b26a00"
FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', Arial, sans-serif"

#: One page: no picture or script comes from elsewhere.
TEMPLATE = """
{% block preamble %}<link rel="icon" href="data:,">{% endblock %}
"""
#: Of parts that are as wide as the page; others are beside each other, some beside two.
WIDE: Any = {"grid-column": "1 / -1"}
HIGH: Any = {"grid-row": "span 2"}


def sheet() -> Any:
    """Style of the whole page."""
    return GlobalInlineStyleSheet(
        css=f"""
        html, body {{ height: auto; }}
        body {{ margin: 0; padding: 8px 12px 0; background: #fff; color: #222; }}
        body {{ display: grid; grid-template-columns: auto minmax(0, 1fr); }}
        body {{ font-family: {FONT}; }}
        """
    )


def plot(title: str, x: str, y: str, height: int, **given: Any) -> Any:
    """A figure in the style of all others."""
    tools = given.pop("tools", "pan")
    made: Any = figure(
        title=title,
        height=height,
        sizing_mode="stretch_width",
        x_axis_label=x,
        y_axis_label=y,
        tools=tools,
        toolbar_location=given.pop("toolbar_location", None),
        min_border_left=58,
        min_border_right=8,
        **given,
    )
    # Where the browser has put things is not sent back.
    made.syncable = made.x_range.syncable = made.y_range.syncable = False
    made.outline_line_color = "#d0d0d0"
    made.xgrid.grid_line_color = made.ygrid.grid_line_color = "#ececec"
    made.title.text_font_size, made.title.text_font_style = "9.5pt", "bold"
    made.title.text_font = made.axis.axis_label_text_font = FONT
    made.axis.axis_label_text_font_size, made.axis.axis_label_text_font_style = "9pt", "normal"
    made.axis.major_label_text_font_size = "8pt"
    made.axis.axis_line_color = made.axis.major_tick_line_color = "#777777"
    made.axis.minor_tick_line_color = None
    made.axis.axis_label_standoff = 4
    return made


def mark_level(shown: Any) -> Callable[[float], None]:
    """A dashed line across a figure, and a range that has it; returns what puts it to its place."""
    line = Span(dimension="width", line_color=RED, line_dash="dashed", visible=False)
    shown.add_layout(line)
    point = ColumnDataSource({"x": [], "y": []})
    shown.scatter("x", "y", source=point, size=1, fill_alpha=0.0, line_alpha=0.0)

    def put(level: float) -> None:
        line.location, line.visible = level, True
        point.data = {"x": [0.0], "y": [level]}

    return put


def escaped(text: str) -> str:
    """Text as HTML."""
    return html.escape(text, quote=True)
