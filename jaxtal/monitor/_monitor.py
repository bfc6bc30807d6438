"""A page that shows a run while it goes on."""

import contextlib
import pathlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from ._budget import Budget
from ._opened import open_page, opened
from ._runs import News

#: Seconds that a page is waited for at the end: one that is open, and one that is being opened.
_LAST, _OPENING = 3.0, 6.0
#: Seconds of looking between two pictures, at most.
_PICTURE = 0.02
#: Pictures that are not asked for their price: those of a short run.
_FREE = 6
#: Seconds of looking when the run is over, where there is nothing to slow down.
_REST = 0.5


class Monitor:
    """A local page of one run: served while it is open as a context.

    The run hands over what it has and goes on. A thread looks at it while a page is open, no more
    than a share of the time; another one serves. A page gets a picture when it has drawn the last
    one, so that a slow browser sees fewer.

    Attributes:
        news: what is shown.
        address: of the page.
        pictures: pictures that pages have drawn.
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
        share: float | int = 0.03,
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
            stop: what the button `stop` does besides `Control.stop`.
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
        self._refresh, self._budget = refresh, Budget(share)
        self._stop, self._tell = stop, tell or _to_stderr
        self._pages: list[Any] = []
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._server: Any = None
        self._painter: threading.Thread | None = None
        self._saved, self.pictures = 0, 0

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
        self._painter = threading.Thread(target=self._paint, daemon=True)
        self._painter.start()
        if self._show:
            open_page(self.address)
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        """Let the pages that are open have the last picture, and serve no longer."""
        if not self.news.ended:
            self.finish("ended" if error is None else f"ended: {_name(error)}")
        # A second interrupt is not kept waiting.
        with contextlib.suppress(KeyboardInterrupt):
            self._farewell()
        self._over.set()
        self.control.resume()
        if self._painter is not None:
            self._painter.join(_LAST)
        self._server.close()

    def finish(self, message: str) -> None:
        """Tell how the run ended; the page shows it with the last picture."""
        self.news.end(message)

    def _farewell(self) -> None:
        begun = time.perf_counter()
        while self._server.alive:
            waited = time.perf_counter() - begun
            with self._lock:
                pages = [page for page in self._pages if page.pictures]
            ever = bool(self.pictures)
            if pages and all(page.seen_the_end for page in pages):
                return
            if waited > (_LAST if ever or not self._show else _OPENING):
                return
            if not pages and (ever or not self._show or not opened(self.address)):
                return
            time.sleep(0.05)

    def _new_page(self, document: Any) -> None:
        page = self._make(document, self)
        with self._lock:
            self._pages.append(page)
        document.on_session_destroyed(lambda _: self._forget(page))

    def _forget(self, page: Any) -> None:
        with self._lock:
            if page in self._pages:
                self._pages.remove(page)

    # --- looking -------------------------------------------------------------------------------

    def _paint(self) -> None:
        shown = 0
        while not self._over.wait(self._refresh if not self.news.ended else 0.05):
            with self._lock:
                pages = [page for page in self._pages if page.waits]
            if not pages or not self._server.alive:
                if not self._server.alive and self.control.paused:
                    # Nobody could ever let the run go on.
                    self.control.resume()
                continue
            ended = bool(self.news.ended)
            # A run that is held is not slowed down, and what a user asks for comes at once.
            free = ended or self.control.paused or any(page.asked for page in pages)
            if not free and shown >= _FREE and self._budget.left <= 0:
                continue
            try:
                if any(page.built for page in pages):
                    with self.paid():
                        self.news.work(_REST if ended else _PICTURE)
                for page in pages:
                    page.draw(ended)
                    shown += page.built
            except Exception as error:  # the run goes on, whatever a picture runs into
                self.news.tell(f"monitor: {_name(error)}")

    @contextlib.contextmanager
    def paid(self) -> Iterator[None]:
        """Take the time of what is done in here off the budget, but for what is once only."""
        begun, aside = time.perf_counter(), self.news.aside
        try:
            yield
        finally:
            self._budget.pay(time.perf_counter() - begun - (self.news.aside - aside))

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


def _name(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _to_stderr(line: str) -> None:
    with contextlib.suppress(OSError, ValueError, AttributeError):
        print(line, file=sys.stderr, flush=True)
