"""`jaxtal describe`: the descriptors of crystals, in one .npz."""

import argparse
import json
import pathlib
import sys
import time

from tqdm import tqdm

from ._entry import chosen_descriptor, describe_crystal, write_entries
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
    write_entries(path, entries, descriptor, arguments.preset or "default")
    P, G = entries[0].description.power_spectrum, entries[0].description.rdf
    seconds = time.perf_counter() - begin
    if arguments.json:
        print(
            json.dumps(
                {
                    "output": str(path),
                    "names": [entry.name for entry in entries],
                    "power_spectrum": [len(entries), *P.shape],
                    "rdf": [len(entries), *G.shape],
                    "specification": descriptor.specification,
                    "seconds": seconds,
                }
            )
        )
        return 0
    one = "crystal" if len(entries) == 1 else "crystals"
    print(f"{path}: {len(entries)} {one} in {seconds:.1f} s")
    print(f"  power_spectrum  {(len(entries), *P.shape)}  (crystals, n_max, l_max + 1)")
    print(f"  rdf             {(len(entries), *G.shape)}  (crystals, bins)")
    print(f"  specification   {_short(descriptor.specification)}")
    return 0


def _short(specification: dict[str, object]) -> str:
    return ", ".join(f"{key} {value}" for key, value in specification.items())
