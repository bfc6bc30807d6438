"""Files of a phasing job: all of them appear in the folder, or none."""

import json
import pathlib

from ..._core import replacing_set, write_text
from ...density import Density
from ...io import write_peaks, write_phasing
from ...phasing import Phasing
from ._read import Job
from ._report import Report
from ._section_files import placed, write_arrays, write_section

#: Files of every job, which one that does not write them must not leave behind from before.
_FIXED = ("phases.csv", "phases.npz", "density.ccp4", "density.npz", "summary.json")
_FIXED += tuple(f"peaks.{ending}" for ending in ("csv", "cif", "res", "xyz"))


def write_results(report: Report, folder: pathlib.Path) -> list[str]:
    """Write what the job asks for; of a run cut short before its first phases, the summary alone.

    Returns:
        the files, as messages name them.
    """
    with replacing_set(folder, stale=_FIXED) as made:
        if report.finished:
            _write_phases(report.job, report.result, made)
        files = sorted([one.name for one in made.iterdir()] + ["summary.json"])
        paths = [str(folder / one) for one in files]
        summary = json.dumps(report.for_machines(paths), indent=1)
        write_text(made / "summary.json", summary + "\n")
    return paths


def save_grid(result: Phasing, path: pathlib.Path) -> None:
    """Keep the alias-free grid for other runs."""
    result.grid.save(path)


def _write_phases(job: Job, result: Phasing, folder: pathlib.Path) -> None:
    output = job.output
    told = {"job": job.text, "seed": job.run.seed, "dtype": job.run.dtype}
    wanted = {"csv": output.csv, "npz": output.npz, "ccp4": output.ccp4}
    write_phasing(result, folder, [name for name, on in wanted.items() if on], settings=told)
    if not (job.sections or output.density or output.peaks):
        return
    density = result.density
    failure = "" if result.converged else "no start has converged"
    for plan in placed(density, job.sections):
        write_section(density, plan, job.source, failure, folder)
    if output.density:
        grid = result.grid
        write_arrays(
            folder / "density.npz",
            values=density.on_grid(grid),
            characters=grid.characters,
            moduli=grid.moduli,
            origin=grid.origin,
        )
    if output.peaks:
        _write_peaks(job, result, density, folder)


def _write_peaks(job: Job, result: Phasing, density: Density, folder: pathlib.Path) -> None:
    """peaks.csv: x1, ..., xN, height, multiplicity of one of each set of equivalents."""
    group = result.problem.orbits.group
    peaks = density.peaks(job.output.n_peaks, above=job.output.peaks_above)
    lines = [", ".join([*(f"x{i + 1}" for i in range(group.dimension)), "height", "multiplicity"])]
    for x, height, copies in zip(peaks.position, peaks.height, peaks.multiplicity, strict=True):
        numbers = [*(f"{value:.5f}" for value in x), f"{height:.5g}", str(int(copies))]
        lines.append(", ".join(numbers))
    write_text(folder / "peaks.csv", "\n".join(lines) + "\n")
    space = result.problem.reflections.space
    if space.dimension == space.n_physical == 3:
        for ending in ("cif", "res", "xyz"):
            write_peaks(peaks, folder / f"peaks.{ending}", space, group)
