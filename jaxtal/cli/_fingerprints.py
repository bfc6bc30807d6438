"""The fingerprints that `jaxtal dedup` and `jaxtal search` work on."""

import contextlib
import dataclasses
import os
import pathlib
import sys
import tempfile
from collections.abc import Iterator
from typing import Any, Literal

from cyclopts import Group, Parameter

from ..metric import DUPLICATE_DISTANCE, CrystalMetric
from ..search import Collection, CrystalSource
from ._devices import chosen_mesh
from ._errors import BadInputError
from ._options import Count
from ._skipped import explained, one_line_warnings, warn_of_skipped

_WHAT_COUNTS = Group(
    "What counts",
    help="By default the elements and the arrangement of the atoms, scaled to one volume per atom. "
    f"Two crystals count as one if their distance is at most {DUPLICATE_DISTANCE:g}, the default "
    "threshold. Distances depend on no choice of cell, origin, orientation or setting; between "
    "unlike structures they are about 1 to 5. Of the 288 AFLOW prototypes in pymatgen, no two are "
    "nearer than 0.16 (pyrite aside, which is listed twice), and polytypes of SiC no nearer than "
    "0.18. Within 0.1 of the original stay, of their copies, 99 / 83 % if the atoms are moved at "
    "random by 0.02 / 0.05 angstrom (r.m.s.), 95 / 72 / 25 % if the cell is strained by 0.5 / 1 / "
    "2 %, and all if the volume alone changes. These figures hold for the default terms; with "
    "--distances or --hand crystals move further. A first run on varied crystals takes a minute or "
    "two to compile.",
)


@Parameter(name="*", group=_WHAT_COUNTS)
@dataclasses.dataclass(frozen=True)
class Terms:
    """What two crystals must share to be near each other."""

    any_elements: bool = False
    """leave the composition out: silicon is diamond; of compounds the ratios of the atomic numbers
    still count"""
    density: bool = False
    """the volume per atom counts, too"""
    distances: bool = False
    """distances to neighbours count, atom by atom: tells homometric crystals apart"""
    hand: bool = False
    """mirror images are different: left and right quartz"""

    @property
    def metric(self) -> CrystalMetric:
        """The metric of these terms."""
        return CrystalMetric(
            composition=float(not self.any_elements),
            stacking=1.0,
            density=float(self.density),
            distances=float(self.distances),
            hand=float(self.hand),
        )


@Parameter(name="*")
@dataclasses.dataclass(frozen=True)
class Reader:
    """How a folder of crystals is read."""

    recursive: bool = False
    """folders inside the folder, too"""
    symmetry: Literal["file", "P1"] = "file"
    """P1: CIFs without a space group list the whole cell, default: they are not read"""


@Parameter(name="*")
@dataclasses.dataclass(frozen=True)
class Folder(Reader):
    """How a folder of crystals is read, and where its fingerprints are computed and kept."""

    cache: str | None = None
    """a folder to keep fingerprints in: a later run goes on after an interruption, and computes
    only what is new or has changed"""
    devices: Count | None = None
    """that crystals are dealt to; a CPU can be several"""


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

    def crystals(self) -> Iterator[Any]:
        """The crystals themselves, read once more, in the order of the collection."""
        entries = (e for file in self.source.files() for e in self.source.entries(file))
        by_name = {entry.name: entry for entry in entries}
        for name in self.collection.names:
            crystal = by_name[name].read()
            if isinstance(crystal, Exception):
                raise BadInputError(self.explained(name, str(crystal)))
            yield crystal

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
        warn_of_skipped([(self._path(name), why) for name, why in self.collection.skipped])

    def explained(self, name: str, reason: str) -> str:
        """Why a file was skipped."""
        return explained(self._path(name), reason)

    def _path(self, name: str) -> str:
        return name if self.source.folder is None else os.path.join(self.source.folder, name)


@contextlib.contextmanager
def gathered(text: str, terms: Terms, folder: Folder, quiet: bool) -> Iterator[Gathered]:
    """Fingerprint the crystals of a folder, in its cache or a folder for this run alone.

    Args:
        text: folder of crystals, one file, or a database.
        terms: what counts.
        folder: how it is read.
        quiet: no progress, no warnings.

    Raises:
        BadInputError: there is no crystal that can be read.
        ValueError: a cache of other settings, or as `CrystalSource.of`.
    """
    source = CrystalSource.of(text, recursive=folder.recursive, symmetry=folder.symmetry)
    metric, mesh = terms.metric, chosen_mesh(folder.devices)
    with contextlib.ExitStack() as stack:
        stack.enter_context(one_line_warnings(quiet))
        kept = folder.cache
        if kept is None:
            kept = stack.enter_context(tempfile.TemporaryDirectory(prefix="jaxtal-"))
        try:
            collection = Collection.gather(
                kept, source, metric, mesh=mesh, progress=not quiet and sys.stderr.isatty()
            )
        except KeyboardInterrupt:
            if folder.cache is not None and not quiet:
                print(f"jaxtal: what is finished is in {kept}", file=sys.stderr)
            raise
        found = Gathered(source, metric, collection)
        if not len(collection):
            raise BadInputError(no_crystals(found))
        if not quiet:
            found.warn()
        yield found


def counted(n: int, what: str) -> str:
    """A number and a noun."""
    return f"{n} {what}{'' if n == 1 else 's'}"


def no_crystals(found: Gathered) -> str:
    """What to say of a source without crystals."""
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
