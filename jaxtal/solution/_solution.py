"""A solved structure, stage by stage, and whether to believe it."""

import dataclasses
from typing import Any

from ..refinement import Refinement
from ..reflections import DataReport
from ._atoms import AtomSites
from ._cell_by_bonds import doubtful_cell
from ._free_structure import FreeStructure
from ._space_group import CandidateGroup, SpaceGroupSearch, partners


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
        interrupted: ended by an interrupt; there is what had been found by then.
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
    interrupted: bool = False

    @property
    def alternatives(self) -> list[str]:
        """Symbols of other groups that the data do not rule out.

        The other hand is ruled out where anomalous differences tell it.
        """
        chosen, flack = self.candidate, None if self.refinement is None else self.refinement.flack
        if self.search is None or chosen is None:
            return []
        others = [
            one.group
            for one in (self.search.best, *self.search.alternatives)
            if one.group != chosen.group
        ]
        told = flack is not None and flack.decided and flack.value < 0.25
        gone = partners(chosen.group, tuple(others)) if told else []
        return [str(group.hm) for group in others if group not in gone]

    @property
    def warnings(self) -> list[str]:
        """What a user should look at: of the data, the refinement, and the cell."""
        if self.refinement is None:
            return list(self.report.warnings)
        cell = doubtful_cell(self.refinement.model)
        return [
            *self.report.warnings,
            *self.refinement.warnings,
            *([] if cell is None else [cell]),
        ]

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
