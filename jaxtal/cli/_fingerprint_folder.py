"""`jaxtal fingerprints`: the fingerprints of a folder, kept; whole, or in independent shards."""

import json
import pathlib
import sys
import time
from typing import Annotated

from cyclopts import Parameter

from ..search import Collection, CrystalSource
from ._devices import chosen_mesh
from ._errors import BadInputError
from ._fingerprints import Gathered, Reader, Terms, no_crystals
from ._options import Count, Json, Quiet
from ._skipped import one_line_warnings


def fingerprints(
    source: Annotated[str, Parameter(name="DIR")],
    /,
    *,
    output: Annotated[pathlib.Path, Parameter(alias="-o")],
    shard: str | None = None,
    merge: bool = False,
    devices: Count | None = None,
    terms: Terms = Terms(),
    reader: Reader = Reader(),
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Fingerprint the crystals of a folder into a folder, or go on with it after an interruption.

    Args:
        source: folder, file or database.
        output: folder to write to; `--cache` of dedup and search takes it.
        shard: I/N: do the I-th of N parts alone, on any machine, at any time; each is a folder in
            the output, with a manifest when it is finished.
        merge: join the shards in the output, all of them finished.
        devices: that crystals are dealt to; a CPU can be several.
    """
    begin = time.perf_counter()
    part = None if shard is None else _shard(shard)
    if merge and (part is not None or devices is not None):
        raise BadInputError(
            "--merge: expected neither --shard nor --devices, since nothing is computed"
        )
    files = CrystalSource.of(source, recursive=reader.recursive, symmetry=reader.symmetry)
    mesh = chosen_mesh(devices)
    with one_line_warnings(quiet):
        try:
            if merge:
                found = Collection.merge(output, files, terms.metric)
            else:
                shown = not quiet and sys.stderr.isatty()
                found = Collection.gather(
                    output, files, terms.metric, shard=part, mesh=mesh, progress=shown
                )
        except KeyboardInterrupt:
            if not quiet:
                print(f"jaxtal: what is finished is in {output}", file=sys.stderr)
            raise
    result = Gathered(files, terms.metric, found)
    # A part of a folder may well be empty; a whole one is not what was meant.
    if part is None and not len(found):
        raise BadInputError(no_crystals(result))
    if not quiet:
        result.warn()
    seconds = time.perf_counter() - begin
    if as_json:
        summary = {"output": str(output), "shard": part, "merged": merge, "seconds": seconds}
        print(json.dumps(summary | result.for_machines()))
        return 0
    what = "merged, " if merge else "" if part is None else f"shard {shard}, "
    print(f"{output}: {what}{result.summary()}; {seconds:.1f} s")
    return 0


def _shard(text: str) -> tuple[int, int]:
    """I/N as two integers.

    Raises:
        BadInputError: it is something else.
    """
    number, _, total = text.partition("/")
    if not (number.isdecimal() and total.isdecimal() and 1 <= int(number) <= int(total)):
        raise BadInputError(f"--shard: expected I/N with I from 1 to N, such as 3/16, got {text}")
    return int(number), int(total)
