"""From host arrays to JAX arrays without compiling anything."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array


def device_array(x: Any, dtype: Any = float) -> Array:
    """A JAX array of host values in a type, the current default width for `float` and `int`.

    The conversion happens on the host: `jnp.asarray(x, dtype)` compiles a program for every new
    shape instead.
    """
    return jnp.asarray(np.asarray(x, dtype=jax.dtypes.canonicalize_dtype(dtype)))
