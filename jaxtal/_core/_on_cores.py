"""Rows of a batch on the cores of a CPU: a compiled loop over them keeps one core busy."""

import concurrent.futures
import contextlib
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.core
import numpy as np

from ._device import device_array
from ._mesh import fill_rows, n_rows
from ._threads import cores

#: Fewer rows stay together.
_LEAST = 16


def on_cores(run: Callable[[Any, Any], Any], shared: Any, rows: Any) -> Any:
    """Call a compiled function, each core of a CPU with an equal part of the rows.

    A row gives the same bits wherever it is computed. What is traced, few rows, and those of
    another device or of several are left to one call.

    Args:
        run: called as `run(shared, rows)`; each row of its results depends on its own row alone.
        shared: any tree.
        rows: arrays with the axis of the rows first.

    Returns:
        Results of all rows, their axis first.
    """
    parts = min(cores(), n_rows(rows) // (_LEAST // 2))
    if parts < 2 or not _on_one_cpu((shared, rows)):
        return run(shared, rows)
    n = n_rows(rows)
    # Equal parts, so that they share a program.
    host = fill_rows(jax.tree.map(np.asarray, rows), parts)
    each = n_rows(host) // parts

    def part(i: int) -> Any:
        some = jax.tree.map(lambda x: device_array(x[i * each : (i + 1) * each], x.dtype), host)
        return jax.block_until_ready(run(shared, some))

    with concurrent.futures.ThreadPoolExecutor(parts) as pool:
        found = list(pool.map(as_here(part), range(parts)))
    return jax.tree.map(_joined(n), *found)


def as_here(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function for other threads, where JAX's settings are those of this one.

    What `jax.enable_x64` and the like change holds for the thread that says so alone.
    """
    names = ("enable_x64", "default_device", "default_matmul_precision")
    wide, device, precision = (getattr(jax.config, f"jax_{name}") for name in names)

    def called(*arguments: Any) -> Any:
        with contextlib.ExitStack() as settings:
            settings.enter_context(jax.enable_x64(wide))
            settings.enter_context(jax.default_device(device))
            settings.enter_context(jax.default_matmul_precision(precision))
            return function(*arguments)

    return called


def _on_one_cpu(tree: Any) -> bool:
    if jax.default_backend() != "cpu":
        return False
    arrays = [x for x in jax.tree.leaves(tree) if isinstance(x, jax.Array)]
    if any(isinstance(x, jax.core.Tracer) for x in arrays):
        return False
    return len(set().union(*(x.devices() for x in arrays))) < 2


def _joined(n: int) -> Callable[..., Any]:
    def joined(*parts: Any) -> Any:
        if not eqx.is_array(parts[0]):
            return parts[0]
        # In NumPy: JAX would compile a program for each shape.
        return device_array(np.concatenate([np.asarray(x) for x in parts])[:n], parts[0].dtype)

    return joined
