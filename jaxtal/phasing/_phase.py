"""The whole road from measured moduli to phases with a verdict."""

import concurrent.futures
import functools
import math
import pathlib
import time
from collections.abc import Callable
from typing import Any, Literal

import jax
import numpy as np

from .._core import CompileClock, Devices, cores, mesh_of, progress_bar
from ..grids import Grid, search_grid
from ..reflections import AbstractWindow, Reflections, Sharpening
from ._agreement import Equivalences
from ._attempt import Attempt, advance
from ._checkpoint import Checkpoint
from ._control import Control
from ._problem import PhasingProblem
from ._processes import Processes
from ._recipe import Recipe
from ._recipe import recipe as named_recipe
from ._result import Phasing, Start
from ._stage_tables import Workspace
from ._starts_on_mesh import StartsOnMesh
from ._verdict import Verdict, twinned, verdict
from ._witness import Witness, WitnessStand

Attempts = dict[tuple[int, int], Attempt]

#: Reflections from which on the alias-free grid is searched for thoroughly.
_LARGE = 50_000


def phase(
    reflections: Any,
    *,
    sharpening: Sharpening | str | None = "normalised",
    window: AbstractWindow | str | None = "default",
    unmeasured: Literal["zero", "free"] | float = "zero",
    recipe: str | Recipe = "default",
    starts: int = 4,
    seed: int = 0,
    grid: Grid | None = None,
    dtype: Any = np.float32,
    observers: tuple[Callable, ...] = (),
    control: Control | None = None,
    chunk: int | None = None,
    checkpoint: str | pathlib.Path | None = None,
    batch: int | None = None,
    mesh: Devices = None,
    progress: bool = False,
) -> Phasing:
    """Find the phases of measured reflections, from several random starts.

        found = phase(reflections, starts=20)
        found.message, found.families, found.density.peaks(limit=30)

    Every start goes through the stages of the recipe and is judged on the alias-free grid. Those
    that have not converged are begun again, as often as the recipe allows; a single start thus
    gets a second attempt to agree with. On a CPU the same arguments give the same bits, whatever is
    observed, and interrupted or not, unless the search for a grid was ended by its time limit;
    `batch` changes the rounding, since a lone start has its transforms run on all cores.

    Args:
        reflections: what is to be phased: `Reflections`, or a `PhasingProblem`, whose
            amplitudes have been prepared (the next three are then not looked at).
        sharpening: see `PhasingProblem.from_reflections`.
        window: see `PhasingProblem.from_reflections`.
        unmeasured: see `PhasingProblem.build`.
        recipe: a name (see `phasing.recipe`) or a `Recipe`.
        starts: how many.
        seed: of start phases, folded grids and the alias-free grid's search and origin.
        grid: the alias-free grid; by default one is searched for and moved to a random origin.
        dtype: float32, or float64 where JAX has it enabled.
        observers: functions of a `Cycle`; their records are in `Start.records`.
        control: told of every chunk; pauses, stops, changes numbers, shows (see `Control`).
        chunk: cycles between two reports to `control`; by default as it says (`Control.work`), or
            a whole stage.
        checkpoint: file that keeps finished and unfinished work, read if it exists.
        batch: starts that run side by side, in threads of a CPU or in one program of an
            accelerator; by default as many as there are cores, or 64, at most `starts`.
        mesh: devices that starts are dealt to: a `jax.sharding.Mesh`, a number of this process's
            devices, or a list; by default one. `batch` is then by default the devices of CPUs, 64
            times those of accelerators. A mesh of the devices of several processes
            (`jax.distributed`), all of which call this with the same arguments, has each process
            run its own starts; after each round they tell each other, and every process returns the
            same phases and verdicts, with the records of its own starts. A checkpoint is then
            a file for each process, `NAME.1-of-2`.
        progress: show a bar.

    Returns:
        a `Phasing`; not having converged, or having been interrupted, is a value in it.

    Raises:
        ValueError: numbers out of range, a grid that is not alias-free, a checkpoint of
            another run, fewer devices than asked for.
    """
    if not isinstance(reflections, Reflections | PhasingProblem):
        raise ValueError(
            f"expected Reflections or a PhasingProblem, got {type(reflections).__name__}"
        )
    for name, value in (("starts", starts), ("chunk", chunk), ("batch", batch)):
        if value is not None and value < 1:
            raise ValueError(f"{name}: expected at least 1, got {value}")
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise ValueError(f"dtype: expected float32 or float64, got {np.dtype(dtype).name}")
    if jax.dtypes.canonicalize_dtype(dtype) != np.dtype(dtype):
        raise ValueError("dtype: float64 needs 64-bit mode, see jax.enable_x64")
    problem = (
        reflections
        if isinstance(reflections, PhasingProblem)
        else PhasingProblem.from_reflections(
            reflections, sharpening=sharpening, window=window, unmeasured=unmeasured
        )
    )
    if isinstance(recipe, str):
        recipe = named_recipe(recipe, problem.orbits.n_reflections)
    stages = recipe
    devices = mesh_of(mesh)
    processes = Processes(devices)
    checkpoint = processes.file(checkpoint)
    clock, begun = CompileClock(), time.perf_counter()
    saved = Checkpoint(checkpoint, problem, stages, seed, np.dtype(dtype).name)
    grid = processes.one_grid(saved.grid_or(grid) or _search(problem, seed))
    workspace = Workspace.build(problem, stages, grid, seed, dtype)
    stand = functools.cache(lambda: WitnessStand(problem, grid, seed, dtype))
    run = _Run(
        workspace,
        stages,
        Equivalences.build(problem.orbits),
        seed,
        stand,
        problem.reflections,
        processes,
    )
    run.attempts = saved.attempts(seed, workspace, stages)
    searched = time.perf_counter()
    own = max(len(processes.own(range(starts))), 1)
    on_mesh = StartsOnMesh.of_several(devices, workspace)
    usual = cores() if jax.default_backend() == "cpu" else 64
    width = batch or (min(starts, usual) if on_mesh is None else min(own, on_mesh.width))
    control, interrupted = control or Control(), False
    with (
        concurrent.futures.ThreadPoolExecutor(width) as pool,
        progress_bar(progress, "start", own) as bar,
    ):
        try:
            for group in run.groups(starts, width):
                while part := run.unfinished(group):
                    points, total = workspace.sizes[part[0].stage], part[0].total(stages)
                    cycles = chunk or control.cycles(points, total)
                    advance(part, workspace, stages, cycles, observers, pool, width, on_mesh)
                    saved.store(run.attempts, grid)
                    told = control.report(part, workspace, stages)
                    if told is not stages:
                        # What is reached with other numbers is no part of the run that is saved.
                        stages, saved = told, saved.closed()
                bar.update(len(group) if group[0].number == 0 else 0)
        except (KeyboardInterrupt, Control.Stopped):
            interrupted = run.hurried = True
            processes.share(run.attempts, run.round, stop=True)
        finally:
            saved.store(run.attempts, grid, now=True)
    records, f, witnesses = run.outcome(starts, len(problem.lower))
    seconds = {
        "compile": clock.seconds,
        "grid": searched - begun,
        "run": time.perf_counter() - searched,
    }
    return Phasing(
        problem,
        stages,
        grid,
        workspace.sizes,
        records,
        f,
        seconds,
        interrupted,
        witnesses,
        control.made,
    )


