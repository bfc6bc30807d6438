"""From measured reflections to a refined crystal: every stage in turn."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from ..refinement import Measurements, Model, complete_model
from ..reflections import DataReport, Reflections, ReflectionTable
from ..scattering import CompositionLike, composition_amounts
from ..symmetry import SpaceGroup
from ._atoms import find_atoms
from ._job import Job, Tried
from ._phase_in_p1 import phase_in_p1
from ._rungs import LADDER, Radiation, Rung
from ._solution import Solution
from ._space_group import CandidateGroup, SpaceGroupSearch, find_space_group
from ._stop import Stop, interruptible

#: R1 of the refined model up to which a structure is believed. Electrons scatter more than once,
#: which no model here describes.
_LIMIT = {"xray": 0.20, "neutron": 0.20, "electron": 0.35}
#: The same where elements are guesses: these have to explain more, lest a part pass for the whole.
_GUESSED = {"xray": 0.12, "neutron": 0.12, "electron": 0.25}
#: R1 in another group, of that in the chosen one, at which it is taken instead: a smaller group has
#: more parameters and always fits somewhat better, a larger one explains more with fewer.
_SMALLER, _EQUAL, _LARGER = 0.85, 0.95, 1.05
#: Alternatives that are refined besides the chosen group.
_ALTERNATIVES = 2
#: Wavelengths where a file says none, angstrom.
_WAVELENGTH = {"xray": 0.71073, "electron": 0.0251, "neutron": 1.0}


def solve(
    measured: ReflectionTable | Reflections,
    composition: CompositionLike | None = None,
    *,
    group: int | str | SpaceGroup | None = None,
    radiation: Radiation | None = None,
    wavelength: float | int | None = None,
    starts: int = 4,
    seed: int = 0,
    ladder: Sequence[Rung] = LADDER,
    time_limit: float | int | None = None,
    progress: Callable[[str], None] | None = None,
) -> Solution:
    """Solve a crystal structure from measured reflections, and refine it.

        found = solve(io.read_reflection_table("data.hkl"), "C12 H22 O11")
        found.solved, found.crystal, found.refinement.R1, found.alternatives

    In turn: `DataReport.of` finds the Laue class; `phase_in_p1` phases; `find_space_group` ranks
    the groups; `find_atoms` makes sites; `refinement.complete_model` refines them, also in groups
    that the phases do not rule out. A structure is believed if runs in P1 agree, the symmetry was
    found in them, intensities are not those of a twin, and the model explains the data.

    The first interrupt (Ctrl-C), and the end of the time, end the stage that is on with the best of
    it; later stages are left out, and the result says so. The second interrupt is raised.

    Args:
        measured: rows of a file with their cell, or reflections made of them.
        composition: of a formula unit or of the cell; default what the file says. Without any the
            elements are guesses.
        group: expected; chosen if the phases obey it.
        radiation: default what the file says, or X-rays.
        wavelength: angstrom; default what the file says, or 0.71073 for X-rays.
        starts: runs of each recipe.
        seed: of the phases.
        ladder: recipes of `phase_in_p1`.
        time_limit: seconds; what is begun before their end is ended soon after it.
        progress: called with a line for each step, perhaps from another thread.

    Raises:
        KeyboardInterrupt: before anything was phased.
        ValueError: no cell, a composition that is none, or rows that `DataReport` refuses.
    """
    table = measured.table if isinstance(measured, Reflections) else measured
    if table is None:
        raise ValueError("measured: expected the rows of a file, got reflections without them")
    kind: Radiation = radiation or table.radiation or "xray"
    contents = composition if composition is not None else table.composition
    if contents is not None:
        composition_amounts(contents)  # refused now, not after phasing
    length = wavelength or table.wavelength or _WAVELENGTH[kind]
    if time_limit is not None and not time_limit > 0:
        raise ValueError(f"time_limit: expected positive seconds, got {time_limit}")
    stop = Stop(time_limit)
    job = Job(progress, stop)

    def work() -> Solution:
        report = DataReport.of(table.stating(group=group, radiation=kind))
        job.tell("read", repr(report), *report.warnings)
        if stop.interrupted:
            raise KeyboardInterrupt
        options = {"radiation": kind, "starts": starts, "seed": seed, "ladder": ladder}
        told = functools.partial(job.begin, "phase")
        structure = phase_in_p1(report.reflections, **options, progress=told, stop=stop)
        job.tell("phase", structure.message)
        if stop():
            return job.stopped(report, structure, "phasing")
        if not structure.agrees:
            return job.ended(report, structure, f"not solved: {structure.message}")
        job.begin("symmetry", "the space groups of the Laue class")
        search = find_space_group(structure, _hint(group, report))
        job.tell("symmetry", search.best.text())
        if stop():
            return job.stopped(report, structure, "the search of the space group", search)
        rows = table.reindexed(report.laue.index_matrix)
        told = {"wavelength": length, "radiation": kind}
        groups = (search.best, *_worth_trying(search, group))
        tried = []
        for one in groups:
            if not stop():
                tried += _refined(job, one, search, report, rows, contents, told)
        if not tried:
            if stop.heeded:
                return job.stopped(report, structure, "refinement", search)
            reason = next(line for line in job.log if line.startswith("refine: "))
            return job.ended(report, structure, reason.replace("refine", "not solved", 1), search)
        chosen = functools.reduce(_preferred, tried)
        if stop.heeded:
            return job.stopped(report, structure, "refinement", search, chosen)
        limit = (_GUESSED if contents is None else _LIMIT)[kind]
        return job.ended(report, structure, _verdict(search, chosen, limit), search, chosen)

    return interruptible(work, stop, lambda: job.begin("interrupted", "this stage is the last"))


def _refined(
    job: Job,
    candidate: CandidateGroup,
    search: SpaceGroupSearch,
    report: DataReport,
    rows: ReflectionTable,
    contents: CompositionLike | None,
    told: dict[str, Any],
) -> list[Tried]:
    """Atoms of a density averaged over a group, refined; nothing where that makes no model."""
    name = candidate.group.hm
    job.begin("refine", f"in {name}")
    try:
        sites = find_atoms(candidate, contents, search=search, radiation=told["radiation"])
        data = Measurements.from_table(report.laue.cell, candidate.group, rows, **told)
        model = Model.from_crystal(sites.crystal)
        found = complete_model(
            data,
            model,
            composition=contents,
            unknown=contents is None,
            progress=job.progress,
            stop=job.stop,
        )
    except ValueError as error:
        job.tell("refine", f"no model in {name}: {error}")
        return []
    job.tell("refine", f"{name}: R1 {found.R1:.4f}, {len(found.model)} atoms")
    return [(candidate, sites, found)]


def _hint(group: int | str | SpaceGroup | None, report: DataReport) -> SpaceGroup | None:
    """The group that is asked for, if it is in the setting and the Laue class that was found."""
    if group is None:
        return None
    wanted = SpaceGroup.find(group)
    found = {W.tobytes() for W in report.laue.group.laue_rotations}
    same = {W.tobytes() for W in wanted.laue_rotations} == found
    return wanted if same else None


def _worth_trying(search: SpaceGroupSearch, group: Any) -> list[CandidateGroup]:
    """Other groups that the phases do not rule out; nothing is tried where one is asked for.

    The other hand of the chosen group fits as well, but for what the refinement tests itself.
    """
    if group is not None:
        return []
    best = search.best
    size = len(best.group.point_rotations)
    others = [
        one
        for one in search.alternatives
        if one.inverted == best.inverted or len(one.group.point_rotations) != size
    ]
    return sorted(others, key=lambda one: not one.passes)[:_ALTERNATIVES]


def _preferred(chosen: Tried, other: Tried) -> Tried:
    sizes = [len(one[0].group.point_rotations) for one in (chosen, other)]
    share = _EQUAL if sizes[0] == sizes[1] else _SMALLER if sizes[1] < sizes[0] else _LARGER
    ratio = other[2].R1 / chosen[2].R1
    return other if ratio < share else chosen


def _verdict(search: SpaceGroupSearch, chosen: Tried, limit: float) -> str:
    candidate, _, found = chosen
    if search.structure.twin is not None:
        return search.structure.message
    if not search.converged:
        return "not convincingly solved: the phases do not have the symmetry of the intensities"
    if limit < found.R1:
        return f"not convincingly solved: R1 {found.R1:.3f} is above {limit:.2f}"
    return f"solved in {candidate.group.hm}: R1 {found.R1:.4f}, {search.structure.message}"
