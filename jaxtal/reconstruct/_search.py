"""Many starts run through the two stages of a search, in threads."""

import concurrent.futures
import dataclasses
import functools
import itertools
import threading
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import Float, PyTree

from .._core import cores, device_array
from . import _run_chunk
from ._abstract_optimiser import CHUNK, AbstractOptimiser
from ._adam import Adam
from ._cell_variables import CellVariables
from ._levenberg_marquardt import LevenbergMarquardt
from ._problem import Problem
from ._run_chunk import on_device
from ._search_problem import SearchProblem
from ._two_stages import TwoStages

#: Starts that one thread of a CPU runs side by side: more do not fit into its cache.
_SIDE_BY_SIDE = 16
#: Iterations of the first stage after which the second one is tried.
_TRIALS = (CHUNK, 2 * CHUNK, 4 * CHUNK)
#: Seconds between two looks at what the threads do.
_GLANCE = 0.2
#: Programs that have run in this process.
_known: set[Any] = set()


@dataclasses.dataclass
class Found:
    """Where starts have ended.

    Attributes:
        initial: variables of those that were carried through, shape (starts, v).
        variables: at the end.
        losses: at the end, shape (starts,); NaN where it has not been computed.
        history: losses before each iteration, shape (starts, iterations), the last one repeated.
        interrupted: whether the search was stopped.
    """

    initial: Float[np.ndarray, "starts v"]
    variables: Float[np.ndarray, "starts v"]
    losses: Float[np.ndarray, " starts"]
    history: Float[np.ndarray, "starts steps"]
    interrupted: bool


@dataclasses.dataclass(frozen=True)
class SearchNews:
    """What a search tells of every chunk of its iterations.

    Attributes:
        target: what is sought.
        like: group and sites of the crystals that the variables are of.
        tolerance: loss within which a start has converged.
        found: where the starts are now; made when it is called.
        stopped: whether the search is to end.
    """

    target: Any
    like: Any
    tolerance: float
    found: Callable[[], Found]
    stopped: Callable[[], bool]


def search(
    problem: Any,
    optimiser: AbstractOptimiser,
    polish: AbstractOptimiser | None,
    initial: Float[np.ndarray, "all v"],
    keep: int,
    tolerance: float,
    bar: Any,
    cell: CellVariables | None,
    on_chunk: Callable[[Callable[[], Found], Callable[[], bool]], object] | None = None,
) -> Found:
    """Run starts through two stages.

    Of more starts than `keep` the best go on after one chunk. At a few places of the first stage
    the second one is tried: starts that it brings within the tolerance are finished, the others go
    on where they were.

    Args:
        problem: what is minimised: a `Problem`, or one of arrays alone, which is `evaluated`.
        optimiser: first stage.
        polish: second stage, or None.
        initial: variables, of the precision of the search.
        keep: how many are carried through.
        tolerance: loss within which a start has converged.
        bar: a progress bar of tqdm, whose total is the steps of both stages.
        cell: variables of the cell that the problem has instead of those given, or None.
        on_chunk: called after every chunk of some starts, in their thread, with two functions:
            where the starts are now, and whether the search is to end. It may wait.
    """
    if (
        not isinstance(problem, Problem)
        and isinstance(optimiser, Adam)
        and isinstance(polish, LevenbergMarquardt)
    ):
        # One program for both.
        optimiser, polish = (TwoStages.of(optimiser, polish, second) for second in (False, True))
    steps = optimiser.steps
    places = [n for n in _TRIALS if n < steps] if optimiser.resumed else []
    with _Runner(problem, optimiser, polish, initial, keep, bar, cell) as runner:
        runner.on_chunk = on_chunk
        runner.prepare()
        going_on = np.arange(len(initial))
        for begin, end in itertools.pairwise([0, *places, steps]):
            runner.walk(going_on, begin, end)
            if begin == 0 and len(going_on) > keep:
                runner.select(keep)
                going_on = np.arange(keep)
            going_on = runner.finish(going_on, tolerance, last=end == steps)
        return runner.found


