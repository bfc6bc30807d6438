"""Files of a phasing run. A writer is any callable that takes the result and a folder."""

import dataclasses
import functools
import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from ...phasing import Phasing
from .._ccp4 import write_ccp4
from ._csv import write_phases_csv
from ._npz import PhaseArchive, write_phases_npz

Writer = Callable[[Phasing, pathlib.Path], Any]


def _archive(result: Phasing, settings: dict[str, Any] | None = None) -> PhaseArchive:
    """All of a result that can be kept: amplitudes in the problem's units, verdicts, symmetry.

    Intensities of unmeasured reflections are NaN. What observers recorded is in `traces`: "stage",
    and "0", "1", ... for each observer ("0['max']" for parts), along the iterations.

    Args:
        result: a phasing run.
        settings: more to say of the run: names to numbers, strings, booleans or lists.
    """
    problem, reflections = result.problem, result.problem.reflections
    extra = len(problem.orbits.k) - len(reflections.intensity)

    def padded(x: np.ndarray) -> np.ndarray:
        return np.concatenate([np.asarray(x, np.float64), np.full(extra, np.nan)])

    records = []
    for start in result.starts:
        fields = {f.name: getattr(start, f.name) for f in dataclasses.fields(start)}
        del fields["records"]
        records.append({name: _plain(value) for name, value in fields.items()})
    told: dict[str, Any] = {
        "scale": float(problem.scale),
        "recipe": repr(result.recipe),
        "grid": repr(result.grid),
        "grid_points": [int(n) for n in result.grid_points],
        "seconds": {name: float(value) for name, value in result.seconds.items()},
        "interrupted": bool(result.interrupted),
    }
    return PhaseArchive(
        orbits=problem.orbits,
        intensity=padded(reflections.intensity),
        observed=np.asarray(problem.lower, np.float64),
        f=np.asarray(result.f, np.complex128),
        verified=np.array([start.converged for start in result.starts], dtype=bool),
        sigma=None if reflections.sigma is None else padded(reflections.sigma),
        best=int(result.best) if result.converged else None,
        records=records,
        traces=[_trace(start.records) for start in result.starts],
        space=reflections.space,
        settings=told | (settings or {}),
    )


def _write_csv(result: Phasing, folder: pathlib.Path) -> pathlib.Path:
    """Write phases.csv: measured reflections with the amplitudes of the best start."""
    path = pathlib.Path(folder) / "phases.csv"
    measured = result.problem.reflections.intensity
    n = len(measured)
    write_phases_csv(path, result.problem.orbits.k[:n], measured, result.structure_factors[:n])
    return path


def _write_npz(
    result: Phasing, folder: pathlib.Path, settings: dict[str, Any] | None
) -> pathlib.Path:
    """Write phases.npz: every start, see `PhaseArchive`."""
    path = pathlib.Path(folder) / "phases.npz"
    write_phases_npz(path, _archive(result, settings))
    return path


def _write_ccp4(result: Phasing, folder: pathlib.Path) -> pathlib.Path:
    """Write density.ccp4: the best start's density over one cell of a crystal in three dimensions.

    Three points per shortest wavelength along each axis, in units of the amplitudes per A^3.

    Raises:
        ValueError: the crystal has another dimension.
    """
    space, orbits = result.problem.reflections.space, result.problem.orbits
    if space.dimension != 3 or space.n_physical != 3:
        raise ValueError(
            f"density.ccp4: expected a crystal in 3 dimensions, got {space}; "
            "`Density.physical_map` and `write_ccp4` write a box of physical space"
        )
    edges = 2 * np.pi * np.linalg.inv(space.parallel).T
    volume = abs(float(np.linalg.det(edges)))
    reach = np.abs(orbits.members).max(axis=0, initial=1)
    shape = tuple(max(4, 3 * int(n) + (3 * int(n)) % 2) for n in reach)
    values = result.density.physical_map(edges, shape).values / volume
    path = pathlib.Path(folder) / "density.ccp4"
    group = orbits.group if orbits.group.hm is not None else None
    write_ccp4(path, values, edges, group)
    return path


def write_phasing(
    result: Phasing,
    folder: str | os.PathLike[str],
    files: Sequence[str | Writer] = ("csv", "npz"),
    *,
    settings: dict[str, Any] | None = None,
) -> list[Any]:
    """Write a result into a folder, which is made if need be.

        def write_peaks(result, folder):
            ...

        write_phasing(result, "out", ["csv", "npz", write_peaks])

    Args:
        result: a phasing run.
        folder: where the files go.
        files: "csv" (phases.csv: measured reflections with the amplitudes of the best start), "npz"
            (phases.npz: every start, see `PhaseArchive`), "ccp4" (density.ccp4: one cell of the
            best density, in three dimensions), or callables that take the result and the folder.
        settings: more to say of the run in phases.npz: names to numbers, strings, booleans or
            lists.

    Returns:
        what the writers returned; the path of the file for those with a name.

    Raises:
        ValueError: an unknown name, before anything is written.
    """
    writers: dict[str, Writer] = {
        "csv": _write_csv,
        "npz": functools.partial(_write_npz, settings=settings),
        "ccp4": _write_ccp4,
    }
    chosen = [writers.get(one) if isinstance(one, str) else one for one in files]
    for name, writer in zip(files, chosen, strict=True):
        if writer is None:
            raise ValueError(f"expected a file among {', '.join(writers)}, got {name!r}")
    target = pathlib.Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    return [writer(result, target) for writer in chosen if writer is not None]


def _plain(value: Any) -> Any:
    """A value as JSON has it; NaN and infinities as None."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    return float(value) if np.isfinite(value) else None


def _trace(records: list[Any]) -> dict[str, np.ndarray]:
    """Records of chunks, joined: one array for each array that the observers returned."""
    chunks: dict[str, list[np.ndarray]] = {}
    for stage, values in records:
        leaves = jax.tree_util.tree_leaves_with_path(tuple(values))
        for path, leaf in leaves:
            name = f"{path[0].idx}{jax.tree_util.keystr(path[1:])}"
            chunks.setdefault(name, []).append(np.asarray(leaf))
        if leaves:
            stages = np.full(len(leaves[0][1]), stage)
            chunks.setdefault("stage", []).append(stages)
    return {name: np.concatenate(parts) for name, parts in chunks.items()}
