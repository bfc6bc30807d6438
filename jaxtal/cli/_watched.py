"""`--monitor`: a page that shows a run."""

import contextlib
import pathlib
import signal
import threading
from collections.abc import Iterator
from typing import Any, Literal

from ._errors import BadInputError
from ._options import Watching


@contextlib.contextmanager
def watched(
    watching: Watching,
    what: Literal["phase", "solve", "reconstruct"],
    source: str,
    folder: pathlib.Path,
    **options: Any,
) -> Iterator[Any]:
    """Serve a page while a run goes on, if that is asked for.

    Args:
        watching: what was asked for.
        what: the command.
        source: what it works on.
        folder: where the button `save` writes to.
        options: of the monitor.

    Yields:
        a monitor of the room `monitor`, or None.

    Raises:
        BadInputError: a port that is taken, or bokeh is missing.
    """
    if not watching.monitor:
        yield None
        return
    from .. import monitor

    kinds = {
        "phase": monitor.PhasingMonitor,
        "solve": monitor.SolutionMonitor,
        "reconstruct": monitor.ReconstructionMonitor,
    }
    try:
        made = kinds[what](
            title=f"{what} {source}",
            port=watching.port or 0,
            show=not watching.no_open,
            folder=folder,
            stop=_interrupt,
            **options,
        ).__enter__()
    except ValueError as error:
        raise BadInputError(f"--monitor: {error}") from error
    with contextlib.ExitStack() as stack:
        stack.push(made)
        yield made


def _interrupt() -> None:
    """Do what Ctrl-C does."""
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, signal.SIGINT)
    else:
        import _thread

        _thread.interrupt_main()
