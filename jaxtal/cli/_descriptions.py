"""Descriptions with the specification that made them, and the .npz files that hold them."""

import dataclasses
import importlib.metadata
import json
import pathlib
import zipfile
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core import write_bytes
from ..crystal import WyckoffCrystal
from ..descriptors import AbstractDescriptor, Description, describe, preset
from ._errors import BadInputError
from ._inputs import find_crystal
from ._options import DescriptorChoice, Reading

#: What a file must hold.
_KEYS = ("power_spectrum", "rdf", "names", "specification", "preset", "version")
_SIZES = {"n_max": 10, "l_max": 10, "q_max": 10.0}


@dataclasses.dataclass(frozen=True)
class Entry:
    """One description and where its numbers come from.

    Attributes:
        name: as typed.
        description: the numbers.
        specification: everything that decides them, JSON types.
    """

    name: str
    description: Description
    specification: dict[str, Any]


def chosen_descriptor(
    choice: DescriptorChoice, like: tuple[str, dict[str, Any]] | None = None
) -> AbstractDescriptor:
    """Make the descriptor that the options ask for.

    What they leave open comes from the file `like` (its preset and specification) if there is
    one, and else from the defaults.

    Raises:
        ValueError: sizes out of range.
    """
    name, specification = like or ("default", _SIZES)
    asked = {key: getattr(choice, key) for key in _SIZES}
    sizes = {
        key: specification.get(key, default) if asked[key] is None else asked[key]
        for key, default in _SIZES.items()
    }
    return preset(choice.preset or name, **sizes)


def describe_crystal(text: str, descriptor: AbstractDescriptor, reading: Reading) -> Entry:
    """Describe one crystal; errors name it."""
    description = checked_description(text, find_crystal(text, reading), descriptor)
    return Entry(text, description, descriptor.specification)


def checked_description(
    text: str, crystal: WyckoffCrystal, descriptor: AbstractDescriptor
) -> Description:
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
        q_max = descriptor.specification["q_max"]
        raise BadInputError(f"{text}: no reflection within q_max = {q_max:g} 1/angstrom")
    return description


def write_entries(
    path: pathlib.Path, entries: list[Entry], descriptor: AbstractDescriptor, name: str
) -> None:
    """All descriptions in one .npz, written whole or not at all."""
    arrays = {
        "power_spectrum": np.stack([np.asarray(e.description.power_spectrum) for e in entries]),
        "rdf": np.stack([np.asarray(e.description.rdf) for e in entries]),
        "rdf_centres": np.asarray(descriptor.rdf_centres),
        "names": np.array([e.name for e in entries]),
        "specification": np.array(json.dumps(descriptor.specification)),
        "preset": np.array(name),
        "version": np.array(importlib.metadata.version("jaxtal")),
    }
    write_bytes(path, lambda file: np.savez_compressed(file, allow_pickle=False, **arrays))


def read_entry(path: pathlib.Path) -> tuple[Entry, str]:
    """The only description in an .npz, and the preset that made it.

    Raises:
        BadInputError: not a file that `describe` wrote, or not one entry.
    """
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as data:
            missing = [key for key in _KEYS if key not in data]
            if missing:
                raise BadInputError(
                    f"{path}: expected a file written by `jaxtal describe`; "
                    f"it has no {', '.join(missing)}"
                )
            arrays = {key: data[key] for key in _KEYS}
        specification = json.loads(str(arrays["specification"]))
        names = [str(name) for name in arrays["names"]]
        if not isinstance(specification, dict):
            raise ValueError("its specification is no JSON object")
    except FileNotFoundError:
        raise BadInputError(f"{path}: no such file") from None
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise BadInputError(f"{path}: expected an .npz of descriptors: {error}") from error
    if len(names) != 1:
        raise BadInputError(
            f"{path}: expected one entry to compare, got {len(names)} ({', '.join(names[:5])}"
            f"{', ...' if len(names) > 5 else ''})"
        )
    P, G = arrays["power_spectrum"], arrays["rdf"]
    if not (P.ndim == 3 and G.ndim == 2 and len(P) == len(G) == 1):
        raise BadInputError(
            f"{path}: expected power_spectrum (1, n_max, l_max + 1) and rdf (1, bins), "
            f"got {P.shape} and {G.shape}"
        )
    if not (np.all(np.isfinite(P)) and np.all(np.isfinite(G))):
        raise BadInputError(f"{path}: expected finite numbers, got NaN or infinity")
    # Stored float64 numbers are kept, whatever the precision of this run.
    with jax.enable_x64(True):
        description = Description(jnp.asarray(P[0]), jnp.asarray(G[0]), jnp.asarray(True))
    return Entry(str(path), description, specification), str(arrays["preset"])


def check_options(entry: Entry, made_by: str, choice: DescriptorChoice) -> None:
    """Options that a stored description contradicts are not passed over.

    Raises:
        BadInputError: names the option.
    """
    stored = {"preset": made_by, **{key: entry.specification.get(key) for key in _SIZES}}
    for key, value in stored.items():
        asked = getattr(choice, key)
        if asked is not None and asked != value:
            option = f"--{key.replace('_', '-')}"
            raise BadInputError(f"{entry.name} was made with {key} {value}, not {option} {asked}")


def check_comparable(a: Entry, b: Entry) -> None:
    """Descriptions of different specifications say nothing about each other.

    Raises:
        BadInputError: names every key that differs and its two values.
    """
    keys = [*a.specification, *(k for k in b.specification if k not in a.specification)]
    differing = [
        f"{key}: {a.specification.get(key)!r} and {b.specification.get(key)!r}"
        for key in keys
        if a.specification.get(key) != b.specification.get(key)
    ]
    if differing:
        raise BadInputError(
            f"{a.name} and {b.name} have descriptors of different specifications "
            f"({'; '.join(differing)})"
        )
