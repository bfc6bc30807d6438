"""Descriptions of named crystals, computed or read from .npz files."""

import dataclasses
import pathlib
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from ..crystal import host_crystal
from ..descriptors import AbstractDescriptor, Description, describe, preset
from ..io import read_descriptions
from ._errors import BadInputError
from ._inputs import find_crystal
from ._options import DescriptorChoice, Reading

_SIZES = {"n_max": 10, "l_max": 10, "q_max": 10.0}


@dataclasses.dataclass(frozen=True)
class Entry:
    """One description and what its crystal is called.

    Attributes:
        name: as typed.
        description: the numbers, and the specification that made them.
    """

    name: str
    description: Description


def chosen_descriptor(choice: DescriptorChoice) -> AbstractDescriptor:
    """Make the descriptor that the options ask for.

    Raises:
        ValueError: sizes out of range.
    """
    asked = {key: getattr(choice, key) for key in _SIZES}
    sizes = {key: _SIZES[key] if value is None else value for key, value in asked.items()}
    return preset(choice.preset or "default", **sizes)


def describe_crystal(text: str, descriptor: AbstractDescriptor, reading: Reading) -> Entry:
    """Describe one crystal; errors name it."""
    return Entry(text, checked_description(text, find_crystal(text, reading), descriptor))


def checked_description(text: str, crystal: Any, descriptor: AbstractDescriptor) -> Description:
    """The description of a crystal that has one.

    Raises:
        BadInputError: it cannot be described, or no reflection lies within q_max, so that all
            numbers are zero and equal to those of any other such crystal.
    """
    try:
        description = describe(crystal, descriptor)
    except ValueError as error:
        raise BadInputError(f"{text}: {error}") from error
    for name in ("power_spectrum", "rdf"):
        if not np.all(np.isfinite(np.asarray(getattr(description, name)))):
            raise BadInputError(f"{text}: its {name} is not finite")
    if not np.any(np.asarray(description.power_spectrum)):
        q_max = _sizes_of(descriptor)["q_max"]
        raise BadInputError(f"{text}: no reflection within q_max = {q_max:g} 1/angstrom")
    return description


def described_together(
    named: list[tuple[str, Any]], descriptor: AbstractDescriptor, mesh: Mesh
) -> dict[int, Entry]:
    """Describe some crystals on several devices; those that need words are not in it.

    Args:
        named: names, and crystals or the errors that came instead.
        descriptor: what describes them.
        mesh: the devices.

    Returns:
        By place, the descriptions of whole crystals; alone, the others say what is wrong.
    """
    places = [i for i, (_, one) in enumerate(named) if not isinstance(one, Exception)]
    try:
        atoms = [host_crystal(named[i][1]) for i in places]
        found = jax.device_get(descriptor(atoms, mesh=mesh)) if places else None
    except (ValueError, RuntimeError, MemoryError):
        return {}
    entries = {}
    for row, place in enumerate(places):
        one = jax.tree.map(lambda x, row=row: x[row], found)
        parts = one.power_spectrum, one.rdf
        if one.complete and np.any(parts[0]) and all(np.all(np.isfinite(x)) for x in parts):
            entries[place] = Entry(named[place][0], one)
    return entries


def read_entry(path: pathlib.Path) -> Entry:
    """The only description in an .npz.

    Raises:
        BadInputError: not a file of descriptions, or not one entry with numbers to compare.
    """
    try:
        found, names = read_descriptions(path)
    except ValueError as error:
        raise BadInputError(str(error)) from error
    if len(names) != 1:
        raise BadInputError(
            f"{path}: expected one entry to compare, got {len(names)} ({', '.join(names[:5])}"
            f"{', ...' if len(names) > 5 else ''})"
        )
    for name in ("power_spectrum", "rdf"):
        values = getattr(found, name)
        if values is None or not np.all(np.isfinite(np.asarray(values))):
            raise BadInputError(f"{path}: expected finite numbers in {name}, got NaN or none")
    # A file in float64 stays so, whatever the precision of this run.
    with jax.enable_x64(True):
        return Entry(str(path), found[0])


def check_options(entry: Entry, choice: DescriptorChoice) -> None:
    """Options that a stored description contradicts are not passed over.

    Raises:
        BadInputError: names the option.
    """
    made_by = entry.description.specification
    sizes = _sizes_of(made_by)
    for key, value in sizes.items():
        asked = getattr(choice, key)
        if asked is not None and asked != value:
            option = f"--{key.replace('_', '-')}"
            raise BadInputError(f"{entry.name} was made with {key} {value}, not {option} {asked}")
    asked = choice.preset
    if asked is not None and preset(asked, **sizes) != made_by:
        raise BadInputError(f"{entry.name} was made with {made_by!r}, not --preset {asked}")


def check_comparable(a: Entry, b: Entry) -> None:
    """Descriptions of different specifications say nothing about each other.

    Raises:
        BadInputError: names every setting that differs and its two values.
    """
    differing = a.description.specification.difference(b.description.specification)
    if differing:
        raise BadInputError(
            f"{a.name} and {b.name} have descriptors of different specifications "
            f"({'; '.join(differing)})"
        )


def _sizes_of(descriptor: Any) -> dict[str, Any]:
    q_max = descriptor.space.q_max if hasattr(descriptor, "space") else descriptor.q_max
    return {"n_max": descriptor.n_max, "l_max": descriptor.l_max, "q_max": q_max}
