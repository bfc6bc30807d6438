"""Fingerprints of many crystals, in a folder or in memory-mapped arrays."""

import dataclasses
import importlib.metadata
import os
import pathlib
import sqlite3
import time
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from .._core import Devices, count, mesh_of, progress_bar
from ..crystal import HostAtoms, host_crystal
from ..metric import DUPLICATE_DISTANCE, CrystalMetric, Fingerprint
from ..metric.all_pairs import groups, nearest
from ._manifest import finished_shards, forget_manifest, write_manifest
from ._merge import merge_shards
from ._metric import Metric, fingerprints_of, reason_of
from ._shard import Shard
from ._source import CrystalSource, SourceFile
from ._vector_log import Log

#: Seconds after which what has been read is fingerprinted and written, however little it is.
_SECONDS = 60.0
#: And after which the bar shows how many crystals there are.
_SHOWN = 0.5
#: Errors that another run may not meet, whatever they were turned into; a locked database is one.
_PASSING = (OSError, ImportError, MemoryError, sqlite3.OperationalError)


@dataclasses.dataclass(frozen=True, eq=False)
class Collection:
    """Fingerprints with the names of their crystals; printed, it is one line.

    Attributes:
        names: of each crystal.
        vectors: shape (n, D); mapped from the file where that holds nothing outdated.
        skipped: name and reason of everything that has no fingerprint.
        settings: what decided the vectors, JSON types.
    """

    names: tuple[str, ...]
    vectors: np.ndarray
    skipped: tuple[tuple[str, str], ...]
    settings: dict[str, Any]

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> "Collection":
        """What a folder holds, in the order in which it came.

        Raises:
            FileNotFoundError: no fingerprints there.
            ValueError: damaged files, or an empty name.
        """
        path = _folder(folder)
        if not Log.exists(path):
            raise FileNotFoundError(f"{path}: no fingerprints there")
        log = Log(path)
        finished = {name for _, names in log.closed.values() for name in names}
        # Of files that were not finished, what there is.
        rest = [name for name in (*log.rows, *log.failed) if name not in finished]
        return cls._view(log, [*(n for _, names in log.closed.values() for n in names), *rest])

    @classmethod
    def gather(
        cls,
        folder: str | os.PathLike[str],
        source: CrystalSource,
        metric: Metric,
        *,
        batch: int = 512,
        shard: tuple[int, int] | None = None,
        mesh: Devices = None,
        progress: bool = False,
    ) -> "Collection":
        """Fingerprint a source into a folder, or go on with it.

        Crystals are read one by one, fingerprinted `batch` at a time and appended; what the folder
        has is neither read nor computed again, unless the file has changed (its size or time) or
        it failed for a reason that may pass (input and output, a locked database, memory, a missing
        package). An interruption loses at most one batch.

        Args:
            folder: made if need be, and if the source has a file.
            source: where the crystals come from. Other sources may use the same folder if their
                names are relative to the same place, such as a folder with and without the
                folders inside; each sees its own crystals only.
            metric: makes the vectors.
            batch: crystals held at a time, for each device.
            shard: (i, n), i = 1 ... n: do the i-th of n parts alone, in a folder `shard-i-of-n`
                inside `folder`, which gets a manifest when it is finished; `merge` joins them.
                Nothing else connects them: each is begun, killed and gone on with by itself.
            mesh: devices that crystals are dealt to, see `CrystalMetric`.
            progress: a bar on stderr.

        Returns:
            The crystals of the source, in its order.

        Raises:
            ValueError: the folder holds something else, or fingerprints of other settings or
                another place (the message says which); another run is writing; an empty name; a
                batch below 1, no such shard, or fewer devices than asked for.
            OSError: the folder cannot be written.
        """
        devices = mesh_of(mesh, own=True)
        batch = count(batch, "batch", 1) * (1 if devices is None else devices.size)
        path, settings = _folder(folder), _settings(source, metric)
        if shard is not None:
            source = source.part(Shard.of(shard))
            path = path / str(source.shard)
        elif not Log.exists(path) and next(source.files(), None) is None:
            return cls((), np.zeros((0, 0), np.float32), (), settings)
        log = Log(path) if Log.exists(path) else Log.create(path, settings)
        _check_settings(path, log.settings, settings)
        names: list[str] = []
        total = sum(1 for _ in source.files()) if progress else None
        with log.writing(), progress_bar(progress, "file", total) as bar:
            if source.shard is not None:
                forget_manifest(log)
            work = _Work(log, metric, batch, devices, bar)
            for file in source.files():
                names.extend(work.add(source, file))
                bar.update()
            work.write()
            if source.shard is not None:
                write_manifest(source.shard, log)
        return cls._view(log, names)

    @classmethod
    def merge(
        cls, folder: str | os.PathLike[str], source: CrystalSource, metric: Metric
    ) -> "Collection":
        """Join the shards of a folder, all of them finished, in the folder itself.

        It is then what `gather` without shards would have made of it, and `gather` goes on with
        it. The shards stay; merged again, what has been added to them is added. A merge that was
        killed is run again.

        Args:
            folder: that of `gather`.
            source: that of `gather`.
            metric: that of `gather`.

        Returns:
            The crystals of the source, in its order.

        Raises:
            ValueError: a shard is missing, not finished or damaged; a file of the source is in none
                or has changed since; or other settings than those given.
            OSError: the folder cannot be written.
        """
        path, settings = _folder(folder), _settings(source, metric)
        shards = finished_shards(path)
        _check_settings(path, shards[0].settings, settings)
        log = Log(path) if Log.exists(path) else Log.create(path, settings)
        _check_settings(path, log.settings, settings)
        with log.writing():
            names = merge_shards(log, shards, source)
        return cls._view(log, names)

    @classmethod
    def _view(cls, log: Log, names: list[str]) -> "Collection":
        there = [name for name in names if name in log.rows]
        rows = np.array([log.rows[name][1] for name in there], np.int64)
        every = log.vectors()
        whole = len(rows) == len(every) and bool(np.all(rows == np.arange(len(rows))))
        return cls(
            names=tuple(there),
            vectors=every if whole else every[rows],
            skipped=tuple((name, log.failed[name][1]) for name in names if name in log.failed),
            settings=log.settings,
        )

    def __len__(self) -> int:
        """Number of fingerprints."""
        return len(self.names)

    def __repr__(self) -> str:
        """Print how many there are, and what made them."""
        return (
            f"Collection: {len(self)} fingerprints, {len(self.skipped)} skipped; "
            f"{self.settings['metric']}"
        )

    def nearest(
        self, k: int = 10, query: Fingerprint | None = None
    ) -> tuple[Int[np.ndarray, "m K"], Float[np.ndarray, "m K"]]:
        """Find the k nearest crystals of each of them, or of each query.

        Args:
            k: how many; as many as there are, if fewer.
            query: fingerprints of the same metric, of one crystal or many; default these
                themselves, none of which is then its own neighbour.

        Returns:
            Rows of the neighbours, nearest first, and their distances, shape (m, K) each.

        Raises:
            ValueError: fingerprints of another metric or not complete, or k below 1.
        """
        if query is None:
            return nearest(self.vectors, self.vectors, k, skip_self=True)
        _check_settings("query", self.settings["metric"], query.specification.to_dict())
        if not np.all(query.complete):
            raise ValueError("query: expected complete fingerprints")
        return nearest(np.atleast_2d(np.asarray(query.vector)), self.vectors, k)

    def groups(self, threshold: float | int | None = None) -> Int[np.ndarray, " n"]:
        """Label crystals that a chain of distances within the threshold joins.

        Args:
            threshold: largest distance of two that count as one; default
                `metric.DUPLICATE_DISTANCE`, for `CrystalMetric(composition=1, stacking=1)` alone.

        Returns:
            Group of each crystal, shape (n,), numbered in the order in which they first occur.

        Raises:
            ValueError: no threshold for another metric.
        """
        usual = CrystalMetric(composition=1, stacking=1).to_dict()
        if threshold is None and self.settings["metric"] != usual:
            raise ValueError(
                "threshold: expected one, since DUPLICATE_DISTANCE is that of "
                "CrystalMetric(composition=1, stacking=1)"
            )
        return groups(self.vectors, DUPLICATE_DISTANCE if threshold is None else threshold)


