"""The starts of `phasing.phase`."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..phasing import Control, Equivalences, step
from ..phasing._control import Snapshot
from ..phasing._families import linked_families
from ..phasing._verdict import link_limit
from ._curve import Curve, Point
from ._observer import deciles, look
from ._plane_sum import Waves
from ._runs import Families, Runs

#: As `Point` has them.
_NAMES = ("deciles", "r_factor", "flipped", "phase_change")


@dataclasses.dataclass(frozen=True, eq=False)
class _Kept:
    """A state that may be looked at later; its arrays never change."""

    attempt: int
    stage: int
    cycle: int
    algorithm: Any
    state: Any
    f: Any
    r_factor: float
    told: bool


class PhasingRuns(Runs):
    """Takes the snapshots of a run, and looks at them in another thread."""

    def __init__(self, title: str, work: float):
        """Nothing is known before the first snapshot; work: between two, see `Control`."""
        super().__init__(title, Control(self.take, work))
        self._workspace: Any = None
        self._recipe: Any = None
        self._last: Snapshot | None = None
        self._tables: dict[int, Any] = {}
        self._equivalences: Equivalences | None = None
        self._double = False
        self._plain: Any = None
        self._arrays: Any = None

    def take(self, snapshot: Snapshot) -> None:
        """Keep what a chunk of cycles has led to: for `Control(on_chunk=...)`."""
        attempt, recipe = snapshot.attempt, snapshot.recipe
        if self._workspace is None:
            self._begin(snapshot)
        self._recipe, self._last = recipe, snapshot
        curve = self.curve(attempt.start)
        if curve.attempt != attempt.number:
            curve.begin(attempt.number)
            again = f", begun again ({attempt.number})" if attempt.number else ""
            self.tell(f"start {attempt.start}{again}")
        inside = attempt.state is not None
        place = attempt.stage if inside else attempt.stage - 1
        before = sum(stage.cycles for stage in recipe.stages[: attempt.stage])
        cycle = before + attempt.cycle
        algorithm = recipe.stages[place].algorithm
        f = None if inside else attempt.f
        told = _records(snapshot)
        # The last cycle of all judges, and is not recorded.
        for point in points(told, cycle - attempt.finished(recipe)):
            curve.add(attempt.number, point)
        kept = (attempt.number, place, cycle, algorithm, attempt.state, f, attempt.r_factor)
        size = sum(leaf.nbytes for leaf in jax.tree.leaves(attempt.state) if leaf.ndim)
        # Where the run records, the newest amplitudes are all that is wanted.
        curve.wait(_Kept(*kept, bool(told)), size if not told else 1 << 60)
        if f is not None:
            curve.know(attempt.number, cycle, f)
        name = type(algorithm).__name__
        curve.text = f"start {attempt.start}, cycle {cycle} of {recipe.cycles}, {name}"
        if attempt.finished(recipe):
            curve.text = (
                f"start {attempt.start}, finished: R {attempt.r_factor:.3f}, "
                f"ratio {attempt.ratio:.0f}"
            )
            curve.r_factor = attempt.r_factor
            self.tell(curve.text)
        if attempt.start not in self.active:
            group = self.active[-1:] if len(self.active) > 1 else self.active
            self.active = (*group, attempt.start)
        self.news += 1

    def _begin(self, snapshot: Snapshot) -> None:
        self._double = jax.dtypes.canonicalize_dtype(np.float64) == np.float64
        problem = snapshot.workspace.problem
        self.space, self._workspace = problem.reflections.space, snapshot.workspace
        self.waves = Waves.of_orbits(problem.orbits)
        sizes = " and ".join(f"{size:,}" for size in dict.fromkeys(snapshot.workspace.sizes))
        self.tell(
            f"{len(problem.orbits.k)} orbits, {problem.orbits.n_reflections} reflections, "
            f"{self.space.dimension} dimensions; grids of {sizes} points"
        )

    @property
    def state(self) -> str:
        if self._last is None:
            return "preparing: grid, tables, compilation"
        return "; ".join(self.curves[i].text for i in self.active if i in self.curves)

    def changeable(self) -> dict[str, tuple[float, float, float]]:
        last = self._last
        if last is None or last.attempt.state is None:
            return {}
        attempt, state = last.attempt, last.attempt.state
        return last.recipe.stages[attempt.stage].algorithm.changeable(state.memory)

    def look(self, curve: Curve, state: Any) -> None:
        kept: _Kept = state
        if kept.told and (kept.state is None or kept.cycle <= curve.known):
            # The run has recorded all; of older states nothing is wanted any more.
            return
        with self.elsewhere.work((kept.stage, kept.state is None, kept.told)):
            self._look(curve, kept)

    def _look(self, curve: Curve, kept: _Kept) -> None:
        with jax.enable_x64(self._double):
            observed = self._workspace.observed
            if kept.told:
                f = _solved(observed, kept.algorithm, kept.state)
                curve.know(kept.attempt, kept.cycle, np.asarray(f))
                return
            table = self._table(kept.stage)
            if kept.state is None:
                f, found = np.asarray(kept.f), [np.asarray(_still(table, kept.f))]
                found += [kept.r_factor, np.nan, np.nan]
            else:
                if kept.algorithm is not self._plain:
                    dtype = observed.lower.dtype
                    self._arrays = _with_arrays(kept.algorithm, kept.state.memory, dtype)
                    self._plain = kept.algorithm
                algorithm = self._arrays
                f, seen = jax.tree.map(np.asarray, _looked(table, observed, algorithm, kept.state))
                found = [seen[name] for name in _NAMES]
        values, r, flipped, change = found
        numbers = (float(r), float(flipped), float(change))
        curve.add(kept.attempt, Point(kept.cycle, np.asarray(values, np.float64), *numbers))
        curve.know(kept.attempt, kept.cycle, f)

    def _table(self, stage: int) -> Any:
        if stage not in self._tables:
            self._tables[stage] = self._workspace.single(stage)
        return self._tables[stage]

    def judge(self, known: dict[int, np.ndarray]) -> Families:
        problem = self._workspace.problem
        if self._equivalences is None:
            self._equivalences = Equivalences.build(problem.orbits)
        sound = [i for i in sorted(known) if np.any(known[i])]
        agreement = self._equivalences.pairwise(np.stack([known[i] for i in sound]))
        limit = link_limit(self._recipe, problem.orbits.group.dimension)
        return families(sound, agreement, limit, self.curves)


def _records(snapshot: Snapshot) -> dict[str, np.ndarray]:
    """What the run has recorded of the chunk that just ended, if it has."""
    for record in snapshot.records:
        if isinstance(record, dict) and record.get("monitor"):
            return record["monitor"]
    return {}


def points(told: dict[str, np.ndarray], end: int) -> list[Point]:
    """The cycles of a chunk that ends after some cycles, as points."""
    if not told:
        return []
    rows = list(zip(*(np.asarray(told[name], np.float64) for name in _NAMES), strict=True))
    first = end - len(rows)
    return [
        Point(first + i, deciles, float(r), float(flipped), float(change))
        for i, (deciles, r, flipped, change) in enumerate(rows)
    ]


def families(
    starts: list[int], agreement: np.ndarray, limit: float, curves: dict[int, Curve]
) -> Families:
    """Group starts, and say of each family how large it is and how well it agrees."""
    lines = []
    for rows in linked_families(agreement, limit):
        numbers = [starts[i] for i in rows]
        inside, n = agreement[np.ix_(rows, rows)], len(rows)
        last = [curves[i].r_factor for i in numbers if np.isfinite(curves[i].r_factor)]
        text = f"{n} start{'s' * (n > 1)}: {', '.join(map(str, numbers))}"
        if n > 1:
            text += f"; agreement {(inside.sum() - n) / (n * n - n):.3f}"
        if last:
            text += f"; R {float(np.median(last)):.3f}"
        lines.append(text)
    return Families(starts, agreement, lines)


def _with_arrays(algorithm: Any, memory: Any, dtype: Any) -> Any:
    """The algorithm with its changeable numbers as arrays: one program whatever their values.

    Numbers that the state has do not change the algorithm.
    """
    for name, (_, _, value) in algorithm.changeable(memory).items():
        algorithm, _ = algorithm.changed(name, jnp.asarray(value, dtype), memory)
    return algorithm


@eqx.filter_jit
def _looked(table, observed, algorithm, state):
    """One cycle more, for what it tells; the run itself does not take it."""
    _, cycle = step(table, observed, algorithm, state)
    return algorithm.solution(observed, state.f, state.memory), look(cycle)


@eqx.filter_jit
def _solved(observed, algorithm, state):
    return algorithm.solution(observed, state.f, state.memory)


@eqx.filter_jit
def _still(table, f):
    return deciles(table.to_density(f))
