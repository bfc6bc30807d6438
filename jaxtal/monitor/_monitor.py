"""A page that shows a run while it goes on."""

import contextlib
import pathlib
import sys
from collections.abc import Callable
from typing import Any

import jax

from ._budget import Budget
from ._opened import open_page
from ._painter import Painter
from ._runs import News


class Monitor:
    """A local page of one run: served while it is open as a context.

    The run hands over what it has and goes on. A thread looks at it while a page is open, no more
    than a share of the time; another one serves. A page gets a picture when it has drawn the last
    one, so that a slow browser sees fewer.

    Attributes:
        news: what is shown.
        painter: looks at the run, and has pages drawn.
    """

    def __init__(
        self,
        news: News,
        page: Callable[[Any, "Monitor"], Any],
        *,
        port: int = 0,
        show: bool = True,
        folder: str | pathlib.Path = ".",
        refresh: float | int = 0.3,
        share: float | int = 0.025,
        stop: Callable[[], object] | None = None,
        tell: Callable[[str], object] | None = None,
    ):
        """Prepare; nothing is served yet.

        Args:
            news: what is shown.
            page: makes a page of a document.
            port: 0 for any that is free.
            show: open the page in a browser, or in the cell of a notebook.
            folder: where the button `save` writes to.
            refresh: seconds between two pictures, at least.
            share: of the time for looking at the run, at most.
            stop: what the button `stop` does besides `Control.stop`: by default nothing for
                `phase`, and what Ctrl-C does in the main thread for the others, which end by that.
            tell: what becomes of messages; by default they go to stderr.

        Raises:
            ValueError: numbers out of range, or bokeh is not installed.
        """
        if not refresh > 0:
            raise ValueError(f"refresh: expected seconds above 0, got {refresh}")
        if not 0 <= port < 65536:
            raise ValueError(f"port: expected a number from 0 to 65535, got {port}")
        require_bokeh()
        self.news, self.folder = news, pathlib.Path(folder)
        self._make, self._port, self._show = page, port, show
        self.painter = Painter(news, Budget(share, processors=_on_processors), refresh)
        self._stop, self._tell = stop, tell or _to_stderr
        self._server: Any = None
        self._saved = 0

    @property
    def address(self) -> str:
        """Of the page, empty while nothing is served."""
        return "" if self._server is None else self._server.address

    @property
    def control(self) -> Any:
        """Holds, steps and ends the run."""
        return self.news.control

    # --- from its beginning to its end ---------------------------------------------------------

    def __enter__(self) -> Any:
        """Serve."""
        from ._server import Server

        self._server = Server(self._new_page, self._port)
        self._tell(f"monitor: {self.address}")
        self.painter.begin(lambda: self._server.alive)
        if self._show:
            open_page(self.address)
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        """Let the pages that are open have the last picture, and serve no longer."""
        if not self.news.ended:
            self.finish("ended" if error is None else f"ended: {_name(error)}")
        # A second interrupt is not kept waiting.
        with contextlib.suppress(KeyboardInterrupt):
            self.painter.farewell(self.address, self._show, self._tell)
        self.control.resume()
        self.painter.end()
        self._server.close()

    def finish(self, message: str) -> None:
        """Tell how the run ended; the page shows it with the last picture."""
        self.news.end(message)

    def _new_page(self, document: Any) -> None:
        page = self._make(document, self)
        self.painter.add(page)
        document.on_session_destroyed(lambda _: self.painter.forget(page))

    # --- what the buttons do -------------------------------------------------------------------

    def stop(self) -> None:
        """End the run, once."""
        if self.control.stopped or self.news.ended:
            return
        self.news.tell("asked to stop")
        self.control.stop()
        if self._stop is not None:
            self._stop()

    def pause(self) -> None:
        """Hold the run after what it is at."""
        self.control.pause()
        self.news.tell("paused")
        self._tell(f"monitor: paused, to go on at {self.address}")

    def resume(self) -> None:
        """Let it go on."""
        self.control.resume()
        self.news.tell("resumed")

    def step(self) -> None:
        """Let it go on to the next chunk."""
        self.control.step()
        self.news.tell("one step")

    def change(self, name: str, value: float) -> None:
        """Give a number of the algorithm another value from the next chunk on."""
        self.control.change(name, value)
        self.news.tell(f"{name} set to {value:g}")
        self._tell(f"monitor: {name} set to {value:g}")

    def save(self, page: Any = None) -> list[pathlib.Path]:
        """Write what is known, and the page as it is, into the folder.

        Returns:
            the files.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        while True:
            self._saved += 1
            stem = f"monitor-{self._saved:03d}"
            if not any(self.folder.glob(f"{stem}*")):
                break
        files = self.news.save(self.folder, stem)
        if page is not None:
            files.append(page.save(self.folder / f"{stem}.html"))
        self.news.tell("saved " + ", ".join(path.name for path in files))
        self._tell(f"monitor: saved {', '.join(map(str, files))}")
        return files


def require_bokeh() -> None:
    """Find out whether pages can be served.

    Raises:
        ValueError: they cannot.
    """
    import importlib.util

    if importlib.util.find_spec("bokeh") is None:
        raise ValueError("the monitor needs bokeh, which is missing: pip install 'jaxtal[monitor]'")


def _on_processors() -> bool:
    return jax.default_backend() == "cpu"


def _name(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _to_stderr(line: str) -> None:
    with contextlib.suppress(OSError, ValueError, AttributeError):
        print(line, file=sys.stderr, flush=True)
