"""`jaxtal solve`: from measured reflections to a refined crystal."""

import functools
import json
import pathlib
import re
import sys
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
from cyclopts import Parameter

from .._core import replacing_set, write_bytes, write_text
from ..io import read_reflection_table, write_ccp4, write_refinement
from ..plot import solution_figure
from ..reflections import ReflectionTable
from ..scattering import composition_amounts
from ..solution import Solution
from ..solution import solve as solve_structure
from ._errors import BadInputError
from ._files import output_folder
from ._interrupts import INTERRUPTED
from ._options import Count, Json, Quiet, Radiation, ReflectionForm, Seed, Six, Watching, number
from ._skipped import one_line_warnings
from ._watched import watched

#: Ends of the names of what may be written.
_ENDINGS = (".cif", ".res", "-density.ccp4", "-difference.ccp4", "-p1.ccp4", ".png", ".log")


def solve(
    file: pathlib.Path,
    /,
    *,
    cell: Annotated[Six | None, number(0.0)] = None,
    spacegroup: str | None = None,
    composition: str | None = None,
    wavelength: Annotated[float | None, number(0.0)] = None,
    radiation: Radiation | None = None,
    form: Annotated[ReflectionForm | None, Parameter(name="--format")] = None,
    block: str | None = None,
    instructions: pathlib.Path | None = None,
    starts: Count = 4,
    seed: Seed = 0,
    time: Annotated[float | None, number(0.0)] = None,
    embed: bool = False,
    output: Annotated[pathlib.Path | None, Parameter(alias="-o")] = None,
    watching: Watching = Watching(),
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Solve and refine a crystal structure; writes .cif, .res, densities, a picture and a log.

    Args:
        file: reflections (.hkl, .cif, .fcf, XDS_ASCII, .mtz, columns h k l I sigma).
        cell: A B C ALPHA BETA GAMMA, angstrom and degrees; default as the file, or an .ins or .res
            beside it, says.
        spacegroup: expected; taken if the phases obey it.
        composition: as "C12 H22 O11"; default as the file says. Without it elements are guesses.
        wavelength: angstrom.
        radiation: xray, electron or neutron.
        form: cif, columns, csv, mtz, shelx or xds; default by name and first line.
        block: of a CIF.
        instructions: .ins or .res that belongs to the file.
        starts: runs of each recipe, default 4.
        seed: of the starts, default 0.
        time: seconds, after which the stage that is on is the last, as after Ctrl-C.
        embed: put the reflections into the CIF, too (_shelx_hkl_file).
        output: folder to write to, default solve-NAME.
    """
    watching.check()
    if composition is not None:
        composition_amounts(composition)
    if time is not None and not time > 0:
        raise BadInputError(f"--time: expected seconds above 0, got {time:g}")
    name = re.sub(r"\s+", "_", file.name.removesuffix(".gz").rsplit(".", 1)[0]) or "crystal"
    folder = output or pathlib.Path(f"solve-{name}")
    if folder.resolve() in {path.resolve().parent for path in (file, instructions) if path}:
        # Results have the name of the data: some.cif, some.res.
        raise BadInputError(f"-o: expected another folder than that of the data, got {folder}")
    table = read_reflection_table(file, form, block=block, instructions=instructions)
    table = table.stating(cell=None if cell is None else np.array(cell, np.float64))
    with (
        output_folder(folder),
        watched(watching, "solve", file.name, folder) as monitor,
        one_line_warnings(quiet),
    ):

        def said(line: str) -> None:
            if not quiet:
                print(line, file=sys.stderr)
            if monitor is not None:
                monitor.said(line)

        found = solve_structure(
            table,
            composition,
            group=spacegroup,
            radiation=radiation,
            wavelength=wavelength,
            starts=starts,
            seed=seed,
            time_limit=time,
            progress=said,
            on_chunk=None if monitor is None else monitor.take,
        )
        if monitor is not None:
            monitor.finish(found.message)
        rows = table.reindexed(found.report.laue.index_matrix) if embed else False
        files = _write(found, folder, name, rows)
    if as_json:
        print(json.dumps(_for_machines(found, files)))
    else:
        print(found)
        for path in files:
            print(f"written     {path}")
    if found.interrupted:
        return INTERRUPTED
    return 0 if found.solved else 1


def _write(
    found: Solution, folder: pathlib.Path, name: str, rows: ReflectionTable | bool
) -> list[str]:
    """Write what there is, together; of an earlier run nothing stays that this one lacks."""
    refined, structure, cell = found.refinement, found.structure, found.report.laue.cell
    endings: dict[str, Callable[[pathlib.Path], object]] = {
        ".png": lambda path: _draw(found, path, name),
        ".log": lambda path: write_text(path, _log(found)),
    }
    if refined is None:
        endings["-p1.ccp4"] = lambda path: write_ccp4(path, structure.values, cell)
    else:
        write = functools.partial(write_refinement, refined, name=name)
        endings |= {
            ".cif": lambda path: write(path, reflections=rows),
            ".res": write,
            "-density.ccp4": lambda path: write(path, density=True),
            "-difference.ccp4": write,
        }
    names = {ending: f"{name}{ending}" for ending in _ENDINGS}
    with replacing_set(folder, stale=names.values()) as made:
        for ending, write_file in endings.items():
            write_file(made / names[ending])
    return [str(folder / names[ending]) for ending in _ENDINGS if ending in endings]


def _draw(found: Solution, path: pathlib.Path, name: str) -> None:
    figure = solution_figure(found, name)
    write_bytes(path, lambda file: figure.savefig(file, format="png", dpi=150))


def _log(found: Solution) -> str:
    refined = () if found.refinement is None else found.refinement.log
    return "\n".join([found.report.text(), *found.log, *refined]) + "\n"


def _for_machines(found: Solution, files: list[str]) -> dict[str, Any]:
    refined = found.refinement
    atoms = []
    if refined is not None:
        model = refined.model
        atoms = [
            {"element": element, "xyz": x.tolist(), "u": float(u)}
            for element, x, u in zip(model.species, model.frac, model.u_eq, strict=True)
        ]
    group = None if found.candidate is None else found.candidate.group
    return {
        "solved": found.solved,
        "interrupted": found.interrupted,
        "message": found.message,
        "space_group": None if group is None else group.hm,
        "alternatives": found.alternatives,
        "r1": None if refined is None else refined.R1,
        "wr2": None if refined is None else refined.wR2,
        "gof": None if refined is None else refined.gof,
        "atoms": atoms,
        "families": [len(family) for family in found.structure.families],
        "seconds": found.seconds,
        "cif": next((path for path in files if path.endswith(".cif")), None),
        "files": files,
        "warnings": found.warnings,
    }
