"""`--monitor`: a page that shows a run."""

import contextlib
import pathlib
from collections.abc import Iterator
from typing import Any, Literal

from ._errors import BadInputError
from ._options import Watching


@contextlib.contextmanager
def watched(
    watching: Watching,
    what: Literal["phase", "solve", "reconstruct", "search"],
    source: str,
    folder: pathlib.Path,
    **options: Any,
) -> Iterator[Any]:
    """Serve a page while a run goes on, if that is asked for.

    Args:
        watching: what was asked for.
        what: the command, or the search of `reconstruct --composition`.
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
    from ..monitor._interrupt import interrupt

    kinds = {
        "phase": monitor.PhasingMonitor,
        "solve": monitor.SolutionMonitor,
        "reconstruct": monitor.ReconstructionMonitor,
        "search": monitor.CompositionMonitor,
    }
    try:
        made = kinds[what](
            title=f"{what} {source}",
            port=watching.port or 0,
            show=not watching.no_open,
            folder=folder,
            stop=interrupt,
            **options,
        ).__enter__()
    except ValueError as error:
        raise BadInputError(f"--monitor: {error}") from error
    with contextlib.ExitStack() as stack:
        stack.push(made)
        yield made
