"""`jaxtal search`: the crystals of a folder that are most like one."""

import json
import pathlib
import time
from typing import Annotated, Literal

import numpy as np
from cyclopts import Parameter

from ..crystal import HostAtoms, WyckoffCrystal
from ..io import holds_crystals
from ..metric import DUPLICATE_DISTANCE
from ..metric.all_pairs import nearest
from ..search import crystals_of
from ..search._metric import fingerprints_of, reason_of
from ._errors import BadInputError
from ._fingerprints import Folder, Terms, counted, gathered
from ._inputs import find_crystal
from ._options import Count, Json, Quiet, Reading, number
from ._skipped import explained, one_line_warnings

_K = 10


def search(
    query: str,
    source: Annotated[str, Parameter(name="DIR")],
    /,
    *,
    k: Annotated[Count | None, Parameter(name="-k")] = None,
    threshold: Annotated[float | None, number(0.0)] = None,
    block: str | None = None,
    terms: Terms = Terms(),
    folder: Folder = Folder(),
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """List the crystals of a folder that are nearest to one.

    Args:
        query: file, built-in name, or FILE#NAME of one crystal of several.
        source: folder, file or database.
        k: crystals to list, default 10, or all within the threshold.
        threshold: list only those within this distance.
        block: which block of the CIF asked for, entry of a JSON file or row of a table.
    """
    begin = time.perf_counter()
    asked = query if block is None else f"{query}#{block}"
    with one_line_warnings(quiet):
        vector = _fingerprint(asked, terms, folder.symmetry)
    with gathered(source, terms, folder, quiet) as found:
        vectors, files = found.collection.vectors, found.files
        k = k or (_K if threshold is None else len(files))
        rows, distances = nearest(vector, vectors, k)
        matches = [
            {
                "file": files[row],
                "distance": float(distance),
                "duplicate": bool(distance <= DUPLICATE_DISTANCE),
            }
            for row, distance in zip(rows[0], distances[0], strict=True)
            if threshold is None or distance <= threshold
        ]
        seconds = time.perf_counter() - begin
        if as_json:
            result = {
                "query": query,
                "matches": matches,
                "threshold": threshold,
                "duplicate_distance": DUPLICATE_DISTANCE,
                **found.for_machines(),
                "seconds": seconds,
            }
            print(json.dumps(result))
            return 0
        print(f"{query} in {source}: {found.summary()}; {seconds:.1f} s")
        if not matches:
            print(f"none within {threshold:g}")
        for match in matches:
            same = "same" if match["duplicate"] else ""
            print(f"  {match['distance']:<10.3g} {same:4}  {match['file']}")
        same = sum(match["duplicate"] for match in matches)
        print(f"same: within {DUPLICATE_DISTANCE:g}, {counted(same, 'crystal')}")
    return 0


def _fingerprint(query: str, terms: Terms, symmetry: Literal["file", "P1"]) -> np.ndarray:
    """Vector of the crystal asked for, shape (1, D).

    Raises:
        BadInputError: it has none, or there is no such crystal.
    """
    vector, (wrong,) = fingerprints_of(terms.metric, [_crystal(query, symmetry)])
    if wrong is not None:
        reason = reason_of(wrong) if isinstance(wrong, Exception) else wrong
        raise BadInputError(explained(query, reason))
    return vector


def _crystal(text: str, symmetry: Literal["file", "P1"]) -> HostAtoms | WyckoffCrystal:
    """The crystal asked for: a built-in one, that of a file, or one of several in a file.

    Raises:
        BadInputError: there is none, or there are several.
    """
    if not text:
        raise BadInputError("QUERY: expected a file or built-in name, got an empty one")
    path, wanted = pathlib.Path(text), None
    if not path.exists() and "#" in text:
        file, label = text.rsplit("#", 1)
        path = pathlib.Path(file)
        wanted = f"{path}#{label}"  # "./a.cif" is "a.cif"
    if path.is_dir() or not path.exists():
        # A built-in one, or the error that names close ones.
        return find_crystal(text, Reading(symmetry))
    if wanted is not None and holds_crystals(path):
        return find_crystal(text, Reading(symmetry))
    names = []
    found = None
    for name, crystal in crystals_of(path, symmetry=symmetry):
        names.append(name)
        if wanted in (None, name):
            found = crystal
        if wanted is None and len(names) > 1:
            raise BadInputError(f"{text}: expected one crystal, got several ({names[0]}, ...)")
        if wanted == name:
            break
    if found is None:
        shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "") or "none"
        raise BadInputError(f"{text}: no such crystal in this file, it has {shown}")
    if isinstance(found, Exception):
        raise BadInputError(explained(text, reason_of(found))) from found
    return found
