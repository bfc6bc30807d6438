"""The model against the intensities: residuals, weights, normal equations, by blocks.

    Y = k Q (1 + g)^(-1/2)      Q = sum over twin domains of share x |F|^2
    g = 0.001 x Q lambda^3 / sin(2 theta)
    w = 1 / (sigma^2 + (a P)^2 + b P)         P = (max(I, 0) + 2 Y) / 3

sigma, I, Y and P over k. (The extinction of SHELX multiplies F by (1 + g)^(-1/4).)

References:
    Sheldrick (2015), Acta Cryst. C71, 3. A. C. Larson, in Crystallographic Computing (1970), 291.
"""

import dataclasses
import functools
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from .._core import few_threads
from ._measurements import Measurements
from ._model import Model
from ._parameters import Parameters
from ._sums import Atoms, Operations, Points, Terms, block_size, form_factors, species_of

#: Reflections times parameters of a cycle that threads are worth.
_WORK = 1_000_000


@dataclasses.dataclass(frozen=True, eq=False)
class Calculated:
    """What a model gives.

    Attributes:
        F: structure factors of the first domain, (n,), complex.
        square: Q, |F|^2 of all domains, (n,).
        intensity: Y, on the scale of the measured ones, (n,).
    """

    F: np.ndarray
    square: np.ndarray
    intensity: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class NormalEquations:
    """Normal matrix and gradient at a model.

    Attributes:
        matrix: sum w J J^T, (p, p).
        gradient: sum w (I - Y) J, (p,).
        calculated: what the model gives.
        weights: w, on the scale of the intensities, (n,).
        chi2: sum w (I - Y)^2.
    """

    matrix: np.ndarray
    gradient: np.ndarray
    calculated: Calculated
    weights: np.ndarray
    chi2: float


