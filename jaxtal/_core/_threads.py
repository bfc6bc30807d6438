"""Threads of the host's linear algebra, where waking them costs more than they bring."""

import contextlib
import functools
from collections.abc import Iterator

import threadpoolctl

#: Matrices of fewer rows are factorised and multiplied faster by one thread. Two threads that wait
#: for each other on a busy machine take a hundred times as long.
_ROWS = 1000


@functools.cache
def _controller() -> threadpoolctl.ThreadpoolController:
    return threadpoolctl.ThreadpoolController()


@contextlib.contextmanager
def few_threads(rows: int) -> Iterator[None]:
    """Leave products and factorisations of small matrices to the thread that asks for them.

    Args:
        rows: of the largest matrix.
    """
    if rows >= _ROWS:
        yield
        return
    with _controller().limit(limits=1, user_api="blas"):
        yield
