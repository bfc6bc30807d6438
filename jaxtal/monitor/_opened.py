"""Where a page is shown: the cell of a notebook, or a browser."""

import contextlib
import sys
import threading
import webbrowser
from collections.abc import Callable

#: Addresses that a browser was started for.
_started: set[str] = set()


def open_page(address: str) -> None:
    """Show a page in the cell of a notebook, or in a browser."""
    cell = _cell()
    if cell is not None:
        cell(address)
        _started.add(address)
        return

    def start() -> None:
        with contextlib.suppress(Exception):
            if webbrowser.open(address):
                _started.add(address)

    threading.Thread(target=start, daemon=True).start()


def opened(address: str) -> bool:
    """Whether a cell or a browser has taken an address."""
    return address in _started


def _cell() -> Callable[[str], object] | None:
    """What shows an address in the cell of a notebook that runs now."""
    shell = sys.modules.get("IPython")
    running = None if shell is None else shell.get_ipython()
    if running is None or not hasattr(running, "kernel"):
        return None
    from IPython.display import IFrame, display  # pyright: ignore[reportMissingImports]

    return lambda address: display(IFrame(address, "100%", 860))
