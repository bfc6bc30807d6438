"""`jaxtal phase`: from a job file to phases, densities and a verdict."""

import json
import pathlib
import sys
import time
from typing import Annotated, Any

import jax
import numpy as np
from cyclopts import Parameter
from jax.sharding import Mesh

from ..phasing import phase as find_phases
from ._devices import chosen_mesh, is_first
from ._errors import BadInputError
from ._files import check_writable, output_folder
from ._options import Count, Dtype, Json, Quiet, Seed, Watching
from ._watched import watched
from .job import (
    Demo,
    Example,
    Job,
    Report,
    demo_text,
    example_text,
    read_job,
    read_job_file,
    recipe_names,
    save_grid,
    write_results,
)


def phase(
    job: pathlib.Path | None = None,
    /,
    *,
    example: Example | None = None,
    demo: Demo | None = None,
    starts: Count | None = None,
    iterations: Count | None = None,
    recipe: Annotated[str | None, Parameter(help=f"one of {', '.join(recipe_names())}")] = None,
    seed: Seed | None = None,
    output: Annotated[pathlib.Path | None, Parameter(alias="-o")] = None,
    checkpoint: pathlib.Path | None = None,
    dtype: Dtype | None = None,
    devices: Count | None = None,
    distributed: bool = False,
    watching: Watching = Watching(),
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Phase the reflections of a job, or print an example of one.

    Args:
        job: a TOML file, as --example prints them.
        example: print a commented job, run nothing.
        demo: run on a model with known phases.
        starts: default 4.
        iterations: of the recipe's first stage.
        seed: default 0.
        output: folder to write to, default phasing-NAME.
        checkpoint: keep work in this file, and go on from it if it exists.
        dtype: precision, default float32.
        devices: how many of this machine to deal the starts to; a CPU can be several.
        distributed: one of several processes that srun or mpirun have started: each runs its own
            starts, and the first one writes what all have found.
    """
    given = {
        "starts": starts,
        "iterations": iterations,
        "recipe": recipe,
        "seed": seed,
        "dtype": dtype,
        "checkpoint": checkpoint,
    }
    options = {key: value for key, value in given.items() if value is not None}
    _check_one_of(job, example, demo)
    watching.check()
    if example is not None:
        rest = {"devices": devices, "distributed": distributed or None}
        rest |= {"monitor": watching.monitor or None}
        _check_alone({**options, **rest, "output": output, "json": as_json or None})
        print(example_text(example), end="")
        return 0
    begin = time.perf_counter()
    mesh = chosen_mesh(devices, distributed=distributed)
    return _run(_read(job, demo, options), mesh, output, watching, as_json, quiet, begin)


def _run(
    job: Job,
    mesh: Mesh | None,
    output: pathlib.Path | None,
    watching: Watching,
    as_json: bool,
    quiet: bool,
    begin: float,
) -> int:
    folder = output or pathlib.Path(f"phasing-{job.name}")
    writes = is_first()
    quiet = quiet or not writes
    planes = tuple(one.plane for one in job.sections if not one.at_peak)
    watching = watching if writes else Watching()
    with (
        output_folder(folder),
        watched(watching, "phase", job.source, folder, planes=planes) as monitor,
        jax.enable_x64(job.run.dtype == "float64"),
    ):
        if not quiet:
            print(f"phasing {job.source}: {_size(job)}", file=sys.stderr)
        result = find_phases(
            job.problem,
            recipe=job.run.stages(job.problem.orbits.n_reflections),
            starts=job.run.starts,
            seed=job.run.seed,
            grid=job.grid,
            dtype=np.dtype(job.run.dtype),
            checkpoint=job.checkpoint,
            mesh=mesh,
            progress=not quiet and sys.stderr.isatty(),
            control=None if monitor is None else monitor.control,
            observers=() if monitor is None else monitor.observers,
        )
        if monitor is not None:
            monitor.finish(result.message)
        report = Report.of(job, result, time.perf_counter() - begin)
        if not writes:
            return report.exit_code
        files = write_results(report, folder)
        if job.grid_file is not None:
            save_grid(result, job.grid_file)
    if as_json:
        print(json.dumps(report.for_machines(files)))
    else:
        print(f"{job.source}, phased with recipe {job.run.recipe}, seed {job.run.seed}")
        for label, text in report.for_people(files):
            print(f"  {label:10} {text}")
    return report.exit_code


def _read(job: pathlib.Path | None, demo: Demo | None, options: dict[str, Any]) -> Job:
    if options.get("recipe", "default") not in recipe_names():
        raise BadInputError(
            f"--recipe: expected one of {', '.join(recipe_names())}, got {options['recipe']!r}"
        )
    if "checkpoint" in options:
        check_writable(options["checkpoint"].parent)
        # Paths in a job begin at its folder, those on the command line at the current one.
        options = {**options, "checkpoint": str(options["checkpoint"].absolute())}
    if job is not None:
        return read_job_file(job, options)
    name = str(demo)
    return read_job(demo_text(name), f"demo {name}", f"demo-{name}", pathlib.Path(), options)


def _check_one_of(job: pathlib.Path | None, example: str | None, demo: str | None) -> None:
    choices = {"JOB.toml": job, "--demo": demo, "--example": example}
    given = [name for name, value in choices.items() if value is not None]
    if len(given) != 1:
        came = " and ".join(given) or "none"
        raise BadInputError(
            f"expected one of JOB.toml, --demo NAME and --example NAME, got {came} "
            "(see jaxtal phase --help)"
        )


def _check_alone(options: dict[str, Any]) -> None:
    """Options that an example has no use for are not passed over."""
    for name, value in options.items():
        if value is not None:
            raise BadInputError(f"--{name}: no use with --example, which runs nothing")


def _size(job: Job) -> str:
    found = job.problem.reflections.report
    return (
        f"{found.kept} orbits, {found.reflections} reflections in "
        f"{job.problem.orbits.group.dimension} dimensions"
    )
