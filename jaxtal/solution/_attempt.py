"""One structure in P1 made into a refined model, and whether to believe that."""

import dataclasses
import functools
import math
from typing import Any

import numpy as np

from ..refinement import Measurements, Model, Refinement, complete_model
from ..refinement._bonds import nearest_atoms
from ..refinement._contents import atom_height
from ..reflections import DataReport, ReflectionTable
from ..scattering import CompositionLike
from ..symmetry import SpaceGroup
from ._atoms import find_atoms
from ._cell_by_bonds import doubtful_cell, wrong_cell
from ._free_structure import FreeStructure
from ._job import Job, Tried
from ._rungs import Radiation
from ._space_group import CandidateGroup, SpaceGroupSearch, find_space_group

#: R1 of the refined model up to which a structure is believed, for as many reflections as one likes
#: for each parameter. Electrons scatter more than once, which no model here describes: measured
#: structures reach 0.20, false ones 0.30.
_LIMIT = {"xray": 0.16, "neutron": 0.20, "electron": 0.26}
#: Density left far from all atoms, of the height of the lightest but hydrogen, that says that atoms
#: are missing where R1 is above the second number; how far is far, angstrom. There, too, a rotation
#: that the intensities nearly have, to this R, says that the crystal is a twin.
_LEFT, _DOUBTFUL, _FAR, _NEARLY = 0.25, 0.09, 0.9, 0.25
#: The same where elements are guesses: these have to explain more, lest a part pass for the whole.
_GUESSED = {"xray": 0.12, "neutron": 0.12, "electron": 0.25}
#: R1 in another group, of that in the chosen one, at which it is taken instead: a smaller group has
#: more parameters and always fits somewhat better, a larger one explains more with fewer.
_SMALLER, _EQUAL, _LARGER = 0.85, 0.95, 1.05
#: Power of the model's intensities below which data are amplitudes; reflections of a shell for it.
_AMPLITUDES, _SHELL = 0.65, 60
#: Agreement of all runs at which other recipes find the same.
_SAME = 0.85
#: Alternatives that are refined besides the chosen group.
_ALTERNATIVES = 2


@dataclasses.dataclass(frozen=True, eq=False)
class Given:
    """What every attempt starts from.

    Attributes:
        report: the data.
        rows: in the cell of the report.
        contents: composition, or None.
        radiation: decides form factors and limits.
        wavelength: angstrom.
        group: that is asked for, or None.
        hint: the same where it is in the setting and the Laue class that were found.
        job: is told of every step, and whether to stop.
    """

    report: DataReport
    rows: ReflectionTable
    contents: CompositionLike | None
    radiation: Radiation
    wavelength: float | int
    group: SpaceGroup | None
    hint: SpaceGroup | None
    job: Job


@dataclasses.dataclass(frozen=True, eq=False)
class Attempt:
    """What became of a structure in P1.

    Attributes:
        structure: the phases.
        search: space groups; None where no runs agree.
        chosen: group, sites and refined model; None without a model.
        message: solved, or why that is not believed.
        stopped: it was ended before its end.
    """

    structure: FreeStructure
    search: SpaceGroupSearch | None
    chosen: Tried | None
    message: str
    stopped: bool = False

    @property
    def solved(self) -> bool:
        """Whether to believe it."""
        return self.message.startswith("solved")

    @property
    def settled(self) -> bool:
        """Whether a harder recipe could not change it.

        It is believed, or explains the data and is not believed, or all runs have found these
        phases, as they would again.
        """
        explained = self.chosen is not None and self.chosen[2].R1 < _DOUBTFUL
        structure = self.structure
        same = len(structure.families[0]) == len(structure.F) and structure.pairs >= _SAME
        return self.solved or structure.twin is not None or explained or same

    @property
    def rank(self) -> tuple[bool, bool, float]:
        """The larger the better: believed, a model at all, and its R1."""
        r1 = -self.chosen[2].R1 if self.chosen is not None else -1.0
        return self.solved, self.chosen is not None, r1


def attempt(given: Given, structure: FreeStructure) -> Attempt:
    """Find the space group of a structure in P1, its atoms, and refine them."""
    job = given.job
    job.tell("phase", structure.message)
    if job.stop():
        return _stopped(given, structure, "phasing")
    if not structure.agrees:
        return Attempt(structure, None, None, f"not solved: {structure.message}")
    job.begin("symmetry", "the space groups of the Laue class")
    search = find_space_group(structure, given.hint)
    job.tell("symmetry", search.best.text())
    if job.stop():
        return _stopped(given, structure, "the search of the space group", search)
    tried: list[Tried] = []
    failures: list[str] = []
    for one in (search.best, *_worth_trying(search, given.group)):
        if job.stop():
            break
        job.begin("refine", f"in {one.group.hm}")
        try:
            found = _refined(given, search, one)
        except ValueError as error:
            failures.append(f"{one.group.hm}: {error}")
            job.tell("refine", f"no model in {failures[-1]}")
            continue
        job.tell("refine", f"{one.group.hm}: R1 {found[2].R1:.4f}, {len(found[2].model)} atoms")
        tried.append(found)
    chosen = functools.reduce(_preferred, tried) if tried else None
    if job.stop.heeded:
        return _stopped(given, structure, "refinement", search, chosen)
    if chosen is None:
        return Attempt(structure, search, None, f"not solved: no model in {failures[0]}")
    return Attempt(structure, search, chosen, _verdict(given, search, chosen))


