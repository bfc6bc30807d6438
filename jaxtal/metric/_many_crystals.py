"""Fingerprints of many crystals of all sizes, with few compiled programs (host)."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from .._core import device_array
from ..crystal import CrystalBatch, HostAtoms, iterate_host_crystals
from ..diffraction.sums import box_size
from ..lattice import niggli_reduce
from ._contents import over_batch
from ._fingerprint import Fingerprint
from ._metric_plan import ELEMENTS, NEIGHBOURS, MetricPlan, neighbours_needed, reduced_unit
from ._nearest_neighbours import neighbour_bounds

#: Sites of a smaller occupancy are left out.
LEAST = 1e-3
#: Crystals in one call of a compiled program.
BATCH = 32
#: Compiled programs that are kept. Each takes some 450 memory maps of a process on a CPU, of which
#: Linux allows 65530; beyond those, the compiler fails for want of memory.
PROGRAMS = 80


class Kind(NamedTuple):
    """What crystals of one compiled program have in common: the capacities of a `MetricPlan`.

    They go in steps of two (four for elements), since a program takes as long to compile as
    hundreds of crystals to run. Crystals of partly filled sites, `mixed`, go one by one.
    """

    mixed: bool
    size: int
    slots: int
    bounds: tuple[int, int, int]
    points: int
    images: tuple[int, int, int] | None
    neighbours: int


def fingerprints(metric: Any, crystals: Any) -> Fingerprint:
    """Vectors of some crystals as NumPy arrays; see `CrystalMetric.of`."""
    dtype = None
    waiting: dict[Kind, list[tuple[int, HostAtoms]]] = {}
    vectors: dict[int, np.ndarray] = {}
    complete: dict[int, bool] = {}

    def flush(kind: Kind) -> None:
        some = waiting.pop(kind)
        found = _run(metric, kind, [cell for _, cell in some], dtype)
        for (place, _), vector, whole in zip(some, *found, strict=True):
            vectors[place], complete[place] = vector, whole

    total = 0
    for place, atoms in enumerate(iterate_host_crystals(crystals)):
        dtype = jax.dtypes.canonicalize_dtype(atoms.dtype) if dtype is None else dtype
        cell = _reduced(atoms, f"crystal {place}")
        kind = _kind(cell, metric, f"crystal {place}")
        waiting.setdefault(kind, []).append((place, cell))
        if len(waiting[kind]) == BATCH:
            flush(kind)
        total += 1
    for kind in list(waiting):
        flush(kind)
    if not total:
        raise ValueError("crystals: expected at least one, got none")
    return Fingerprint(
        vector=np.stack([vectors[place] for place in range(total)]),
        complete=np.array([complete[place] for place in range(total)]),
        specification=metric.specification,
    )


def _reduced(given: HostAtoms, name: str) -> HostAtoms:
    """The occupied sites in the reduced cell."""
    atoms = given.occupied(LEAST)
    if not len(atoms):
        raise ValueError(f"{name}: expected at least one atom of occupancy {LEAST:g}, got none")
    try:
        matrix, transform = niggli_reduce(atoms.matrix)
    except ValueError:
        # Nearly flat cells defeat the reduction; the cell as it is gives the same vector.
        return atoms
    frac = atoms.frac_coords @ np.linalg.inv(transform)
    return dataclasses.replace(atoms, matrix=matrix, frac_coords=frac)


def _kind(cell: HostAtoms, metric: Any, name: str) -> Kind:
    amount = float(cell.occupancies.sum())
    scaled = cell.matrix / reduced_unit(cell.matrix, amount)
    try:
        (_, k, l), points = box_size(scaled[None], metric.q_max)
        least = cell.occupancies.min() if metric.sees_neighbours else 1.0
        neighbours = _power(neighbours_needed(float(least)), NEIGHBOURS)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    points = _power(points, 512)
    # Atoms, and the two shorter axes, follow the points where they can, to have fewer kinds.
    filling = int(points * 12 * np.pi**2 / metric.q_max**3)
    mixed = bool(np.any(np.abs(cell.occupancies - 1) > 1e-6))
    images = None
    if metric.sees_neighbours:
        a, b, c = neighbour_bounds(cell.matrix, len(cell.atomic_numbers), neighbours)
        images = (_power(max(a, b), 1), _power(max(a, b), 1), _power(c, 1))
    return Kind(
        mixed=mixed,
        size=_power(max(len(cell.atomic_numbers), filling), 8),
        slots=_power(len(np.unique(cell.atomic_numbers)), 4, 4),
        bounds=(_power(k, 8), _power(k, 8), _power(l, 8)),
        points=points,
        images=images,
        neighbours=neighbours,
    )


def _power(n: int, least: int, step: int = 2) -> int:
    """The first of least, least step, least step^2, ... that is at least n."""
    while least < n:
        least *= step
    return least


def _run(
    metric: Any, kind: Kind, cells: list[HostAtoms], dtype: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Vectors (n, D) of the cells of one kind, and which are complete."""
    plan, program = _program(metric, kind, str(dtype))
    if kind.mixed:
        found = [program(*_mixed(cell, kind, plan, dtype)) for cell in cells]
        return np.stack([f.vector for f in found]), np.stack([f.complete for f in found])
    # Crystals of no atoms make up a number that is always the same.
    batch = CrystalBatch.from_host(cells, pad_to=kind.size, length=BATCH, dtype=dtype)
    found = program(batch, plan)
    return np.asarray(found.vector)[: len(cells)], np.asarray(found.complete)[: len(cells)]