class _Runner:
    """The starts as arrays of the host, and the threads that move them on."""

    def __init__(
        self,
        problem: Any,
        optimiser: AbstractOptimiser,
        polish: AbstractOptimiser | None,
        initial: np.ndarray,
        keep: int,
        bar: Any,
        cell: CellVariables | None,
    ):
        self.problem, self.bar = on_device(problem), bar
        self.optimiser, self.polish = optimiser, polish
        self.initial, self.cell, n_free = initial, cell, initial.shape[1]
        width = problem.maps.shape[2] if isinstance(problem, SearchProblem) else n_free
        own = initial if cell is None else cell.from_public(initial).astype(initial.dtype)
        self.variables = np.pad(own, ((0, 0), (0, width - n_free)))
        self.losses = np.full(len(initial), np.nan)
        self.history: list[list[np.ndarray]] = [[np.zeros(0)] for _ in initial]
        self.state: PyTree = None
        self.lowest, self.shown, self.interrupted = np.inf, 0.0, False
        self.stop = threading.Event()
        self.on_chunk: Callable[..., object] | None = None
        on_cpu = jax.default_backend() == "cpu"
        side = _SIDE_BY_SIDE if on_cpu else len(initial)
        self.batch = min(side, 1 << (keep - 1).bit_length())
        self.pool = concurrent.futures.ThreadPoolExecutor(cores() if on_cpu else 2)

    def __enter__(self) -> "_Runner":
        return self

    def prepare(self) -> None:
        """Compile the programs beside each other, and wait for that of the first stage."""
        stages = [self.optimiser]
        if self.polish is not None and not isinstance(self.polish, TwoStages):
            stages.append(self.polish)
        if self.optimiser.resumed:
            begun = functools.partial(self.optimiser.init, problem=self.problem)
            shapes = jax.eval_shape(jax.vmap(begun), self.variables)
            self.state = jax.tree.map(lambda s: np.zeros(s.shape, s.dtype), shapes)
        keys = [(_shapes((s, self.problem)), self.batch, s.room) for s in stages]
        if keys[0] not in _known:
            self.bar.set_description_str("compiling (first run only)")
        none = np.zeros(0, int)
        tasks = [self.pool.submit(self._call, stage, none, 0, 0) for stage in stages]
        self._watch(tasks[:1])
        _known.update(keys)
        self.bar.set_description_str("")

    def __exit__(self, *exception: object) -> None:
        """Let the threads end, at the next place where they can."""
        self.stop.set()
        self.pool.shutdown()

    @property
    def found(self) -> Found:
        """What there is now."""
        rows = [np.concatenate(parts) for parts in self.history]
        length = max(map(len, rows))
        full = [
            np.pad(row, (0, length - len(row)), mode="edge") if len(row) else None for row in rows
        ]
        history = np.array([np.full(length, np.nan) if row is None else row for row in full])
        variables = self.variables[:, : self.initial.shape[1]]
        if self.cell is not None:
            variables = self.cell.to_public(variables).astype(variables.dtype)
        return Found(self.initial, variables, self.losses, history, self.interrupted)

    def walk(self, rows: np.ndarray, first: int, last: int) -> None:
        """Move some starts on from one iteration of the first stage to another."""

        def some(rows: np.ndarray) -> None:
            begin = first
            while begin < last and not self.stop.is_set():
                length = min(CHUNK, last - begin) if self.optimiser.resumed else last - begin
                _, state, losses, end = self._call(self.optimiser, rows, begin, length)
                begin += length
                self.variables[rows], self.losses[rows] = end
                if self.state is not None:
                    for kept, new in zip(*map(jax.tree.leaves, (self.state, state)), strict=True):
                        kept[rows] = new
                self._keep(rows, losses[:, :length])
                self._show(losses, length * len(rows))
                self._tell()

        self._run(some, rows)

    def finish(self, rows: np.ndarray, tolerance: float, last: bool) -> np.ndarray:
        """Try the second stage on some starts, and tell those that are not finished."""
        polish = self.polish
        if polish is None or self.interrupted:
            return rows
        left = np.ones(len(self.variables), bool)

        def some(rows: np.ndarray) -> None:
            if self.stop.is_set():
                return
            _, _, losses, (variables, final) = self._call(polish, rows, 0, polish.steps)
            good = (final <= tolerance) | last
            chosen = rows[good]
            self.variables[chosen], self.losses[chosen] = variables[good], final[good]
            left[chosen] = False
            self._keep(chosen, losses[good])
            total = self.bar.total or 0
            done = self.optimiser.steps if last else 0
            self._show(losses, len(chosen) * (total - done))
            self._tell()

        # Alike starts side by side: they end together.
        recent = np.array([self.history[i][-1][-1:].sum() for i in rows])
        self._run(some, rows[np.argsort(recent, kind="stable")])
        return rows[left[rows]]

    def select(self, keep: int) -> None:
        """Go on with the starts of the lowest losses."""
        # Those that an interrupt has kept from running come last.
        recent = np.array([parts[-1][-1] if len(parts[-1]) else np.inf for parts in self.history])
        recent = np.where(np.isfinite(recent), recent, np.inf)
        best = np.sort(np.argsort(recent, kind="stable")[:keep])
        self.initial, self.variables = self.initial[best], self.variables[best]
        self.losses = self.losses[best]
        self.history = [self.history[i] for i in best]
        self.state = jax.tree.map(lambda x: x[best], self.state)

    def _call(self, stage: AbstractOptimiser, rows: np.ndarray, first: int, length: int) -> Any:
        """Some iterations of some starts; as `run_chunk`, and what they end with, on the host."""
        padding = np.zeros(self.batch, int)
        padding[: len(rows)] = rows
        variables = self.variables[padding]
        state = jax.tree.map(lambda x: x[padding], self.state) if stage.resumed else None
        # Whether double precision is on is known to each thread alone.
        with jax.enable_x64(variables.dtype == np.float64):
            numbers = jax.tree.map(lambda x: device_array(x, variables.dtype), stage)
            places = np.array(first, np.int32), np.array(length, np.int32)
            moved, state, begin, steps = on_device((variables, state, *places))
            arguments = numbers, self.problem, moved, state, begin, steps, stage.room
            found = jax.tree.map(np.array, _run_chunk.run_chunk(*arguments))
        moved, state, losses = found
        moved, state = jax.tree.map(lambda x: x[: len(rows)], (moved, state))
        return moved, state, losses.T[: len(rows)], stage.result(moved, state)

    def _run(self, task: Callable[[np.ndarray], None], rows: np.ndarray) -> None:
        """Run a task on some starts in batches and threads."""
        if self.interrupted:
            return
        parts = [rows[i : i + self.batch] for i in range(0, len(rows), self.batch)]
        self._watch([self.pool.submit(task, part) for part in parts])

    def _watch(self, tasks: Sequence[concurrent.futures.Future[Any]]) -> None:
        """Wait for threads; Ctrl-C stops them where they can be."""
        pending: set[Any] = set(tasks)
        while pending:
            try:
                pending = concurrent.futures.wait(pending, timeout=_GLANCE).not_done
                self.bar.refresh()
            except KeyboardInterrupt:
                self._interrupt()
        for task in tasks:
            error = task.exception()
            if isinstance(error, KeyboardInterrupt):
                self._interrupt()
            elif error is not None:
                raise error

    def _interrupt(self) -> None:
        self.interrupted = True
        self.stop.set()

    def _keep(self, rows: np.ndarray, losses: np.ndarray) -> None:
        for i, row in zip(rows, losses, strict=True):
            made = np.flatnonzero(~np.isnan(losses).all(axis=0)).max(initial=-1) + 1
            self.history[i].append(row[:made].astype(float))

    def _tell(self) -> None:
        if self.on_chunk is not None:
            self.on_chunk(lambda: self.found, self.stop.is_set)

    def _show(self, losses: np.ndarray, steps: int) -> None:
        with self.bar.get_lock():
            self.lowest = min(self.lowest, losses[np.isfinite(losses)].min(initial=np.inf))
            self.bar.set_postfix_str(f"best loss {self.lowest:.1e}", refresh=False)
            self.bar.update(steps / len(self.variables))


def _shapes(tree: PyTree) -> Any:
    leaves, structure = jax.tree.flatten(tree)
    return structure, tuple((np.shape(x), str(getattr(x, "dtype", ""))) for x in leaves)
