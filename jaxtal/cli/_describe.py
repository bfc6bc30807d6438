"""`jaxtal describe`: the descriptors of crystals, in one .npz."""

import json
import pathlib
import sys
import time
from typing import Annotated

import jax
from cyclopts import Parameter

from ._descriptions import chosen_descriptor, describe_crystal, write_entries
from ._files import check_writable
from ._options import DescriptorChoice, Dtype, Json, Reading


def describe(
    *crystals: Annotated[str, Parameter(name="CRYSTAL", required=True)],
    output: Annotated[pathlib.Path, Parameter(alias="-o")],
    choice: DescriptorChoice = DescriptorChoice(),
    dtype: Dtype = "float32",
    reading: Reading = Reading(),
    as_json: Json = False,
) -> int:
    """Write the descriptors of crystals to a .npz file; one bad crystal, and there is no file.

    Args:
        crystals: files or built-in names.
        output: file to write.
        dtype: precision, default float32.
    """
    from tqdm import tqdm

    begin = time.perf_counter()
    path = output if output.suffix == ".npz" else output.with_name(output.name + ".npz")
    descriptor = chosen_descriptor(choice)
    check_writable(path.parent)
    hidden = len(crystals) < 3 or not sys.stderr.isatty()
    with jax.enable_x64(dtype == "float64"):
        entries = [
            describe_crystal(text, descriptor, reading)
            for text in tqdm(crystals, disable=hidden, unit="crystal")
        ]
        write_entries(path, entries, descriptor, choice.preset or "default")
    P, G = entries[0].description.power_spectrum, entries[0].description.rdf
    seconds = time.perf_counter() - begin
    if as_json:
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
