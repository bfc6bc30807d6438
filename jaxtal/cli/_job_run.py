"""[run] of a job, with what the command line says instead."""

import argparse
import dataclasses
import pathlib
from typing import Literal

from ..grids import Grid
from ..phasing import Recipe, recipe
from ._errors import BadInputError
from ._files import check_writable
from ._job_kinds import PATH, TEXT, choice, either, integer, number
from ._job_table import JobTable

RUN_KEYS = (
    *("recipe", "starts", "iterations", "seed", "dtype", "unmeasured", "ratio", "agreement"),
    *("r_factor", "restarts", "grid", "checkpoint"),
)


@dataclasses.dataclass(frozen=True)
class RunOptions:
    """How a job is run.

    Attributes:
        recipe: name of the recipe.
        iterations: of its first stage, None as the recipe has it.
        limits: what the recipe is to have instead of its own: ratio, agreement, R, restarts.
        starts: how many.
        seed: of everything random.
        dtype: "float32" or "float64".
        unmeasured: "zero", "free", or a bound.
        grid: the alias-free grid, None to search for one.
        grid_file: where a grid that was searched for is kept, None for nowhere.
        checkpoint: file of finished and unfinished work, or None.
    """

    recipe: str
    iterations: int | None
    limits: dict[str, float | int]
    starts: int
    seed: int
    dtype: str
    unmeasured: Literal["zero", "free"] | float
    grid: Grid | None
    grid_file: pathlib.Path | None
    checkpoint: pathlib.Path | None

    def stages(self, reflections: int) -> Recipe:
        """The recipe for so many reflections, changed as asked."""
        found = recipe(self.recipe, reflections)
        found = found if self.iterations is None else found.resized(self.iterations)
        return dataclasses.replace(found, **self.limits)


def read_run(table: JobTable, folder: pathlib.Path, arguments: argparse.Namespace) -> RunOptions:
    """Options of the job; those given on the command line count instead.

    Paths in the job begin at its folder, those on the command line at the current one.

    Raises:
        BadInputError: naming the key, or the option.
    """
    said = {
        "recipe": table.get("recipe", TEXT, "default"),
        "starts": table.get("starts", integer(1), 4),
        "iterations": table.get("iterations", integer(1), None),
        "seed": table.get("seed", integer(0), 0),
        "dtype": table.get("dtype", choice("float32", "float64"), "float32"),
    }
    said |= {key: v for key in said if (v := getattr(arguments, key, None)) is not None}
    try:
        recipe(said["recipe"])
    except ValueError as error:
        if getattr(arguments, "recipe", None) is not None:
            raise BadInputError(f"--{error}") from None
        raise table.error(str(error)) from None
    limits = {
        "ratio": table.get("ratio", number(above=0), None),
        "agreement": table.get("agreement", number(least=0), None),
        "r_factor": table.get("r_factor", number(above=0), None),
        "restarts": table.get("restarts", integer(0), None),
    }
    if limits["agreement"] is not None and not limits["agreement"] < 1:
        raise table.error(f"agreement: expected a number below 1, got {limits['agreement']:g}")
    unmeasured = table.get("unmeasured", either(choice("zero", "free"), number(least=0)), "zero")
    grid_file, grid = _file(table, "grid", folder), None
    if grid_file is not None and grid_file.exists():
        with table.blamed("grid"):
            grid = Grid.load(grid_file)
    elif grid_file is not None:
        check_writable(grid_file.parent)
    checkpoint = _file(table, "checkpoint", folder)
    if getattr(arguments, "checkpoint", None) is not None:
        checkpoint = pathlib.Path(arguments.checkpoint)
    if checkpoint is not None:
        check_writable(checkpoint.parent)
        if checkpoint.is_dir():
            raise table.error(f"checkpoint: expected a file, got the folder {checkpoint}")
    return RunOptions(
        recipe=said["recipe"],
        iterations=said["iterations"],
        limits={key: value for key, value in limits.items() if value is not None},
        starts=said["starts"],
        seed=said["seed"],
        dtype=said["dtype"],
        unmeasured=unmeasured,
        grid=grid,
        grid_file=None if grid is not None else grid_file,
        checkpoint=checkpoint,
    )


def _file(table: JobTable, key: str, folder: pathlib.Path) -> pathlib.Path | None:
    path = table.get(key, PATH, None)
    return None if path is None else folder / path
