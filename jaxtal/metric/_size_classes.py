"""Fingerprints by compiled programs, one for each class of sizes (host)."""

import collections
import concurrent.futures
import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array

from .._core import as_here, copied, cores, dealt, device_array, map_rows
from ..crystal import Crystal, HostAtoms
from ..crystal.apply import map_crystals
from ..diffraction.sums import box_size
from ..lattice import Lattice
from ._abstract_metric import AbstractMetric
from ._fingerprint import Fingerprint
from ._metric_plan import MetricPlan, reduced_unit
from .terms._local_distances import NEIGHBOURS, neighbours_needed
from .terms._nearest_neighbours import neighbour_bounds

#: Crystals in one call of a compiled program.
BATCH = 32
#: Compiled programs that are kept. Each takes some 450 memory maps of a process on a CPU, of which
#: Linux allows 65530; beyond those, the compiler fails for want of memory.
PROGRAMS = 80

Program = Callable[..., Fingerprint]
"""Of a plan and padded crystals."""


class SizeClass(NamedTuple):
    """What crystals of one compiled program have in common: their size, and room in its plan.

    They go in steps of two (four for elements), since a program takes as long to compile as
    hundreds of crystals to run.
    """

    size: int
    max_species: int
    bounds: tuple[int, int, int]
    max_points: int
    images: tuple[int, int, int] | None
    neighbours: int


def compiled_fingerprints(
    metric: AbstractMetric, crystals: Iterable[HostAtoms], dtype: Any, mesh: Mesh | None = None
) -> tuple[list[np.ndarray], list[bool]]:
    """Compute vectors of crystals in reduced cells, and which are complete (host).

    On a CPU each core computes `BATCH` crystals at a time, while this thread goes on to the next
    ones. On a mesh each call deals `BATCH` crystals to every device, which then computes what a
    lone one would, to the same bits.

    Raises:
        ValueError: a crystal that fits no class; it is named by its place.
    """
    waiting: dict[SizeClass, list[tuple[int, HostAtoms]]] = {}
    running: collections.deque[tuple[tuple[int, ...], concurrent.futures.Future]] = (
        collections.deque()
    )
    rows: dict[int, tuple[np.ndarray, bool]] = {}
    full = BATCH * (1 if mesh is None else mesh.size)
    at_once = cores() if mesh is None and jax.default_backend() == "cpu" else 1

    def flush(kind: SizeClass) -> None:
        places, some = zip(*waiting.pop(kind), strict=True)
        plan, program = _program(metric, kind, str(dtype), mesh)
        run = as_here(lambda: _run(plan, program, kind.size, some, dtype, mesh))
        running.append((places, pool.submit(run)))
        if len(running) > at_once:
            collect()

    def collect() -> None:
        places, future = running.popleft()
        vectors, complete = future.result()
        rows.update(zip(places, zip(vectors, map(bool, complete), strict=True), strict=True))

    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        for place, atoms in enumerate(crystals):
            try:
                kind = _class_of(atoms, metric)
            except ValueError as error:
                raise ValueError(f"crystal {place}: {error}") from error
            waiting.setdefault(kind, []).append((place, atoms))
            if len(waiting[kind]) == full:
                flush(kind)
        for kind in list(waiting):
            flush(kind)
        while running:
            collect()
    vectors, complete = zip(*(rows[place] for place in range(len(rows))), strict=True)
    return list(vectors), list(complete)


def _class_of(atoms: HostAtoms, metric: AbstractMetric) -> SizeClass:
    scaled = atoms.matrix / reduced_unit(atoms.matrix, float(atoms.occupancies.sum()))
    (_, k, l), points = box_size(scaled[None], metric.q_max)
    points = _step(points, 512)
    # Atoms, and the two shorter axes, follow the points where they can, to have fewer classes.
    filling = 8 * int(np.ceil(points * 1.5 * np.pi**2 / metric.q_max**3))
    images, neighbours = None, NEIGHBOURS
    if metric.sees_neighbours:
        neighbours = _step(neighbours_needed(float(atoms.occupancies.min())), NEIGHBOURS)
        a, b, c = neighbour_bounds(atoms.matrix, len(atoms), neighbours)
        images = (_step(max(a, b), 1), _step(max(a, b), 1), _step(c, 1))
    return SizeClass(
        size=_step(len(atoms), filling),
        max_species=_step(len(np.unique(atoms.atomic_numbers)), 4, 4),
        bounds=(_step(k, 8), _step(k, 8), _step(l, 8)),
        max_points=points,
        images=images,
        neighbours=neighbours,
    )


