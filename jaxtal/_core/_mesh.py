"""Rows of a batch dealt to several devices, by JAX's own engine: `Mesh` and `jax.shard_map`.

A row is whatever is computed alone: a crystal, a start. Every device runs one compiled program on
its rows and waits for nobody; what all of them need is copied to each. Two lines make a compiled
function one of several devices, `None` leaves it as it was:

    found = on_mesh(run, shared, rows, mesh_of(mesh), ...)   # where it is called
    map_rows(program, shared, rows, mesh)                    # inside of it: program(shared, rows)
"""

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from .host import count

Devices = Mesh | int | Sequence[jax.Device] | None
"""Where rows are computed: a mesh, so many devices of this process, these, or as ever."""


def mesh_of(devices: Devices, name: str = "mesh", *, own: bool = False) -> Mesh | None:
    """Make a mesh of what stands for some devices (host).

    Args:
        devices: a mesh of any axes, all of which deal out rows; a number of the devices of this
            process, the first ones; devices; or None.
        name: of the argument, for errors.
        own: refuse devices of other processes, whose results this one could not read.

    Raises:
        ValueError: fewer devices than that, none, one of them twice, or something else.
    """
    if devices is None:
        return None
    if isinstance(devices, Mesh):
        if own and {one.process_index for one in devices.devices.flat} != {jax.process_index()}:
            raise ValueError(
                f"{name}: expected devices of this process, such as jax.local_devices(), got some "
                "of others: give each process its part of the crystals"
            )
        return devices
    if isinstance(devices, Sequence) and not isinstance(devices, str):
        chosen = list(devices)
        if not chosen or not all(isinstance(one, jax.Device) for one in chosen):
            raise ValueError(f"{name}: expected devices of JAX, at least one, got {devices!r}")
        if len(set(chosen)) < len(chosen):
            raise ValueError(f"{name}: expected each device once, got {devices!r}")
    else:
        number = count(devices, name, 1)
        there = jax.local_devices()
        if number > len(there):
            raise ValueError(
                f"{name}: expected at most {len(there)}, the devices that this process sees "
                f"({there[0].device_kind}), got {number}"
            )
        chosen = there[:number]
    return Mesh(np.array(chosen, object), ("rows",))


def map_rows(program: Callable[[Any, Any], Any], shared: Any, rows: Any, mesh: Mesh | None) -> Any:
    """Return `program(shared, rows)`, each device of a mesh computing its rows; pure.

    No device waits for another, and none sends anything, where the rows are a multiple of the
    devices (as `on_mesh` makes them); others are filled up with copies of the last one here.

    Args:
        program: of what all rows share, and some rows (their axis first), to results with the same
            axis first, each of which depends on its own row alone.
        shared: any tree; its arrays are on every device.
        rows: arrays with the axis of the rows first.
        mesh: None runs the program as it is.
    """
    if mesh is None:
        return program(shared, rows)
    arrays, rest = eqx.partition(shared, eqx.is_array)
    n, rows = n_rows(rows), fill_rows(rows, mesh.size)
    if AxisType.Explicit in mesh.axis_types:  # whose types say where arrays are
        arrays, rows = jax.reshard(arrays, _every(mesh)), jax.reshard(rows, _dealt(mesh))
    found = jax.shard_map(
        lambda arrays, rows: program(eqx.combine(arrays, rest), rows),
        mesh=mesh,
        in_specs=(P(), P(mesh.axis_names)),
        out_specs=P(mesh.axis_names),
        check_vma=False,
    )(arrays, rows)
    if n % mesh.size == 0:
        return found
    if AxisType.Explicit in mesh.axis_types:
        found = jax.reshard(found, _every(mesh))
    return jax.tree.map(lambda x: x[:n], found)


def on_mesh(run: Callable[..., Any], shared: Any, rows: Any, mesh: Mesh | None, *rest: Any) -> Any:
    """Call a compiled function that holds `map_rows`, with its arrays where they are needed.

    Args:
        run: called as `run(shared, rows, mesh, *rest)`.
        shared: see `map_rows`.
        rows: see `map_rows`; filled up to a multiple of the devices, and dealt out in order.
        mesh: None, and rows that are traced, change nothing.
        rest: further arguments, no arrays.

    Returns:
        Results of the rows that were given, dealt out likewise. Of a mesh over several processes
        (all of which call this with the same rows) each process holds its own.
    """
    traced = any(isinstance(x, jax.core.Tracer) for x in jax.tree.leaves((shared, rows)))
    if mesh is None or traced:
        return run(shared, rows, mesh, *rest)
    found = run(copied(shared, mesh), dealt(fill_rows(rows, mesh.size), mesh), mesh, *rest)
    n = n_rows(rows)
    return found if n % mesh.size == 0 else jax.tree.map(lambda x: x[:n], copied(found, mesh))


def copied(tree: Any, mesh: Mesh) -> Any:
    """Arrays on every device of a mesh; what is there already stays."""
    return _put(tree, _every(mesh))


def dealt(rows: Any, mesh: Mesh) -> Any:
    """Rows, a multiple of the devices, dealt out in order."""
    return _put(rows, _dealt(mesh))


def fill_rows(rows: Any, multiple: int) -> Any:
    """Fill rows up to a multiple, with copies of the last one.

    Raises:
        ValueError: there is none to copy.
    """
    n = n_rows(rows)
    missing = -n % multiple
    if not n:
        raise ValueError("expected at least one row to deal to devices, got none")
    if not missing:
        return rows

    def filled(x: Any) -> Any:
        xp: Any = np if isinstance(x, np.ndarray) else jnp
        return xp.concatenate([x, xp.repeat(x[-1:], missing, axis=0)])

    return jax.tree.map(filled, rows)


def n_rows(rows: Any) -> int:
    """How many rows there are."""
    return jax.tree.leaves(rows)[0].shape[0]


def _every(mesh: Mesh) -> NamedSharding:
    return NamedSharding(mesh, P())


def _dealt(mesh: Mesh) -> NamedSharding:
    return NamedSharding(mesh, P(mesh.axis_names))


def _put(tree: Any, where: NamedSharding) -> Any:
    return jax.tree.map(lambda x: jax.device_put(x, where) if eqx.is_array(x) else x, tree)
