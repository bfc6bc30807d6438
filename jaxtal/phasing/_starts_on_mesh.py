"""Starts side by side on the devices of a mesh, in one compiled program that exchanges nothing."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from .._core import copied, map_rows, on_mesh
from ._algorithm import AbstractAlgorithm
from ._loop import PhasingState, scan_cycles
from ._stage_tables import Workspace

#: Starts that a device runs side by side, unless it is a CPU, which runs them one by one.
_ON_DEVICE = 64


class StartsOnMesh:
    """The tables of a run on all devices of this process that a mesh has.

    Attributes:
        width: starts that run side by side by default.
    """

    @classmethod
    def of_several(cls, mesh: Mesh | None, workspace: Workspace) -> "StartsOnMesh | None":
        """Make one, unless this process has in a mesh the device alone that it uses anyway."""
        devices = [] if mesh is None else list(mesh.devices.flat)
        own = [one for one in devices if one.process_index == jax.process_index()]
        return None if own in ([], jax.local_devices()[:1]) else cls(own, workspace)

    def __init__(self, own: list[Any], workspace: Workspace):
        """Copy the tables; stages that share some still do."""
        self._mesh = Mesh(np.array(own, object), ("starts",))
        self._observed = copied(workspace.observed, self._mesh)
        there: dict[int, Any] = {}
        for tables in workspace.transforms:
            if id(tables) not in there:
                there[id(tables)] = copied(tables, self._mesh)
        self._transforms = [there[id(tables)] for tables in workspace.transforms]
        on_cpu = own[0].platform == "cpu"
        self._together = not on_cpu
        self.width = len(own) * (1 if on_cpu else _ON_DEVICE)

    def run(
        self,
        stage: int,
        algorithm: AbstractAlgorithm,
        states: list[PhasingState],
        rounds: int,
        observers: tuple[Callable, ...],
    ) -> list[tuple[PhasingState, tuple]]:
        """Run some rounds of cycles of a stage on each state, see `scan_cycles`."""
        devices = self._mesh.size
        # Few shapes: the starts of a device in steps of two.
        rows = -(-len(states) // devices)
        missing = devices * (1 << (rows - 1).bit_length()) - len(states)
        filled = [*states, *[states[-1]] * missing]
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *filled)
        shared = self._transforms[stage], self._observed, algorithm
        found = on_mesh(
            _scan_starts, shared, stacked, self._mesh, rounds, observers, self._together
        )
        found = jax.device_put(found, jax.local_devices()[0])
        return [jax.tree.map(lambda leaf, i=i: leaf[i], found) for i in range(len(states))]


@eqx.filter_jit
def _scan_starts(shared, states, mesh, rounds, observers, together):
    def some(shared, states):
        transforms, observed, algorithm = shared

        def one(state):
            return scan_cycles(transforms, observed, algorithm, state, rounds, observers)

        return jax.vmap(one)(states) if together else jax.lax.map(one, states)

    return map_rows(some, shared, states, mesh)