class _Work:
    """Crystals that wait for their fingerprints."""

    def __init__(self, log: Log, metric: Metric, batch: int, mesh: Devices, bar: Any):
        self.log, self.metric, self.batch, self.mesh, self.bar = log, metric, batch, mesh, bar
        self.count, self.shown = 0, 0.0
        self.waiting: list[tuple[str, str, HostAtoms]] = []
        self.failed: list[tuple[str, str, str]] = []
        self.closed: list[tuple[str, str, tuple[str, ...]]] = []
        self.again: set[str] = set()  # failed for reasons that may pass
        self.since = time.monotonic()

    def add(self, source: CrystalSource, file: SourceFile) -> tuple[str, ...]:
        """Read what is new in a file; the names of all its crystals."""
        stamp, names = self.log.closed.get(file.name, ("", ()))
        if stamp and stamp == file.stamp:
            return names
        found: list[str] = []
        for entry in source.entries(file):
            found.append(entry.name)
            self._show()
            known = self.log.rows.get(entry.name) or self.log.failed.get(entry.name)
            if known is not None and known[0] and known[0] == entry.stamp:
                continue
            crystal = entry.read()
            if isinstance(crystal, Exception):
                self._fail(entry.name, entry.stamp, crystal)
            else:
                self.waiting.append((entry.name, entry.stamp, host_crystal(crystal)))
            if (
                len(self.waiting) >= self.batch
                or len(self.failed) >= self.batch
                or time.monotonic() - self.since > _SECONDS
            ):
                self.write()
        self.closed.append((file.name, file.stamp, tuple(found)))
        return tuple(found)

    def _fail(self, name: str, stamp: str, error: Exception | str) -> None:
        if isinstance(error, str):
            self.failed.append((name, stamp, error))
            return
        passing = isinstance(error, (*_PASSING, RuntimeError))
        passing = passing or isinstance(error.__cause__, _PASSING)
        if passing:
            self.again.add(name)
        self.failed.append((name, "" if passing else stamp, reason_of(error)))

    def _show(self) -> None:
        """Count one more crystal on the bar, whose unit is files: one may hold a million."""
        self.count += 1
        if time.monotonic() - self.shown > _SHOWN:
            self.shown = time.monotonic()
            self.bar.set_postfix_str(f"{self.count} new crystals")

    def write(self) -> None:
        """Fingerprint what waits, and append everything."""
        if self.waiting or self.failed or self.closed:
            crystals = [one for _, _, one in self.waiting]
            vectors, errors = fingerprints_of(self.metric, crystals, self.mesh)
            names = [(name, stamp) for name, stamp, _ in self.waiting]
            good = [i for i, error in enumerate(errors) if error is None]
            for (name, stamp), error in zip(names, errors, strict=True):
                if error is not None:
                    self._fail(name, stamp, error)
            closed = [
                (name, stamp if self.again.isdisjoint(found) else "", found)
                for name, stamp, found in self.closed
            ]
            self.log.append([names[i] for i in good], vectors[good], self.failed, closed)
            self.waiting, self.failed, self.closed = [], [], []
        self.since = time.monotonic()


