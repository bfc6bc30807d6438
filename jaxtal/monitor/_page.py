"""What all pages have: where the run stands, buttons, a log, and pictures one after the other."""

import abc
import functools
import pathlib
import time
from typing import Any

from bokeh.embed import file_html
from bokeh.events import DocumentReady
from bokeh.layouts import row
from bokeh.models import Button, ColumnDataSource, CustomJS, Div, TextInput
from bokeh.resources import INLINE

from .._core import write_text
from ._monitor import Monitor
from ._style import AMBER, FONT, GREEN, GREY, RED, TEMPLATE, WIDE, escaped, sheet

#: Tells that a picture has been drawn, and not merely come. A hidden tab draws nothing, as one that
#: is hidden meanwhile: it gets a picture now and then. The last one is the page's when it has come.
_SEEN = """
const n = pulse.data.n[0]
const done = () => { if (Number(seen.value) < n) seen.value = String(n) }
if (pulse.data.last[0]) {
  // The page stays as it is when the server has gone, without a word about that.
  const quiet = {reconnect_session: false, notify_connection_status: false}
  pulse.document.config.setv(quiet, {silent: true, sync: false})
  setTimeout(done, 0)
} else {
  setTimeout(done, document.hidden ? 1000 : 3000)
  requestAnimationFrame(() => requestAnimationFrame(done))
}
"""

_BUTTONS = (
    ("pause", "❚❚ pause", 78),
    ("resume", "▶ resume", 82),
    ("step", "step", 52),
    ("stop", "■ stop", 66),
    ("save", "save", 54),
)


