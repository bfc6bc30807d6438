"""From measured reflections to a refined crystal: every stage in turn."""

import functools
from collections.abc import Callable, Sequence

from ..reflections import DataReport, Reflections, ReflectionTable
from ..scattering import CompositionLike, composition_amounts
from ..symmetry import SpaceGroup
from ._attempt import Attempt, Given, attempt
from ._contradictions import lacking, refuse_contradictions
from ._job import Job
from ._phase_in_p1 import OnChunk, phase_in_p1
from ._rungs import LADDER, Radiation, Rung
from ._solution import Solution
from ._stop import Stop, interruptible

#: Seeds of the rungs of a ladder lie this far apart.
_NEXT = 7919
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
    on_chunk: OnChunk | None = None,
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
        on_chunk: see `phase_in_p1`; the log tells what it changes.

    Raises:
        KeyboardInterrupt: before anything was phased.
        ValueError: no cell, a composition that is none, rows that `DataReport` refuses, or what
            can't be true together: a wavelength that does not reach the spacings, a composition
            that does not go into the cell, a group that the cell does not have.
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
        asked = None if group is None else SpaceGroup.find(group)
        refuse_contradictions(report, contents, wavelength or table.wavelength, asked)
        job.tell("read", repr(report), *report.warnings)
        if stop.interrupted:
            raise KeyboardInterrupt
        given = Given(
            report=report,
            rows=table.reindexed(report.laue.index_matrix),
            contents=contents,
            radiation=kind,
            wavelength=length,
            group=asked,
            hint=_hint(asked, report),
            job=job,
        )
        best: Attempt | None = None
        rungs = list(ladder)
        while best is None or (rungs and not best.settled and not stop()):
            structure = phase_in_p1(
                report.reflections,
                radiation=kind,
                starts=starts,
                seed=seed + _NEXT * (len(ladder) - len(rungs)),
                ladder=rungs,
                progress=functools.partial(job.begin, "phase"),
                stop=stop,
                on_chunk=job.hearing(on_chunk),
            )
            rungs = rungs[rungs.index(structure.rung) + 1 :]
            found = attempt(given, structure)
            best = found if best is None else max(best, found, key=lambda one: one.rank)
        message = best.message
        if not best.solved:
            if stop.heeded and not best.stopped:
                message = f"{stop.reason} before harder recipes were tried: {message}"
            message += lacking(report)
        return job.ended(report, best.structure, message, best.search, best.chosen)

    return interruptible(work, stop, lambda: job.begin("interrupted", "this stage is the last"))


def _hint(asked: SpaceGroup | None, report: DataReport) -> SpaceGroup | None:
    """The group that is asked for, if it is in the setting and the Laue class that was found."""
    if asked is None:
        return None
    found = {W.tobytes() for W in report.laue.group.laue_rotations}
    same = {W.tobytes() for W in asked.laue_rotations} == found
    return asked if same else None
