"""Cycles of damped Gauss-Newton steps until nothing moves."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from ._figures import Figures
from ._inverse import Inverse
from ._least_squares import Problem
from ._model import Model
from ._normal_equations import NormalEquations, normal_equations
from ._parameters import Parameters
from ._restraints import Restraint, RestraintTerms, restraint_program
from ._result import Refinement
from ._weights import fit_weights

#: Largest shift of one cycle: of an atom in angstrom, of a U in A^2, of an occupancy or share.
_MOVE, _U, _SHARE = 0.35, 0.04, 0.25
#: Smallest U of an isotropic atom, A^2.
_U_MIN = 1e-3
#: Damping that is given up on: nothing improves the fit.
_HOPELESS = 1e4


@dataclasses.dataclass(frozen=True)
class _Step:
    model: Model
    free: Parameters
    normal: NormalEquations
    restraints: RestraintTerms | None

    @property
    def total(self) -> float:
        return self.normal.chi2 + (self.restraints.chi2 if self.restraints else 0.0)


class Cycles:
    """The cycles of one refinement, and what was told of them."""

    def __init__(
        self,
        problem: Problem,
        restraints: tuple[Restraint, ...],
        occupancies: tuple[str, ...],
        fixed: tuple[str, ...],
        tolerance: float,
        precision: str,
        progress: Callable[[str], None] | None,
        stop: Callable[[], bool],
    ) -> None:
        self.stop = stop
        self.problem, self.restraints = problem, restraints
        self.program = None  # that of the restraints, compiled for the atoms that come
        self.occupancies, self.fixed = occupancies, fixed
        self.tolerance, self.precise, self.progress = tolerance, precision == "double", progress
        self.log: list[str] = []
        self.converged, self.largest, self.mean = False, np.inf, np.inf

    def _at(self, model: Model, free: Parameters | None, dtype: Any) -> _Step:
        if free is None:
            free = Parameters.of(model, occupancies=self.occupancies, fixed=self.fixed)
        free = free.at(model)
        terms = None
        if self.restraints:
            if self.program is None:
                self.program = restraint_program(self.restraints, model, free)
            terms = RestraintTerms.of(self.program, model, free)
        total = len(self.problem.measured) + (len(terms.residuals) if terms else 0)
        if free.count >= total:
            raise ValueError(
                f"expected fewer parameters than observations, got {free.count} and {total}; "
                "refine isotropic displacements, or fix some parameters"
            )
        normal = normal_equations(self.problem, model, free, dtype)
        return _Step(model, free, normal, terms)

    def run(self, model: Model, cycles: int) -> _Step:
        kind: Any = np.float32
        step, damping = self._at(model, None, kind), 0.0
        self.converged = False
        for cycle in range(cycles):
            if self.stop():
                break
            shift, deviation = self._shift(step, damping)
            moved = self._moved(step, shift)
            trial = self._at(moved, step.free, kind)
            # Both fits by the weights of the old one, else smaller weights look like a better fit.
            old, new = step.total, self._total(trial, step.normal.weights)
            if not new <= old * (1 + 1e-6):
                if kind is np.float32:
                    # Perhaps nothing but the rounding is wrong.
                    kind = np.float64
                    step = self._at(step.model, step.free, kind)
                    continue
                damping = max(10 * damping, 1e-3)
                if damping < _HOPELESS:
                    continue
                break
            self._measure(shift / deviation, moved, step.free)
            damping = 0.0 if damping < 1e-3 else damping / 10
            step = trial
            self._tell(step, cycle)
            if self.largest < self.tolerance and damping == 0.0:
                if kind is np.float32 and self.precise:
                    kind = np.float64
                    step = self._at(step.model, step.free, kind)
                    shift, deviation = self._shift(step, damping)
                    self._measure(shift / deviation, step.model, step.free)
                self.converged = self.largest < self.tolerance
                if self.converged:
                    break
        if kind is np.float32 and self.precise:
            step = self._at(step.model, step.free, np.float64)
        return step

    def _measure(self, shift: np.ndarray, moved: Model, free: Parameters) -> None:
        """Keep the size of a shift in standard uncertainties; what a limit holds does not move."""
        low = np.flatnonzero(~moved.anisotropic & (moved.u_iso <= _U_MIN))
        held = {f"{moved.labels[i]}.Uiso" for i in low}
        size = np.abs(shift)[[name not in held for name in free.names]]
        self.largest = float(size.max(initial=0.0))
        self.mean = float(size.mean()) if len(size) else 0.0

    def _total(self, step: _Step, weights: np.ndarray) -> float:
        off = self.problem.measured.intensity - step.normal.calculated.intensity
        extra = step.restraints.chi2 if step.restraints else 0.0
        total = float(weights @ off**2) + extra
        return total if np.isfinite(total) else np.inf

    def _matrix(self, step: _Step) -> np.ndarray:
        matrix = step.normal.matrix
        if step.restraints:
            matrix = matrix + step.restraints.jacobian.T @ step.restraints.jacobian
        if len(step.free.polar):
            rows = step.free.polar
            norm = np.linalg.norm(rows, axis=1, keepdims=True)
            rows = rows / np.where(norm > 0, norm, 1.0)
            matrix = matrix + 10 * float(np.diag(matrix).max()) * rows.T @ rows
        return matrix

    def _shift(self, step: _Step, damping: float) -> tuple[np.ndarray, np.ndarray]:
        """The step, and the standard uncertainties of the free parameters (for its size)."""
        gradient = step.normal.gradient
        if step.restraints:
            gradient = gradient - step.restraints.jacobian.T @ step.restraints.residuals
        inverse = Inverse(self._matrix(step), damping)
        n = len(self.problem.measured)
        gof2 = step.total / max(n - step.free.count, 1)
        deviation = np.sqrt(np.maximum(inverse.diagonal(), 1e-300) * gof2)
        return inverse.solve(gradient), deviation

    def _moved(self, step: _Step, shift: np.ndarray) -> Model:
        """The model after a shift that is no larger than is sound."""
        model, free = step.model, step.free
        numbers = free.map @ shift
        N = len(model)
        cart = numbers[: 3 * N].reshape(3, N).T @ model.matrix
        far = np.linalg.norm(cart, axis=1).max(initial=0.0)
        ends = 3 * N + 6 * int(model.anisotropic.sum()) + int((~model.anisotropic).sum())
        u = np.abs(numbers[3 * N : ends]).max(initial=0.0)
        shares = np.abs(numbers[ends : ends + len(free.occupied)]).max(initial=0.0)
        limit = min(1.0, _MOVE / max(far, 1e-12), 3 * _U / max(u, 1e-12))
        limit = min(limit, _SHARE / max(shares, 1e-12))
        moved = free.shifted(model, limit * shift)
        u_iso = np.where(model.riding, moved.u_iso, np.clip(moved.u_iso, _U_MIN, 2.0))
        k = float(moved.scale or 0.0)
        return moved.moved(u_iso=u_iso, scale=k if k > 0 else 0.5 * float(model.scale or 1.0))

    def fitted_weights(self, step: _Step) -> tuple[float, float]:
        measured, k = self.problem.measured, float(step.model.scale or 1.0)
        found = step.normal.calculated.intensity
        columns = (measured.intensity / k, found / k, measured.sigma / k)
        return fit_weights(*columns, measured.intensity_stol2, step.free.count)

    def _tell(self, step: _Step, cycle: int) -> None:
        figures = self._figures(step)
        line = f"cycle {cycle + 1}: {figures}, largest shift {self.largest:.3g} s.u."
        self.log.append(line)
        if self.progress:
            self.progress(line)

    def _figures(self, step: _Step) -> Figures:
        extra = step.restraints
        count = (len(extra.residuals), extra.chi2) if extra else (0, 0.0)
        normal = step.normal
        return Figures.of(
            self.problem.measured, normal.calculated, normal.weights, step.free.count, count
        )

    def result(self, step: _Step) -> Refinement:
        figures = self._figures(step)
        covariance = Inverse(self._matrix(step), 0.0).inverse() * figures.gof**2
        return Refinement(
            model=step.model.with_equivalent_u(),
            measured=self.problem.measured,
            figures=figures,
            calculated=step.normal.calculated,
            weights=step.normal.weights,
            parameters=step.free,
            covariance=covariance,
            converged=self.converged,
            largest_shift=self.largest,
            mean_shift=self.mean,
            log=tuple(self.log),
            problem=self.problem,
        )
