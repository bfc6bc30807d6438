"""The runs in P1 of `solution.solve`, and what comes after them."""

import dataclasses
from typing import Any

import jax
import numpy as np

from ..phasing._free_cycles import read_free
from ..solution._free_structure import PAIRS
from ..solution._phase_in_p1 import FreeNews, pairwise
from ._curve import Curve, Point
from ._phasing_runs import families
from ._plane_sum import Waves
from ._runs import Families, Runs

#: Points of a density that deciles are taken of.
_SAMPLE = 40_000


@dataclasses.dataclass(frozen=True, eq=False)
class _Kept:
    attempt: int
    news: FreeNews
    before: Any


class SolutionRuns(Runs):
    """Takes the news of `solve`, and looks at them in another thread."""

    def __init__(self, title: str, control: Any):
        """Nothing is known before the first news."""
        super().__init__(title, control)
        self._stage, self._rung, self._number = "reading and merging", None, -1
        self.per = "100 cycles"
        self._numbers: dict[str, float] = {}
        self._k: Any = None
        self._before: dict[int, Any] = {}

    def said(self, line: str) -> None:
        """Take a line of progress: for `solve(progress=...)`."""
        self._stage = line
        self.tell(line)

    def take(self, news: FreeNews) -> tuple[float, float] | None:
        """Keep what some cycles have led to: for `solve(on_chunk=...)`; waits while paused."""
        with self._lock:
            if news.rung is not self._rung:
                self._rung, self._number = news.rung, self._number + 1
                self._numbers = {"beta": news.rung.beta, "support": news.rung.support}
                # Other recipes may have other lists.
                self.space, self._k = news.reflections.space, news.k
                self.waves, self.families, self._before = Waves.of_list(news.k), None, {}
                for curve in self.curves.values():
                    curve.amplitudes = None
            number = self._number
        curve = self.curve(news.run)
        if curve.attempt != number:
            curve.begin(number)
        curve.text = f"run {news.run}, cycle {news.cycle} of {news.rung.cycles}"
        curve.wait(_Kept(number, news, self._before.get(news.run)), news.x.nbytes)
        self._before[news.run] = news.x
        self.active = tuple(sorted({*self.active, news.run})[:2])
        self.news += 1
        self.control.hold(news.stopped)
        for name, value in self.control.changes().items():
            if name in self._numbers:
                self._numbers[name] = value
        return self._numbers["beta"], self._numbers["support"]

    @property
    def state(self) -> str:
        runs = [self.curves[i].text for i in sorted(self.curves)]
        return "; ".join([self._stage, *runs[:2]])

    def changeable(self) -> dict[str, tuple[float, float, float]]:
        limits = {"beta": (0.05, 1.5), "support": (0.01, 0.5)}
        return {name: (*limits[name], value) for name, value in self._numbers.items()}

    def look(self, curve: Curve, state: Any) -> None:
        kept: _Kept = state
        news, number = kept.news, kept.attempt
        data, x = news.data, np.asarray(news.x)
        measured, modulus = np.asarray(data.measured), np.asarray(data.modulus)
        replaced = _with_moduli(x, measured, modulus)
        density, some = _sampled(replaced, data.moduli)
        inner = np.quantile(some, np.linspace(0.1, 0.9, 9))
        deciles = np.array([density.min(), *inner, density.max()], np.float64)
        turned, some = _sampled(2 * replaced - x, data.moduli)
        limit = max(float(np.quantile(some, 1.0 - self._numbers["support"])), 0.0)
        kept_density = np.where(turned >= limit, turned, 0.0).reshape(data.moduli)
        calc = np.abs(np.fft.rfftn(kept_density, norm="forward")[measured])
        of = modulus[measured]
        scale = float(of @ calc) / max(float(calc @ calc), 1e-300)
        r = float(np.abs(scale * calc - of).sum() / of.sum())
        change = float("nan")
        if kept.before is not None and kept.before.shape == x.shape:
            product = np.conj(np.asarray(kept.before)[measured]) * x[measured]
            weight = of**2
            change = float(np.sqrt((weight * np.angle(product) ** 2).sum() / weight.sum()))
        flipped = float(np.mean(turned < limit))
        curve.add(number, Point(news.cycle, deciles, r, flipped, change))
        if news.k is self._k:
            curve.know(number, news.cycle, read_free(news.grid, replaced, news.k))

    def judge(self, known: dict[int, np.ndarray]) -> Families:
        starts = sorted(known)
        signed = False
        with jax.enable_x64(False):
            agreement = pairwise(self._k, np.stack([known[i] for i in starts]), signed)
        return families(starts, agreement, PAIRS, self.curves)


def _with_moduli(x: np.ndarray, measured: np.ndarray, modulus: np.ndarray) -> np.ndarray:
    size = np.abs(x)
    return np.where(measured, x * (modulus / np.where(size > 0, size, 1.0)), 0.0)


def _sampled(x: np.ndarray, moduli: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The density of a half of the slots, flattened, and some points of it."""
    density = np.fft.irfftn(x, moduli, tuple(range(len(moduli))), norm="forward").reshape(-1)
    return density, density[:: max(1, density.size // _SAMPLE) | 1]
