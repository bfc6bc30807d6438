"""What one start has gone through, point by point."""

import bisect
import dataclasses
import threading
from typing import Any

import numpy as np

#: Points kept of one attempt, and states waiting to be looked at: how many, and their bytes.
_MOST, _WAITING, _BYTES = 1000, 64, 8e6


@dataclasses.dataclass(frozen=True, eq=False)
class Point:
    """One look at a start.

    Attributes:
        cycle: cycles done.
        deciles: minimum, nine deciles and maximum of the density, (11,).
        r_factor: R; NaN where it is not known, as for the next two.
        flipped: share of the points that the algorithm changed.
        phase_change: r.m.s. change of the phases, radians.
    """

    cycle: int
    deciles: np.ndarray
    r_factor: float = float("nan")
    flipped: float = float("nan")
    phase_change: float = float("nan")


class Curve:
    """The points of one start's present attempt, and its states that nobody has looked at yet.

    A run adds states at no cost; they are looked at, newest first, when there is time. Old ones
    are thinned out.

    Attributes:
        start: its number.
        attempt: how often it was begun before.
        text: where it stands.
        amplitudes: the last known solution, (n,), or None.
        known: after how many cycles it was that.
        r_factor: the last known R.
    """

    def __init__(self, start: int):
        """Nothing yet."""
        self.start, self.attempt, self.text = start, -1, ""
        self.amplitudes: Any = None
        self.known, self.r_factor = -1, float("nan")
        self._points: list[Point] = []
        self._waiting: list[Any] = []
        self._lock = threading.Lock()

    def begin(self, attempt: int) -> None:
        """Forget the last attempt."""
        with self._lock:
            self.attempt, self._points, self._waiting = attempt, [], []
            self.known = -1

    def know(self, attempt: int, cycle: int, f: Any) -> None:
        """Take amplitudes, unless later ones are known."""
        with self._lock:
            if attempt == self.attempt and cycle >= self.known:
                self.amplitudes, self.known = f, cycle

    def wait(self, state: Any, size: int = 0) -> None:
        """Keep a state of some bytes to be looked at; every second one, if they are too many."""
        most = min(_WAITING, max(int(_BYTES // max(size, 1)), 1))
        with self._lock:
            if len(self._waiting) >= most:
                self._waiting = self._waiting[1::2]
            self._waiting.append(state)

    def newest(self) -> Any:
        """Take the newest state that waits, or None."""
        with self._lock:
            return self._waiting.pop() if self._waiting else None

    @property
    def waiting(self) -> int:
        """How many states wait."""
        return len(self._waiting)

    def add(self, attempt: int, point: Point) -> None:
        """Put a point where it belongs; not that of an attempt that was given up."""
        with self._lock:
            if attempt != self.attempt:
                return
            points = self._points
            bisect.insort(points, point, key=lambda one: one.cycle)
            if points[-1] is point and point.r_factor == point.r_factor:
                self.r_factor = point.r_factor
            if len(points) > _MOST:
                self._points = points[::2]

    def table(self) -> dict[str, np.ndarray]:
        """Columns by name: cycle, d0 .. d10, r_factor, flipped, phase_change."""
        with self._lock:
            points = list(self._points)
        deciles = np.array([one.deciles for one in points], np.float64).reshape(-1, 11)
        columns = {f"d{i}": deciles[:, i] for i in range(11)}
        for name in ("cycle", "r_factor", "flipped", "phase_change"):
            columns[name] = np.array([getattr(one, name) for one in points], np.float64)
        return columns
