"""The fingerprints that `jaxtal dedup` and `jaxtal search` work on."""

import argparse
import contextlib
import dataclasses
import os
import pathlib
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

from ..metric import CrystalMetric
from ..search import Collection, CrystalSource
from ._errors import BadInputError

#: Files that are warned of one by one; the rest is counted.
_WARNED = 20


@dataclasses.dataclass(frozen=True)
class Gathered:
    """A source and its fingerprints.

    Attributes:
        source: where the crystals came from.
        metric: what made the fingerprints.
        collection: names in the source, and vectors.
    """

    source: CrystalSource
    metric: CrystalMetric
    collection: Collection

    @property
    def files(self) -> list[str]:
        """What to call each crystal: a path that leads to its file from here."""
        return [self._path(name) for name in self.collection.names]

    def for_machines(self) -> dict[str, Any]:
        """What both commands report besides their results."""
        skipped = [{"file": self._path(n), "reason": r} for n, r in self.collection.skipped]
        return {
            "crystals": len(self.collection),
            "skipped": skipped,
            "ignored": [self._path(name) for name in self.source.ignored()],
            "specification": self.metric.to_dict(),
        }

    def summary(self) -> str:
        """How many crystals there are, and how many files hold none."""
        n, bad = len(self.collection), len(self.collection.skipped)
        return f"{counted(n, 'crystal')}" + (f", {bad} could not be read" if bad else "")

    def warn(self) -> None:
        """Say on stderr what was skipped, and why."""
        failures = self.collection.skipped
        for name, reason in failures[:_WARNED]:
            print(f"jaxtal: skipped {self.explained(name, reason)}", file=sys.stderr)
        if len(failures) > _WARNED:
            more = len(failures) - _WARNED
            print(f"jaxtal: skipped {more} more; --json lists them all", file=sys.stderr)

    def explained(self, name: str, reason: str) -> str:
        """Why a file was skipped."""
        return explained(self._path(name), reason)

    def _path(self, name: str) -> str:
        return name if self.source.folder is None else os.path.join(self.source.folder, name)


@contextlib.contextmanager
def gathered(arguments: argparse.Namespace) -> Iterator[Gathered]:
    """Fingerprint what the arguments name, in the cache or a folder for this run alone.

    Raises:
        BadInputError: there is no crystal that can be read.
        ValueError: a cache of other settings, or as `CrystalSource.of`.
    """
    source = CrystalSource.of(
        arguments.source, recursive=arguments.recursive, symmetry=arguments.symmetry
    )
    metric = chosen_metric(arguments)
    with contextlib.ExitStack() as stack:
        folder = arguments.cache
        if folder is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="jaxtal-"))
        try:
            collection = Collection.gather(
                folder, source, metric, progress=not arguments.quiet and sys.stderr.isatty()
            )
        except KeyboardInterrupt:
            if arguments.cache is not None and not arguments.quiet:
                print(f"jaxtal: what is finished is in {folder}", file=sys.stderr)
            raise
        found = Gathered(source, metric, collection)
        if not len(collection):
            raise BadInputError(_nothing(found))
        if not arguments.quiet:
            found.warn()
        yield found


def chosen_metric(arguments: argparse.Namespace) -> CrystalMetric:
    """The metric with the terms that the arguments switch on."""
    return CrystalMetric(
        composition=float(not arguments.any_elements),
        density=float(arguments.density),
        distances=float(arguments.distances),
        hand=float(arguments.hand),
    )


def explained(path: str, reason: str) -> str:
    """What is wrong with a file; the path is said once."""
    return reason if reason.startswith(f"{path}:") else f"{path}: {reason}"


def counted(n: int, what: str) -> str:
    """A number and a noun."""
    return f"{n} {what}{'' if n == 1 else 's'}"


def _nothing(found: Gathered) -> str:
    place = pathlib.Path(found.source.folder or found.source.listed[0])
    failures = found.collection.skipped
    if failures:
        first = found.explained(*failures[0])
        if len(failures) == 1:
            return first
        return f"{place}: none of {len(failures)} crystals could be read; the first: {first}"
    ignored = len(found.source.ignored())
    others = f" ({counted(ignored, 'file')} of other kinds)" if ignored else ""
    hint = "" if found.source.recursive else "; --recursive looks into folders"
    return f"{place}: expected files of crystals, got none{others}{hint}"
