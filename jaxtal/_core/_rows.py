"""Rows of results that hold many crystals."""

from typing import Any, TypeVar

import jax
import numpy as np

Results = TypeVar("Results")


def take_rows(results: Results, rows: Any) -> Results:
    """Take some of the first axis of every array: an integer, a slice, integers or a mask.

    Not by the constructor of the results, since in PyTorch their arrays are tensors.
    """
    # JAX refuses lists, which NumPy and PyTorch take.
    index = np.asarray(rows) if isinstance(rows, list) else rows
    return jax.tree.map(lambda x: x[index], results)
