"""Structures found without the symmetry that starts were given: witnesses that no group has led."""

import concurrent.futures
import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Complex, Float

from ..grids import Grid
from ..reflections import Window
from ._families import linked_families
from ._free_agreement import free_pairwise, superpose
from ._free_cycles import (
    FreeAmplitudes,
    fill_free,
    free_moduli,
    free_relax,
    free_relax_from_host,
    free_start,
    free_sweep,
    read_free,
)
from ._operator_agreement import FreePhases
from ._problem import PhasingProblem

#: Cycles of a run from random phases; of one released from a start's phases, on small and on large
#: grids; of the last sweep.
_CYCLES, _RELEASED, _RELEASED_LARGE, _SWEEP = 1000, 100, 30, 40
#: Spread of the phases of a released run about those of its start, radians.
_KICK = 1.0
_BETA, _SUPPORT = 0.5, 0.1
#: Runs from random phases: some, and as many again where these do not agree.
_RUNS = 2
#: Grid points from which on a CPU is faster driven from the host.
_LARGE = 1 << 19
#: What right structures reach and wrong ones do not (figures: `_verdict`).
PAIRS, OPERATORS, R_SYMMETRIC = 0.70, 0.52, 0.25
#: What operations have to reach of what runs reach among each other: sharp phases of a structure in
#: P1 obey a centre that is nearly there at 0.60 of it, weak ones of a centric one at 0.68.
_SHARE = 0.64


@dataclasses.dataclass(frozen=True, eq=False)
class Witness:
    """A structure of the group, found without it.

    Attributes:
        runs: how many runs were made, and how many of them agree.
        pairs: their mean agreement with each other, NaN where no two agree.
        operators: mean agreement of the group's operations, tested on phases found without them.
        r_factor: R of the density averaged over the group against the moduli it was made with.
        f: amplitudes of the averaged density in the gauge of the orbits, (n,).
    """

    runs: tuple[int, int]
    pairs: float
    operators: float
    r_factor: float
    f: Complex[np.ndarray, " n"] = dataclasses.field(repr=False)

    @property
    def holds(self) -> bool:
        """Runs agree, and what they found has the symmetry that it was not given."""
        return self.pairs >= PAIRS and self.operators >= OPERATORS and self.r_factor <= R_SYMMETRIC

    def text(self) -> str:
        """One line."""
        made, agreeing = self.runs
        return (
            f"{agreeing} of {made} runs without symmetry agree at {self.pairs:.2f}, obey the group "
            f"at {self.operators:.2f}, R of their average {self.r_factor:.2f}"
        )


