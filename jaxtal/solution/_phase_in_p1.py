"""Phasing in P1 of data that a Laue group merged: the road that needs no space group."""

import concurrent.futures
import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any, get_args

import jax
import jax.numpy as jnp
import numpy as np

from .._core import cores
from ..grids import Grid
from ..phasing._families import linked_families
from ..phasing._free_agreement import superpose
from ..phasing._free_cycles import (
    FreeAmplitudes,
    free_relax,
    free_start,
    free_sweep,
    read_free,
)
from ..phasing._unmeasured_orbits import unmeasured_orbits
from ..phasing._verdict import twinned
from ..reflections import NormalisedE, Reflections, Window
from ._free_structure import PAIRS, FreeStructure, family_agreement
from ._rungs import LADDER, Radiation, Rung

#: Lengths of the axes of grids. Few of them, so that few programs are compiled.
_SIZES = (8, 10, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 128, 160, 192, 256, 320, 384, 512)
#: Cycles after which runs are compared for the first time: easy data need no more.
_FIRST = 300
#: Agreement with every other run at which a rung is left early.
_CLEAR = 0.90
_SWEEP = 40
#: Cycles with the amplitudes themselves after those with their power.
_PLAIN = 100
#: Cycles between two looks at whether to stop.
_GLANCE = 100


@dataclasses.dataclass(frozen=True, eq=False)
class FreeNews:
    """Where a run in P1 stands after some cycles.

    Attributes:
        run: its number.
        rung: the recipe it follows.
        cycle: cycles done in it.
        reflections: what is phased.
        grid: of the density.
        k: indices that have phases, (m, 3).
        data: what was measured.
        x: the iterate, on half of the grid's slots.
        stopped: whether the run is to end.
    """

    run: int
    rung: Rung
    cycle: int
    reflections: Reflections
    grid: Grid
    k: np.ndarray
    data: FreeAmplitudes
    x: Any
    stopped: Callable[[], bool]


#: Takes the news, and tells step and support to go on with, or None for the same.
OnChunk = Callable[[FreeNews], tuple[float, float] | None]


def phase_in_p1(
    reflections: Reflections,
    *,
    radiation: Radiation = "xray",
    starts: int = 4,
    seed: int = 0,
    ladder: Sequence[Rung] = LADDER,
    progress: Callable[[str], None] | None = None,
    stop: Callable[[], bool] | None = None,
    on_chunk: OnChunk | None = None,
) -> FreeStructure:
    """Phase reflections in P1, with harder recipes only while runs do not agree.

        found = phase_in_p1(reflections)          # merged under the Laue group, any will do
        found.converged, found.message, found.density

    Every equivalent of every reflection is listed and phased for itself: without the translations
    of a wrong (or right) space group, iterates are free to move, and runs that agree are
    independent evidence. The amplitudes are divided by the fall-off of the data
    (`reflections.NormalisedE`) and multiplied by the window of the rung, or raised to its power.

    Args:
        reflections: merged data in three dimensions; those of a Laue group, or of a space group
            whose absences are left out.
        radiation: "neutron" allows for scatterers of both signs.
        starts: runs of each rung, from random phases.
        seed: of the phases.
        ladder: recipes, tried in order.
        progress: called with a line before and after each recipe.
        stop: asked every hundred cycles; True ends the runs where they are.
        on_chunk: called with a `FreeNews` after every hundred cycles of a run, in its thread; the
            run waits for it.

    Returns:
        what the last rung that was tried found; `converged` says whether to believe it.

    Raises:
        ValueError: not three dimensions, no starts or rungs, or an unknown radiation.

    References:
        L. Palatinus, Acta Cryst. B69 (2013) 1 (phasing in P1 and its symmetry afterwards).
    """
    if reflections.space.dimension != 3 or reflections.space.n_internal:
        raise ValueError(f"expected a crystal in 3 dimensions, got {reflections.space}")
    if starts < 2:
        raise ValueError(f"starts: expected at least 2, which can agree, got {starts}")
    if radiation not in get_args(Radiation):
        raise ValueError(f"radiation: expected xray, electron or neutron, got {radiation!r}")
    if not ladder:
        raise ValueError("ladder: expected at least one rung")
    begun, twin = time.perf_counter(), twinned(reflections)
    found, stop = None, stop or (lambda: False)
    for number, rung in enumerate(ladder):
        if progress is not None:
            progress(f"{starts} runs in P1: {rung.text()}")
        found = _climb(
            reflections, rung, starts, seed + 7919 * number, radiation, twin, begun, stop, on_chunk
        )
        # More cycles do not untwin a crystal.
        if found.agrees or twin is not None or stop():
            break
        if progress is not None:
            progress(found.message)
    assert found is not None
    return found