def _settings(source: CrystalSource, metric: Metric) -> dict[str, Any]:
    """What decides the vectors, JSON types."""
    return {
        "metric": metric.to_dict(),
        "source": source.root,
        "symmetry": source.symmetry,
        "version": importlib.metadata.version("jaxtal"),
    }


def _folder(text: str | os.PathLike[str]) -> pathlib.Path:
    """A path; an empty one, which would be the current folder, is refused."""
    if os.fspath(text) == "":
        raise ValueError("expected a folder for fingerprints, got an empty name")
    return pathlib.Path(text)


def _check_settings(
    folder: pathlib.Path | str, there: dict[str, Any], wanted: dict[str, Any]
) -> None:
    """Refuse fingerprints that are not comparable.

    Raises:
        ValueError: names every setting that differs and its two values.
    """
    one, other = _flat(there), _flat(wanted)
    differing = [
        f"{key} {one.get(key)!r}, not {other.get(key)!r}"
        for key in sorted(one.keys() | other.keys())
        if one.get(key) != other.get(key)
    ]
    if differing:
        raise ValueError(f"{folder}: its fingerprints were made with {'; '.join(differing)}")


def _flat(settings: Any, prefix: str = "") -> dict[str, Any]:
    """Nested settings by dotted key; lists as they are."""
    if not isinstance(settings, dict):
        return {prefix: settings}
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        flat |= _flat(value, f"{prefix}.{key}" if prefix else key)
    return flat
