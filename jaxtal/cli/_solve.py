"""`jaxtal solve`: from measured reflections to a refined crystal."""

import json
import pathlib
import re
import sys
from typing import Annotated, Any

import numpy as np
from cyclopts import Parameter

from .._core import write_text
from ..io import read_reflection_table, write_refinement
from ..scattering import composition_amounts
from ..solution import Solution
from ..solution import solve as solve_structure
from ._options import Count, Json, Quiet, Radiation, ReflectionForm, Seed, Six, number
from ._skipped import one_line_warnings
from .job import output_folder


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
    output: Annotated[pathlib.Path | None, Parameter(alias="-o")] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Solve and refine a crystal structure; writes .cif, .res, difference density and a log.

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
        output: folder to write to, default solve-NAME.
    """
    if composition is not None:
        composition_amounts(composition)
    name = re.sub(r"\s+", "_", file.name.removesuffix(".gz").rsplit(".", 1)[0]) or "crystal"
    folder = output or pathlib.Path(f"solve-{name}")
    table = read_reflection_table(file, form, block=block, instructions=instructions)
    table = table.stating(cell=None if cell is None else np.array(cell, np.float64))
    with output_folder(folder), one_line_warnings(quiet):
        found = solve_structure(
            table,
            composition,
            group=spacegroup,
            radiation=radiation,
            wavelength=wavelength,
            starts=starts,
            seed=seed,
            progress=None if quiet else lambda line: print(line, file=sys.stderr),
        )
        files = _write(found, folder, name)
    if as_json:
        print(json.dumps(_for_machines(found, files)))
    else:
        print(found)
        for path in files:
            print(f"written     {path}")
    return 0 if found.solved else 1


def _write(found: Solution, folder: pathlib.Path, name: str) -> list[str]:
    paths = []
    if found.refinement is not None:
        for ending in (".cif", ".res", "-difference.ccp4"):
            paths.append(folder / f"{name}{ending}")
            write_refinement(found.refinement, paths[-1], name=name)
    paths.append(folder / f"{name}.log")
    lines = [*found.log, *(found.refinement.log if found.refinement is not None else ())]
    write_text(paths[-1], "\n".join([found.report.text(), *lines]) + "\n")
    return [str(path) for path in paths]


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
        "warnings": [*found.report.warnings, *(refined.warnings if refined is not None else ())],
    }
