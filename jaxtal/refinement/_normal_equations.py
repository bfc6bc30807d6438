"""Normal equations of a model and its free parameters, accumulated over blocks of reflections.

In single precision the derivatives of |F|^2 are good to 1e-6 of the largest, far better than a step
needs, for less than half of the time; products of blocks are added up in double precision.
"""

import dataclasses
import functools
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from .._core import few_threads
from ._least_squares import Calculated, Problem
from ._model import Model
from ._parameters import Parameters
from ._sum_tables import Atoms, species_of
from ._sums import Terms

#: Reflections times parameters of a cycle that threads are worth.
_WORK = 1_000_000


@dataclasses.dataclass(frozen=True, eq=False)
class NormalEquations:
    """Normal matrix and gradient at a model.

    Attributes:
        matrix: sum w J J^T, (p, p).
        gradient: sum w (I - Y) J, (p,).
        calculated: what the model gives.
        weights: w, on the scale of the intensities, (m,).
        chi2: sum w (I - Y)^2.
    """

    matrix: np.ndarray
    gradient: np.ndarray
    calculated: Calculated
    weights: np.ndarray
    chi2: float


def normal_equations(
    problem: Problem, model: Model, free: Parameters, dtype: Any = np.float64
) -> NormalEquations:
    """Accumulate the normal equations of the free parameters.

    Threads share the blocks where there are many; each product is left to one thread.

    Args:
        problem: the intensities.
        model: where.
        free: of the model.
        dtype: of the derivatives.
    """
    measured, blocks = problem.measured, problem.blocks(model)
    work = len(measured.hkl) * free.count
    workers = min(_cores(), len(blocks)) if work > _WORK else 1
    shares = [blocks[i::workers] for i in range(workers)]
    calculate = functools.partial(_sums, problem, model, free, np.dtype(dtype))
    with few_threads():
        if workers == 1:
            parts = [calculate(blocks)]
        else:
            with ThreadPoolExecutor(workers) as pool:
                parts = list(pool.map(calculate, shares))
    n, m = len(measured.hkl), len(measured)
    F, square, intensity, weights = np.zeros(n, complex), np.zeros(n), np.zeros(m), np.zeros(m)
    for part in parts:
        for at, found, w in part.found:
            here = problem.intensities(at)
            F[at], square[at] = found.F, found.square
            intensity[here], weights[here] = found.intensity, w
    matrix, gradient = parts[0].matrix, parts[0].gradient
    for part in parts[1:]:
        matrix += part.matrix
        gradient += part.gradient
    chi2 = sum(part.chi2 for part in parts)
    return NormalEquations(matrix, gradient, Calculated(F, square, intensity), weights, chi2)


def jacobian(
    problem: Problem, model: Model, free: Parameters, dtype: Any = np.float64
) -> np.ndarray:
    """dY/dp as a whole, (m, p): for tests, and for users with few parameters."""
    found = _derivatives(problem, model, free, np.dtype(dtype), problem.blocks(model))
    return np.concatenate([rows for _, rows, _ in found], axis=1).T


@dataclasses.dataclass
class _Sums:
    """Sums over some blocks, and what was calculated for each."""

    matrix: np.ndarray
    gradient: np.ndarray
    chi2: float
    found: list[tuple[slice, Calculated, np.ndarray]]


def _sums(
    problem: Problem, model: Model, free: Parameters, dtype: np.dtype, blocks: list[slice]
) -> _Sums:
    """The normal equations of some blocks of reflections."""
    p, measured = free.count, problem.measured
    sums = _Sums(np.zeros((p, p)), np.zeros(p), 0.0, [])
    for at, rows, found in _derivatives(problem, model, free, dtype, blocks):
        here = problem.intensities(at)
        w = problem.weights(model, found.intensity, here)
        root = np.sqrt(w)
        rows *= root.astype(dtype)
        residual = root * (measured.intensity[here] - found.intensity)
        # NumPy sees that this product is symmetric and does half of it.
        sums.matrix += rows @ rows.T
        sums.gradient += rows @ residual.astype(dtype)
        sums.chi2 += float(residual @ residual)
        sums.found.append((at, found, w))
    return sums


def _derivatives(
    problem: Problem, model: Model, free: Parameters, dtype: np.dtype, blocks: list[slice]
) -> Iterator[tuple[slice, np.ndarray, Calculated]]:
    """dY/dp, (p, intensities), and Y, a block of reflections at a time."""
    species, real, measured = species_of(model), problem.operations.real, problem.measured
    f, atoms = problem.factors(species), Atoms.of(model, problem.operations, species)
    N, k = len(model), float(model.scale or 1.0)
    transposed = None if _is_identity(free.map) else free.map.T.tocsr().astype(dtype)
    occupied = (free.occupied, model.occupancies[free.occupied])
    ends = np.cumsum([3 * N, 6 * len(atoms.aniso), len(atoms.iso), len(free.occupied)])
    count, domains = len(free.numbers(model)), problem.domains(model)
    for at in blocks:
        terms = [Terms(p.take(at), atoms, f[:, at], real, dtype=dtype) for _, p in domains]
        squares = np.array([np.abs(one.F) ** 2 for one in terms])
        Q = np.array([share for share, _ in domains]) @ squares
        gone = problem.extinguished(model, Q, at)
        Y = k * Q * gone**-0.5
        # dY/dQ = k ((1 + g)^(-1/2) - g (1 + g)^(-3/2) / 2).
        slope = k * gone**-0.5 * (1.0 - 0.5 * (gone - 1.0) / gone)
        J = np.zeros((count, len(Y)), dtype)
        rows = {
            "x": J[: ends[0]].reshape(3, N, len(Y)),
            "six": J[ends[0] : ends[1]].reshape(6, len(atoms.aniso), len(Y)),
            "iso": J[ends[1] : ends[2]],
            "occ": J[ends[2] : ends[3]],
        }
        for (share, _), one in zip(domains, terms, strict=True):
            one.add_gradient(share * slope, rows, occupied)
        last = ends[3]
        J[last] = Y / k
        if free.extinction:
            last += 1
            J[last] = -0.5 * k * Q * gone**-1.5 * problem.extinction_factor[at] * Q
        for i in range(free.twins):
            J[last + 1 + i] = slope * (squares[i + 1] - squares[0])
        # Most of the numbers are free themselves; what isn't, is summed onto what moves it.
        J = measured.summed(J if transposed is None else transposed @ J, at)
        yield at, J, Calculated(terms[0].F, Q, measured.summed(Y, at))


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return min(len(affinity(0)) if affinity else os.cpu_count() or 1, 8)


def _is_identity(matrix: Any) -> bool:
    n, p = matrix.shape
    if n != p or matrix.nnz != n:
        return False
    return bool((matrix.indices == np.arange(n)).all() and (matrix.data == 1).all())