class Page(abc.ABC):
    """One tab.

    Its pictures are prepared in a thread of their own (`draw`) and put into the document in that of
    the server; the next one waits until the browser has drawn the last.

    Attributes:
        monitor: what the buttons act on.
        document: of bokeh.
        pictures: pictures that the browser has drawn.
        asked: a user wants to see something else.
    """

    def __init__(self, document: Any, monitor: Monitor):
        """Fill the document with what is there before there is anything to show."""
        self.document, self.monitor = document, monitor
        self.pictures, self._sent, self._last = 0, 1, False
        self._begun, self._gone, self.asked = False, False, False
        self._on_its_way, self._opened = False, time.perf_counter()
        self._state = Div(sizing_mode="stretch_width", name="state")
        kinds: Any = ("default", "default", "default", "danger", "primary")
        self._buttons = {
            name: Button(label=label, width=width, name=name, button_type=kind)
            for (name, label, width), kind in zip(_BUTTONS, kinds, strict=True)
        }
        for name, button in self._buttons.items():
            button.on_click(functools.partial(self._pressed, name))
        self._waiting = Div(text=_waiting(), name="waiting", styles=WIDE)
        # With the page, while the run prepares: later it would slow down its cycles.
        self._parts = self.build()
        for part in self._parts:
            part.visible = False
        self._log = Div(sizing_mode="stretch_width", name="log", styles=WIDE)
        self._pulse = ColumnDataSource({"n": [1], "last": [False]}, name="pulse")
        self._seen = TextInput(value="0", visible=False, name="seen")
        answer = CustomJS(args={"pulse": self._pulse, "seen": self._seen}, code=_SEEN)
        self._pulse.js_on_change("data", answer)
        # Reached from the layout, or it were not sent.
        self._seen.js_on_change("value", CustomJS(args={"pulse": self._pulse}, code=""))
        # The first picture is the page itself; one that nobody opens is never worked for.
        document.js_on_event(DocumentReady, answer)
        self._seen.on_change("value", self._drawn)
        header = row(self._state, *self._buttons.values(), sizing_mode="stretch_width")
        header.styles, header.stylesheets = WIDE, [sheet()]
        # Parts of their own: where a text changes, the browser does not lay out all figures anew.
        for part in (header, self._waiting, *self._parts, self._log, self._seen):
            document.add_root(part)
        document.title = f"{monitor.news.title} - jaxtal"
        document.template = TEMPLATE
        document.on_session_destroyed(self._left)
        if monitor.news.ready:
            self._begin()
        self._show_state()

    def when_loaded(self, done: CustomJS) -> None:
        """Have something done when the page is loaded: that which is served, and a saved one."""
        self.document.js_on_event(DocumentReady, done)

    # --- pictures ------------------------------------------------------------------------------

    @property
    def waits(self) -> bool:
        """Whether the browser has drawn what it was sent, and wants more."""
        return not self._gone and self._sent == self.pictures and not self._last

    @property
    def wants_the_end(self) -> bool:
        """Whether the last picture can be sent, whatever the browser has drawn of the others."""
        return self.connected and not self._last and not self._on_its_way

    @property
    def begun(self) -> bool:
        """Whether there are pictures, and not only a text."""
        return self._begun

    @property
    def connected(self) -> bool:
        """Whether there is a tab, as far as this side knows."""
        session = getattr(self.document.session_context, "session", None)
        return not self._gone and (session is None or session.connection_count > 0)

    @property
    def opening(self) -> float:
        """For how many seconds a browser has been loading it; infinite if it is not any more."""
        loading = not (self._gone or self.pictures or self.connected)
        return time.perf_counter() - self._opened if loading else float("inf")

    @property
    def seen_the_end(self) -> bool:
        """Whether the last picture is drawn, or there is nobody who could."""
        return not self.connected or (self._last and self._sent == self.pictures)

    def draw(self, last: bool = False) -> None:
        """Prepare a picture, and have it shown; not in the thread of the server.

        Args:
            last: nothing will come after it.
        """
        ready, self.asked = self.monitor.news.ready, False
        prepared = None
        if ready and self._begun:
            try:
                prepared = self.prepare()
            except Exception as error:  # the state of the run is shown without it
                self._failed(error)
        self._last = last and (self._begun or not ready)
        self._sent += 1
        self._on_its_way = True
        self._later(functools.partial(self._push, prepared, self._sent, self._last))

    def _later(self, task: Any) -> None:
        try:
            self.document.add_next_tick_callback(task)
        except Exception:  # the tab was closed meanwhile
            self._gone = True

    def _push(self, prepared: Any, number: int, last: bool) -> None:
        begun = self._begun
        try:
            self._put(prepared, number, last)
        finally:
            self._on_its_way = False
        # With what the server has done since the last one; the page is made once only.
        self.monitor.painter.budget.settle(free=not begun)

    def _begin(self) -> None:
        self._begun = True
        self._waiting.visible = False
        for part in self._parts:
            part.visible = True
        self.begin()

    def _put(self, prepared: Any, number: int, last: bool) -> None:
        news = self.monitor.news
        # What is changed twice is sent once.
        self.document.hold("combine")
        try:
            if not self._begun and news.ready:
                self._begin()
            if prepared is not None:
                self.show(prepared)
        except Exception as error:  # the next picture may be a better one
            self._failed(error)
        try:
            self._show_state()
            # After all else: what tells the browser to say that it is done.
            self._pulse.data = {"n": [number], "last": [last]}
        finally:
            self.document.unhold()

    def _failed(self, error: Exception) -> None:
        self.monitor.news.tell(f"monitor: {type(error).__name__}: {error}")

    def _drawn(self, attr: str, old: str, new: str) -> None:
        self.pictures = int(new)
        self.monitor.painter.pictures += 1

    def _left(self, _context: Any) -> None:
        self._gone = True

    @abc.abstractmethod
    def build(self) -> list[Any]:
        """The parts of the page, see `WIDE`; there may be nothing to show yet."""

    @abc.abstractmethod
    def begin(self) -> None:
        """Put in what is the same in all pictures, when there is something to show."""

    @abc.abstractmethod
    def prepare(self) -> Any:
        """All numbers of the next picture; this may take a while."""

    @abc.abstractmethod
    def show(self, prepared: Any) -> None:
        """Put them into the document."""

    # --- state and buttons ---------------------------------------------------------------------

    def _pressed(self, name: str) -> None:
        monitor = self.monitor
        try:
            monitor.save(self) if name == "save" else getattr(monitor, name)()
        except OSError as error:
            monitor.news.tell(f"not saved: {error}")
        self.asked = True
        self._show_state()

    def _show_state(self) -> None:
        news = self.monitor.news
        control, ended = news.control, bool(news.ended)
        stopping = control.stopped and not ended
        kind, colour = (
            ("ended", GREY)
            if ended
            else ("stopping", RED)
            if stopping
            else ("paused", AMBER)
            if control.paused
            else ("running", GREEN)
        )
        text = news.ended or news.state
        self._state.text = (
            f'<div style="font:13px {FONT};line-height:1.35"><span style="font-size:16px;'
            f'font-weight:600">{escaped(news.title)}</span>&ensp;<span id="kind" style="color:#fff;'
            f'background:{colour};border-radius:9px;padding:1px 9px;font-size:12px">{kind}</span>'
            f'&ensp;<span style="color:#555">{news.seconds:.1f} s</span><br>'
            f'<span style="color:#333">{escaped(text)}</span></div>'
        )
        buttons = self._buttons
        buttons["pause"].disabled = ended or stopping or control.paused
        buttons["resume"].disabled = ended or stopping or not control.paused
        buttons["step"].disabled = ended or stopping
        buttons["stop"].disabled = ended or stopping
        # Nobody is there to do it, soon.
        buttons["save"].disabled = ended
        lines = "\n".join(news.lines[-4:])
        self._log.text = (
            '<pre style="font:11px ui-monospace,Menlo,monospace;margin:2px 0 0;color:#555;'
            f'white-space:pre-wrap">{escaped(lines)}</pre>'
        )

    def save(self, path: pathlib.Path) -> pathlib.Path:
        """Write the page as it is, to be looked at anywhere; in the thread of the server."""
        text = file_html(self.document, INLINE, self.document.title, suppress_callback_warning=True)
        write_text(path, text)
        return path


def _waiting() -> str:
    return (
        f'<div style="font:14px {FONT};color:#555;padding:60px 20px">Nothing to show yet: tables '
        "are made and programs compiled, which takes some seconds at the first run.</div>"
    )