def _refined(given: Given, search: SpaceGroupSearch, candidate: CandidateGroup) -> Tried:
    """Atoms of a density averaged over a group, refined."""
    told: dict[str, Any] = {"wavelength": given.wavelength, "radiation": given.radiation}
    contents = given.contents
    sites = find_atoms(candidate, contents, search=search, radiation=given.radiation)
    cell = given.report.laue.cell
    data = Measurements.from_table(cell, candidate.group, given.rows, **told)
    found = complete_model(
        data,
        Model.from_crystal(sites.crystal),
        composition=contents,
        unknown=contents is None,
        progress=given.job.progress,
        stop=given.job.stop,
    )
    return _of_the_hand(search, candidate, found), sites, found


def _of_the_hand(
    search: SpaceGroupSearch, candidate: CandidateGroup, found: Refinement
) -> CandidateGroup:
    """The candidate that the model has: by anomalous differences P61 may have become P65."""
    group = found.model.group
    if group == candidate.group:
        return candidate
    for one in (search.best, *search.alternatives):
        if one.group == group:
            return one
    return dataclasses.replace(candidate, group=group, inverted=not candidate.inverted)


def _stopped(
    given: Given,
    structure: FreeStructure,
    during: str,
    search: SpaceGroupSearch | None = None,
    chosen: Tried | None = None,
) -> Attempt:
    """What there is at an early end."""
    message = f"{given.job.stop.reason} during {during}: {structure.message}"
    if chosen is not None:
        message += f"; R1 {chosen[2].R1:.4f} in {chosen[0].group.hm} so far"
    return Attempt(structure, search, chosen, message, stopped=True)


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


def _verdict(given: Given, search: SpaceGroupSearch, chosen: Tried) -> str:
    candidate, _, found = chosen
    if search.structure.twin is not None:
        return search.structure.message
    doubt = _doubt(given, search, found)
    if doubt is not None:
        return f"not convincingly solved: {doubt}"
    warning = doubtful_cell(found.model)
    message = f"solved in {candidate.group.hm}: R1 {found.R1:.4f}, {search.structure.message}"
    return message if warning is None else f"{message}; {warning}"


def _doubt(given: Given, search: SpaceGroupSearch, found: Refinement) -> str | None:
    """The first thing that speaks against a model."""
    if not search.converged:
        return "the phases do not have the symmetry of the intensities"
    # What parameters have fitted of the noise is given back.
    n, p = len(found.measured), found.parameters.count
    limit = (_GUESSED if given.contents is None else _LIMIT)[given.radiation]
    r1 = found.R1 * math.sqrt(n / max(n - p, 1))
    if r1 > limit:
        return f"R1 {found.R1:.3f} of {n} reflections and {p} parameters is above {limit:.2f}"
    if given.radiation != "neutron" and found.R1 > _DOUBTFUL:
        left = unexplained(found)
        if left > _LEFT:
            return f"R1 {found.R1:.3f}, and {100 * left:.0f} % of an atom's density are left"
        laws = [one for one in given.report.laue.twins if one.r < _NEARLY and one.pairs >= 100]
        if laws:
            return (
                f"R1 {found.R1:.3f}, and the intensities are nearly symmetric (R = "
                f"{laws[0].r:.2f}) under a rotation of the lattice: a twin, perhaps"
            )
    power = rise(found)
    if power < _AMPLITUDES:
        return (
            f"the intensities rise with the power {power:.2f} of those of the model: they are |F| "
            "instead of F^2 (HKLF 3)"
        )
    return wrong_cell(found.model)


def rise(found: Refinement) -> float:
    """Power of the model's intensities that the measured ones rise with, at the same resolution.

    The larger one of the two regressions, which noise and a poor model make larger: |F| read as
    intensities have 0.5, right ones 0.95 and more.
    """
    data = found.measured
    if len(data.hkl) != len(data.intensity):
        return 1.0  # of a powder
    strong = (data.intensity > 3 * data.sigma) & (found.calculated.square > 0)
    x = np.log(found.calculated.square[strong])
    y = np.log(data.intensity[strong])
    order = np.argsort(data.stol2[strong], kind="stable")
    shells = np.array_split(order, max(len(order) // _SHELL, 1))
    x = np.concatenate([x[shell] - x[shell].mean() for shell in shells if len(shell)])
    y = np.concatenate([y[shell] - y[shell].mean() for shell in shells if len(shell)])
    common = float(x @ y)
    return float(y @ y) / common if common > 0 else 1.0


def unexplained(found: Refinement) -> float:
    """Highest difference density away from atoms, of the height of the lightest but hydrogen."""
    model = found.model
    x, height = found.difference.peaks(20)
    heavy = np.flatnonzero(model.atomic_numbers > 1)
    if not len(heavy) or not len(x):
        return 0.0
    away = nearest_atoms(x, model, heavy)[0] > _FAR
    expected = atom_height(found.measured, model)
    return float(height[away].max(initial=0.0)) / expected if expected > 0 else 0.0
