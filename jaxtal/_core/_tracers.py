"""The guard of functions that run on the host and decide static shapes."""

from typing import Any

import jax
import jax.core
import numpy as np
from numpy.typing import DTypeLike


def host_array(x: Any, name: str, dtype: DTypeLike = np.float64) -> np.ndarray:
    """Return `x` as a NumPy array, refusing traced values.

    Builders decide shapes, so they cannot run inside `jit`, `grad` or `vmap`; the message says
    so instead of leaving the reader with JAX's generic tracer error.

    Raises:
        ValueError: `x` is a tracer, or cannot be converted to `dtype`.
    """
    leaves = [x] if isinstance(x, np.ndarray | jax.Array) else jax.tree.leaves(x)
    if any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):
        raise ValueError(
            f"{name} decides a static shape and must be known on the host, but a traced value "
            "came: build the plan outside jit/grad/vmap and pass it in as an argument"
        )
    try:
        return np.asarray(x, dtype=dtype)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: expected numbers, got {x!r}") from error
