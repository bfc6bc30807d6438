"""One attempt of one start: where it stands in a recipe, and how it moves on."""

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ._loop import PhasingState, begin, host_cycles, judge, scan_cycles
from ._recipe import Recipe
from ._stage_tables import Workspace
from ._starts_on_mesh import StartsOnMesh

#: Of an attempt, what files hold and processes tell each other beside its amplitudes.
INTEGERS, REALS = ("start", "number", "stage", "cycle"), ("seconds", "ratio", "r_factor")


@dataclasses.dataclass(eq=False)
class Attempt:
    """A start on its way through the stages.

    Attributes:
        start: number of the start.
        number: how often it was begun before.
        key: random key of this attempt.
        stage, cycle: cycles done in the present stage.
        state: what the loop carries, None before the first cycle of a stage.
        f: amplitudes at the end of the last finished stage, (n,), None before.
        seconds: time spent, shared evenly among attempts that ran together.
        ratio, r_factor: of the finished attempt.
        records: per stage, what the observers recorded, concatenated.
    """

    start: int
    number: int
    key: Any
    stage: int = 0
    cycle: int = 0
    state: PhasingState | None = None
    f: Any = None
    seconds: float = 0.0
    ratio: float = float("nan")
    r_factor: float = float("nan")
    records: list[Any] = dataclasses.field(default_factory=list)

    @classmethod
    def new(cls, seed: int, start: int, number: int) -> "Attempt":
        """A fresh attempt; its random numbers depend on the three integers alone."""
        key = jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), start), number)
        return cls(start, number, key)

    def enter(self, workspace: Workspace, recipe: Recipe) -> None:
        """Make the state that the present stage begins with."""
        algorithm = recipe.stages[self.stage].algorithm
        key = jax.random.fold_in(self.key, self.stage)
        self.state = _begin(workspace.observed, algorithm, key, self.f)

    def leave(self, workspace: Workspace, recipe: Recipe) -> None:
        """Finish the present stage; after the last one, judge its density."""
        assert self.state is not None
        algorithm, observed = recipe.stages[self.stage].algorithm, workspace.observed
        self.f = _solution(algorithm, observed, self.state)
        if self.stage + 1 == len(recipe.stages):
            transform = workspace.single(self.stage)
            judged = judge(transform, observed, algorithm, self.f, self.state.memory)
            self.ratio, self.r_factor = (float(value) for value in judged)
        self.state, self.cycle, self.stage = None, 0, self.stage + 1

    def total(self, recipe: Recipe) -> int:
        """Cycles of the present stage; the judgement is the last stage's last one."""
        return recipe.stages[self.stage].cycles - (self.stage + 1 == len(recipe.stages))

    def finished(self, recipe: Recipe) -> bool:
        """True after the last stage."""
        return self.stage == len(recipe.stages)


def advance(
    group: list[Attempt],
    workspace: Workspace,
    recipe: Recipe,
    cycles: int,
    observers: tuple[Callable, ...],
    pool: Any,
    width: int,
    mesh: StartsOnMesh | None = None,
) -> None:
    """Run attempts that stand at the same place on by some cycles of their stage.

    Args:
        group: the attempts; changed in place, all of them or, on an error, none.
        workspace: tables.
        recipe: stages.
        cycles: how many, rounded up to whole rounds and down to the end of the stage.
        observers: what to record.
        pool: executor for attempts side by side on a CPU.
        width: most attempts that run side by side; it decides how large grids are driven.
        mesh: several devices, which then run all of the group.
    """
    begun = time.perf_counter()
    place, done = group[0].stage, group[0].cycle
    stage, transforms = recipe.stages[place], workspace.transforms[place]
    maps = transforms.slot.shape[0]
    total = group[0].total(recipe)
    rounds = min(-(-cycles // maps), (total - done) // maps)
    for attempt in group:
        if attempt.state is None:
            attempt.enter(workspace, recipe)
    states = [attempt.state for attempt in group if attempt.state is not None]
    common = (workspace.observed, stage.algorithm)
    if mesh is not None:
        found = mesh.run(place, stage.algorithm, states, rounds, observers)
    elif width == 1 and workspace.from_host(place):
        single = workspace.single(place)
        found = [host_cycles(single, *common, state, rounds, observers) for state in states]
    elif jax.default_backend() == "cpu" or len(group) == 1:
        found = _side_by_side(
            pool, lambda state: scan_cycles(transforms, *common, state, rounds, observers), states
        )
    else:
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)
        batch = _scan_batch(transforms, *common, stacked, rounds, observers)
        found = [jax.tree.map(lambda leaf, i=i: leaf[i], batch) for i in range(len(group))]
    for attempt, (state, records) in zip(group, found, strict=True):
        attempt.state, attempt.cycle = state, attempt.cycle + rounds * maps
        attempt.records.append((place, jax.tree.map(np.asarray, records)))
        if attempt.cycle == total:
            attempt.leave(workspace, recipe)
    spent = (time.perf_counter() - begun) / len(group)
    for attempt in group:
        attempt.seconds += spent


def _side_by_side(pool: Any, run: Callable, states: list) -> list:
    """Each state run in a thread of its own: compiled programs do not hold Python's lock."""
    if len(states) == 1:
        return [jax.block_until_ready(run(states[0]))]
    # The 64-bit mode belongs to a thread: workers take on the caller's.
    double = jax.dtypes.canonicalize_dtype(np.float64) == np.float64

    def work(state: Any) -> Any:
        with jax.enable_x64(double):
            return jax.block_until_ready(run(state))

    return list(pool.map(work, states))


@eqx.filter_jit
def _begin(observed, algorithm, key, f):
    return begin(observed, algorithm, key, f)


@eqx.filter_jit
def _solution(algorithm, observed, state):
    return algorithm.solution(observed, state.f, state.memory)


@eqx.filter_jit
def _scan_batch(transforms, observed, algorithm, states, rounds, observers):
    def one(state):
        return scan_cycles(transforms, observed, algorithm, state, rounds, observers)

    return jax.vmap(one)(states)
