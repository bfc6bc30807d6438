"""Descriptions of crystals in .npz files, with the specification that made them."""

import importlib.metadata
import os
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core import Held, read_container, specification_from_json, write_container
from ..descriptors import AbstractDescriptor, Description

#: What the files call themselves; the number grows when a reader of old files would go wrong.
_FORMAT, _VERSION = "jaxtal-descriptions", 1
_WHAT = "an .npz of `jaxtal describe` or `write_descriptions`"
_NUMBERS = ("power_spectrum", "rdf")
_ARRAYS = {
    "names": Held("U", ("n",)),
    "complete": Held("b", ("n",)),
    "specification": Held("U"),
    "version": Held("U"),
    "power_spectrum": Held("f", ("n", "n_max", "l_max + 1"), optional=True),
    "rdf": Held("f", ("n", "n_bins"), optional=True),
    "rdf_centres": Held("f", ("n_bins",), optional=True),
}


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
    write_container(path, _FORMAT, _VERSION, arrays)


def read_descriptions(path: str | os.PathLike) -> tuple[Description, list[str]]:
    """Read what `write_descriptions`, or `jaxtal describe`, wrote.

    Returns:
        The descriptions of n crystals, with their axis first, in the precision of the file; and
        the names of the crystals.

    Raises:
        ValueError: no such file, or one that holds something else; the message names it.
    """
    try:
        held = read_container(path, _FORMAT, _VERSION, _ARRAYS, _WHAT)
    except OSError as error:
        gone = isinstance(error, FileNotFoundError)
        reason = "no such file" if gone else f"expected {_WHAT}: {error.strerror}"
        raise ValueError(f"{path}: {reason}") from None
    numbers = {key: held[key] for key in _NUMBERS if key in held}
    try:
        if not numbers:
            raise ValueError(f"it has neither {' nor '.join(_NUMBERS)}")
        made_by = specification_from_json(str(held["specification"]))
        if not isinstance(made_by, AbstractDescriptor):
            raise ValueError(f"{made_by!r} is no descriptor")
    # A specification that was not written by `to_json` may be anything.
    except Exception as error:
        raise ValueError(f"{path}: expected {_WHAT}: {error}") from error
    names = [str(name) for name in held["names"]]
    # Stored float64 numbers are kept, whatever the precision of this run.
    with jax.enable_x64(True):
        arrays = {key: jnp.asarray(values) for key, values in numbers.items()}
        complete = jnp.asarray(held["complete"])
    return (
        Description(arrays.get("power_spectrum"), arrays.get("rdf"), complete, made_by),
        names,
    )
