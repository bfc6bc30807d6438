"""Everything a phasing run found, in one archive of arrays."""

import dataclasses
import importlib.metadata
import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Complex, Float

from ..._core import write_bytes
from ...lattice import Superspace
from ...symmetry import Orbits, SpaceGroup, SymOp

#: What the files call themselves; the number grows when a reader of old files would go wrong.
_FORMAT, _VERSION = "jaxtal-phases", 1


@dataclasses.dataclass(frozen=True, eq=False)
class PhaseArchive:
    """Reflections, symmetry, phases of every start and a record of each.

    Attributes:
        orbits: orbits of the reflections (group, indices, kinds, angles).
        intensity: measured intensities, (n,).
        sigma: their standard deviations, (n,), or None.
        observed: the moduli that phasing imposed (sharpened, windowed), (n,).
        f: amplitudes of every start, F(k) = f exp(2 pi i angle), (S, n).
        best: the start to be believed, a row of `f`, or None where there is none.
        verified: starts that passed every test, (S,).
        records: one mapping of names to numbers, strings, booleans or lists for each start.
        space: parallel and perpendicular bases, or None.
        traces: arrays along the iterations of each start, by name, or nothing.
        settings: what the run was asked to do: names to numbers, strings, booleans or lists.
    """

    orbits: Orbits
    intensity: Float[np.ndarray, " n"]
    observed: Float[np.ndarray, " n"]
    f: Complex[np.ndarray, "S n"]
    verified: Bool[np.ndarray, " S"]
    sigma: Float[np.ndarray, " n"] | None = None
    best: int | None = None
    records: Sequence[Mapping[str, Any]] = ()
    traces: Sequence[Mapping[str, np.ndarray]] = ()
    space: Superspace | None = None
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        n, S = len(self.orbits.k), len(self.verified)
        shapes = {
            "intensity": (self.intensity, (n,)),
            "observed": (self.observed, (n,)),
            "f": (self.f, (S, n)),
            "sigma": (self.intensity if self.sigma is None else self.sigma, (n,)),
        }
        for name, (value, shape) in shapes.items():
            if np.shape(value) != shape:
                raise ValueError(f"{name}: expected shape {shape}, got {np.shape(value)}")
        if self.best is not None and not 0 <= self.best < S:
            raise ValueError(f"best: expected a start from 0 to {S - 1}, got {self.best}")
        for name, values in (("records", self.records), ("traces", self.traces)):
            if len(values) not in (0, S):
                raise ValueError(f"{name}: expected one for each of {S} starts, got {len(values)}")

    @property
    def F(self) -> Complex[np.ndarray, "S n"]:
        """Structure factors of the representatives, f exp(2 pi i angle), (S, n)."""
        return self.f * np.exp(2j * np.pi * self.orbits.angle)


def write_phases_npz(path: str | os.PathLike[str], archive: PhaseArchive) -> None:
    """Write an archive, whole or not at all.

    Raises:
        TypeError: a record or setting that JSON has no form for.
        OSError: the file cannot be written.
    """
    group, space = archive.orbits.group, archive.space
    arrays: dict[str, Any] = {
        "k": archive.orbits.k,
        "kind": archive.orbits.kind,
        "angle": archive.orbits.angle,
        "multiplicity": archive.orbits.multiplicity,
        "intensity": archive.intensity,
        "observed": archive.observed,
        "f": archive.f,
        "phase": np.angle(archive.F),
        "verified": archive.verified,
        "best": -1 if archive.best is None else archive.best,
        "rotations": group.rotations,
        "translations": group.translations,
        "denominator": group.denominator,
        "records": json.dumps([dict(record) for record in archive.records]),
        "settings": json.dumps(dict(archive.settings)),
        "format": _FORMAT,
        "format_version": _VERSION,
        "jaxtal_version": importlib.metadata.version("jaxtal"),
    }
    if archive.sigma is not None:
        arrays["sigma"] = archive.sigma
    for i, trace in enumerate(archive.traces):
        arrays |= {f"trace/{i}/{name}": values for name, values in trace.items()}
    if space is not None:
        arrays |= {"parallel": space.parallel, "perpendicular": space.perpendicular}
    whole: dict[str, Any] = {name: np.asarray(value) for name, value in arrays.items()}
    write_bytes(path, lambda file: np.savez_compressed(file, **whole))


def read_phases_npz(path: str | os.PathLike[str]) -> PhaseArchive:
    """Read an archive; the orbits are built anew from the group and must come out as written.

    Raises:
        ValueError: another kind of file, a newer version, or contents that contradict each other.
        OSError: the file cannot be read.
    """
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as data:
            stored = dict(data)
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: expected an archive of phases: {error}") from error
    if str(stored.get("format")) != _FORMAT:
        raise ValueError(f"{path}: expected an archive of phases, got {sorted(stored)}")
    if int(stored["format_version"]) > _VERSION:
        raise ValueError(
            f"{path}: expected version {_VERSION} or older, got {stored['format_version']}; "
            f"it was written by jaxtal {stored['jaxtal_version']}"
        )
    try:
        denominator = int(stored["denominator"])
        group = SpaceGroup.from_operations(
            SymOp(W, w, denominator)
            for W, w in zip(stored["rotations"], stored["translations"], strict=True)
        )
        orbits = Orbits.build(group, stored["k"])
        for name in ("kind", "angle", "multiplicity"):
            if not np.array_equal(getattr(orbits, name), stored[name]):
                raise ValueError(f"{name} contradicts the group and the indices")
        space = None
        if "parallel" in stored:
            inner = stored["perpendicular"]
            space = Superspace(stored["parallel"], inner if inner.shape[1] else None)
        best = int(stored["best"])
        return PhaseArchive(
            orbits=orbits,
            intensity=stored["intensity"],
            observed=stored["observed"],
            f=stored["f"],
            verified=stored["verified"],
            sigma=stored.get("sigma"),
            best=None if best < 0 else best,
            records=json.loads(str(stored["records"])),
            traces=_traces(stored, len(stored["verified"])),
            space=space,
            settings=json.loads(str(stored["settings"])),
        )
    except (KeyError, ValueError) as error:
        raise ValueError(f"{path}: no valid archive of phases: {error}") from error


def _traces(stored: Mapping[str, np.ndarray], starts: int) -> tuple[dict[str, np.ndarray], ...]:
    traces: tuple[dict[str, np.ndarray], ...] = tuple({} for _ in range(starts))
    named = [key.split("/", 2) for key in stored if key.startswith("trace/")]
    for _, start, name in named:
        traces[int(start)][name] = stored[f"trace/{start}/{name}"]
    return traces if named else ()
