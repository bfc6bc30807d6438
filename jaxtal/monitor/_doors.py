"""The monitors that users make."""

import functools
from collections.abc import Sequence
from typing import Any

from ..density import Plane
from ..phasing import Control
from ._composition_news import CompositionNews
from ._interrupt import interrupt
from ._monitor import Monitor
from ._observer import look_inside
from ._phasing_runs import PhasingRuns
from ._reconstruction_news import ReconstructionNews
from ._solution_runs import SolutionRuns

#: Grid points times cycles between two reports of a run: some tens of milliseconds.
_WORK = 2e6


class PhasingMonitor(Monitor):
    """A page of `phasing.phase`.

    with monitor.PhasingMonitor() as shown:
        found = jxt.phase(
            reflections, starts=20, control=shown.control, observers=shown.observers
        )

    Attributes:
        observers: record every cycle on large grids, where that costs little; without them such
            runs are looked at rarely.
    """

    observers = (look_inside,)

    def __init__(self, *, title: str = "phasing", planes: Sequence[Plane] = (), **options: Any):
        """Prepare; nothing is served yet.

        Args:
            title: of the page.
            planes: sections to begin with; others are chosen on the page.
            options: of `Monitor`.
        """
        runs = PhasingRuns(title, _WORK)
        super().__init__(runs, functools.partial(_density_page, planes=tuple(planes)), **options)


def _density_page(document: Any, monitor: Monitor, planes: tuple[Plane, ...] = ()) -> Any:
    from ._density_page import DensityPage

    return DensityPage(document, monitor, planes)


class ReconstructionMonitor(Monitor):
    """A page of `reconstruct.from_descriptor`.

    with monitor.ReconstructionMonitor() as shown:
        found = jxt.reconstruct.from_descriptor(target, like, on_chunk=shown.take)
    """

    def __init__(self, *, title: str = "reconstruction", **options: Any):
        """Prepare; nothing is served yet.

        Args:
            title: of the page.
            options: of `Monitor`.
        """
        news = ReconstructionNews(title, Control())
        self.take = news.take
        super().__init__(news, _reconstruction_page, **{"stop": interrupt, **options})


class CompositionMonitor(Monitor):
    """A page of `reconstruct.from_composition`.

    with monitor.CompositionMonitor() as shown:
        found = jxt.reconstruct.from_composition(target, "TiO2", atoms=6, on_chunk=shown.take)
    """

    def __init__(self, *, title: str = "search", **options: Any):
        """Prepare; nothing is served yet.

        Args:
            title: of the page.
            options: of `Monitor`.
        """
        news = CompositionNews(title, Control())
        self.take = news.take
        super().__init__(news, _composition_page, **{"stop": interrupt, **options})


class SolutionMonitor(Monitor):
    """A page of `solution.solve`.

    with monitor.SolutionMonitor() as shown:
        found = jxt.solve(table, progress=shown.said, on_chunk=shown.take)
    """

    def __init__(self, *, title: str = "solution", **options: Any):
        """Prepare; nothing is served yet.

        Args:
            title: of the page.
            options: of `Monitor`.
        """
        runs = SolutionRuns(title, Control())
        self.take, self.said = runs.take, runs.said
        super().__init__(runs, _density_page, **{"stop": interrupt, **options})


def _reconstruction_page(document: Any, monitor: Monitor) -> Any:
    from ._reconstruction_page import ReconstructionPage

    return ReconstructionPage(document, monitor)


def _composition_page(document: Any, monitor: Monitor) -> Any:
    from ._composition_page import CompositionPage

    return CompositionPage(document, monitor)
