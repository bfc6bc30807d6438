"""From host arrays to JAX arrays without compiling anything."""

from typing import Any

import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array


def device_array(x: Any, dtype: Any = float) -> Array:
    """A JAX array of host values in a type, the current default width for `float` and `int`.

    The conversion happens on the host: `jnp.asarray` compiles a program for every new shape
    instead, even where the type stays.
    """
    # A copy of its own: JAX may go on using the memory that it is given.
    return jax.device_put(np.array(x, dtype=jax.dtypes.canonicalize_dtype(dtype)))


def computing_dtype(dtype: Any) -> Any:
    """The floating-point type in which arrays of a type are computed: it, or float32 for half."""
    own = jax.dtypes.canonicalize_dtype(dtype)
    return own if jnp.finfo(own).bits >= 32 else jnp.dtype(jnp.float32)


def as_array(x: Any, dtype: Any) -> Array:
    """An array of the host or of JAX, traced or not, as one of JAX in a type."""
    return device_array(x, dtype) if isinstance(x, np.ndarray) else jnp.asarray(x, dtype)


def concrete(x: Any) -> np.ndarray | None:
    """Return the numbers of an array for printing, or None where there are none to see.

    Traced and donated arrays have none, nor has what stands in for an array in a filtered tree.
    """
    if isinstance(x, np.ndarray):
        return x
    if not isinstance(x, jax.Array) or isinstance(x, jax.core.Tracer):
        return None
    return np.asarray(x) if x.is_fully_addressable and not x.is_deleted() else None
