"""`jaxtal compare`: how far apart two descriptors are."""

import argparse
import json
import pathlib

import jax
import jax.numpy as jnp
import numpy as np

from ..descriptors import Description
from ..metric import distance, rdf_distance, relative_distance
from ._entry import (
    Entry,
    check_comparable,
    check_options,
    chosen_descriptor,
    describe_crystal,
    read_entry,
)


def run_compare(arguments: argparse.Namespace) -> int:
    """Print the three distances of two crystals or stored descriptors."""
    texts = (arguments.a, arguments.b)
    entries: dict[int, Entry] = {
        i: read_entry(pathlib.Path(text))
        for i, text in enumerate(texts)
        if text.lower().endswith(".npz")
    }
    for entry in entries.values():
        check_options(entry, arguments)
    if len(entries) < 2:
        stored = [entry.description.specification for entry in entries.values()]
        descriptor = stored[0] if stored else chosen_descriptor(arguments)
        for i, text in enumerate(texts):
            if i not in entries:
                entries[i] = describe_crystal(text, descriptor, arguments)
    a, b = entries[0], entries[1]
    check_comparable(a, b)
    # Differences of nearly equal numbers: never in less than float64.
    with jax.enable_x64(True):
        one, other = _double(a.description), _double(b.description)
        result = {
            "distance": float(distance(one, other)),
            "relative_distance": float(relative_distance(one, other)),
            "rdf_distance": float(rdf_distance(one, other)),
        }
    if arguments.json:
        print(json.dumps(result))
        return 0
    print(f"{a.name} and {b.name}")
    print(f"  distance           {result['distance']:.6g}  of the power spectra (eq. 17)")
    print(f"  relative_distance  {result['relative_distance']:.6g}  relative to their size")
    print(
        f"  rdf_distance       {result['rdf_distance']:.6g}  of the radial distributions, relative"
    )
    return 0


def _double(description: Description) -> Description:
    return Description(
        power_spectrum=jnp.asarray(np.asarray(description.power_spectrum), jnp.float64),
        rdf=jnp.asarray(np.asarray(description.rdf), jnp.float64),
        complete=description.complete,
    )
