"""Descriptions of many crystals on several devices, by classes of their sizes (host)."""

import math
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from .._core import computing_dtype, device_array
from ..crystal import HostAtoms, host_crystals
from ..crystal.apply import refuse_traced

#: Crystals that a device is dealt at most in one call.
_ROWS = 128


def by_sizes(plan_of: Callable[..., Any], crystals: Any, mesh: Mesh) -> Any:
    """Describe crystals of any sizes, those of about one size by one program (host).

    Sizes go in steps of two, of the atoms and of the volume, which the reflections follow: what a
    program pads costs less than another program. Each class is dealt to all devices.

    Args:
        plan_of: makes the plan of some crystals: `AbstractDescriptor.plan`.
        crystals: n of them.
        mesh: the devices.

    Returns:
        Descriptions, their axis first, in the order of the crystals.

    Raises:
        ValueError: traced crystals, none, something that is no crystal, or as the plan.
    """
    refuse_traced(crystals)
    atoms = host_crystals(crystals)
    classes: dict[tuple, list[int]] = {}
    for place, one in enumerate(atoms):
        classes.setdefault(_class_of(one), []).append(place)
    rows: dict[int, Any] = {}
    for places in classes.values():
        plan = plan_of([atoms[i] for i in places], max_stretch=1.0, once=True)
        step = mesh.size * min(_ROWS, -(-len(places) // mesh.size))
        for begin in range(0, len(places), step):
            some = places[begin : begin + step]
            # Every call of a class has one shape.
            filled = [*some, *[some[-1]] * (step - len(some))]
            found = jax.device_get(plan([atoms[i] for i in filled], mesh=mesh))
            for row, place in enumerate(some):
                rows[place] = jax.tree.map(lambda x, row=row: x[row], found)
    kind = computing_dtype(atoms[0].dtype)

    def stacked(*values: Any) -> Any:
        every = np.stack(values)
        return device_array(every, kind if every.dtype.kind == "f" else every.dtype)

    return jax.tree.map(stacked, *(rows[place] for place in range(len(atoms))))


def _class_of(atoms: HostAtoms) -> tuple:
    """Atoms and volume in steps of two; ions, whose reflections are listed, apart."""
    volume = max(abs(float(np.linalg.det(atoms.matrix))), 1e-300)
    steps = math.ceil(math.log2(max(len(atoms), 1))), math.ceil(math.log2(volume))
    return *steps, bool(atoms.keys[:, 1:].any())