class Problem:
    """Intensities prepared for the models of one list of scatterers and twin laws."""

    def __init__(self, measured: Measurements, form_factor_table: str | None = None) -> None:
        """Prepare what all models share.

        Args:
            measured: the intensities.
            form_factor_table: a kind of `scattering.FormFactors`, default by the radiation.
        """
        self.measured = measured
        self.operations = Operations.of(measured.group)
        self._table = form_factor_table
        self._f: dict[str, np.ndarray] = {}
        self._points: dict[bytes, Points] = {}

    def factors(self, species: tuple[str, ...]) -> np.ndarray:
        """Form factors, (S, n), complex."""
        missing = tuple(one for one in species if one not in self._f)
        if missing:
            f = form_factors(missing, self.measured, self._table)
            self._f |= dict(zip(missing, f, strict=True))
        return np.array([self._f[one] for one in species])

    def points(self, law: np.ndarray | None) -> Points:
        """The reflections as one twin domain sees them."""
        key = b"" if law is None else np.asarray(law, float).tobytes()
        if key not in self._points:
            hkl = self.measured.hkl if law is None else self.measured.hkl @ np.asarray(law).T
            self._points[key] = Points.of(hkl, self.operations, self.measured.matrix)
        return self._points[key]

    @functools.cached_property
    def extinction_factor(self) -> np.ndarray:
        """0.001 lambda^3 / sin(2 theta), (n,)."""
        wavelength = self.measured.wavelength
        sine = np.clip(np.sqrt(self.measured.stol2) * wavelength, 0.0, 1.0)
        return 0.001 * wavelength**3 / np.maximum(np.sin(2 * np.arcsin(sine)), 1e-6)

    def _domains(self, model: Model) -> list[tuple[float, Points]]:
        shares = [1.0 - sum(model.twin_fractions), *model.twin_fractions]
        laws = [None, *model.twin_laws]
        return [(share, self.points(law)) for share, law in zip(shares, laws, strict=True)]

    def _extinguished(self, model: Model, square: np.ndarray, at: slice) -> np.ndarray:
        if model.extinction is None:
            return np.ones_like(square)
        return 1.0 + np.maximum(model.extinction * self.extinction_factor[at] * square, -0.9)

    def _blocks(self, model: Model) -> list[slice]:
        size, n = block_size(len(model)), len(self.measured)
        return [slice(i, min(i + size, n)) for i in range(0, n, size)]

    def calculate(self, model: Model) -> Calculated:
        """Structure factors and intensities of a model."""
        species = species_of(model)
        f, atoms = self.factors(species), Atoms.of(model, self.operations, species)
        F, square = np.zeros(len(self.measured), complex), np.zeros(len(self.measured))
        for at in self._blocks(model):
            for d, (share, points) in enumerate(self._domains(model)):
                one = Terms(points.take(at), atoms, f[:, at], self.operations.real, False)
                if d == 0:
                    F[at] = one.F
                square[at] += share * np.abs(one.F) ** 2
        k = 1.0 if model.scale is None else model.scale
        gone = self._extinguished(model, square, slice(None))
        return Calculated(F, square, k * square * gone**-0.5)

    def scaled(self, model: Model) -> Model:
        """The model with a first scale: sum F_o F_c / sum F_c^2 over the strong reflections."""
        calculated = self.calculate(model.replace(scale=1.0)).intensity
        I = self.measured.intensity
        strong = 3 * self.measured.sigma < I
        if strong.sum() < 10:
            strong = I > 0
        F_c = np.sqrt(calculated[strong])
        total = float(F_c @ F_c)
        if not total > 0:
            raise ValueError("the model scatters nothing where reflections are strong")
        return model.replace(scale=float((np.sqrt(I[strong]) @ F_c / total) ** 2))

    def weights(self, model: Model, intensity: np.ndarray, at: slice = slice(None)) -> np.ndarray:
        """w, on the scale of the intensities."""
        a, b = model.weights
        k = abs(model.scale or 1.0)
        I, sigma = self.measured.intensity[at], self.measured.sigma[at]
        P = (np.maximum(I, 0.0) + 2 * intensity) / 3
        return 1.0 / (sigma**2 + (a * P) ** 2 + b * k * np.maximum(P, 0.0))

    def normal_equations(self, model: Model, free: Parameters) -> NormalEquations:
        """Accumulate the normal equations of the free parameters over blocks of reflections.

        Threads share the blocks where there are many; each product is left to one thread.
        """
        blocks = self._blocks(model)
        work = len(self.measured) * free.count
        workers = min(_cores(), len(blocks)) if work > _WORK else 1
        shares = [blocks[i::workers] for i in range(workers)]
        calculate = functools.partial(self._sums, model, free)
        with few_threads():
            if workers == 1:
                parts = [calculate(blocks)]
            else:
                with ThreadPoolExecutor(workers) as pool:
                    parts = list(pool.map(calculate, shares))
        n = len(self.measured)
        F, square, intensity, weights = (np.zeros(n, t) for t in (complex, float, float, float))
        for part in parts:
            for at, found, w in part.found:
                F[at], square[at], intensity[at] = found.F, found.square, found.intensity
                weights[at] = w
        matrix, gradient = parts[0].matrix, parts[0].gradient
        for part in parts[1:]:
            matrix += part.matrix
            gradient += part.gradient
        chi2 = sum(part.chi2 for part in parts)
        return NormalEquations(matrix, gradient, Calculated(F, square, intensity), weights, chi2)

    def _sums(self, model: Model, free: Parameters, blocks: list[slice]) -> "_Sums":
        """The normal equations of some blocks of reflections."""
        p = free.count
        sums = _Sums(np.zeros((p, p)), np.zeros(p), 0.0, [])
        for at, block in self._derivatives(model, free, blocks):
            found = block.calculated
            w = self.weights(model, found.intensity, at)
            root = np.sqrt(w)
            rows = block.rows
            rows *= root
            residual = root * (self.measured.intensity[at] - found.intensity)
            # NumPy sees that this product is symmetric and does half of it.
            sums.matrix += rows @ rows.T
            sums.gradient += rows @ residual
            sums.chi2 += float(residual @ residual)
            sums.found.append((at, found, w))
        return sums

    def jacobian(self, model: Model, free: Parameters) -> np.ndarray:
        """dY/dp as a whole, (n, p): for tests, and for users with few parameters."""
        found = self._derivatives(model, free, self._blocks(model))
        return np.concatenate([block.rows for _, block in found], axis=1).T

    def _derivatives(
        self, model: Model, free: Parameters, blocks: list[slice]
    ) -> Iterator[tuple[slice, "_Block"]]:
        """Y and dY/dp, a block of reflections at a time."""
        species = species_of(model)
        f, atoms = self.factors(species), Atoms.of(model, self.operations, species)
        N, k = len(model), float(model.scale or 1.0)
        transposed = None if _is_identity(free.map) else free.map.T.tocsr()
        occupied = (free.occupied, model.occupancies[free.occupied])
        ends = np.cumsum([3 * N, 6 * len(atoms.aniso), len(atoms.iso), len(free.occupied)])
        count, domains = len(free.numbers(model)), self._domains(model)
        for at in blocks:
            terms = [Terms(p.take(at), atoms, f[:, at], self.operations.real) for _, p in domains]
            squares = np.array([np.abs(one.F) ** 2 for one in terms])
            Q = np.array([share for share, _ in domains]) @ squares
            gone = self._extinguished(model, Q, at)
            Y = k * Q * gone**-0.5
            # dY/dQ = k ((1 + g)^(-1/2) - g (1 + g)^(-3/2) / 2).
            slope = k * gone**-0.5 * (1.0 - 0.5 * (gone - 1.0) / gone)
            J = np.zeros((count, len(Y)))
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
                J[last] = -0.5 * k * Q * gone**-1.5 * self.extinction_factor[at] * Q
            for i in range(free.twins):
                J[last + 1 + i] = slope * (squares[i + 1] - squares[0])
            # Most of the numbers are free themselves; what isn't, is summed onto what moves it.
            J = J if transposed is None else transposed @ J
            yield at, _Block(J, Calculated(terms[0].F, Q, Y))


@dataclasses.dataclass
class _Sums:
    """Sums over some blocks, and what was calculated for each."""

    matrix: np.ndarray
    gradient: np.ndarray
    chi2: float
    found: list[tuple[slice, Calculated, np.ndarray]]


@dataclasses.dataclass(frozen=True, eq=False)
class _Block:
    """dY/dp, (p, n), and what is calculated for the reflections of a block."""

    rows: np.ndarray
    calculated: Calculated


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return min(len(affinity(0)) if affinity else os.cpu_count() or 1, 8)


def _is_identity(matrix: Any) -> bool:
    n, p = matrix.shape
    if n != p or matrix.nnz != n:
        return False
    return bool((matrix.indices == np.arange(n)).all() and (matrix.data == 1).all())
