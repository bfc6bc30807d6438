"""From measured reflections to a refined crystal: every stage in turn."""

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any

from ..refinement import Refinement
from ..reflections import DataReport, Reflections, ReflectionTable
from ..scattering import CompositionLike, composition_amounts
from ..symmetry import SpaceGroup
from ._atoms import AtomSites
from ._attempt import Attempt, Given, attempt
from ._contradictions import lacking, refuse_contradictions
from ._free_structure import FreeStructure
from ._phase_in_p1 import phase_in_p1
from ._rungs import LADDER, Radiation, Rung
from ._space_group import CandidateGroup, SpaceGroupSearch

#: Seeds of the rungs of a ladder lie this far apart.
_NEXT = 7919
#: Wavelengths where a file says none, angstrom.
_WAVELENGTH = {"xray": 0.71073, "electron": 0.0251, "neutron": 1.0}


@dataclasses.dataclass(frozen=True, eq=False)
class Solution:
    """What was made of measured reflections, stage by stage.

    Attributes:
        report: the data: Laue class, merging, statistics, warnings.
        structure: phases in P1.
        search: space groups, ranked; None where no runs agree.
        candidate: the space group of the refined model.
        sites: atoms before refinement.
        refinement: the refined model; None where nothing could be refined.
        message: one sentence: solved, or why that is not believed.
        solved: whether to believe it.
        seconds: of each stage.
        log: what was done.
    """

    report: DataReport
    structure: FreeStructure
    search: SpaceGroupSearch | None
    candidate: CandidateGroup | None
    sites: AtomSites | None
    refinement: Refinement | None
    message: str
    solved: bool
    seconds: dict[str, float]
    log: tuple[str, ...]

    @property
    def alternatives(self) -> list[str]:
        """Symbols of other groups that the data do not rule out."""
        if self.search is None or self.candidate is None:
            return []
        every = (self.search.best, *self.search.alternatives)
        return [str(one.group.hm) for one in every if one is not self.candidate]

    @property
    def crystal(self) -> Any:
        """The refined crystal.

        Raises:
            ValueError: there is none.
        """
        if self.refinement is None:
            raise ValueError(f"expected a refined model, got none: {self.message}")
        return self.refinement.crystal

    def __repr__(self) -> str:
        if self.refinement is None:
            return f"Solution: {self.message}"
        return f"Solution: {self.message}\n{self.refinement!r}"


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
    progress: Callable[[str], None] | None = None,
) -> Solution:
    """Solve a crystal structure from measured reflections, and refine it.

        found = solve(io.read_reflection_table("data.hkl"), "C12 H22 O11")
        found.solved, found.crystal, found.refinement.R1, found.alternatives

    In turn: `DataReport.of` finds the Laue class; `phase_in_p1` phases; `find_space_group` ranks
    the groups; `find_atoms` makes sites; `refinement.complete_model` refines them, also in groups
    that the phases do not rule out. A structure is believed if runs in P1 agree, the symmetry was
    found in them, intensities are not those of a twin, and the model explains the data.

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
        progress: called with a line for each step.

    Raises:
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
    job = _Job(progress)

    report = DataReport.of(table.stating(group=group, radiation=kind))
    asked = None if group is None else SpaceGroup.find(group)
    refuse_contradictions(report, contents, wavelength or table.wavelength, asked)
    job.tell("read", repr(report), *report.warnings)
    given = Given(
        report=report,
        rows=table.reindexed(report.laue.index_matrix),
        contents=contents,
        radiation=kind,
        wavelength=length,
        group=asked,
        hint=_hint(asked, report),
        progress=progress,
    )
    best: Attempt | None = None
    rungs = list(ladder)
    while best is None or (rungs and not best.settled):
        structure = phase_in_p1(
            report.reflections,
            radiation=kind,
            starts=starts,
            seed=seed + _NEXT * (len(ladder) - len(rungs)),
            ladder=rungs,
        )
        rungs = rungs[rungs.index(structure.rung) + 1 :]
        found = attempt(given, structure, job.tell)
        best = found if best is None else max(best, found, key=lambda one: one.rank)
    return job.ended(report, best)


def _hint(asked: SpaceGroup | None, report: DataReport) -> SpaceGroup | None:
    """The group that is asked for, if it is in the setting and the Laue class that was found."""
    if asked is None:
        return None
    found = {W.tobytes() for W in report.laue.group.laue_rotations}
    same = {W.tobytes() for W in asked.laue_rotations} == found
    return asked if same else None


class _Job:
    """The log, and the time that stages take."""

    def __init__(self, progress: Callable[[str], None] | None) -> None:
        self.progress, self.log = progress, []
        self.seconds: dict[str, float] = {}
        self.last = time.perf_counter()

    def tell(self, stage: str, *lines: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self.last
        self.last = now
        for line in lines:
            self.log.append(f"{stage}: {line}")
            if self.progress is not None:
                self.progress(self.log[-1])

    def ended(self, report: DataReport, found: Attempt) -> Solution:
        candidate, sites, refinement = found.chosen or (None, None, None)
        message = found.message if found.solved else found.message + lacking(report)
        return Solution(
            report=report,
            structure=found.structure,
            search=found.search,
            candidate=candidate,
            sites=sites,
            refinement=refinement,
            message=message,
            solved=found.solved,
            seconds=self.seconds,
            log=(*self.log, message),
        )
