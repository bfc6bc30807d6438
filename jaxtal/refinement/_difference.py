"""The difference density F_o - F_c by one Fourier transform, and its peaks and holes."""

import dataclasses
import functools
from typing import Any

import numpy as np
from jaxtyping import Float

from .._core import next_smooth
from ..symmetry import SpaceGroup
from ._least_squares import Calculated, Problem
from ._model import Model

_UNITS = {"xray": "e/A^3", "electron": "1/A^2", "neutron": "fm/A^3"}


@dataclasses.dataclass(frozen=True, eq=False)
class DifferenceMap:
    """Difference density over the cell.

    Attributes:
        values: at (i / n1, j / n2, k / n3) along a, b, c, (n1, n2, n3), in `unit`.
        matrix: lattice vectors as rows, angstrom.
        group: space group.
        unit: "e/A^3", "1/A^2" (electrons) or "fm/A^3" (neutrons).
    """

    values: Float[np.ndarray, "n1 n2 n3"]
    matrix: Float[np.ndarray, "3 3"]
    group: SpaceGroup
    unit: str

    @classmethod
    def of(
        cls,
        problem: Problem,
        model: Model,
        calculated: Calculated | None = None,
        spacing: float | None = None,
    ) -> "DifferenceMap":
        """Transform |F_o| - |F_c| with the phases of a model.

        rho(x) = (1/V) sum (|F_o| - |F_c|) exp(i phi_c) exp(-2 pi i h.x), F_o corrected for
        extinction and for the shares of twin domains as the model has them; Friedel mates averaged.

        Args:
            problem: tables of the intensities.
            model: with a scale.
            calculated: what it gives, if known.
            spacing: of the grid, angstrom; default a quarter of d_min, at most 0.25.
        """
        measured = problem.measured
        calculated = problem.calculate(model) if calculated is None else calculated
        size = np.abs(calculated.F)
        off = observed_amplitudes(problem, model, calculated) - size
        values = fourier(off * _phases(calculated), problem, spacing)
        return cls(values, measured.matrix, measured.group, _UNITS[measured.radiation])

    @property
    def highest(self) -> float:
        """The largest value."""
        return float(self.values.max())

    @property
    def lowest(self) -> float:
        """The smallest value."""
        return float(self.values.min())

    @functools.cached_property
    def deviation(self) -> float:
        """Root mean square of the values."""
        return float(np.sqrt(np.mean(self.values**2)))

    def peaks(self, limit: int = 30, *, holes: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """List the highest maxima, one of each set of equivalents.

        Args:
            limit: most of them.
            holes: list the deepest minima instead.

        Returns:
            fractional coordinates (p, 3), values (p,), highest (deepest) first.
        """
        from scipy import ndimage

        values = -self.values if holes else self.values
        top = ndimage.maximum_filter(values, size=3, mode="wrap")
        found = np.flatnonzero((values >= top).ravel() & (values.ravel() > self.deviation))
        found = found[np.argsort(-values.ravel()[found], kind="stable")]
        found = found[: max(limit, 1) * 4 * self.group.order]
        at = np.stack(np.unravel_index(found, values.shape), axis=1)
        x, height = _climbed(values, at)
        kept = distinct(x, self.group, self.matrix, 0.3, limit)
        sign = -1.0 if holes else 1.0
        order = kept[np.argsort(-height[kept], kind="stable")]
        return x[order], sign * height[order]

    def at(self, frac: np.ndarray) -> np.ndarray:
        """Interpolate the values at fractional coordinates, (..., 3)."""
        from scipy import ndimage

        points = np.moveaxis(frac * np.array(self.values.shape), -1, 0)
        return ndimage.map_coordinates(
            self._splines, points, order=3, mode="grid-wrap", prefilter=False
        )

    @functools.cached_property
    def _splines(self) -> np.ndarray:
        from scipy import ndimage

        return ndimage.spline_filter(self.values, order=3, mode="grid-wrap")

    def __repr__(self) -> str:
        return (
            f"DifferenceMap({self.lowest:.3g} to {self.highest:.3g}, rms {self.deviation:.3g} "
            f"{self.unit}, {' x '.join(map(str, self.values.shape))})"
        )


def observed_amplitudes(problem: Problem, model: Model, calculated: Calculated) -> np.ndarray:
    """|F_o| of each reflection, of the first domain, without extinction, as the model shares I."""
    measured, k = problem.measured, float(model.scale or 1.0)
    I = measured.shared(np.maximum(measured.intensity, 0))
    if model.extinction is None and not model.twin_laws and measured.overlap is None:
        return np.sqrt(I / k)
    share = np.abs(calculated.F) ** 2 / np.maximum(measured.shared(calculated.intensity), 1e-12 * k)
    return np.sqrt(I * share)


def observed_density(problem: Problem, model: Model, calculated: Calculated) -> np.ndarray:
    """The density of |F_o| with the phases of a model, without F(0), (n1, n2, n3)."""
    F = observed_amplitudes(problem, model, calculated) * _phases(calculated)
    return fourier(F, problem)


def _phases(calculated: Calculated) -> np.ndarray:
    return calculated.F / np.maximum(np.abs(calculated.F), 1e-300)


def fourier(coefficients: np.ndarray, problem: Problem, spacing: float | None = None) -> np.ndarray:
    """(1/V) sum over all equivalents of measured reflections of c exp(-2 pi i h.x), on a grid.

    Its spacing is a quarter of d_min, at most 0.25 A, where none is given.
    """
    from scipy import fft

    measured = problem.measured
    spacing = spacing or min(measured.d_min / 4, 0.25)
    group = measured.group
    lengths = np.linalg.norm(measured.matrix, axis=1)
    hkl = measured.hkl
    W, first = np.unique(group.rotations, axis=0, return_index=True)
    turns = group.translations[first] / group.denominator
    every = np.einsum("nj,mjk->mnk", hkl, W)
    reach = np.abs(every).max(axis=(0, 1))
    shape = tuple(
        next_smooth(max(int(np.ceil(a / spacing)), 2 * int(h) + 2))
        for a, h in zip(lengths, reach, strict=True)
    )
    # F(hW) = F(h) exp(-2 pi i h.w), F(-h) its conjugate; equal indices are averaged.
    values = coefficients * np.exp(-2j * np.pi * (turns @ hkl.T))
    half = (shape[0], shape[1], shape[2] // 2 + 1)
    table, count = np.zeros(half, complex).ravel(), np.zeros(half).ravel()
    for h, c in ((every, values), (-every, np.conj(values))):
        h, c = h.reshape(-1, 3), c.ravel()
        kept = h[:, 2] >= 0
        slots = np.ravel_multi_index(tuple((h[kept] % np.array(shape)).T), half)
        table += np.bincount(slots, np.real(c[kept]), table.size)
        table += 1j * np.bincount(slots, np.imag(c[kept]), table.size)
        count += np.bincount(slots, minlength=table.size)
    table = (table / np.maximum(count, 1)).reshape(half)
    # The inverse transform has exp(+2 pi i h.x): conjugate.
    values: Any = fft.irfftn(np.conj(table), s=shape, norm="forward")
    return np.asarray(values) / measured.volume


def _climbed(values: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Maxima of parabolas through the nodes beside each maximum of the grid."""
    shape = np.array(values.shape)
    centre = values[tuple(at.T)]
    x, height = at.astype(float), centre.copy()
    for axis in range(3):
        step = np.eye(3, dtype=int)[axis]
        up = values[tuple(((at + step) % shape).T)]
        down = values[tuple(((at - step) % shape).T)]
        bend = up + down - 2 * centre
        move = np.where(bend < 0, 0.5 * (down - up) / np.where(bend < 0, bend, -1.0), 0.0)
        move = np.clip(move, -0.5, 0.5)
        x[:, axis] += move
        height += np.where(bend < 0, -0.5 * bend * move**2, 0.0)
    return x / shape, height


def distinct(
    x: np.ndarray, group: SpaceGroup, matrix: np.ndarray, near: float, limit: int
) -> np.ndarray:
    """Indices of points that are no equivalent of, and not near to, an earlier one."""
    W, w = group.rotations, group.translations / group.denominator
    left, kept = np.arange(len(x)), []
    while len(left) and len(kept) < limit:
        kept.append(int(left[0]))
        images = W @ x[left[0]] + w
        d = x[left][:, None] - images
        d -= np.round(d)
        apart = np.linalg.norm(d @ matrix, axis=2).min(axis=1)
        apart[0] = 0.0
        left = left[apart > near]
    return np.array(kept, dtype=np.int64)
