"""How much of a stretch of time went into compiling."""

import functools
import threading

import jax.monitoring

#: Tracing and lowering are nested in each other's calls; compilation is neither.
_EVENT = "/jax/core/compile/backend_compile_duration"
_lock = threading.Lock()
_total = [0.0]


@functools.cache
def _listen() -> None:
    def add(event: str, duration_secs: float, **kwargs: str | int) -> None:
        if event == _EVENT:
            with _lock:
                _total[0] += duration_secs

    jax.monitoring.register_event_duration_secs_listener(add)


class CompileClock:
    """Seconds spent in compilation, by any thread of this process, since the clock was made."""

    def __init__(self):
        """Start at zero."""
        _listen()
        self._begun = _total[0]

    @staticmethod
    def total() -> float:
        """Seconds of all that was compiled since the first call, or the first clock."""
        _listen()
        return _total[0]

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return _total[0] - self._begun
