"""Descriptions of crystals in .npz files, with the specification that made them."""

import importlib.metadata
import os
import zipfile
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core import specification_from_json, write_bytes
from ..descriptors import AbstractDescriptor, Description

#: What a file must hold beside the numbers.
_KEYS = ("names", "complete", "specification", "version")
_NUMBERS = ("power_spectrum", "rdf")


def write_descriptions(
    descriptions: Description, path: str | os.PathLike, names: Sequence[str] | None = None
) -> None:
    """Write descriptions to an .npz file, whole or not at all.

    The file holds `power_spectrum` (n, n_max, l_max + 1), `rdf` (n, n_bins) with `rdf_centres` in
    1/angstrom, `complete` (n,), `names` (n,), and the `specification` as JSON.

    Args:
        descriptions: of one crystal or of n.
        path: the file.
        names: of the crystals, default "crystal 0", "crystal 1", ...

    Raises:
        ValueError: descriptions without specification, or another number of names.
    """
    made_by = descriptions.specification
    if not isinstance(made_by, AbstractDescriptor):
        raise ValueError(f"descriptions: expected the descriptor that made them, got {made_by!r}")
    complete = np.atleast_1d(np.asarray(descriptions.complete))
    names = [f"crystal {i}" for i in range(len(complete))] if names is None else list(names)
    if len(names) != len(complete) or complete.ndim != 1:
        raise ValueError(
            f"names: expected one for each description, {complete.shape}, got {len(names)}"
        )
    one = descriptions.complete.ndim == 0
    arrays: dict[str, Any] = {
        name: np.asarray(values)[None] if one else np.asarray(values)
        for name in _NUMBERS
        if (values := getattr(descriptions, name)) is not None
    }
    if made_by.rdf_centres is not None:
        arrays["rdf_centres"] = made_by.rdf_centres
    arrays |= {
        "complete": complete,
        "names": np.array(names),
        "specification": np.array(made_by.to_json()),
        "version": np.array(importlib.metadata.version("jaxtal")),
    }
    write_bytes(path, lambda file: np.savez_compressed(file, **arrays))


def read_descriptions(path: str | os.PathLike) -> tuple[Description, list[str]]:
    """Read what `write_descriptions`, or `jaxtal describe`, wrote.

    Returns:
        The descriptions of n crystals, with their axis first, in the precision of the file; and
        the names of the crystals.

    Raises:
        ValueError: no such file, or one that holds something else; the message names it.
    """
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as data:
            missing = [key for key in _KEYS if key not in data]
            if missing:
                raise ValueError(f"it has no {', '.join(missing)}")
            held = {key: data[key] for key in (*_KEYS, *_NUMBERS) if key in data}
        made_by = specification_from_json(str(held["specification"]))
        if not isinstance(made_by, AbstractDescriptor):
            raise ValueError(f"{made_by!r} is no descriptor")
        names = [str(name) for name in held["names"]]
        numbers = {key: held[key] for key in _NUMBERS if key in held}
        if not numbers or {len(x) for x in (*numbers.values(), held["complete"])} != {len(names)}:
            raise ValueError("it does not hold one description for each name")
        for key, values in numbers.items():
            if values.ndim != (3 if key == "power_spectrum" else 2):
                raise ValueError(f"its {key} has shape {values.shape}")
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file") from None
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path}: expected an .npz of `jaxtal describe` or `write_descriptions`: {error}"
        ) from error
    # Stored float64 numbers are kept, whatever the precision of this run.
    with jax.enable_x64(True):
        arrays = {key: jnp.asarray(values) for key, values in numbers.items()}
        complete = jnp.asarray(held["complete"])
    return (
        Description(arrays.get("power_spectrum"), arrays.get("rdf"), complete, made_by),
        names,
    )
