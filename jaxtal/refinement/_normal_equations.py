"""Normal equations of a model and its free parameters, accumulated over blocks of reflections.

In single precision the derivatives of |F|^2 are good to 1e-6 of the largest, far better than a step
needs, for less than half of the time; products of blocks are added up in double precision.
"""

import dataclasses
import functools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from .._core import cores, few_threads
from ._least_squares import Calculated, Problem
from ._model import Model
from ._parameters import Parameters
from ._sum_tables import Atoms, species_of
from ._sums import Terms

#: Reflections times parameters of a cycle that threads are worth.
_WORK = 1_000_000
#: Reflections of one product J J^T: fewer would write the matrix more often.
_PRODUCT = 4096


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
    measured = problem.measured
    n, m = len(measured.hkl), len(measured)
    workers = min(cores(), 8) if n * free.count > _WORK else 1
    parts = _gathered(problem.blocks(model), min(_PRODUCT, -(-n // workers)))
    shares = [part for i in range(workers) if (part := parts[i::workers])]
    calculate = functools.partial(_sums, problem, model, free, np.dtype(dtype))
    with few_threads():
        if len(shares) == 1:
            sums = [calculate(shares[0])]
        else:
            with ThreadPoolExecutor(len(shares)) as pool:
                sums = list(pool.map(calculate, shares))
    F, square, intensity, weights = np.zeros(n, complex), np.zeros(n), np.zeros(m), np.zeros(m)
    for one in sums:
        for at, found, w in one.found:
            here = problem.intensities(at)
            F[at], square[at] = found.F, found.square
            intensity[here], weights[here] = found.intensity, w
    matrix, gradient = sums[0].matrix, sums[0].gradient
    for one in sums[1:]:
        matrix += one.matrix
        gradient += one.gradient
    chi2 = sum(one.chi2 for one in sums)
    return NormalEquations(matrix, gradient, Calculated(F, square, intensity), weights, chi2)


def _gathered(blocks: list[slice], most: int) -> list[list[slice]]:
    """Blocks that follow each other, taken together up to a number of reflections."""
    parts: list[list[slice]] = [[]]
    for block in blocks:
        if parts[-1] and block.stop - parts[-1][0].start > most:
            parts.append([])
        parts[-1].append(block)
    return parts


def jacobian(
    problem: Problem, model: Model, free: Parameters, dtype: Any = np.float64
) -> np.ndarray:
    """dY/dp as a whole, (m, p): for tests, and for users with few parameters."""
    found = _derivatives(problem, model, free, np.dtype(dtype), [problem.blocks(model)])
    return np.concatenate([rows for _, rows, _ in found], axis=1).T


@dataclasses.dataclass
class _Sums:
    """Sums over some blocks, and what was calculated for each."""

    matrix: np.ndarray
    gradient: np.ndarray
    chi2: float
    found: list[tuple[slice, Calculated, np.ndarray]]


def _sums(
    problem: Problem, model: Model, free: Parameters, dtype: np.dtype, parts: list[list[slice]]
) -> _Sums:
    """The normal equations of some of the reflections."""
    p, measured = free.count, problem.measured
    sums = _Sums(np.zeros((p, p)), np.zeros(p), 0.0, [])
    for at, rows, found in _derivatives(problem, model, free, dtype, parts):
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
    problem: Problem, model: Model, free: Parameters, dtype: np.dtype, parts: list[list[slice]]
) -> Iterator[tuple[slice, np.ndarray, Calculated]]:
    """dY/dp, (p, intensities), and Y, of all blocks of a part at once."""
    measured = problem.measured
    transposed = None if _is_identity(free.map) else free.map.T.tocsr().astype(dtype)
    rows = _Rows(problem, model, free, dtype)
    for part in parts:
        at = slice(part[0].start, part[-1].stop)
        J = np.zeros((rows.count, at.stop - at.start), dtype)
        found = [rows.fill(J[:, b.start - at.start : b.stop - at.start], b) for b in part]
        F, Q, Y = (np.concatenate(column) for column in zip(*found, strict=True))
        # Most of the numbers are free themselves; what isn't, is summed onto what moves it.
        J = measured.summed(J if transposed is None else transposed @ J, at)
        yield at, J, Calculated(F, Q, measured.summed(Y, at))


class _Rows:
    """Derivatives of Y by all numbers of a model, block by block."""

    def __init__(self, problem: Problem, model: Model, free: Parameters, dtype: np.dtype) -> None:
        species = species_of(model)
        self.problem, self.model, self.free, self.dtype = problem, model, free, dtype
        self.f, self.atoms = problem.factors(species), Atoms.of(model, problem.operations, species)
        self.domains, self.count = problem.domains(model), len(free.numbers(model))
        self.occupied = (free.occupied, model.occupancies[free.occupied])

    def fill(self, J: np.ndarray, at: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Write the derivatives of some reflections into zeros, (numbers, n); return F, Q and Y."""
        problem, atoms, free = self.problem, self.atoms, self.free
        real, k = problem.operations.real, float(self.model.scale or 1.0)
        terms = [
            Terms(points.take(at), atoms, self.f[:, at], real, dtype=self.dtype)
            for _, points in self.domains
        ]
        squares = np.array([np.abs(one.F) ** 2 for one in terms])
        Q = np.array([share for share, _ in self.domains]) @ squares
        gone = problem.extinguished(self.model, Q, at)
        Y = k * Q * gone**-0.5
        # dY/dQ = k ((1 + g)^(-1/2) - g (1 + g)^(-3/2) / 2).
        slope = k * gone**-0.5 * (1.0 - 0.5 * (gone - 1.0) / gone)
        ends = np.cumsum(
            [3 * len(self.model), 6 * len(atoms.aniso), len(atoms.iso), len(free.occupied)]
        )
        x, six, iso, occ = np.split(J[: ends[-1]], ends[:-1])
        rows = {"x": x.reshape(3, -1, len(Y)), "six": six.reshape(6, -1, len(Y))}
        rows |= {"iso": iso, "occ": occ}
        for (share, _), one in zip(self.domains, terms, strict=True):
            one.add_gradient(share * slope, rows, self.occupied)
        last = ends[-1]
        J[last] = Y / k
        if free.extinction:
            last += 1
            J[last] = -0.5 * k * Q * gone**-1.5 * problem.extinction_factor[at] * Q
        for i in range(free.twins):
            J[last + 1 + i] = slope * (squares[i + 1] - squares[0])
        return terms[0].F, Q, Y


def _is_identity(matrix: Any) -> bool:
    n, p = matrix.shape
    if n != p or matrix.nnz != n:
        return False
    return bool((matrix.indices == np.arange(n)).all() and (matrix.data == 1).all())
