"""The door for a crystal inside `jit`: every atom as arrays, whatever form came."""

from typing import Any

from ._crystal import Crystal
from ._host_crystals import host_crystal
from ._wyckoff_crystal import WyckoffCrystal


def as_crystal(given: Any, name: str = "crystal") -> Crystal:
    """Return every atom of one crystal: the door of functions that are traced.

    Pure and differentiable in a `Crystal`, which comes back as it is, and in a `WyckoffCrystal`,
    which is expanded. ASE `Atoms` and `HostAtoms`, which hold no arrays of JAX, become constants.

    Args:
        given: `Crystal`, `WyckoffCrystal`, ASE `Atoms` or `HostAtoms`.
        name: what messages call it.

    Raises:
        ValueError: something else (several crystals are for `jax.vmap`), or as `host_crystal`.
    """
    if isinstance(given, Crystal):
        return given
    if isinstance(given, WyckoffCrystal):
        return given.expand()
    return Crystal.from_host(host_crystal(given, name))