class WitnessStand:
    """Runs a problem without its group, once, and keeps what was found."""

    def __init__(self, problem: PhasingProblem, grid: Grid, seed: int, dtype: Any):
        """Lay out the reflections; nothing is run before it is asked for."""
        orbits = problem.orbits
        at_zero = grid.with_origin(np.zeros(grid.dimension))
        self._grid, self._k, self._problem = at_zero, orbits.members, problem
        self._orbits, self._seed, self._dtype = orbits, seed, dtype
        self._data = self._laid_out(problem.lower)
        self._turns = orbits.angle[orbits.orbit] + orbits.phase
        self._known: dict[Any, Witness] = {}

    @property
    def alone(self) -> bool:
        """True in three dimensions, where random phases are solved without a group."""
        return self._orbits.group.dimension == 3

    def unled(self) -> Witness:
        """The witness of runs from random phases: more, then windowed, where they do not agree."""
        if "random" not in self._known:
            runs = self._from_random(self._data, range(_RUNS))
            found = self._combined(runs)
            if not found.holds:
                runs += self._from_random(self._data, range(_RUNS, 2 * _RUNS))
                found = self._combined(runs)
            if not found.holds:
                # Moduli that end at the edge of the data make ripples; a window takes them away.
                smooth = self._laid_out(self._problem.lower * self._window())
                windowed = self._combined(self._from_random(smooth, range(_RUNS)))
                found = windowed if windowed.holds else found
            self._known["random"] = found
        return self._known["random"]

    def released(self, name: Any, f: Complex[np.ndarray, " n"]) -> Witness:
        """The witness of two runs from the phases of a start, shaken and freed of the group.

        What the group alone held together falls apart. Where random phases are hopeless without a
        group, in high dimensions, this is the independent evidence that there can be.

        Args:
            name: of the start.
            f: its amplitudes, (n,).
        """
        if name not in self._known:
            F = self._expanded(np.asarray(f, np.complex128))
            runs = []
            for i in range(2):
                shaken = np.random.default_rng((self._seed, i)).normal(size=len(F))
                x = fill_free(self._grid, self._k, F * np.exp(1j * _KICK * shaken))
                x = free_moduli(self._data, jnp.asarray(x, self._complex))
                large = self._grid.size >= _LARGE
                runs.append(self._run(self._data, x, _RELEASED_LARGE if large else _RELEASED))
            self._known[name] = self._combined(runs, F)
        return self._known[name]

    def _laid_out(self, modulus: np.ndarray) -> FreeAmplitudes:
        orbits, problem = self._orbits, self._problem
        some = orbits.members.any(axis=1)
        measured = np.isfinite(problem.upper)[orbits.orbit] & some
        return FreeAmplitudes.build(
            self._grid,
            orbits.members[measured],
            modulus[orbits.orbit[measured]],
            orbits.members[~measured & some],
            self._dtype,
        )

    def _window(self) -> np.ndarray:
        reflections = self._problem.reflections
        factors = np.ones(len(self._orbits.k))
        factors[: len(reflections)] = Window("triangle").factors(reflections)
        return factors

    def _from_random(self, data: FreeAmplitudes, numbers: Sequence[int]) -> list[np.ndarray]:
        keys = [jax.random.fold_in(jax.random.key(self._seed), 1_000_003 + i) for i in numbers]
        double = jax.dtypes.canonicalize_dtype(np.float64) == np.float64

        def one(key: Any) -> np.ndarray:
            # The 64-bit mode belongs to a thread.
            with jax.enable_x64(double):
                return self._run(data, free_start(data, key), _CYCLES)

        with concurrent.futures.ThreadPoolExecutor(_RUNS) as pool:
            return list(pool.map(one, keys))

    def _run(self, data: FreeAmplitudes, x: Any, cycles: int) -> np.ndarray:
        def number(value: float) -> Any:
            return jnp.asarray(value, self._dtype)

        if self._grid.size >= _LARGE and jax.default_backend() == "cpu":
            x = free_relax_from_host(data, x, _BETA, _SUPPORT, cycles)
            found = free_moduli(data, x)
        else:
            beta, support = number(_BETA), number(_SUPPORT)
            x = free_relax(data, x, beta, support, jnp.int32(cycles))
            found, _ = free_sweep(data, x, number(0.6), number(0.98), jnp.int32(_SWEEP))
        return read_free(self._grid, np.asarray(found), self._k)

    def _combined(self, runs: list[np.ndarray], start: np.ndarray | None = None) -> Witness:
        """The largest set of runs that agree, averaged, then over the group."""
        k, F = self._k, np.stack(runs)
        F = np.where(np.isfinite(F), F, 0.0)
        if start is None:
            agreement = free_pairwise(k, F)
        else:
            # Released runs stay where their start was: only a drift along free directions is left.
            agreement = np.eye(len(F))
            agreement[0, 1] = agreement[1, 0] = superpose(
                k, F[0], F[1], hands=False, near=np.zeros(k.shape[1])
            )[0]
        family = linked_families(agreement, PAIRS)[0]
        inside = agreement[np.ix_(family, family)]
        n = len(family)
        pairs = float((inside.sum() - n) / (n * n - n)) if n > 1 else math.nan
        near = None if start is None else np.zeros(k.shape[1])
        first = F[family[0]]
        group = self._orbits.group
        moved = [superpose(k, first, F[i], hands=start is None, near=near)[1] for i in family[1:]]
        average = np.mean([first, *moved], axis=0)
        # Moduli as measured, so that R tells what symmetry and not what disagreement takes away.
        average = np.abs(first) * np.exp(1j * np.angle(average))
        if start is None:
            at = FreePhases(k, average, group.laue_rotations).test(group).origin
            average = average * np.exp(-2j * np.pi * (k @ at))
        f = self._gathered(average)
        operators, r_factor = self._symmetric(average, f)
        return Witness((len(F), n), pairs, operators, r_factor, f)

    def _symmetric(self, F: np.ndarray, f: np.ndarray) -> tuple[float, float]:
        """Mean agreement of the group's operations, and R of the average over them.

        Over all p operations with the identity, the sum of F(k) conj(F(k W)) without its phase is
        |f|^2 for each reflection, f the mean over the orbit.
        """
        orbits, p = self._orbits, len(self._orbits.group.point_rotations)
        size, mean = np.abs(F), np.abs(f)[orbits.orbit]
        total = float(np.sum(size**2))
        share = float(np.sum(mean**2)) / total if total > 0 else 0.0
        square = float(np.sum(mean**2))
        scale = float(np.sum(mean * size)) / square if square > 0 else 0.0
        r_factor = float(np.sum(np.abs(scale * mean - size)) / np.sum(size))
        return (1.0 if p == 1 else (p * share - 1) / (p - 1)), r_factor

    def _expanded(self, f: np.ndarray) -> np.ndarray:
        return f[self._orbits.orbit] * np.exp(2j * np.pi * self._turns)

    def _gathered(self, F: np.ndarray) -> np.ndarray:
        """Amplitudes of orbits, the mean over their members."""
        orbits = self._orbits
        turned = F * np.exp(-2j * np.pi * self._turns)
        n, count = len(orbits.k), np.bincount(orbits.orbit, minlength=len(orbits.k))
        real = np.bincount(orbits.orbit, np.real(turned), n)
        sums = real + 1j * np.bincount(orbits.orbit, np.imag(turned), n)
        f = sums / np.maximum(count, 1)
        return np.where(orbits.real, np.real(f), f)

    @property
    def _complex(self) -> Any:
        return np.result_type(np.dtype(self._dtype), np.complex64)


def mean_e_squared_minus_one(E: Float[np.ndarray, " n"]) -> float:
    """<|E^2 - 1|>: 0.968 of centric, 0.736 of acentric, 0.541 of acentric twinned intensities.

    References:
        A. J. C. Wilson, Acta Cryst. 2 (1949) 318; E. Stanley, J. Appl. Cryst. 5 (1972) 191.
    """
    return float(np.mean(np.abs(E**2 - 1)))
