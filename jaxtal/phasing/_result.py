"""What phasing returns."""

import dataclasses
import functools
from typing import Any

import numpy as np
from jaxtyping import Complex, Float

from ..density import Density
from ..grids import Grid
from ._agreement import Equivalences
from ._control import Change
from ._dominance import DOMINATING, dominance
from ._families import Family, linked_families
from ._problem import PhasingProblem
from ._recipe import Recipe
from ._setting import Setting
from ._verdict import link_limit, twinned
from ._witness import Witness


@dataclasses.dataclass(frozen=True, eq=False)
class Start:
    """What became of one start.

    Attributes:
        cycles: cycles done, all attempts together.
        attempts: how often it was begun.
        converged: what is found without the group's symmetry supports it. In three dimensions the
            start agrees with runs from random phases in P1, which agree with each other and turn
            out to have the symmetry. In other dimensions it belongs to a family of starts, one of
            which, its phases shaken and freed of the group, comes back. In P1 another start
            agrees. Intensities that only twins have are never believed.
        ratio: (max - median) / (median - min) on the alias-free grid, NaN if it was cut short.
        agreement: with the structure found without the group (in P1: with another attempt), NaN
            where there is none.
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
        witnesses: what was found without the group, see `Start.converged`.
        changes: numbers of the algorithms that were given other values on the way
            (`Control.change`); `recipe` has the last ones.
    """

    problem: PhasingProblem
    recipe: Recipe
    grid: Grid
    grid_points: list[int]
    starts: tuple[Start, ...]
    f: Complex[np.ndarray, "starts n"]
    seconds: dict[str, float]
    interrupted: bool
    witnesses: tuple[Witness, ...] = ()
    changes: tuple[Change, ...] = ()

    @property
    def converged(self) -> bool:
        """True where some start has converged."""
        return any(start.converged for start in self.starts)

    @property
    def best(self) -> int:
        """The converged start of the largest family, of those the one with the lowest R.

        Of none converged, the one that agrees best with what was found without the group.
        """
        size = {i: len(family) for family in self.families for i in family}
        return max(range(len(self.starts)), key=lambda i: _rank(self.starts[i], size.get(i, 0)))

    @functools.cached_property
    def families(self) -> list[Family]:
        """Group the starts that found one structure, modulo origin and hand; largest first.

        Two starts are linked where they agree above a limit (`Recipe.agreement`), or, in three
        dimensions, both with what was found without the group; starts that were cut short or ran
        away are in none. Several families contradict each other.
        """
        sound = np.flatnonzero(np.isfinite(self.f).all(axis=1) & self.f.any(axis=1))
        if not len(sound):
            return []
        orbits = self.problem.orbits
        agreement = Equivalences.build(orbits).pairwise(self.f[sound])
        limit = link_limit(self.recipe, orbits.group.dimension)
        linked = agreement.copy()
        if self.witnesses and orbits.group.dimension == 3:
            # Those that agree with one witness do not contradict each other.
            same = np.flatnonzero([self.starts[i].converged for i in sound])
            linked[np.ix_(same, same)] = 1.0
        return [
            self._family([int(sound[i]) for i in rows], agreement[np.ix_(rows, rows)])
            for rows in linked_families(linked, limit)
        ]

    def _family(self, members: list[int], agreement: np.ndarray) -> Family:
        n, starts = len(members), [self.starts[i] for i in members]
        pairs = float((agreement.sum() - np.trace(agreement)) / (n * n - n)) if n > 1 else np.nan
        first = max(members, key=lambda i: _rank(self.starts[i], 0))
        return Family(
            members,
            pairs,
            float(np.median([s.r_factor for s in starts])),
            float(np.median([s.ratio for s in starts])),
            dominance(self.problem.orbits, self.grid, self.f[first]),
            any(s.converged for s in starts),
        )

    @functools.cached_property
    def setting(self) -> Setting:
        """Range of lengths and fall-off of amplitudes, with warnings of a wrong setting."""
        return Setting.of(self.problem.reflections)

    @functools.cached_property
    def twin(self) -> float | None:
        """<|E^2 - 1|> where it is as low as twins alone have it, otherwise None."""
        return twinned(self.problem.reflections)

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
        """What to think of the outcome, in a sentence or two."""
        found = sum(start.converged for start in self.starts)
        cut = " (interrupted)" if self.interrupted else ""
        if not found:
            return f"none of {len(self.starts)} starts converged{cut}: {self._why}"
        best, right = self.starts[self.best], [one for one in self.families if one.converged]
        text = (
            f"{found} of {len(self.starts)} starts converged{cut}: R {best.r_factor:.3f}, "
            f"agreement {best.agreement:.3f}"
        )
        if self.witnesses:
            text += f"; {max(self.witnesses, key=lambda w: w.holds).text()}"
        if len(right) > 1:
            sizes = " and ".join(f"{len(one)}" for one in right)
            text += f"; {_number(len(right))} contradicting families of {sizes} starts"
        return text

    @property
    def _why(self) -> str:
        """What speaks against every start."""
        several = [one for one in self.families if len(one) > 1]
        reasons = []
        if self.twin is not None:
            reasons.append(
                f"<|E^2 - 1|> is {self.twin:.3f}, which says that the crystal is twinned "
                "(0.736 expected, 0.541 of a twin)"
            )
        reasons += [one.text() for one in self.witnesses if not one.holds]
        if len(several) > 1:
            sizes = " and ".join(f"{len(one)}" for one in several)
            reasons.append(f"{_number(len(several))} contradicting families of {sizes} starts")
        top = self.families[0] if self.families else None
        if top is not None and top.dominance > DOMINATING:
            reasons.append(
                f"one peak, {top.dominance:.1f} times as high as the next, dominates the density"
            )
        if any(one.holds for one in self.witnesses):
            reasons.append(
                "no start agrees with what runs without symmetry have found, which obeys the "
                "group (`Phasing.witnesses`)"
            )
        if not reasons and not several:
            reasons.append("no two starts agree")
        if sum(start.attempts for start in self.starts) == 1:
            reasons.append("this run had one start alone: ask for more starts")
        return "; ".join(reasons or ["nothing supports them"])


def _number(n: int) -> str:
    return {2: "two", 3: "three", 4: "four"}.get(n, str(n))


def _rank(start: Start, size: int) -> tuple[bool, int, float, float]:
    agreement = start.agreement if np.isfinite(start.agreement) else -np.inf
    r_factor = start.r_factor if np.isfinite(start.r_factor) else np.inf
    return start.converged, size if start.converged else 0, agreement, -r_factor
