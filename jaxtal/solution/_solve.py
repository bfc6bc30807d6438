"""From measured reflections to a refined crystal: every stage in turn."""

import dataclasses
import functools
import time
from collections.abc import Callable, Sequence
from typing import Any

from ..refinement import Measurements, Model, Refinement, complete_model
from ..reflections import DataReport, Reflections, ReflectionTable
from ..scattering import CompositionLike, composition_amounts
from ..symmetry import SpaceGroup
from ._atoms import AtomSites, find_atoms
from ._free_structure import FreeStructure
from ._phase_in_p1 import phase_in_p1
from ._rungs import LADDER, Radiation, Rung
from ._space_group import CandidateGroup, SpaceGroupSearch, find_space_group

#: R1 of the refined model up to which a structure is believed. Electrons scatter more than once,
#: which no model here describes.
_LIMIT = {"xray": 0.20, "neutron": 0.20, "electron": 0.35}
#: R1 in another group, of that in the chosen one, at which it is taken instead: a smaller group has
#: more parameters and always fits somewhat better, a larger one explains more with fewer.
_SMALLER, _EQUAL, _LARGER = 0.85, 0.95, 1.05
#: Alternatives that are refined besides the chosen group.
_ALTERNATIVES = 2
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
    job = _Job(progress)

    report = DataReport.of(table.stating(group=group, radiation=kind))
    job.tell("read", repr(report), *report.warnings)
    structure = phase_in_p1(
        report.reflections, radiation=kind, starts=starts, seed=seed, ladder=ladder
    )
    job.tell("phase", structure.message)
    if not structure.agrees:
        return job.ended(report, structure, f"not solved: {structure.message}")
    search = find_space_group(structure, _hint(group, report))
    job.tell("symmetry", search.best.text())
    rows = table.reindexed(report.laue.index_matrix)
    tried: list[tuple[CandidateGroup, AtomSites, Refinement]] = []
    failures: list[str] = []
    for one in (search.best, *_worth_trying(search, group)):
        try:
            sites = find_atoms(one, contents, search=search, radiation=kind)
            data = Measurements.from_table(
                report.laue.cell, one.group, rows, wavelength=length, radiation=kind
            )
            model = Model.from_crystal(sites.crystal)
            found = complete_model(data, model, composition=contents, progress=progress)
        except ValueError as error:
            failures.append(f"{one.group.hm}: {error}")
            job.tell("refine", f"no model in {failures[-1]}")
            continue
        job.tell("refine", f"{one.group.hm}: R1 {found.R1:.4f}, {len(found.model)} atoms")
        tried.append((one, sites, found))
    if not tried:
        return job.ended(report, structure, f"not solved: no model in {failures[0]}", search)
    chosen = functools.reduce(_preferred, tried)
    return job.ended(report, structure, _verdict(search, chosen, kind), search, chosen)


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


def _preferred(
    chosen: tuple[CandidateGroup, AtomSites, Refinement],
    other: tuple[CandidateGroup, AtomSites, Refinement],
) -> tuple[CandidateGroup, AtomSites, Refinement]:
    sizes = [len(one[0].group.point_rotations) for one in (chosen, other)]
    share = _EQUAL if sizes[0] == sizes[1] else _SMALLER if sizes[1] < sizes[0] else _LARGER
    ratio = other[2].R1 / chosen[2].R1
    return other if ratio < share else chosen


def _verdict(
    search: SpaceGroupSearch, chosen: tuple[CandidateGroup, AtomSites, Refinement], kind: str
) -> str:
    candidate, _, found = chosen
    if search.structure.twin is not None:
        return search.structure.message
    if not search.converged:
        return "not convincingly solved: the phases do not have the symmetry of the intensities"
    limit = _LIMIT[kind]
    if limit < found.R1:
        return f"not convincingly solved: R1 {found.R1:.3f} is above {limit:.2f}"
    return f"solved in {candidate.group.hm}: R1 {found.R1:.4f}, {search.structure.message}"


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

    def ended(
        self,
        report: DataReport,
        structure: FreeStructure,
        message: str,
        search: SpaceGroupSearch | None = None,
        chosen: tuple[CandidateGroup, AtomSites, Refinement] | None = None,
    ) -> Solution:
        candidate, sites, refinement = chosen or (None, None, None)
        return Solution(
            report=report,
            structure=structure,
            search=search,
            candidate=candidate,
            sites=sites,
            refinement=refinement,
            message=message,
            solved=message.startswith("solved"),
            seconds=self.seconds,
            log=(*self.log, message),
        )
