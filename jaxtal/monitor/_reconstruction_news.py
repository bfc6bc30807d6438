"""The starts of `reconstruct.from_descriptor`."""

import dataclasses
import pathlib
from typing import Any

import jax
import numpy as np

from .._core import write_text
from ..descriptors import Description, describe
from ..reconstruct._search import SearchNews
from ._runs import News


@dataclasses.dataclass(frozen=True, eq=False)
class Best:
    """The crystal of the lowest loss so far.

    Attributes:
        start: whose it is.
        loss: its loss.
        crystal: of the variables that start has now.
        said: what the descriptor says of it; None where it is no crystal that can be described.
    """

    start: int
    loss: float
    crystal: Any
    said: Description | None


class ReconstructionNews(News):
    """Takes the news of a search, and looks at them in another thread.

    Attributes:
        target: what is sought.
        losses: before each iteration, (starts, iterations); NaN where there is none yet.
        best: the best crystal.
    """

    def __init__(self, title: str, control: Any):
        """Nothing is known before the first news."""
        super().__init__(title, control)
        self.target: Description | None = None
        self.losses = np.zeros((0, 0))
        self.best: Best | None = None
        self.tolerance = 0.0
        self._latest: SearchNews | None = None
        self._seen, self._double = -1, False

    def take(self, news: SearchNews) -> None:
        """Keep what a chunk has led to: for `from_descriptor(on_chunk=...)`; waits while paused."""
        if self._latest is None:
            self.target, self.tolerance = news.target, news.tolerance
            self.tell(f"{news.like!r}")
        self._latest = news
        self.news += 1
        self.control.hold(news.stopped)

    @property
    def ready(self) -> bool:
        return self._latest is not None

    @property
    def state(self) -> str:
        if self._latest is None:
            return "preparing: targets, starts, compilation"
        if self.best is None:
            return "first chunk of iterations"
        good = int((np.nanmin(self.losses, axis=1, initial=np.inf) <= self.tolerance).sum())
        return (
            f"{len(self.losses)} starts, {self.losses.shape[1]} iterations; best loss "
            f"{self.best.loss:.1e} (start {self.best.start}); {good} within {self.tolerance:.0e}"
        )

    def work(self, seconds: float) -> bool:
        latest = self._latest
        if latest is None or self._seen == self.news:
            return False
        seen, found = self.news, latest.found()
        losses = np.asarray(found.history, np.float64)
        # Fewer crystals than losses: the best starts are just being chosen.
        if not losses.size or len(losses) != len(found.variables):
            return False
        self._seen = seen
        self.losses = np.where(losses > 0, losses, np.nan)
        last = np.where(np.isfinite(losses[:, -1]), losses[:, -1], np.inf)
        start = int(np.argmin(last))
        double = found.variables.dtype == np.float64
        with jax.enable_x64(bool(double)), self.elsewhere.work("describe"):
            crystal = latest.like.with_variables(found.variables[start])
            try:
                said = describe(crystal, latest.target.specification)
            except ValueError:
                said = None
        self.best = Best(start, float(last[start]), crystal, said)
        return True

    def save(self, folder: pathlib.Path, stem: str) -> list[pathlib.Path]:
        """Losses of every start, and the best crystal."""
        starts = ",".join(f"start_{i}" for i in range(len(self.losses)))
        lines = [f"step,{starts}"]
        for i, row in enumerate(self.losses.T):
            lines.append(",".join([str(i), *(f"{value:.6g}" for value in row)]))
        path, crystal = folder / f"{stem}.csv", None if self.best is None else self.best.crystal
        write_text(path, "\n".join(lines) + "\n")
        return [path, *self.save_best(crystal, folder / f"{stem}.cif")]
