"""`jaxtal describe`: the descriptors of crystals, in one .npz."""

import itertools
import json
import pathlib
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Annotated, Any

import jax
import jax.numpy as jnp
from cyclopts import Parameter

from .._core import progress_bar
from ..crystal import WyckoffCrystal
from ..descriptors import AbstractDescriptor, Description
from ..io import write_descriptions
from ..search import crystals_of
from ..search._metric import reason_of
from ._descriptions import Entry, checked_description, chosen_descriptor, described_together
from ._devices import chosen_mesh
from ._errors import BadInputError
from ._files import check_writable
from ._inputs import find_crystal
from ._options import Count, DescriptorChoice, Dtype, Json, Quiet, Reading
from ._skipped import explained, one_line_warnings, warn_of_skipped

#: Crystals that are held for each device.
_PORTION = 256
#: Files of many crystals, all of which are described.
_MANY = (".csv", ".csv.gz", ".json", ".json.gz", ".db")


def describe(
    *crystals: Annotated[str, Parameter(name="CRYSTAL", required=True)],
    output: Annotated[pathlib.Path, Parameter(alias="-o")],
    choice: DescriptorChoice = DescriptorChoice(),
    dtype: Dtype = "float32",
    reading: Reading = Reading(),
    recursive: bool = False,
    devices: Count | None = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Write the descriptors of crystals to a .npz file; what has none is skipped and listed.

    Args:
        crystals: files, folders, or built-in names.
        output: file to write.
        dtype: precision, default float32.
        recursive: folders inside folders, too.
        devices: how many to deal the crystals to; a CPU can be several. Pays for many large
            crystals.
    """
    begin = time.perf_counter()
    path = output if output.suffix == ".npz" else output.with_name(output.name + ".npz")
    descriptor = chosen_descriptor(choice)
    mesh = chosen_mesh(devices)
    check_writable(path.parent)
    several = len(crystals) > 2 or any(pathlib.Path(text).is_dir() for text in crystals)
    hidden = quiet or not several or not sys.stderr.isatty()
    entries: list[Entry] = []
    skipped: list[tuple[str, str]] = []
    with (
        jax.enable_x64(dtype == "float64"),
        one_line_warnings(quiet),
        progress_bar(not hidden, "crystal") as bar,
    ):
        portion = 1 if mesh is None else _PORTION * mesh.size
        named = _all(crystals, reading, recursive)
        while some := list(itertools.islice(named, portion)):
            together = {} if mesh is None else described_together(some, descriptor, mesh)
            for place, (name, found) in enumerate(some):
                entry = together.get(place) or _described(name, found, descriptor)
                if isinstance(entry, Entry):
                    entries.append(entry)
                else:
                    skipped.append((name, entry))
                bar.update()
        if not entries:
            raise BadInputError(_nothing(crystals, skipped))
        if not quiet:
            warn_of_skipped(skipped)
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
                    "skipped": [{"file": name, "reason": reason} for name, reason in skipped],
                    "power_spectrum": list(P.shape),
                    "rdf": list(G.shape),
                    "specification": descriptor.to_dict(),
                    "seconds": seconds,
                }
            )
        )
        return 0
    one = "crystal" if len(entries) == 1 else "crystals"
    bad = f", {len(skipped)} could not be described" if skipped else ""
    print(f"{path}: {len(entries)} {one}{bad}; {seconds:.1f} s")
    print(f"  power_spectrum  {P.shape}  (crystals, n_max, l_max + 1)")
    print(f"  rdf             {G.shape}  (crystals, bins)")
    print(f"  specification   {descriptor!r}")
    return 0


def _all(texts: Iterable[str], reading: Reading, recursive: bool) -> Iterator[tuple[str, Any]]:
    """Name and crystal of everything that is asked for, or the error in its place."""
    for text in texts:
        path = pathlib.Path(text)
        many = text.lower().endswith(_MANY) and path.is_file() and reading.block is None
        if path.is_dir() or many:
            symmetry = "file" if reading.symmetry == "file" else "P1"
            found = crystals_of(path, recursive=recursive, symmetry=symmetry)
            for name, crystal in found:
                full = str(path / name) if path.is_dir() else name
                yield full, _symmetric(crystal, reading) if reading.symmetry == "find" else crystal
            continue
        try:
            crystal = find_crystal(text, reading)
        except Exception as error:  # whatever a parser trips over; others are fine
            crystal = error
        yield text, crystal


def _symmetric(crystal: Any, reading: Reading) -> Any:
    """A crystal with its symmetry found, or the error that came of it."""
    if isinstance(crystal, Exception):
        return crystal
    try:
        return WyckoffCrystal.from_crystal(crystal, symprec=reading.symprec)
    except ValueError as error:
        return error


def _described(name: str, found: Any, descriptor: AbstractDescriptor) -> Entry | str:
    """The description of a crystal, or why there is none."""
    try:
        if isinstance(found, Exception):
            raise found
        return Entry(name, checked_description(name, found, descriptor))
    except BadInputError as error:
        return str(error)
    except Exception as error:  # of one crystal among many, JAX's included
        return reason_of(error)


def _nothing(texts: tuple[str, ...], skipped: list[tuple[str, str]]) -> str:
    if not skipped:
        return f"{texts[0]}: expected crystals, got none"
    first = explained(*skipped[0])
    if len(skipped) == 1:
        return first
    return f"none of {len(skipped)} crystals could be described; the first: {first}"
