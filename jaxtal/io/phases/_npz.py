"""Everything a phasing run found, in one archive of arrays."""

import dataclasses
import importlib.metadata
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Complex, Float

from ..._core import Held, read_container, write_container
from ...lattice import Superspace
from ...symmetry import Orbits, SpaceGroup, SymOp

#: What the files call themselves; the number grows when a reader of old files would go wrong.
_FORMAT, _VERSION = "jaxtal-phases", 1
#: As many as `SpaceGroup.from_generators` makes.
_MOST_OPERATIONS = 20_000
_ARRAYS = {
    "format": Held("U"),
    "k": Held("i", ("n", "N")),
    "kind": Held("i", ("n",)),
    "angle": Held("f", ("n",)),
    "multiplicity": Held("i", ("n",)),
    "intensity": Held("f", ("n",)),
    "observed": Held("f", ("n",)),
    "sigma": Held("f", ("n",), optional=True),
    "f": Held("c", ("starts", "n")),
    "verified": Held("b", ("starts",)),
    "best": Held("i"),
    "rotations": Held("i", ("operations", "N", "N")),
    "translations": Held("i", ("operations", "N")),
    "denominator": Held("i"),
    "parallel": Held("f", ("N", "d"), optional=True),
    "perpendicular": Held("f", ("N", "p"), optional=True),
    "records": Held("U"),
    "settings": Held("U"),
}


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
        "jaxtal_version": importlib.metadata.version("jaxtal"),
    }
    if archive.sigma is not None:
        arrays["sigma"] = archive.sigma
    for i, trace in enumerate(archive.traces):
        arrays |= {f"trace/{i}/{name}": values for name, values in trace.items()}
    if space is not None:
        arrays |= {"parallel": space.parallel, "perpendicular": space.perpendicular}
    write_container(path, _FORMAT, _VERSION, arrays)


def read_phases_npz(path: str | os.PathLike[str]) -> PhaseArchive:
    """Read an archive; the orbits are built anew from the group and must come out as written.

    Raises:
        ValueError: another kind of file, a newer version, or contents that contradict each other.
        OSError: the file cannot be read.
    """
    what = "an archive of phases"
    stored = read_container(path, _FORMAT, _VERSION, _ARRAYS, what, others=True)
    try:
        denominator = int(stored["denominator"])
        if len(stored["rotations"]) > _MOST_OPERATIONS:
            raise ValueError(f"rotations: expected at most {_MOST_OPERATIONS}")
        group = SpaceGroup.from_operations(
            SymOp(W, w, denominator)
            for W, w in zip(
                stored["rotations"].tolist(), stored["translations"].tolist(), strict=True
            )
        )
        if np.abs(stored["k"]).max(initial=0) >= 2**31:
            raise ValueError("k: expected indices below 2^31")
        orbits = Orbits.build(group, stored["k"])
        for name in ("kind", "angle", "multiplicity"):
            if not np.array_equal(getattr(orbits, name), stored[name]):
                raise ValueError(f"{name} contradicts the group and the indices")
        space = None
        if ("parallel" in stored) != ("perpendicular" in stored):
            raise ValueError("expected both parallel and perpendicular bases, or neither")
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
            records=_mappings("records", stored, list),
            traces=_traces(stored, len(stored["verified"])),
            space=space,
            settings=_mappings("settings", stored, dict),
        )
    except ValueError as error:
        raise ValueError(f"{path}: no valid archive of phases: {error}") from error


def _mappings(name: str, stored: Mapping[str, np.ndarray], kind: type) -> Any:
    """Names and values from JSON: one mapping, or a list of them."""
    try:
        found = json.loads(str(stored[name]))
    except RecursionError:
        found = None
    rows = found if isinstance(found, list) else [found]
    if not isinstance(found, kind) or not all(isinstance(row, dict) for row in rows):
        raise ValueError(f"{name}: expected names and values as JSON")
    return found


def _traces(stored: Mapping[str, np.ndarray], starts: int) -> tuple[dict[str, np.ndarray], ...]:
    traces: tuple[dict[str, np.ndarray], ...] = tuple({} for _ in range(starts))
    named = [key.split("/", 2) for key in stored if key.startswith("trace/")]
    for key in named:
        if len(key) != 3 or not key[1].isdecimal() or int(key[1]) >= starts:
            raise ValueError(f"{'/'.join(key)}: expected trace/START/NAME of {starts} starts")
        traces[int(key[1])][key[2]] = stored["/".join(key)]
    return traces if named else ()
