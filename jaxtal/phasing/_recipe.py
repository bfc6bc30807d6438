"""Recipes: stages of cycles from random phases to a verdict."""

import dataclasses
import math
from typing import Literal

from ._algorithm import AbstractAlgorithm
from ._charge_flipping import SweepDown
from ._relaxed_reflections import RelaxedReflections


@dataclasses.dataclass(frozen=True)
class Stage:
    """Some cycles of one algorithm on one kind of grid.

    Attributes:
        algorithm: what a cycle does; its state starts anew.
        cycles: how many, a multiple of `maps`.
        grid: "alias-free", or "folded": random maps of the reflections to few slots, taken in
            turn, whose errors the average over each orbit removes.
        points_per_reflection: size of a folded grid, in reflections (with symmetry).
        maps: number of folded grids.
    """

    algorithm: AbstractAlgorithm
    cycles: int
    grid: Literal["alias-free", "folded"] = "alias-free"
    points_per_reflection: float = 0.25
    maps: int = 1

    def __post_init__(self):
        """Check the numbers.

        Raises:
            ValueError: cycles that do not go through the maps evenly, sizes that are not positive.
        """
        if self.grid not in ("alias-free", "folded"):
            raise ValueError(f'grid: expected "alias-free" or "folded", got {self.grid!r}')
        if self.maps < 1 or (self.grid == "alias-free" and self.maps > 1):
            raise ValueError(f"maps: expected 1, or more of a folded grid, got {self.maps}")
        if self.cycles < 1 or self.cycles % self.maps:
            raise ValueError(
                f"cycles: expected a positive multiple of {self.maps} maps, got {self.cycles}"
            )
        if not self.points_per_reflection > 0:
            raise ValueError(
                f"points_per_reflection: expected above 0, got {self.points_per_reflection}"
            )


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Stages in order, and what is asked of a solution beyond the evidence.

    Whether a start has converged is told by what is found without the group's symmetry (see
    `Start.converged`). The limits below ask for more; by default for nothing. A start that has not
    converged is begun again from new phases, up to `restarts` times.

    Attributes:
        stages: the last one is alias-free.
        ratio: least (max - median) / (median - min) of the density.
        r_factor: largest R.
        agreement: least agreement, modulo origin and hand, with the structure found without
            symmetry, and of starts that are one family; None: 0.8 in three dimensions and 0.97 in
            others, where data are many and phases sharp.
        restarts: new attempts allowed to each start.
    """

    stages: tuple[Stage, ...]
    ratio: float = 0.0
    r_factor: float = math.inf
    agreement: float | None = None
    restarts: int = 2

    def __post_init__(self):
        """Check the stages.

        Raises:
            ValueError: no stage, or a last one that is not alias-free.
        """
        if not self.stages or self.stages[-1].grid != "alias-free":
            raise ValueError("stages: expected the last one on the alias-free grid")
        if self.stages[-1].cycles < 2:
            raise ValueError("stages: expected at least 2 cycles in the last one, which judges")
        if self.restarts < 0:
            raise ValueError(f"restarts: expected at least 0, got {self.restarts}")

    @property
    def cycles(self) -> int:
        """Cycles of one attempt."""
        return sum(stage.cycles for stage in self.stages)

    def resized(self, cycles: int) -> "Recipe":
        """Return the recipe with another number of first-stage cycles, rounded up to its maps.

        A sweep keeps its first and last fraction: its decrement follows.

        Raises:
            ValueError: no positive number.
        """
        first = self.stages[0]
        if cycles < 1:
            raise ValueError(f"cycles: expected at least 1, got {cycles}")
        rounded = -(-cycles // first.maps) * first.maps
        algorithm = first.algorithm
        if isinstance(algorithm, SweepDown):
            decrement = algorithm.decrement ** (first.cycles / rounded)
            algorithm = dataclasses.replace(algorithm, decrement=decrement)
        first = dataclasses.replace(first, cycles=rounded, algorithm=algorithm)
        return dataclasses.replace(self, stages=(first, *self.stages[1:]))


#: Recipes by name, see `recipe`.
RECIPES = {
    "folded": Recipe(
        (
            Stage(RelaxedReflections(0.5, 0.1), 32, "folded", maps=16),
            Stage(SweepDown(0.5, 0.985), 12),
        )
    ),
    "thorough": Recipe(
        (
            Stage(RelaxedReflections(0.3, 0.05), 96, "folded", maps=16),
            Stage(SweepDown(0.6, 0.98), 20),
        ),
        restarts=4,
    ),
    "folded-sweep": Recipe(
        (
            Stage(SweepDown(0.72, 0.99), 48, "folded", maps=16),
            Stage(SweepDown(0.48, 0.99), 12),
        )
    ),
    "relaxed": Recipe((Stage(RelaxedReflections(0.5, 0.1), 200), Stage(SweepDown(0.6, 0.98), 40))),
    "sweep": Recipe((Stage(SweepDown(0.8, 0.99), 100),), restarts=0),
    "slow-sweep": Recipe((Stage(SweepDown(0.8, 0.995), 100),), restarts=0),
}
#: Reflections, symmetry mates counted, from which on folded grids are the better search.
_MANY = 100_000


def recipe(name: str, reflections: int = _MANY) -> Recipe:
    """Return a recipe by name.

    "folded": a search by RRR on folded grids a quarter as large as the list of reflections,
    finished and judged by a sweep on the alias-free grid. "thorough": the same with smaller steps
    and three times the cycles. "folded-sweep": a search by `SweepDown` instead. "relaxed": RRR on
    the alias-free grid, finished by a sweep. "sweep", "slow-sweep": `SweepDown` on the alias-free
    grid alone, 100 cycles, with decrement 0.99 or 0.995 (the reference's).
    "default": "folded" for lists of 100 000 reflections and more, otherwise "relaxed".

    Args:
        name: one of these.
        reflections: how many there are, symmetry mates counted; matters to "default" alone.

    Raises:
        ValueError: unknown name.
    """
    if name == "default":
        name = "folded" if reflections >= _MANY else "relaxed"
    if name not in RECIPES:
        raise ValueError(f"recipe: expected one of default, {', '.join(RECIPES)}, got {name!r}")
    return RECIPES[name]
