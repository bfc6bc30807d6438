"""The thread that looks at a run, and has what it sees drawn by the pages that are open."""

import threading
import time
from collections.abc import Callable
from typing import Any

from ._budget import Budget
from ._opened import opened
from ._runs import News

#: Seconds that a page is waited for at the end: one that is open, and one that is being opened.
_LAST, _OPENING = 60.0, 6.0
#: Seconds of waiting without a word.
_SILENT = 2.0
#: Seconds of looking between two pictures, at most.
_PICTURE = 0.005
#: Pictures that are not asked for their price: those of a short run.
_FREE = 6
#: Seconds of looking when the run is over, where there is nothing to slow down.
_REST = 0.5
#: Seconds between two pictures of a run that is over, and that its thread is waited for.
_SOON, _PATIENCE = 0.05, 10.0


class Painter:
    """Looks at a run while a page is open, no more than a share of the time.

    A page gets a picture when it has drawn the last one, so that a slow browser sees fewer; and the
    picture of a run that is over at once.

    Attributes:
        budget: of the time.
        pictures: pictures that pages have drawn.
    """

    def __init__(self, news: News, budget: Budget, refresh: float):
        """Prepare.

        Args:
            news: of the run.
            budget: of the time.
            refresh: seconds between two pictures, at least.
        """
        self.budget, self.pictures = budget, 0
        self._news, self._refresh = news, float(refresh)
        self._pages: list[Any] = []
        self._lock, self._over = threading.Lock(), threading.Event()
        self._alive: Callable[[], bool] = lambda: True
        self._thread: threading.Thread | None = None

    @property
    def pages(self) -> list[Any]:
        """Those that are open."""
        with self._lock:
            return list(self._pages)

    def add(self, page: Any) -> None:
        """Draw on a page, too."""
        with self._lock:
            self._pages.append(page)

    def forget(self, page: Any) -> None:
        """Draw on it no longer."""
        with self._lock:
            if page in self._pages:
                self._pages.remove(page)

    def begin(self, alive: Callable[[], bool]) -> None:
        """Look; alive: whether there is still a server."""
        self._alive = alive
        self._thread = threading.Thread(target=self._paint, daemon=True)
        self._thread.start()

    def farewell(
        self, address: str, shown: bool, tell: Callable[[str], object] = lambda line: None
    ) -> None:
        """Wait until every page that is open has the last picture, a minute at most.

        A page whose tab was closed or whose browser has ended is not waited for; one that says
        nothing and cannot be told from a slow one, on a machine that sleeps, is.

        Args:
            address: of the page.
            shown: whether a browser was started for it.
            tell: takes a line, where that takes long.
        """
        begun, told = time.perf_counter(), False
        while self._alive():
            waited = time.perf_counter() - begun
            pages = self.pages
            awaited = [page for page in pages if not page.seen_the_end]
            if not awaited:
                # A browser that has started may not have asked for the page yet.
                coming = not pages and not self.pictures and shown and opened(address)
                coming = coming and waited < _OPENING
                if not coming and all(page.opening > _OPENING for page in pages):
                    return
            elif waited > _LAST:
                tell(f"monitor: a page has not taken the last picture in {_LAST:.0f} s")
                return
            elif waited > _SILENT and not told:
                tell(
                    f"monitor: a page is slow to take the last picture; {_LAST:.0f} s at most, "
                    "Ctrl-C to go on"
                )
                told = True
            time.sleep(_SOON)

    def end(self) -> None:
        """Look no longer."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(_PATIENCE)

    def _paint(self) -> None:
        shown, control = 0, self._news.control
        while not self._over.wait(self._refresh if not self._news.ended else _SOON):
            ended = bool(self._news.ended)
            pages = [page for page in self.pages if (page.wants_the_end if ended else page.waits)]
            if not pages or not self._alive():
                if not self._alive() and control.paused:
                    # Nobody could ever let the run go on.
                    control.resume()
                continue
            # A run that is held is not slowed down, and what a user asks for comes at once.
            free = ended or control.paused or any(page.asked for page in pages)
            if not free and shown >= _FREE and self.budget.left <= 0:
                continue
            try:
                begun = any(page.begun for page in pages)
                if begun:
                    self._look(_REST if ended else _PICTURE)
                for page in pages:
                    page.draw(ended)
                    shown += page.begun
                self.budget.settle(free=not begun)
            except Exception as error:  # the run goes on, whatever a picture runs into
                self._news.tell(f"monitor: {type(error).__name__}: {error}")

    def _look(self, seconds: float) -> None:
        """Look at the news, and pay for it but for what keeps its own account."""
        news = self._news
        aside, elsewhere = news.aside, news.elsewhere.seconds
        news.work(seconds)
        self.budget.pay(news.elsewhere.seconds - elsewhere - (news.aside - aside))
