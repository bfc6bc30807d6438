"""`jaxtal dedup`: the same crystals in a folder."""

import argparse
import json
import time

import numpy as np

from ..metric import DUPLICATE_DISTANCE
from ..search import groups
from ._gather import counted, gathered


def run_dedup(arguments: argparse.Namespace) -> int:
    """Print groups of crystals that are the same."""
    begin = time.perf_counter()
    with gathered(arguments) as found:
        vectors, files = found.collection.vectors, found.files
        threshold = DUPLICATE_DISTANCE if arguments.threshold is None else arguments.threshold
        members = _members(groups(vectors, threshold))
        together = [rows for rows in members if len(rows) > 1]
        alone = [files[rows[0]] for rows in members if len(rows) == 1]
        first = [_from_first(vectors[rows]) for rows in together]
        seconds = time.perf_counter() - begin
        if arguments.json:
            result = {
                "groups": [[files[i] for i in rows] for rows in together],
                "distances": first,
                "unique": alone,
                "threshold": threshold,
                **found.for_machines(),
                "seconds": seconds,
            }
            print(json.dumps(result))
            return 0
        extra = sum(len(rows) - 1 for rows in together)
        print(f"{arguments.source}: {found.summary()}; {seconds:.1f} s")
        print(
            f"{counted(len(members), 'different crystal')}, {counted(extra, 'duplicate')} in "
            f"{counted(len(together), 'group')}, within {threshold:g}"
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
