"""The monitors that users make."""

import functools
from collections.abc import Sequence
from typing import Any

from ..density import Plane
from ..phasing import Control
from ._monitor import Monitor
from ._phasing_runs import PhasingRuns

#: Grid points times cycles between two reports of a run: some ten milliseconds.
_WORK = 4e5


class PhasingMonitor(Monitor):
    """A page of `phasing.phase`.

    with monitor.PhasingMonitor() as shown:
        found = jxt.phase(reflections, starts=20, control=shown.control)
    """

    def __init__(self, *, title: str = "phasing", planes: Sequence[Plane] = (), **options: Any):
        """Prepare; nothing is served yet.

        Args:
            title: of the page.
            planes: sections to begin with; others are chosen on the page.
            options: of `Monitor`.
        """
        runs = PhasingRuns(title, None)
        runs.control = Control(runs.take, work=_WORK)
        super().__init__(runs, functools.partial(_density_page, planes=tuple(planes)), **options)


def _density_page(document: Any, monitor: Monitor, planes: tuple[Plane, ...] = ()) -> Any:
    from ._density_page import DensityPage

    return DensityPage(document, monitor, planes)
