"""What phasing returns."""

import dataclasses
import functools
from typing import Any

import numpy as np
from jaxtyping import Complex, Float

from ..density import Density
from ..grids import Grid
from ._agreement import Equivalences
from ._families import linked_families
from ._problem import PhasingProblem
from ._recipe import Recipe


@dataclasses.dataclass(frozen=True, eq=False)
class Start:
    """What became of one start.

    Attributes:
        cycles: cycles done, all attempts together.
        attempts: how often it was begun.
        converged: ratio and agreement both above the recipe's limits, and R below its own.
        ratio: (max - median) / (median - min) on the alias-free grid, NaN if it was cut short.
        agreement: best agreement with another attempt whose ratio passes, NaN if there is none.
        r_factor: R of the last cycle, NaN if it was cut short.
        seconds: time spent, shared evenly among starts that ran together.
        records: pairs (stage, values of the observers) of the attempt reported, chunk by chunk.
    """

    cycles: int
    attempts: int
    converged: bool
    ratio: float
    agreement: float
    r_factor: float
    seconds: float
    records: list[Any] = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True, eq=False)
class Phasing:
    """Phases of every start, and what is to be thought of them.

    Attributes:
        problem: what was phased.
        recipe: how.
        grid: the alias-free grid.
        grid_points: points of the grid of each stage.
        starts: verdict on each.
        f: amplitudes of each start, in the problem's units and the orbits' gauge,
            F(k) = f exp(2 pi i angle), (starts, n); zero where a start was cut short.
        seconds: {"compile", "grid", "run"}: compilation (also part of the other two), grids and
            tables, cycles.
        interrupted: the run was stopped.
    """

    problem: PhasingProblem
    recipe: Recipe
    grid: Grid
    grid_points: list[int]
    starts: tuple[Start, ...]
    f: Complex[np.ndarray, "starts n"]
    seconds: dict[str, float]
    interrupted: bool

    @property
    def converged(self) -> bool:
        """True where some start has converged."""
        return any(start.converged for start in self.starts)

    @property
    def best(self) -> int:
        """The converged start with the largest ratio; of none converged, the largest ratio."""
        return max(range(len(self.starts)), key=lambda i: _rank(self.starts[i]))

    @functools.cached_property
    def families(self) -> list[list[int]]:
        """Group the starts that found one structure, modulo origin and hand; largest first.

        Two starts are linked where they agree above the recipe's limit (see `Equivalences`);
        starts that were cut short or ran away are in none.
        """
        sound = np.flatnonzero(np.isfinite(self.f).all(axis=1) & self.f.any(axis=1))
        if not len(sound):
            return []
        agreement = Equivalences.build(self.problem.orbits).pairwise(self.f[sound])
        found = linked_families(agreement, self.recipe.agreement)
        return [[int(sound[i]) for i in family] for family in found]

    @functools.cached_property
    def density(self) -> Density:
        """Return the density of the best start, in units of the sharpened amplitudes.

        It knows the alias-free grid, the group and the space, for `section` and `peaks`.
        """
        problem = self.problem
        f = problem.scale * self.f[self.best]
        space = problem.reflections.space
        return Density.from_orbits(problem.orbits, f, grid=self.grid, space=space)

    def __repr__(self) -> str:
        orbits = self.problem.orbits
        name = orbits.group.hm or f"a group of order {orbits.group.order}"
        where = f"{orbits.group.dimension} dimensions, {name}, {self.grid!r}"
        return f"Phasing of {len(orbits.k)} orbits in {where}:\n{self.message}"

    @property
    def structure_factors(self) -> Complex[np.ndarray, " n"]:
        """F of the representatives, of the best start: sqrt(I) times form factor, phased, (n,)."""
        problem = self.problem
        return problem.scale * self.f[self.best] * np.exp(2j * np.pi * problem.orbits.angle)

    @property
    def phases(self) -> Float[np.ndarray, " n"]:
        """Phases of the representatives, of the best start, radians in (-pi, pi], (n,)."""
        return np.angle(self.structure_factors)

    @property
    def message(self) -> str:
        """One sentence on the outcome."""
        found = sum(start.converged for start in self.starts)
        cut = " (interrupted)" if self.interrupted else ""
        if found:
            best = self.starts[self.best]
            return (
                f"{found} of {len(self.starts)} starts converged{cut}: ratio of the extrema "
                f"{best.ratio:.0f}, R {best.r_factor:.3f}, agreement {best.agreement:.3f}"
            )
        return (
            f"none of {len(self.starts)} starts converged{cut}: a solution has extrema in a ratio "
            f"above {self.recipe.ratio:g}, R below {self.recipe.r_factor:g}, and agrees with "
            f"another attempt above {self.recipe.agreement:g}{self._alone}"
        )

    @property
    def _alone(self) -> str:
        """A hint where nothing could agree with anything."""
        made = sum(start.attempts for start in self.starts)
        return ", of which this run had none: ask for more starts" if made == 1 else ""


def _rank(start: Start) -> tuple[bool, float]:
    return start.converged, start.ratio if np.isfinite(start.ratio) else -np.inf
