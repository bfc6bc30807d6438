"""`jaxtal describe`: the descriptors of crystals, in one .npz."""

import json
import pathlib
import sys
import time
from typing import Annotated

import jax
import jax.numpy as jnp
from cyclopts import Parameter

from ..descriptors import Description
from ..io import write_descriptions
from ._descriptions import chosen_descriptor, describe_crystal
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
        found: Description = jax.tree.map(
            lambda *x: jnp.stack(x), *(e.description for e in entries)
        )
        write_descriptions(found, path, [entry.name for entry in entries])
    assert found.power_spectrum is not None
    assert found.rdf is not None
    P, G = found.power_spectrum, found.rdf
    seconds = time.perf_counter() - begin
    if as_json:
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
