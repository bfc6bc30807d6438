"""One body of a formula for arrays of the host and of JAX, and what runs on the host alone.

A compiled program takes seconds to make and pays where it is called often, differentiated or
mapped. The numbers of a crystal that are wanted once come from the same formulas in NumPy, in
float64: functions that serve both ask for the module of the arrays that they are given.
"""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

if TYPE_CHECKING:
    # The kind of the result follows that of the argument, which overloads without end would tell.
    AnyArray = Any
else:
    AnyArray = Array | np.ndarray
"""An array of JAX, traced or not, or of the host."""

#: So many results or fewer are computed on the host even where there is an accelerator, since they
#: would wait longer for its compiler.
_FEW = 16

#: Products of real matrices that OpenBLAS leaves to one thread, in multiplications; and those that
#: are worth all of them.
ONE_THREAD, MANY_THREADS = 1 << 18, 1 << 28

_In = TypeVar("_In")
_Out = TypeVar("_Out")


def namespace(*arrays: Any) -> Any:
    """Return the module that computes with arrays: NumPy if all are its own, else `jax.numpy`."""
    return np if all(isinstance(x, np.ndarray) for x in arrays) else jnp


def matmul(a: Any, b: Any) -> Any:
    """Multiply matrices at the highest precision: on a GPU the default is TF32.

    On the host in pieces that the BLAS does in the thread that asks for them: waking others costs
    more than products of this size, and they are used already (`map_on_host`).
    """
    if namespace(a, b) is not np:
        return jnp.matmul(a, b, precision="highest")
    rows, inner, columns = a.shape[0], a.shape[1], b.shape[1]
    step = max(ONE_THREAD // max(rows * columns, 1), 32)
    if inner <= step or rows * columns * inner > MANY_THREADS:
        return a @ b
    total = np.zeros((rows, columns), np.result_type(a, b))
    for begin in range(0, inner, step):
        total += a[:, begin : begin + step] @ b[begin : begin + step]
    return total


def on_host(n: int) -> bool:
    """Tell whether n results that are wanted once are computed in NumPy."""
    return n <= _FEW or jax.default_backend() == "cpu"


def map_on_host(f: Callable[[_In], _Out], items: Iterable[_In]) -> list[_Out]:
    """Apply a function of NumPy's to some items, in as many threads as there are cores."""
    items = list(items)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    workers = min(cores or 1, len(items))
    if workers < 2:
        return [f(item) for item in items]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(f, items))
