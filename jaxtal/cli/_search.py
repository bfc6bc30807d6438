"""`jaxtal search`: the crystals of a folder that are most like one."""

import argparse
import json
import pathlib
import time

import numpy as np

from ..crystal import HostAtoms, WyckoffCrystal
from ..metric import DUPLICATE_DISTANCE
from ..search import crystals_of, fingerprints_of, nearest, reason_of
from ._errors import BadInputError
from ._gather import chosen_metric, counted, explained, gathered
from ._inputs import find_crystal

_K = 10


def run_search(arguments: argparse.Namespace) -> int:
    """Print the nearest crystals."""
    begin = time.perf_counter()
    query = _fingerprint(arguments)
    with gathered(arguments) as found:
        vectors, files = found.collection.vectors, found.files
        limit = arguments.threshold
        k = arguments.k or (_K if limit is None else len(files))
        rows, distances = nearest(query, vectors, k)
        matches = [
            {
                "file": files[row],
                "distance": float(distance),
                "duplicate": bool(distance <= DUPLICATE_DISTANCE),
            }
            for row, distance in zip(rows[0], distances[0], strict=True)
            if limit is None or distance <= limit
        ]
        seconds = time.perf_counter() - begin
        if arguments.json:
            result = {
                "query": arguments.query,
                "matches": matches,
                "threshold": limit,
                "duplicate_distance": DUPLICATE_DISTANCE,
                **found.for_machines(),
                "seconds": seconds,
            }
            print(json.dumps(result))
            return 0
        print(f"{arguments.query} in {arguments.source}: {found.summary()}; {seconds:.1f} s")
        if not matches:
            print(f"none within {limit:g}")
        for match in matches:
            same = "same" if match["duplicate"] else ""
            print(f"  {match['distance']:<10.3g} {same:4}  {match['file']}")
        same = sum(match["duplicate"] for match in matches)
        print(f"same: within {DUPLICATE_DISTANCE:g}, {counted(same, 'crystal')}")
    return 0


def _fingerprint(arguments: argparse.Namespace) -> np.ndarray:
    """Vector of the crystal asked for, shape (1, D).

    Raises:
        BadInputError: it has none, or there is no such crystal.
    """
    vector, (wrong,) = fingerprints_of(chosen_metric(arguments), [_query(arguments)])
    if wrong is not None:
        reason = reason_of(wrong) if isinstance(wrong, Exception) else wrong
        raise BadInputError(explained(arguments.query, reason))
    return vector


def _query(arguments: argparse.Namespace) -> HostAtoms | WyckoffCrystal:
    """The crystal asked for: a built-in one, that of a file, or one of several in a file.

    Raises:
        BadInputError: there is none, or there are several.
    """
    text = arguments.query
    if not text:
        raise BadInputError("QUERY: expected a file or built-in name, got an empty one")
    path, wanted = pathlib.Path(text), None
    if not path.exists() and "#" in text:
        file, label = text.rsplit("#", 1)
        path = pathlib.Path(file)
        wanted = f"{path}#{label}"  # "./a.cif" is "a.cif"
    if path.is_dir() or not path.exists():
        arguments.symprec = 1e-3
        return find_crystal(text, arguments)  # a built-in one, or the error that names close ones
    names = []
    found = None
    for name, crystal in crystals_of(path, symmetry=arguments.symmetry):
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
