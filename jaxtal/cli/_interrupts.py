"""Ctrl-C that is answered at once, and heard wherever it falls."""

import _thread
import contextlib
import importlib.machinery
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

#: Exit code of a command that was interrupted.
INTERRUPTED = 130
#: Seconds after which a swallowed interrupt is sent again.
_AGAIN = 0.05


class Interrupts:
    """What is known of interrupts so far.

    Attributes:
        count: how many have come.
        resent: of those to come, how many were sent from here.
    """

    def __init__(self) -> None:
        self.count = self.resent = 0

    def send_again(self) -> None:
        """Interrupt the main thread a little later."""

        def send() -> None:
            self.resent += 1
            _thread.interrupt_main()

        threading.Timer(_AGAIN, send).start()


@contextlib.contextmanager
def heard_interrupts() -> Iterator[Interrupts]:
    """Answer the first Ctrl-C with a line on stderr, and leave at the second.

    Python's own handler waits until compiled code returns to it, which may take many seconds. The
    system's wakes a thread here at once. The first interrupt is still raised where Python next
    looks, so that what has been found can be written.

    Two kinds of places are no good for that, and it is sent again a little later. Of a callback of
    the garbage collector it cannot travel: Python prints it as "ignored" and goes on. JAX has such
    a callback, and while it traces, the collector runs often. And a compiled module that
    initialises itself and calls Python, to import another one, prints the interrupt, makes another
    error of it or ends the process.
    """
    heard, before = Interrupts(), sys.unraisablehook

    def hook(unraisable: Any) -> None:
        if isinstance(unraisable.exc_value, KeyboardInterrupt):
            heard.send_again()
        else:
            before(unraisable)

    sys.unraisablehook = hook
    try:
        with _awake(heard):
            yield heard
    finally:
        sys.unraisablehook = before


def _initialises(frame: Any) -> bool:
    """Whether a compiled module that is being imported has called what runs."""
    while frame is not None:
        if frame.f_code.co_name in ("create_module", "exec_module") and isinstance(
            frame.f_locals.get("self"), importlib.machinery.ExtensionFileLoader
        ):
            return True
        frame = frame.f_back
    return False


@contextlib.contextmanager
def _awake(heard: Interrupts) -> Iterator[None]:
    """A thread that hears every signal as it comes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    old = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    handler = signal.getsignal(signal.SIGINT)

    def raised(number: int, frame: Any) -> None:
        if _initialises(frame):
            heard.send_again()
        else:
            signal.default_int_handler(number, frame)

    if handler is signal.default_int_handler:  # otherwise somebody wants to be deaf
        signal.signal(signal.SIGINT, raised)
    thread = threading.Thread(target=_answer, args=(reading, heard), daemon=True)
    thread.start()
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is raised:
            signal.signal(signal.SIGINT, handler)
        signal.set_wakeup_fd(old)
        os.close(writing)  # ends the thread
        thread.join()
        os.close(reading)


def _answer(reading: int, heard: Interrupts) -> None:
    while numbers := os.read(reading, 64):
        if signal.SIGINT not in numbers:
            continue
        if heard.resent:
            heard.resent -= 1
            continue
        heard.count += 1
        if heard.count > 1:
            # XLA cannot be stopped otherwise.
            os._exit(INTERRUPTED)
        # Below a progress bar, not beside it.
        bar = "\n" if sys.stderr is not None and sys.stderr.isatty() else ""
        say(f"{bar}jaxtal: finishing; Ctrl-C again to quit")


def deaf_to_interrupts() -> None:
    """When all is done: what the libraries clean up as the process ends takes no interrupt."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def say(text: str) -> None:
    """A line on stderr, if anybody is there to read it."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
