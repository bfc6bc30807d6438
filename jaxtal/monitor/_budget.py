"""How much time may be spent on looking at a run."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator


class Budget:
    """A share of the time that passes, and some pictures in advance.

    Work is begun while there is credit and paid for afterwards: what is dear makes pictures rarer
    and not the run slower. What is paid is processor time: on a busy machine a picture takes long
    and costs the run no more than elsewhere. There, a run that computes on processors earns no
    more than they have given it, too.

    Attributes:
        spent: seconds paid so far.
    """

    def __init__(
        self,
        share: float | int,
        credit: float | int = 0.06,
        most: float | int = 0.3,
        *,
        processors: Callable[[], bool] = lambda: False,
    ):
        """Begin to count.

        Args:
            share: largest part of the time, in (0, 1].
            credit: seconds in advance, so that short runs are seen.
            most: seconds that can be saved up.
            processors: whether the run computes on processors, and not on a GPU.

        Raises:
            ValueError: a share out of range.
        """
        if not 0 < share <= 1:
            raise ValueError(f"share: expected a number in (0, 1], got {share}")
        self._share, self._credit, self._most = share, float(credit), float(most)
        self._clocks, self.spent = _clocks(), 0.0
        self._processors, self._lock = processors, threading.Lock()
        self._settled: dict[int, float] = {}

    @property
    def left(self) -> float:
        """Seconds that may be spent now; negative while the last work is being paid for."""
        with self._lock:
            now = _clocks()
            wall, own = (b - a for a, b in zip(self._clocks, now, strict=True))
            passed = min(wall, own) if self._processors() else wall
            self._credit = min(self._most, self._credit + self._share * passed)
            self._clocks = now
            return self._credit

    def pay(self, seconds: float) -> None:
        """Take seconds off."""
        with self._lock:
            self._credit -= seconds
            self.spent += seconds

    def settle(self, *, free: bool = False) -> None:
        """Pay for all that this thread has computed since it last settled.

        Args:
            free: nothing has to be paid for it.
        """
        own, now = threading.get_ident(), time.thread_time()
        since = now - self._settled.get(own, now)
        self._settled[own] = now
        if not free:
            self.pay(since)


def _clocks() -> tuple[float, float]:
    """Wall time, and processor time of all threads."""
    return time.perf_counter(), time.process_time()


class Elsewhere:
    """What work costs that JAX does in threads of its own, which no thread's clock tells.

    The least time that the same work has ever taken: on a busy machine it seems dearer. The first
    time, which compiles, is not counted.

    Attributes:
        seconds: of all work so far.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._least: dict[object, float] = {}

    @contextlib.contextmanager
    def work(self, what: object) -> Iterator[None]:
        """Count what is done in here beyond the processor time of this thread.

        Args:
            what: the same for work that takes the same time.
        """
        begun, own = time.perf_counter(), time.thread_time()
        yield
        wall, own = time.perf_counter() - begun, time.thread_time() - own
        if what in self._least:
            self._least[what] = min(self._least[what], wall)
            self.seconds += max(self._least[what] - own, 0.0)
        else:
            self._least[what] = float("inf")