def _climb(
    reflections: Reflections,
    rung: Rung,
    starts: int,
    seed: int,
    radiation: Radiation,
    twin: float | None,
    begun: float,
    stop: Callable[[], bool],
    on_chunk: OnChunk | None,
) -> FreeStructure:
    orbits, signed = reflections.orbits, radiation == "neutron"
    amplitude = reflections.amplitude / NormalisedE(with_epsilon=False).form_factors(reflections)
    strong = (amplitude * Window(rung.window).factors(reflections)) ** rung.sharpened
    # Strong ones find the phases of a structure, and distort its density.
    last = rung if rung.sharpened == 1 else Rung()
    modulus = (amplitude * Window(last.window).factors(reflections))[orbits.orbit]
    limit = reflections.q_parallel.max() / rung.coarser * (1 + 1e-9)
    inside = reflections.q_parallel[orbits.orbit] <= limit
    k, modulus = orbits.members[inside], modulus[inside]
    orbit = orbits.orbit[inside]
    extra = _unmeasured(reflections, limit) if rung.floated else None
    both = k if extra is None else np.concatenate([k, extra])
    grid = padded_grid(both)
    plain = FreeAmplitudes.build(grid, k, modulus, extra)
    data = plain if last is rung else FreeAmplitudes.build(grid, k, strong[orbit], extra)
    keys = [jax.random.fold_in(jax.random.key(seed), start) for start in range(starts)]

    def number(value: float) -> Any:
        return jnp.asarray(value, data.modulus.dtype)

    def relaxed(data: FreeAmplitudes, rung: Rung, x: Any, first: int, cycles: int, run: int) -> Any:
        numbers = rung.beta, rung.support
        for done in range(0, cycles, _GLANCE):
            if stop():
                break
            part = jnp.int32(min(_GLANCE, cycles - done))
            beta, support = map(number, numbers)
            x = jax.block_until_ready(free_relax(data, x, beta, support, part, signed))
            if on_chunk is not None:
                at = first + min(done + _GLANCE, cycles)
                news = FreeNews(run, rung, at, reflections, grid, k, data, x, stop)
                numbers = on_chunk(news) or numbers
        return x

    def finished(x: Any, run: int) -> tuple[np.ndarray, float]:
        if last is not rung:
            x = relaxed(plain, last, x, rung.cycles, _PLAIN, run)
        y, r = free_sweep(plain, x, number(0.6), number(0.98), jnp.int32(_SWEEP), signed)
        F = read_free(grid, np.asarray(y), k)
        # In the units of the moduli; a run that has gone astray has no phases.
        return np.where(np.isfinite(F), modulus * np.exp(1j * np.angle(F)), 0.0), float(r)

    with concurrent.futures.ThreadPoolExecutor(cores()) as pool:
        first = min(_FIRST, rung.cycles)
        runs = range(starts)
        begin = [free_start(data, key) for key in keys]
        x = list(pool.map(lambda one, i: relaxed(data, rung, one, 0, first, i), begin, runs))
        ended = list(pool.map(finished, x, runs))
        if first < rung.cycles and not stop() and not _clear(k, [F for F, _ in ended], signed):
            rest = rung.cycles - first
            x = list(pool.map(lambda one, i: relaxed(data, rung, one, first, rest, i), x, runs))
            ended = list(pool.map(finished, x, runs))
    F = np.stack([one for one, _ in ended])
    agreement = pairwise(k, F, signed)
    families = linked_families(agreement, PAIRS)
    families.sort(key=lambda one: (-len(one), -np.nan_to_num(family_agreement(agreement, one))))
    average = averaged(k, modulus, F, families[0], agreement, signed)
    return FreeStructure(
        reflections=reflections,
        k=k,
        orbit=orbit,
        modulus=modulus,
        F=F,
        r_factor=np.array([r for _, r in ended]),
        families=families,
        agreement=agreement,
        rung=rung,
        twin=twin,
        signed=signed,
        seconds=time.perf_counter() - begun,
        average=average,
    )


def _clear(k: np.ndarray, F: list[np.ndarray], signed: bool) -> bool:
    """Every run agrees with the first one, clearly."""
    return all(_superposed(k, F[0], other, signed)[0] >= _CLEAR for other in F[1:])


def pairwise(k: np.ndarray, F: np.ndarray, signed: bool) -> np.ndarray:
    """Agreement of every two runs, over origins and hands, and signs where both are allowed."""
    found = np.eye(len(F))
    for i in range(len(F)):
        for j in range(i):
            value = _superposed(k, F[i], F[j], signed)[0]
            found[i, j] = found[j, i] = value if np.isfinite(value) else 0.0
    return found


def averaged(
    k: np.ndarray,
    modulus: np.ndarray,
    F: np.ndarray,
    family: list[int],
    agreement: np.ndarray,
    signed: bool,
) -> np.ndarray:
    """Measured moduli with the mean phases of a family, superposed on its most typical run."""
    inside = agreement[np.ix_(family, family)]
    first = family[int(inside.sum(axis=1).argmax())]
    moved = [_superposed(k, F[first], F[i], signed)[1] for i in family if i != first]
    total = np.sum([F[first], *moved], axis=0)
    size = np.abs(total)
    return modulus * np.where(size > 0, total / np.where(size > 0, size, 1.0), 0.0)


def padded_grid(k: np.ndarray) -> Grid:
    """A regular mesh that is alias-free for indices and their mates, axes sorted by length."""
    need = 2 * np.abs(k).max(axis=0) + 1
    if need.max() > _SIZES[-1]:
        raise ValueError(f"expected indices up to {_SIZES[-1] // 2}, got {int(need.max() // 2)}")
    sizes = [next(size for size in _SIZES if size >= n) for n in need]
    order = np.argsort(sizes, kind="stable")
    return Grid(np.eye(len(sizes), dtype=np.int64)[:, order], [sizes[i] for i in order])


def _superposed(
    k: np.ndarray, first: np.ndarray, second: np.ndarray, signed: bool
) -> tuple[float, np.ndarray]:
    choices = [second, -second] if signed else [second]
    return max((superpose(k, first, one)[:2] for one in choices), key=lambda pair: pair[0])


def _unmeasured(reflections: Reflections, limit: float) -> np.ndarray:
    """One of each Friedel pair that was not measured within the sphere."""
    from ..symmetry import Orbits

    listed = unmeasured_orbits(reflections.group, reflections.orbits.all_indices)
    members = Orbits.build(reflections.group, listed).members
    q = np.linalg.norm(reflections.space.q_parallel(members), axis=1)
    return members[q <= limit]