@functools.lru_cache(maxsize=PROGRAMS)
def _program(metric: Any, kind: Kind, dtype: str) -> tuple[MetricPlan, Callable[..., Fingerprint]]:
    """The plan of a kind and what computes its crystals, compiled at the first call."""
    plan = MetricPlan.build(
        kind.bounds,
        kind.points,
        slots=kind.slots,
        images=kind.images,
        neighbours=kind.neighbours,
        dtype=dtype,
    )
    # Not `eqx.filter_jit`, which keeps its programs when the function is gone.
    run = metric.fingerprint if kind.mixed else functools.partial(_many, metric)
    return plan, jax.jit(lambda *arguments: run(*arguments))


def _mixed(cell: HostAtoms, kind: Kind, plan: MetricPlan, dtype: Any) -> tuple[Any, ...]:
    """Arguments of `fingerprint` with occupancies, for a table of the crystal's own elements."""
    own = np.unique(cell.atomic_numbers)
    others = np.setdiff1d(ELEMENTS, own)[: kind.slots - len(own)]
    numbers = np.concatenate([own, others])
    n = len(cell.atomic_numbers)
    frac, weights = np.zeros((kind.size, 3)), np.zeros((kind.size, kind.slots))
    frac[:n] = cell.frac_coords
    weights[np.arange(n), np.searchsorted(own, cell.atomic_numbers)] = cell.occupancies
    plan = eqx.tree_at(lambda p: p.numbers, plan, device_array(numbers, np.int32))
    return (
        device_array(cell.matrix, dtype),
        device_array(frac, dtype),
        device_array(weights, dtype),
        device_array(np.arange(kind.size) < n, bool),
        plan,
    )


def _many(metric: Any, batch: CrystalBatch, plan: MetricPlan) -> Fingerprint:
    def one(*crystal: Any) -> Fingerprint:
        def run() -> Fingerprint:
            return metric.fingerprint(*crystal, plan)

        # The crystals of no atoms cost nothing where one follows another.
        empty = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), eqx.filter_eval_shape(run))
        return jax.lax.cond(jnp.any(crystal[-1]), run, lambda: empty)

    # One after another in the cache of a CPU, side by side on other devices.
    return over_batch(one, batch, 1 if jax.default_backend() == "cpu" else None)