class _Run:
    """The attempts of all starts, and which are to be made next."""

    def __init__(
        self,
        workspace: Workspace,
        recipe: Recipe,
        equivalences: Equivalences,
        seed: int,
        stand: Callable[[], WitnessStand],
        reflections: Reflections,
        processes: Processes,
    ):
        self.processes, self.round = processes, 0
        self.workspace, self.recipe, self.equivalences = workspace, recipe, equivalences
        self.seed, self.stand = seed, stand
        self.twin, self.hurried = twinned(reflections), False
        self.attempts: Attempts = {}

    def groups(self, starts: int, width: int):
        """Attempts to run side by side: every start once, then again those not converged."""
        pending = list(range(starts))
        for number in range(self.recipe.restarts + 1):
            self.round, own = number, self.processes.own(pending)
            for first in range(0, len(own), width):
                places = [(start, number) for start in own[first : first + width]]
                for place in places:
                    self.attempts.setdefault(place, Attempt.new(self.seed, *place))
                yield [self.attempts[place] for place in places]
            if self.processes.share(self.attempts, number):
                raise Control.Stopped
            if number == self.recipe.restarts:
                self.processes.leave()
                return
            converged = self.judged(starts, number)[0]
            solved = {start for (start, _), good in converged.items() if good}
            pending = [start for start in range(starts) if start not in solved]

    def unfinished(self, group: list[Attempt]) -> list[Attempt]:
        """Those of a group that are least far, which stand at one place."""
        rest = [attempt for attempt in group if not attempt.finished(self.recipe)]
        least = min(((a.stage, a.cycle) for a in rest), default=None)
        return [a for a in rest if (a.stage, a.cycle) == least]

    def judged(
        self, starts: int, number: int
    ) -> tuple[dict[tuple[int, int], bool], dict[tuple[int, int], float], tuple[Witness, ...]]:
        """Verdict and agreement of every finished attempt up to a round of restarts.

        A checkpoint may hold attempts of later rounds, and of more starts.
        """
        known = {p: a for p, a in self.attempts.items() if p[0] < starts and p[1] <= number}
        done = {p: a for p, a in sorted(known.items()) if a.finished(self.recipe)}
        if not done:
            return {}, {}, ()
        f = np.stack([np.asarray(a.f) for a in done.values()])
        ratio = np.array([a.ratio for a in done.values()])
        r_factor = np.array([a.r_factor for a in done.values()])
        found: Verdict = verdict(
            self.equivalences,
            self.recipe,
            f,
            ratio,
            r_factor,
            list(done),
            self.stand,
            # Who stops a run does not want to wait for witnesses.
            patient=not self.hurried,
        )
        if self.twin is not None:
            found.converged[:] = False
        return (
            dict(zip(done, found.converged.tolist(), strict=True)),
            dict(zip(done, found.agreement.tolist(), strict=True)),
            found.witnesses,
        )

    def outcome(
        self, starts: int, n: int
    ) -> tuple[tuple[Start, ...], np.ndarray, tuple[Witness, ...]]:
        """The best attempt of each start."""
        converged, agreement, witnesses = self.judged(starts, self.recipe.restarts)
        dtype = np.result_type(self.workspace.observed.lower.dtype, np.complex64)
        records, f = [], np.zeros((starts, n), dtype)
        for start in range(starts):
            made = {p: a for p, a in self.attempts.items() if p[0] == start}
            done = [p for p in made if p in converged]
            cycles = sum(self._cycles(a) for a in made.values())
            seconds = sum((a.seconds for a in made.values()), 0.0)
            if not done:
                nan = float("nan")
                records.append(Start(cycles, len(made), False, nan, nan, nan, seconds, []))
                continue
            place = max(done, key=lambda p: (converged[p], _or_least(agreement[p]), made[p].ratio))
            best = made[place]
            f[start] = np.asarray(best.f)
            verdicts = (converged[place], best.ratio, agreement[place], best.r_factor)
            records.append(Start(cycles, len(made), *verdicts, seconds, best.records))
        return tuple(records), f, witnesses

    def _cycles(self, attempt: Attempt) -> int:
        return sum(stage.cycles for stage in self.recipe.stages[: attempt.stage]) + attempt.cycle


def _or_least(value: float) -> float:
    return -math.inf if math.isnan(value) else value


def _search(problem: PhasingProblem, seed: int) -> Grid:
    k = problem.orbits.all_indices
    # A smaller grid is worth some seconds where a cycle takes milliseconds.
    trials = 8000 if len(k) >= _LARGE else 1000
    rotations = problem.orbits.group.point_rotations
    grid = search_grid(k, rotations=rotations, seed=seed, max_trials=trials)
    return grid.with_origin(np.random.default_rng(seed).random(grid.dimension))
