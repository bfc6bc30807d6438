"""`jaxtal compare`: how far apart two descriptors are."""

import json
import pathlib
from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np
from cyclopts import Parameter

from ..descriptors import Description
from ..metric import distance, rdf_distance, relative_distance
from ._descriptions import (
    Entry,
    check_comparable,
    check_options,
    chosen_descriptor,
    describe_crystal,
    read_entry,
)
from ._options import DescriptorChoice, Dtype, Json, Reading

_Side = Annotated[str, Parameter(help="file, built-in name, or .npz of one entry")]


def compare(
    a: _Side,
    b: _Side,
    /,
    *,
    choice: DescriptorChoice = DescriptorChoice(),
    dtype: Dtype = "float32",
    reading: Reading = Reading(),
    as_json: Json = False,
) -> int:
    """Print the three distances between the descriptors of two crystals, or two stored ones.

    A stored descriptor decides what the other one is; options that contradict it are refused.

    Args:
        dtype: precision, default float32.
    """
    with jax.enable_x64(dtype == "float64"):
        one, other = _entries((a, b), choice, reading)
    check_comparable(one, other)
    result = _distances(one.description, other.description)
    if as_json:
        print(json.dumps(result))
        return 0
    print(f"{one.name} and {other.name}")
    print(f"  distance           {result['distance']:.6g}  of the power spectra (eq. 17)")
    print(f"  relative_distance  {result['relative_distance']:.6g}  relative to their size")
    print(
        f"  rdf_distance       {result['rdf_distance']:.6g}  of the radial distributions, relative"
    )
    return 0


def _entries(texts: tuple[str, str], choice: DescriptorChoice, reading: Reading) -> list[Entry]:
    stored = {
        text: read_entry(pathlib.Path(text)) for text in texts if text.lower().endswith(".npz")
    }
    made_by = None
    for entry in stored.values():
        check_options(entry, choice)
        made_by = entry.description.specification
    if len(stored) == len(set(texts)):
        return [stored[text] for text in texts]
    descriptor = made_by or chosen_descriptor(choice)
    return [
        stored[text] if text in stored else describe_crystal(text, descriptor, reading)
        for text in texts
    ]


def _distances(a: Description, b: Description) -> dict[str, float]:
    """The distances, in double precision: they are differences of nearly equal numbers."""
    with jax.enable_x64(True):
        one, other = _double(a), _double(b)
        return {
            "distance": float(distance(one, other)),
            "relative_distance": float(relative_distance(one, other)),
            "rdf_distance": float(rdf_distance(one, other)),
        }


def _double(description: Description) -> Description:
    return Description(
        power_spectrum=jnp.asarray(np.asarray(description.power_spectrum), jnp.float64),
        rdf=jnp.asarray(np.asarray(description.rdf), jnp.float64),
        complete=description.complete,
    )
