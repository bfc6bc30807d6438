"""One body of a formula for arrays of the host and of JAX, and what runs on the host alone.

A compiled program takes seconds to make and pays where it is called often, differentiated or
mapped. The numbers of a crystal that are wanted once come from the same formulas in NumPy, in
float64: functions that serve both ask for the module of the arrays that they are given.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

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

#: So many results or fewer are always computed on the host: they would wait for the compiler.
_FEW = 16
#: And on a CPU those of so many pairs of atoms (48 crystals of 72 atoms, or thousands of small
#: ones), beyond which compiling pays: programs are some five times faster on large crystals.
_WORK = 250_000

#: Products of real matrices that OpenBLAS leaves to one thread, in multiplications; and those that
#: are worth all of them.
ONE_THREAD, MANY_THREADS = 1 << 18, 1 << 28


def namespace(*arrays: Any) -> Any:
    """Return the module that computes with arrays: NumPy if all are its own, else `jax.numpy`."""
    return np if all(isinstance(x, np.ndarray) for x in arrays) else jnp


def matmul(a: Any, b: Any) -> Any:
    """Multiply matrices at the highest precision: on a GPU the default is TF32.

    On the host in pieces that the BLAS does in the thread that asks for them: waking others costs
    more than products of this size.
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


def on_host(sizes: Sequence[int]) -> bool:
    """Tell whether results that are wanted once are computed in NumPy, one after another.

    Threads would not help: at these sizes most of the time is that of Python between operations.

    Args:
        sizes: number of atoms of each crystal. The work is in proportion to their squares, atoms
            times reflections.
    """
    few = len(sizes) <= _FEW
    return few or (jax.default_backend() == "cpu" and sum(n * n for n in sizes) <= _WORK)
