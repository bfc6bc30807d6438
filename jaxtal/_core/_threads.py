"""Cores, and threads of the host's linear algebra, where waking them costs more than it brings."""

import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from typing import Any


def cores() -> int:
    """Count the cores that this process may use."""
    affinity: Callable[[int], set[int]] | None = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


@functools.cache
def _controller() -> Any:
    # NumPy and SciPy each bring a BLAS of their own, which is found once it is loaded.
    import scipy.linalg
    import threadpoolctl

    assert scipy.linalg
    return threadpoolctl.ThreadpoolController()


@contextlib.contextmanager
def few_threads() -> Iterator[None]:
    """Leave products and factorisations of matrices to the thread that asks for them.

    Threads of a BLAS wait for each other busily: beside other work on the same cores, matrices of
    some hundred rows take a hundred times as long with two of them as with one.
    """
    with _controller().limit(limits=1, user_api="blas"):
        yield
