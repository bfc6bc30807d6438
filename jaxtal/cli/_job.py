"""A job of `jaxtal phase`: everything that its file says, checked before anything is run."""

import argparse
import dataclasses
import importlib.resources
import pathlib
import tomllib
from typing import Any

import jax

from ..phasing import Model, PhasingProblem
from ._errors import BadInputError
from ._job_amplitudes import SHARPENING_KEYS, WINDOW_KEYS, read_form_factors
from ._job_data import DATA_KEYS, read_data, read_model
from ._job_kinds import TABLE, items
from ._job_output import (
    OUTPUT_KEYS,
    SECTION_KEYS,
    OutputPlan,
    SectionPlan,
    read_output,
    read_section,
)
from ._job_run import RUN_KEYS, RunOptions, read_run
from ._job_space import GROUP_KEYS, SPACE_KEYS, read_frame
from ._job_table import JobTable

_SECTIONS = {
    "data": DATA_KEYS,
    "space": SPACE_KEYS,
    "group": GROUP_KEYS,
    "sharpening": SHARPENING_KEYS,
    "window": WINDOW_KEYS,
    "run": RUN_KEYS,
    "output": OUTPUT_KEYS,
}
#: Example jobs, and what `--demo` runs.
EXAMPLES = ("icosahedral", "decagonal", "modulated", "2d", "3d", "zn-mg-tm")
DEMOS = ("icosahedral", "decagonal", "modulated", "2d", "3d")


@dataclasses.dataclass(frozen=True, eq=False)
class Job:
    """What is to be done.

    Attributes:
        source: the file, as messages call it.
        text: its contents.
        name: for the folder of results.
        problem: reflections, symmetry and moduli.
        model: with known phases, where the reflections come from one.
        run: how.
        sections: planes to draw.
        output: files to write.
    """

    source: str
    text: str
    name: str
    problem: PhasingProblem
    model: Model | None
    run: RunOptions
    sections: tuple[SectionPlan, ...]
    output: OutputPlan


def example_text(name: str) -> str:
    """A commented job that comes with the package."""
    folder = importlib.resources.files("jaxtal.cli") / "_jobs"
    return (folder / f"{name}.toml").read_text(encoding="utf-8")


def read_demo(name: str, arguments: argparse.Namespace) -> Job:
    """The job of a model that needs no file."""
    text = example_text("demo-icosahedral" if name == "icosahedral" else name)
    return read_job(text, f"demo {name}", f"demo-{name}", pathlib.Path(), arguments)


def read_job_file(path: pathlib.Path, arguments: argparse.Namespace) -> Job:
    """The job in a file.

    Raises:
        BadInputError: no such file, no TOML, or something wrong in it.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BadInputError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise BadInputError(f"{path}: expected a file, got a folder") from None
    except UnicodeDecodeError as error:
        raise BadInputError(f"{path}: expected a TOML file in UTF-8: {error}") from None
    return read_job(text, str(path), path.stem, path.parent, arguments)


def read_job(
    text: str, source: str, name: str, folder: pathlib.Path, arguments: argparse.Namespace
) -> Job:
    """Read, check and prepare all of a job.

    Args:
        text: TOML.
        source: what messages call it.
        name: for the folder of results.
        folder: where relative paths begin.
        arguments: options of the command line, which count instead.

    Raises:
        BadInputError: one line that names file, section and key.
    """
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInputError(f"{source}: expected a TOML file: {error}") from None
    whole = JobTable(values, source, "", (*_SECTIONS, "section"))
    tables = {
        key: JobTable(whole.get(key, TABLE, {}), source, key, keys)
        for key, keys in _SECTIONS.items()
    }
    run = read_run(tables["run"], folder, arguments)
    with jax.enable_x64(run.dtype == "float64"):
        problem, model = _problem(whole, tables, folder, run)
    space = problem.reflections.space
    drawn = whole.get("section", items(TABLE), [])
    sections = tuple(_section(one, source, space, i) for i, one in enumerate(drawn, 1))
    names = [section.name for section in sections]
    for twice in {one for one in names if names.count(one) > 1}:
        raise BadInputError(f"{source}: [[section]] name: {twice!r} is used more than once")
    output = read_output(tables["output"], space)
    return Job(source, text, name, problem, model, run, sections, output)


def _section(values: dict[str, Any], source: str, space: Any, number: int) -> SectionPlan:
    return read_section(JobTable(values, source, f"section {number}", SECTION_KEYS), space, number)


def _problem(
    whole: JobTable, tables: dict[str, JobTable], folder: pathlib.Path, run: RunOptions
) -> tuple[PhasingProblem, Model | None]:
    data, model = tables["data"], read_model(tables["data"])
    if model is None:
        frame = read_frame(tables["space"], tables["group"])
        reflections, modulated = read_data(data, folder, frame), frame.modulated
    else:
        whole.refuse(["space", "group"], "beside a model, which brings its own")
        reflections, modulated = model.reflections, model.name == "modulated"
    factors = read_form_factors(
        tables["sharpening"], tables["window"], reflections, modulated, model, run.seed
    )
    with data.blamed():
        problem = PhasingProblem.build(reflections, factors, run.unmeasured)
    if run.grid is not None:
        with tables["run"].blamed("grid"):
            _check_grid(run, problem)
    return problem, model


def _check_grid(run: RunOptions, problem: PhasingProblem) -> None:
    grid, k = run.grid, problem.orbits.all_indices
    if grid is not None and not (grid.dimension == k.shape[1] and grid.is_alias_free(k)):
        raise ValueError(f"expected a grid that is alias-free for these reflections, got {grid!r}")
