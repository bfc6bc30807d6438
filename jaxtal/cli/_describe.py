"""`jaxtal describe`: the descriptors of crystals, in one .npz."""

import argparse
import json
import pathlib
import sys
import time

import jax
import jax.numpy as jnp
from tqdm import tqdm

from ..descriptors import Description
from ..io import write_descriptions
from ._entry import chosen_descriptor, describe_crystal
from ._files import check_writable


def run_describe(arguments: argparse.Namespace) -> int:
    """Describe every crystal, then write the file; one bad crystal, and there is no file."""
    begin = time.perf_counter()
    path = pathlib.Path(arguments.output)
    path = path if path.suffix == ".npz" else path.with_name(path.name + ".npz")
    descriptor = chosen_descriptor(arguments)
    check_writable(path.parent)
    hidden = len(arguments.crystals) < 3 or not sys.stderr.isatty()
    entries = [
        describe_crystal(text, descriptor, arguments)
        for text in tqdm(arguments.crystals, disable=hidden, unit="crystal")
    ]
    found: Description = jax.tree.map(lambda *x: jnp.stack(x), *(e.description for e in entries))
    write_descriptions(found, path, [entry.name for entry in entries])
    assert found.power_spectrum is not None
    assert found.rdf is not None
    P, G = found.power_spectrum, found.rdf
    seconds = time.perf_counter() - begin
    if arguments.json:
        print(
            json.dumps(
                {
                    "output": str(path),
                    "names": [entry.name for entry in entries],
                    "power_spectrum": list(P.shape),
                    "rdf": list(G.shape),
                    "specification": descriptor.to_dict(),
                    "seconds": seconds,
                }
            )
        )
        return 0
    one = "crystal" if len(entries) == 1 else "crystals"
    print(f"{path}: {len(entries)} {one} in {seconds:.1f} s")
    print(f"  power_spectrum  {P.shape}  (crystals, n_max, l_max + 1)")
    print(f"  rdf             {G.shape}  (crystals, bins)")
    print(f"  specification   {descriptor!r}")
    return 0
