"""The devices that a command works on, and the processes that it works with."""

import contextlib
import os
import sys

import jax
import numpy as np
from jax.sharding import Mesh

from .._core import mesh_of
from ._errors import BadInputError


def chosen_mesh(devices: int | None, *, distributed: bool = False) -> Mesh | None:
    """Make the mesh that a command asks for; before anything is computed.

    Args:
        devices: how many of this process, None for as ever; of several processes, how many of
            each, None for all.
        distributed: this is one of several processes that Slurm or MPI have started: they join,
            and share the mesh.

    Raises:
        BadInputError: there are fewer devices, or no other processes to be found.
    """
    if devices is not None:
        # A CPU is as many devices as one asks for, until the first is used.
        with contextlib.suppress(RuntimeError):
            jax.config.update("jax_num_cpu_devices", devices)
    if distributed:
        _join()
    try:
        own = mesh_of(devices, "--devices")
    except ValueError as error:
        raise BadInputError(str(error)) from error
    if not distributed:
        return own
    every = sorted(jax.devices(), key=lambda one: (one.process_index, one.id))
    number = devices or len(jax.local_devices())
    chosen = [
        one
        for process in range(jax.process_count())
        for one in [d for d in every if d.process_index == process][:number]
    ]
    return Mesh(np.array(chosen, object), ("rows",))


def is_first() -> bool:
    """Whether this process is the one of several that writes and prints."""
    return jax.process_index() == 0


def _join() -> None:
    _keep_stdout()
    try:
        jax.distributed.initialize()
    except (ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise BadInputError(
            "--distributed: expected to be one of several processes, started by srun or mpirun, "
            f"got none to join ({reason})"
        ) from error


def _keep_stdout() -> None:
    """Leave stdout to this command: what compiled libraries print there goes to stderr."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        if sys.stdout.fileno() == 1:
            sys.stdout.flush()
            kept = os.dup(1)
            os.dup2(2, 1)
            sys.stdout = os.fdopen(
                kept, "w", encoding=sys.stdout.encoding, errors="backslashreplace"
            )
