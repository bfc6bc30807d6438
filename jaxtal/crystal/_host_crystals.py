"""The door for crystals of every kind on the host: from whatever a user has to `HostAtoms`."""

import os
from collections.abc import Iterable, Iterator
from typing import Any, Protocol, runtime_checkable

from ._ase import atoms_from_ase, is_ase_atoms
from ._host_atoms import HostAtoms

_ONE = "a Crystal, WyckoffCrystal, HostAtoms or ASE Atoms"


@runtime_checkable
class HasHostAtoms(Protocol):
    """What can put itself on the host: `Crystal`, `WyckoffCrystal`, and batches of them."""

    def to_host(self) -> HostAtoms | list[HostAtoms]:
        """Copy the atoms to the host."""
        ...


def is_crystal(given: object) -> bool:
    """Tell one crystal of any kind from several, and from everything else."""
    if isinstance(given, HostAtoms) or is_ase_atoms(given):
        return True
    return isinstance(given, HasHostAtoms) and not isinstance(given, Iterable)


def host_crystal(given: Any, name: str = "crystal") -> HostAtoms:
    """Put one crystal on the host: the door of functions that take a crystal outside of `jit`.

    Args:
        given: `Crystal`, `WyckoffCrystal`, ASE `Atoms` or `HostAtoms`.
        name: what messages call it.

    Raises:
        ValueError: something else, traced values, no atoms besides padding, numbers that are not
            finite, or anything that `Crystal.from_ase` refuses.
    """
    found = _converted(given, name)
    if isinstance(found, HostAtoms):
        return found
    raise ValueError(f"{name}: expected {_ONE}, got {_what(given)}")


def host_crystals(given: Any, name: str = "crystals") -> list[HostAtoms]:
    """Put crystals on the host: the door of functions that take one crystal or several.

    Args:
        given: `Crystal`, `WyckoffCrystal`, `CrystalBatch`, ASE `Atoms`, `HostAtoms`, or any
            iterable of these. Places of a batch without atoms, which only fill it, are left out.
        name: what messages call them.

    Returns:
        One for each crystal, at least one, in the order given.

    Raises:
        ValueError: none at all, something else among them (the message says which), or as
            `host_crystal`.
    """
    found = list(iterate_host_crystals(given, name))
    if not found:
        raise ValueError(f"{name}: expected at least one, got none")
    return found


def iterate_host_crystals(given: Any, name: str = "crystals") -> Iterator[HostAtoms]:
    """Put crystals on the host one after another; as `host_crystals` for long streams.

    Raises:
        ValueError: something that is no crystal, when it is reached.
    """
    found = _converted(given, name)
    if found is not None:
        yield from [found] if isinstance(found, HostAtoms) else found
        return
    # Texts are iterable, but of texts.
    if isinstance(given, str | bytes | os.PathLike) or not isinstance(given, Iterable):
        expected = "a Crystal, WyckoffCrystal, CrystalBatch, HostAtoms, ASE Atoms or several"
        raise ValueError(f"{name}: expected {expected}, got {_what(given)}")
    for i, one in enumerate(given):
        converted = _converted(one, f"crystal {i}")
        if converted is None:
            raise ValueError(f"crystal {i}: expected {_ONE}, got {_what(one)}")
        yield from [converted] if isinstance(converted, HostAtoms) else converted


def _converted(given: Any, name: str) -> HostAtoms | list[HostAtoms] | None:
    """One crystal or the crystals of a batch on the host, None for anything else."""
    try:
        if isinstance(given, HostAtoms):
            given.check()
            return given
        if is_ase_atoms(given):
            return atoms_from_ase(given)
        return given.to_host() if isinstance(given, HasHostAtoms) else None
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _what(given: Any) -> str:
    """What came instead of a crystal, and how it becomes one."""
    if isinstance(given, str | os.PathLike):
        text = os.fspath(given)
        return (
            f"{text!r}; a built-in crystal is jxt.prototype({text!r}), one from a file "
            f"jxt.io.read({text!r})"
        )
    return type(given).__name__
