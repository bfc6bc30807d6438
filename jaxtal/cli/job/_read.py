"""A job of `jaxtal phase`: everything that its file says, checked before anything is run."""

import dataclasses
import pathlib
import tomllib
from typing import Any

import jax
from pydantic import ValidationError

from ...grids import Grid
from ...phasing import Model, PhasingProblem, model
from .._errors import BadInputError
from .._files import check_writable
from ._blame import blamed, explained, located
from ._form_factors import form_factors
from ._frame import read_frame
from ._reflections import ModelData, read_reflections
from ._sections import SectionPlan, plan_section
from ._settings import OutputTable, RunTable
from ._tables import JobTables


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
        grid: the alias-free grid, None to search for one.
        grid_file: where a grid that was searched for is kept, None for nowhere.
        checkpoint: file of finished and unfinished work, or None.
        sections: planes to draw.
        output: files to write.
    """

    source: str
    text: str
    name: str
    problem: PhasingProblem
    model: Model | None
    run: RunTable
    grid: Grid | None
    grid_file: pathlib.Path | None
    checkpoint: pathlib.Path | None
    sections: tuple[SectionPlan, ...]
    output: OutputTable


def read_job_file(path: pathlib.Path, options: dict[str, Any]) -> Job:
    """Read the job in a file.

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
    return read_job(text, str(path), path.stem, path.parent, options)


def read_job(
    text: str, source: str, name: str, folder: pathlib.Path, options: dict[str, Any]
) -> Job:
    """Read, check and prepare all of a job.

    Args:
        text: TOML.
        source: what messages call it.
        name: for the folder of results.
        folder: where relative paths begin.
        options: keys of [run] given on the command line, which count instead.

    Raises:
        BadInputError: one line that names file, section and key.
    """
    tables = _tables(text, source)
    run = tables.run.model_copy(update=options)
    grid_file, checkpoint = _kept_files(run, source, folder)
    grid = None
    if grid_file is not None and grid_file.exists():
        with blamed(source, "run", "grid"):
            grid = Grid.load(grid_file)
        grid_file = None
    with jax.enable_x64(run.dtype == "float64"):
        problem, known = _problem(tables, source, folder, run)
    if grid is not None:
        with blamed(source, "run", "grid"):
            grid.check_stored(problem.orbits.all_indices)
    space = problem.reflections.space
    sections = tuple(plan_section(one, source, space, i) for i, one in enumerate(tables.section, 1))
    output = tables.output
    periodic = space.dimension == space.n_physical == 3
    if output.ccp4 and not periodic:
        raise located(
            source,
            "output",
            f"expected a crystal in 3 dimensions for a map, got one in {space.dimension}",
            "ccp4",
        )
    if output.ccp4 is None:
        output = output.model_copy(update={"ccp4": periodic})
    return Job(
        source, text, name, problem, known, run, grid, grid_file, checkpoint, sections, output
    )


def _tables(text: str, source: str) -> JobTables:
    try:
        return JobTables.model_validate(tomllib.loads(text))
    except ValidationError as error:
        raise explained(error, source) from None
    # Integers of thousands of digits and arrays in arrays in arrays are no TOML errors to Python.
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{source}: expected a TOML file: {error}") from None


def _kept_files(
    run: RunTable, source: str, folder: pathlib.Path
) -> tuple[pathlib.Path | None, pathlib.Path | None]:
    """Files of grid and checkpoint, where they can be written."""
    grid, checkpoint = (
        None if path is None else folder / path for path in (run.grid, run.checkpoint)
    )
    if grid is not None and not grid.exists():
        check_writable(grid.parent)
    if checkpoint is not None:
        check_writable(checkpoint.parent)
        if checkpoint.is_dir():
            text = f"expected a file, got the folder {checkpoint}"
            raise located(source, "run", text, "checkpoint")
    return grid, checkpoint


def _problem(
    tables: JobTables, source: str, folder: pathlib.Path, run: RunTable
) -> tuple[PhasingProblem, Model | None]:
    data, space, group = tables.data, tables.space, tables.group
    if isinstance(data, ModelData):
        known = model(data.model)
        reflections, modulated = known.reflections, known.name == "modulated"
    else:
        # The tables have been checked for them.
        assert space is not None
        assert group is not None
        frame = read_frame(space, group, source)
        reflections = read_reflections(data, source, folder, frame)
        known, modulated = None, frame.modulated
    factors = form_factors(
        tables.sharpening, tables.window, run.seed, source, reflections, modulated, known
    )
    with blamed(source, "data"):
        return PhasingProblem.build(reflections, factors, run.unmeasured), known
