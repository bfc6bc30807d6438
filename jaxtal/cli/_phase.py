"""`jaxtal phase`: from a job file to phases, densities and a verdict."""

import argparse
import json
import pathlib
import sys
import time

import jax
import numpy as np

from ..phasing import phase
from ._errors import BadInputError
from ._files import check_writable
from ._job import Job, example_text, read_demo, read_job_file
from ._phase_files import output_folder, save_grid, write_results
from ._phase_report import Report

_RUN_OPTIONS = ("starts", "iterations", "recipe", "seed", "dtype", "checkpoint", "output")


def run_phase(arguments: argparse.Namespace) -> int:
    """Phase the reflections of a job, or print an example of one."""
    if arguments.example is not None:
        _check_alone(arguments)
        sys.stdout.write(example_text(arguments.example))
        return 0
    begin = time.perf_counter()
    job = _job(arguments)
    folder = pathlib.Path(arguments.output or f"phasing-{job.name}")
    with output_folder(folder), jax.enable_x64(job.run.dtype == "float64"):
        if not arguments.quiet:
            print(f"phasing {job.source}: {_size(job)}", file=sys.stderr)
        result = phase(
            job.problem,
            recipe=job.run.stages(job.problem.orbits.n_reflections),
            starts=job.run.starts,
            seed=job.run.seed,
            grid=job.run.grid,
            dtype=np.dtype(job.run.dtype),
            checkpoint=job.run.checkpoint,
            progress=not arguments.quiet and sys.stderr.isatty(),
        )
        report = Report.of(job, result, time.perf_counter() - begin)
        files = write_results(report, folder)
        if job.run.grid_file is not None:
            save_grid(result, job.run.grid_file)
    if arguments.json:
        print(json.dumps(report.for_machines(files)))
    else:
        print(f"{job.source}, phased with recipe {job.run.recipe}, seed {job.run.seed}")
        for label, text in report.for_people(files):
            print(f"  {label:10} {text}")
    return report.exit_code


def _job(arguments: argparse.Namespace) -> Job:
    if arguments.checkpoint is not None:
        check_writable(pathlib.Path(arguments.checkpoint).parent)
    if arguments.demo is not None:
        return read_demo(arguments.demo, arguments)
    if arguments.job is None:
        raise BadInputError("expected a JOB.toml, --demo NAME or --example NAME")
    return read_job_file(pathlib.Path(arguments.job), arguments)


def _check_alone(arguments: argparse.Namespace) -> None:
    """Options that an example has no use for are not passed over."""
    given = [name for name in _RUN_OPTIONS if getattr(arguments, name) is not None]
    if given or arguments.json:
        raise BadInputError(
            f"--{(given or ['json'])[0]}: no use with --example, which runs nothing"
        )


def _size(job: Job) -> str:
    found = job.problem.reflections.report
    return (
        f"{found.kept} orbits, {found.reflections} reflections in "
        f"{job.problem.orbits.group.dimension} dimensions"
    )
