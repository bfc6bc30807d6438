"""`jaxtal dedup`: the same crystals in a folder."""

import json
import time
from typing import Annotated

import numpy as np
from cyclopts import Parameter

from ..metric import DUPLICATE_DISTANCE
from ..metric.all_pairs import groups
from ..search import superposed_groups
from ._fingerprints import Folder, Terms, counted, gathered
from ._options import Json, Quiet, number


def dedup(
    source: Annotated[str, Parameter(name="DIR")],
    /,
    *,
    threshold: Annotated[
        float,
        number(0.0),
        Parameter(
            help=f"distance within which crystals count as one, default {DUPLICATE_DISTANCE:g}"
        ),
    ] = DUPLICATE_DISTANCE,
    superpose: bool = False,
    terms: Terms = Terms(),
    folder: Folder = Folder(),
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Group crystals that are the same up to small displacements.

    A chain of crystals, each within the threshold of the next, is one group.

    Args:
        source: folder, file or database.
        superpose: instead, what superposes on the first of its group, scaled to its volume, as
            pymatgen's StructureMatcher would have it (lengths within 20 %, angles within 5 degrees,
            sites within 0.3 of the cube root of the volume per atom); slower.
    """
    begin = time.perf_counter()
    with gathered(source, terms, folder, quiet) as found:
        vectors, files = found.collection.vectors, found.files
        labels = superposed_groups(found.crystals()) if superpose else groups(vectors, threshold)
        members = _members(labels)
        together = [rows for rows in members if len(rows) > 1]
        alone = [files[rows[0]] for rows in members if len(rows) == 1]
        first = [_from_first(vectors[rows]) for rows in together]
        seconds = time.perf_counter() - begin
        if as_json:
            result = {
                "groups": [[files[i] for i in rows] for rows in together],
                "distances": first,
                "unique": alone,
                "threshold": None if superpose else threshold,
                **found.for_machines(),
                "seconds": seconds,
            }
            print(json.dumps(result))
            return 0
        extra = sum(len(rows) - 1 for rows in together)
        print(f"{source}: {found.summary()}; {seconds:.1f} s")
        print(
            f"{counted(len(members), 'different crystal')}, {counted(extra, 'duplicate')} in "
            f"{counted(len(together), 'group')}, "
            + ("superposed" if superpose else f"within {threshold:g}")
        )
        for number, (rows, distances) in enumerate(zip(together, first, strict=True), 1):
            print(f"group {number}")
            for i, distance in zip(rows, distances, strict=True):
                print(f"  {distance:<10.3g} {files[i]}")
    return 0


def _members(labels: np.ndarray) -> list[np.ndarray]:
    """Rows of each group, in the order of the first ones."""
    order = np.argsort(labels, kind="stable")
    ends = np.flatnonzero(np.diff(labels[order])) + 1
    return np.split(order, ends)


def _from_first(vectors: np.ndarray) -> list[float]:
    """Distances from the first of a group."""
    gap = vectors.astype(np.float64) - vectors[0]
    return [float(x) for x in np.sqrt(np.sum(gap**2, axis=1))]
