"""Watching a run from outside: pause, resume, step, stop, change numbers, show."""

import dataclasses
import threading
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from ._attempt import Attempt
from ._recipe import Recipe
from ._stage_tables import Workspace

#: Seconds between two looks of a held run at whether it may go on.
_GLANCE = 0.2


class Snapshot:
    """Where an attempt stands between two chunks of cycles.

    Attributes:
        attempt: its numbers, state and records.
        workspace: the tables it uses.
        recipe: the stages it goes through, as they are now.
    """

    def __init__(self, attempt: Attempt, workspace: Workspace, recipe: Recipe):
        """Keep references; nothing is computed before it is asked for."""
        self.attempt = attempt
        self.workspace = workspace
        self.recipe = recipe

    @property
    def f(self) -> np.ndarray:
        """Its amplitudes now, (n,)."""
        state = self.attempt.state
        return np.asarray(self.attempt.f if state is None else state.f)

    @property
    def records(self) -> list[Any]:
        """What each observer recorded in the chunk that just ended."""
        return list(self.attempt.records[-1][1]) if self.attempt.records else []


@dataclasses.dataclass(frozen=True)
class Change:
    """A number that was given another value while a run went on.

    It holds for the starts that ran then, from that cycle of that stage on, and in that stage for
    all later ones.

    Attributes:
        name: of the number, see `AbstractAlgorithm.changeable`.
        value: the new one.
        starts: numbers of those that ran.
        attempt: how often they were begun before.
        stage: which one of the recipe, from 0.
        cycle: cycles of that stage that were done before.
    """

    name: str
    value: float
    starts: tuple[int, ...]
    attempt: int
    stage: int
    cycle: int


class Control:
    """Handle that pauses, steps, resumes or stops a run from another thread, and tells its news.

    Args:
        on_chunk: called with a `Snapshot` of every attempt after each chunk of its cycles.
        work: grid points times cycles between two reports, where `phase` is given no `chunk`; None
            for whole stages. A number makes chunks of about equal time on small and large grids.

    Attributes:
        made: the changes that the run has made, oldest first.
    """

    class Stopped(Exception):  # noqa: N818 (not an error: the way out of the loop)
        """The run was asked to stop."""

    def __init__(
        self, on_chunk: Callable[[Snapshot], object] | None = None, work: float | None = None
    ):
        """Running, until told otherwise."""
        self._on_chunk, self._work = on_chunk, work
        self._changed = threading.Condition()
        self._paused = self._stop = False
        self._steps = 0
        self._wanted: dict[str, float] = {}
        self.made: tuple[Change, ...] = ()

    @property
    def paused(self) -> bool:
        """Whether the run is held after its present chunk."""
        return self._paused

    @property
    def stopped(self) -> bool:
        """Whether the run was told to end."""
        return self._stop

    def pause(self) -> None:
        """Hold the run after the present chunk."""
        with self._changed:
            self._paused, self._steps = True, 0

    def resume(self) -> None:
        """Let a paused run go on."""
        with self._changed:
            self._paused = False
            self._changed.notify_all()

    def step(self) -> None:
        """Let one more chunk through, and hold the run after it."""
        with self._changed:
            self._paused = True
            self._steps += 1
            self._changed.notify_all()

    def stop(self) -> None:
        """End the run after the present chunk; what is finished is kept."""
        with self._changed:
            self._stop = True
            self._changed.notify_all()

    def change(self, name: str, value: float) -> None:
        """Give a number of the algorithm another value from the next chunk on.

        Args:
            name: one of `AbstractAlgorithm.changeable` of the stage that is on; others are passed
                over.
            value: within the limits that stand there.
        """
        with self._changed:
            self._wanted[name] = float(value)

    def changes(self) -> dict[str, float]:
        """Take the values that were asked for since the last time."""
        with self._changed:
            wanted, self._wanted = self._wanted, {}
            return wanted

    def hold(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Wait while the run is paused.

        Args:
            stopped: asked now and then; True ends the wait.
        """
        with self._changed:
            while self._paused and not self._steps and not self._stop and not stopped():
                self._changed.wait(_GLANCE)
            self._steps = max(self._steps - 1, 0)

    def cycles(self, points: int, total: int) -> int:
        """How many cycles a chunk of a stage has.

        Args:
            points: of the grid.
            total: cycles of the stage. Chunks are about equal, so that few programs are compiled.
        """
        if self._work is None:
            return total
        chunks = max(1, round(total * points / self._work))
        return -(-total // min(chunks, total))

    def report(self, group: list[Attempt], workspace: Workspace, recipe: Recipe) -> Recipe:
        """Take the news of every chunk of a run, which calls this.

        Returns:
            the recipe to go on with: the same, but for numbers that were given other values.

        Raises:
            Control.Stopped: the run is to end.
        """
        if self._on_chunk is not None:
            for attempt in group:
                self._on_chunk(Snapshot(attempt, workspace, recipe))
        self.hold()
        if self._stop:
            raise Control.Stopped
        for name, value in self.changes().items():
            recipe, made = _changed(recipe, group, name, value)
            self.made += made
        return recipe


def _changed(
    recipe: Recipe, group: list[Attempt], name: str, value: float
) -> tuple[Recipe, tuple[Change, ...]]:
    """A number of the stage that a group is in, changed there and in the attempts' states.

    It becomes an array, so that a later change compiles nothing anew.
    """
    made: dict[tuple[int, int], Change] = {}
    for attempt in group:
        if attempt.state is None:
            continue
        place = attempt.stage
        stage, state = recipe.stages[place], attempt.state
        limits = stage.algorithm.changeable(state.memory)
        if name not in limits:
            continue
        low, high, _ = limits[name]
        value = min(max(value, low), high)
        number = jax.numpy.asarray(value, state.f.real.dtype)
        algorithm, memory = stage.algorithm.changed(name, number, state.memory)
        attempt.state = dataclasses.replace(state, memory=memory)
        stage = dataclasses.replace(stage, algorithm=algorithm)
        stages = (*recipe.stages[:place], stage, *recipe.stages[place + 1 :])
        recipe = dataclasses.replace(recipe, stages=stages)
        at = place, attempt.cycle
        starts = (*(made[at].starts if at in made else ()), attempt.start)
        made[at] = Change(name, value, starts, attempt.number, *at)
    return recipe, tuple(made.values())
