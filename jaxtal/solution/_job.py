"""The log of a solution, and its end."""

import time
from collections.abc import Callable

from ..refinement import Refinement
from ..reflections import DataReport
from ._atoms import AtomSites
from ._free_structure import FreeStructure
from ._phase_in_p1 import FreeNews, OnChunk
from ._solution import Solution
from ._space_group import CandidateGroup, SpaceGroupSearch
from ._stop import Stop

#: A space group, its atoms, and the model that they were refined to.
Tried = tuple[CandidateGroup, AtomSites, Refinement]


class Job:
    """The log, and the time that stages take."""

    def __init__(self, progress: Callable[[str], None] | None, stop: Stop) -> None:
        self.progress, self.stop, self.log = progress, stop, []
        self.seconds: dict[str, float] = {}
        self.last = time.perf_counter()

    def begin(self, stage: str, line: str) -> None:
        """Show what is going on; the log has what came of it."""
        if self.progress is not None:
            self.progress(f"{stage}: {line} ...")

    def tell(self, stage: str, *lines: str) -> None:
        """Log and show what a stage found."""
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self.last
        self.last = now
        for line in lines:
            self.log.append(f"{stage}: {line}")
            if self.progress is not None:
                self.progress(self.log[-1])

    def hearing(self, on_chunk: OnChunk | None) -> OnChunk | None:
        """The same, with every number that it changes in the log."""
        if on_chunk is None:
            return None
        known: dict[tuple[object, int], tuple[float, float]] = {}

        def heard(news: FreeNews) -> tuple[float, float] | None:
            numbers = on_chunk(news)
            run = news.rung, news.run
            if numbers is not None and numbers != known.get(
                run, (news.rung.beta, news.rung.support)
            ):
                known[run] = numbers
                text = f"beta {numbers[0]:g}, support {numbers[1]:g}"
                self.log.append(f"phase: run {news.run}, from cycle {news.cycle} on: {text}")
            return numbers

        return heard

    def ended(
        self,
        report: DataReport,
        structure: FreeStructure,
        message: str,
        search: SpaceGroupSearch | None,
        chosen: Tried | None,
    ) -> Solution:
        """The result."""
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
            interrupted=self.stop.interrupted,
        )
