"""The thread that looks at a run, and has what it sees drawn by the pages that are open."""

import threading
import time
from collections.abc import Callable
from typing import Any

from ._budget import Budget
from ._opened import opened
from ._runs import News

#: Seconds that a page is waited for at the end: one that is open, and one that is being opened.
_LAST, _OPENING = 10.0, 6.0
#: Seconds of looking between two pictures, at most.
_PICTURE = 0.01
#: Pictures that are not asked for their price: those of a short run.
_FREE = 6
#: Seconds of looking when the run is over, where there is nothing to slow down.
_REST = 0.5
#: Seconds between two pictures of a run that is over.
_SOON = 0.05


class Painter:
    """Looks at a run while a page is open, no more than a share of the time.

    A page gets a picture when it has drawn the last one, so that a slow browser sees fewer.

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

    def farewell(self, address: str, shown: bool) -> None:
        """Wait for the last picture to be drawn.

        Args:
            address: of the page.
            shown: whether a browser was started for it.
        """
        begun = time.perf_counter()
        while self._alive():
            waited = time.perf_counter() - begun
            pages = [page for page in self.pages if page.pictures]
            ever = bool(self.pictures)
            if pages and all(page.seen_the_end for page in pages):
                return
            if waited > (_LAST if ever or not shown else _OPENING):
                return
            if not pages and (ever or not shown or not opened(address)):
                return
            time.sleep(_SOON)

    def end(self) -> None:
        """Look no longer."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(_LAST)

    def _paint(self) -> None:
        shown, control = 0, self._news.control
        while not self._over.wait(self._refresh if not self._news.ended else _SOON):
            pages = [page for page in self.pages if page.waits]
            if not pages or not self._alive():
                if not self._alive() and control.paused:
                    # Nobody could ever let the run go on.
                    control.resume()
                continue
            ended = bool(self._news.ended)
            # A run that is held is not slowed down, and what a user asks for comes at once.
            free = ended or control.paused or any(page.asked for page in pages)
            if not free and shown >= _FREE and self.budget.left <= 0:
                continue
            try:
                built = any(page.built for page in pages)
                if built:
                    self._look(_REST if ended else _PICTURE)
                for page in pages:
                    page.draw(ended)
                    shown += page.built
                self.budget.settle(free=not built)
            except Exception as error:  # the run goes on, whatever a picture runs into
                self._news.tell(f"monitor: {type(error).__name__}: {error}")

    def _look(self, seconds: float) -> None:
        """Look at the news, and pay for it but for what keeps its own account."""
        news = self._news
        aside, elsewhere = news.aside, news.elsewhere.seconds
        news.work(seconds)
        self.budget.pay(news.elsewhere.seconds - elsewhere - (news.aside - aside))