def _step(n: int, least: int, factor: int = 2) -> int:
    """The first of least, least factor, least factor^2, ... that is at least n."""
    while least < n:
        least *= factor
    return least


def _run(
    plan: MetricPlan,
    program: Program,
    size: int,
    some: Sequence[HostAtoms],
    dtype: Any,
    mesh: Mesh | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Vectors (n, D) of crystals of one class, and which are complete."""
    devices = 1 if mesh is None else mesh.size
    # Dealt like cards, so that few crystals keep all devices busy.
    order = np.arange(BATCH * devices).reshape(BATCH, devices).T.ravel()
    padded = _padded(some, size, order, dtype)
    found = program(plan, padded if mesh is None else dealt(padded, mesh))
    place = np.argsort(order)[: len(some)]
    return np.asarray(found.vector)[place], np.asarray(found.complete)[place]


@functools.lru_cache(maxsize=PROGRAMS)
def _program(
    metric: AbstractMetric, kind: SizeClass, dtype: str, mesh: Mesh | None
) -> tuple[MetricPlan, Program]:
    """The plan of a class, and what computes its crystals, compiled at the first call."""
    plan = MetricPlan.build(
        metric,
        kind.bounds,
        kind.max_points,
        max_species=kind.max_species,
        images=kind.images,
        neighbours=kind.neighbours,
    )
    plan = plan if mesh is None else copied(plan, mesh)
    # Not `eqx.filter_jit`, which keeps its programs when the function is gone.
    return plan, jax.jit(lambda plan, rows: map_rows(_fingerprints, plan, rows, mesh))


Padded = tuple[Array, Array, Array, Array]
"""Matrices, coordinates, atomic numbers and occupancies, crystals first."""


def _padded(some: Sequence[HostAtoms], size: int, order: np.ndarray, dtype: Any) -> Padded:
    """The crystals in some order, and such of no atoms up to a number that is always the same."""
    every = len(order)
    matrix = np.tile(np.eye(3), (every, 1, 1))
    frac, filled = np.zeros((every, size, 3)), np.zeros((every, size))
    numbers = np.zeros((every, size), np.int32)
    for b, place in enumerate(order):
        if place >= len(some):
            continue
        atoms = some[place]
        n = len(atoms)
        matrix[b], frac[b, :n] = atoms.matrix, atoms.frac_coords
        numbers[b, :n], filled[b, :n] = atoms.atomic_numbers, atoms.occupancies
    return (
        device_array(matrix, dtype),
        device_array(frac, dtype),
        device_array(numbers, np.int32),
        device_array(filled, dtype),
    )


def _fingerprints(plan: MetricPlan, padded: Padded) -> Fingerprint:
    def one(arrays: Padded) -> Fingerprint:
        crystal = _crystal(*arrays)
        # The crystals of no atoms cost nothing where one follows another.
        shapes = eqx.filter_eval_shape(plan, crystal)
        empty = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
        return jax.lax.cond(jnp.any(crystal.mask), lambda: plan(crystal), lambda: empty)

    return map_crystals(one, padded)


def _crystal(matrix: Array, frac: Array, numbers: Array, filled: Array) -> Crystal:
    nothing = jnp.zeros_like(numbers)
    return Crystal(
        lattice=Lattice(matrix),
        frac_coords=frac,
        atomic_numbers=numbers,
        occupancies=filled,
        u_iso=jnp.zeros_like(filled),
        u_aniso=None,
        charges=nothing,
        isotopes=nothing,
        mask=numbers > 0,
    )
