"""Ctrl-C that is heard wherever it falls."""

import _thread
import contextlib
import sys
import threading
from collections.abc import Iterator
from typing import Any

#: Seconds after which a swallowed interrupt is sent again.
_AGAIN = 0.05


@contextlib.contextmanager
def heard_interrupts() -> Iterator[None]:
    """Send an interrupt again that fell into a callback of the garbage collector.

    An exception there cannot travel: Python prints it as "ignored" and goes on. JAX has such a
    callback, and while it traces, the collector runs often.
    """
    before = sys.unraisablehook

    def hook(unraisable: Any) -> None:
        if isinstance(unraisable.exc_value, KeyboardInterrupt):
            threading.Timer(_AGAIN, _thread.interrupt_main).start()
        else:
            before(unraisable)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before
