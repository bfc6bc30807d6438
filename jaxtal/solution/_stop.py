"""Ending work early: at an interrupt, or when its time is up, with what has been found."""

import concurrent.futures
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np

T = TypeVar("T")

#: Seconds between two looks at signals.
_GLANCE = 0.2


class Stop:
    """Whether work is to end: called between its parts.

    Attributes:
        heeded: somebody asked, and was told to end.
    """

    def __init__(self, time_limit: float | None = None) -> None:
        """Begin to count.

        Args:
            time_limit: seconds from now, None for any time.
        """
        self._end = None if time_limit is None else time.monotonic() + time_limit
        self._asked = threading.Event()
        self.heeded = False

    def __call__(self) -> bool:
        """Ask."""
        if self.reason:
            self.heeded = True
        return self.heeded

    @property
    def interrupted(self) -> bool:
        """An interrupt has come."""
        return self._asked.is_set()

    @property
    def reason(self) -> str:
        """Why work is to end, empty while it may go on."""
        if self._asked.is_set():
            return "interrupted"
        return "time is up" if self._end is not None and time.monotonic() >= self._end else ""

    def ask(self) -> None:
        """End the work."""
        self._asked.set()


def interruptible(work: Callable[[], T], stop: Stop, told: Callable[[], object]) -> T:
    """Do work that the first interrupt ends early, in a thread that no interrupt tears apart.

    Args:
        work: looks at `stop`.
        stop: is asked by the first interrupt; the second one is raised at once.
        told: called after the first one.
    """
    if threading.current_thread() is not threading.main_thread():
        return work()  # where no interrupt comes
    ended: concurrent.futures.Future[T] = concurrent.futures.Future()
    # Whether double precision is on is known to each thread alone.
    double = jnp.result_type(float) == np.float64

    def run() -> None:
        try:
            with jax.enable_x64(double):
                ended.set_result(work())
        except BaseException as error:
            ended.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    while not ended.done():
        try:
            # Not for ever: a signal that another thread was given is seen between two waits.
            concurrent.futures.wait([ended], timeout=_GLANCE)
        except KeyboardInterrupt:
            if stop.interrupted:
                raise
            stop.ask()
            told()
    return ended.result()
