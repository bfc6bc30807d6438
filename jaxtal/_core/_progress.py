"""Progress bars that say when they wait for the compiler."""

import contextlib
import functools
import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING

import jax.monitoring

if TYPE_CHECKING:
    from tqdm import tqdm

#: A program is handed to XLA after the first of these, and comes back at the second.
_BEGINS = "/jax/core/compile/jaxpr_to_mlir_module_duration"
_ENDS = "/jax/core/compile/backend_compile_duration"

_bars: "weakref.WeakSet[tqdm]" = weakref.WeakSet()


@functools.cache
def _listen() -> None:
    """Once: JAX has no public way to stop listening."""

    def told(event: str, duration_secs: float, **kwargs: str | int) -> None:
        if event in (_BEGINS, _ENDS):
            for bar in list(_bars):
                bar.set_postfix_str("compiling (first run only)" if event == _BEGINS else "")

    jax.monitoring.register_event_duration_secs_listener(told)


@contextlib.contextmanager
def progress_bar(shown: bool, unit: str, total: int | None = None) -> "Iterator[tqdm]":
    """Show a bar on stderr, with "compiling" beside it while XLA does.

    Args:
        shown: whether there is to be one.
        unit: what is counted.
        total: how many there are, if that is known.
    """
    from tqdm import tqdm

    with tqdm(total=total, disable=not shown, unit=unit) as bar:
        if shown:
            _listen()
            _bars.add(bar)
        try:
            yield bar
        finally:
            _bars.discard(bar)
