"""Watching a run from outside: pause, resume, stop, show."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from ._attempt import Attempt
from ._stage_tables import Workspace


class Snapshot:
    """Where an attempt stands between two chunks of cycles.

    Attributes:
        attempt: its numbers, state and records.
        workspace: the tables it uses.
    """

    def __init__(self, attempt: Attempt, workspace: Workspace):
        """Keep references; nothing is computed before it is asked for."""
        self.attempt = attempt
        self.workspace = workspace

    @property
    def f(self) -> np.ndarray:
        """Its amplitudes now, (n,)."""
        state = self.attempt.state
        return np.asarray(self.attempt.f if state is None else state.f)

    @property
    def records(self) -> list[Any]:
        """What each observer recorded in the chunk that just ended."""
        return list(self.attempt.records[-1][1]) if self.attempt.records else []


class Control:
    """Handle that pauses, resumes or stops a run from another thread, and tells what happens in it.

    Args:
        on_chunk: called with a `Snapshot` of every attempt after each chunk of its cycles.
    """

    class Stopped(Exception):  # noqa: N818 (not an error: the way out of the loop)
        """The run was asked to stop."""

    def __init__(self, on_chunk: Callable[[Snapshot], object] | None = None):
        """Running, until told otherwise."""
        self._on_chunk = on_chunk
        self._go = threading.Event()
        self._go.set()
        self._stop = False

    def pause(self) -> None:
        """Hold the run after the present chunk."""
        self._go.clear()

    def resume(self) -> None:
        """Let a paused run go on."""
        self._go.set()

    def stop(self) -> None:
        """End the run after the present chunk; what is finished is kept."""
        self._stop = True
        self._go.set()

    def report(self, group: list[Attempt], workspace: Workspace) -> None:
        """Take the news of every chunk of a run, which calls this.

        Raises:
            Control.Stopped: the run is to end.
        """
        if self._on_chunk is not None:
            for attempt in group:
                self._on_chunk(Snapshot(attempt, workspace))
        self._go.wait()
        if self._stop:
            raise Control.Stopped
