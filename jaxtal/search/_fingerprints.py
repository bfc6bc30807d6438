"""`fingerprints`: from a folder, files, a database or crystals to vectors that can be searched."""

import dataclasses
import importlib.metadata
import itertools
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from jax.sharding import Mesh

from .._core import Devices, mesh_of
from ..crystal import CrystalBatch, HostAtoms, is_crystal, iterate_host_crystals
from ..metric import CrystalMetric
from ._collection import Collection
from ._metric import Metric, fingerprints_of, reason_of
from ._source import CrystalSource

#: Crystals that are held at a time, for each device.
_BATCH = 512


def fingerprints(
    source: Any,
    metric: Metric | None = None,
    *,
    cache: str | os.PathLike[str] | None = None,
    recursive: bool = False,
    symmetry: str = "file",
    mesh: Devices = None,
    progress: bool | None = None,
) -> Collection:
    """Fingerprint all crystals of a folder, some files, a database, or a list (host).

    Args:
        source: a folder, a file (of one or more crystals), a database of ASE (.db, or .json),
            several files; or crystals of any kind, in an iterable or by name in a mapping.
        metric: makes the vectors, default `CrystalMetric(composition=1, stacking=1)`.
        cache: folder to keep the fingerprints of files in, see `Collection.gather`; a later run
            computes only what is new or has changed.
        recursive: take the folders inside a folder too.
        symmetry: "file": CIFs are as they say, and refused if they don't; "P1": those without a
            space group list the whole cell.
        mesh: devices that crystals are dealt to, see `CrystalMetric`.
        progress: a bar on stderr, default where that is a terminal.

    Returns:
        Names, vectors (N, D), and what was skipped, with the reason. Crystals of a list are named
        by their place.

    Raises:
        FileNotFoundError: there is no such file or folder.
        ValueError: something in a list that is no crystal, a cache for crystals that are no files,
            or as `CrystalSource.of` and `Collection.gather`.
    """
    metric = CrystalMetric(composition=1, stacking=1) if metric is None else metric
    shown = sys.stderr.isatty() if progress is None else progress
    given = _listed(source)
    if isinstance(given, dict):
        if cache is not None:
            raise ValueError("cache: expected none for crystals that are not in files")
        return _of_crystals(given.keys(), given.values(), metric, mesh_of(mesh))
    files = CrystalSource.of(given, recursive=recursive, symmetry=symmetry)
    if cache is not None:
        return Collection.gather(cache, files, metric, mesh=mesh, progress=shown)
    with tempfile.TemporaryDirectory(prefix="jaxtal-") as folder:
        found = Collection.gather(folder, files, metric, mesh=mesh, progress=shown)
        # The file that they are mapped from goes with its folder.
        return dataclasses.replace(found, vectors=np.array(found.vectors))


def _listed(source: Any) -> Any:
    """A path, a list of paths, or crystals by name."""
    if isinstance(source, str | os.PathLike):
        return source
    if isinstance(source, Mapping):
        return dict(source)
    several = isinstance(source, Iterable) and not isinstance(source, CrystalBatch)
    if not several or is_crystal(source):
        return {str(i): atoms for i, atoms in enumerate(iterate_host_crystals(source))}
    given = list(source)
    if given and all(isinstance(one, str | os.PathLike) for one in given):
        return given
    return {str(i): one for i, one in enumerate(given)}


def _of_crystals(
    names: Iterable[str], crystals: Iterable[Any], metric: Metric, mesh: Mesh | None
) -> Collection:
    atoms = zip(names, iterate_host_crystals(crystals), strict=True)
    kept: list[str] = []
    vectors: list[np.ndarray] = []
    skipped: list[tuple[str, str]] = []
    for some in _portions(atoms, _BATCH * (1 if mesh is None else mesh.size)):
        found, reasons = fingerprints_of(metric, [one for _, one in some], mesh)
        for (name, _), vector, reason in zip(some, found, reasons, strict=True):
            if reason is None:
                kept.append(name)
                vectors.append(vector)
            else:
                why = reason_of(reason) if isinstance(reason, Exception) else reason
                skipped.append((name, why))
    settings = {
        "metric": metric.to_dict(),
        "version": importlib.metadata.version("jaxtal"),
    }
    found = np.stack(vectors) if vectors else np.zeros((0, 0), np.float32)
    return Collection(tuple(kept), found, tuple(skipped), settings)


def _portions(
    pairs: Iterator[tuple[str, HostAtoms]], size: int
) -> Iterator[list[tuple[str, HostAtoms]]]:
    while some := list(itertools.islice(pairs, size)):
        yield some
