"""Threads of the host's linear algebra, where waking them costs more than they bring."""

import contextlib
import functools
from collections.abc import Iterator
from typing import Any


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
