"""Columns of reflection data, checked: everything wrong is named by its row."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from .._core import host_array

RowName = Callable[[int], str]


@dataclasses.dataclass(frozen=True, eq=False)
class Columns:
    """Checked data: indices (n, N) int64, intensity (n,), sigma (n,) or None."""

    k: np.ndarray
    intensity: np.ndarray
    sigma: np.ndarray | None

    def take(self, rows: np.ndarray) -> "Columns":
        """Some of the rows, by a mask or by numbers."""
        sigma = None if self.sigma is None else self.sigma[rows]
        return Columns(self.k[rows], self.intensity[rows], sigma)


def check_columns(
    k: Any,
    intensity: Any,
    amplitude: Any,
    sigma: Any,
    index_matrix: Any,
    dimension: int,
    name: RowName,
) -> Columns:
    """Check indices, intensities or amplitudes, and uncertainties.

    Amplitudes become intensities: I = F^2, sigma_I = 2 F sigma_F.

    Raises:
        ValueError: shapes that do not fit; NaN, a fractional index, a negative amplitude or
            uncertainty (with its row); both or neither of intensity and amplitude.
    """
    indices = _reindexed(check_indices(k, name), index_matrix, dimension)
    if (intensity is None) == (amplitude is None):
        came = "neither" if intensity is None else "both"
        raise ValueError(f"expected either intensities or amplitudes, got {came}")
    what = "amplitude" if intensity is None else "intensity"
    values = _column(what, amplitude if intensity is None else intensity, len(indices), name)
    errors = None if sigma is None else _column("sigma", sigma, len(indices), name)
    if errors is not None:
        _refuse(errors < 0, "sigma", "sigma >= 0", errors, name)
    if intensity is None:
        _refuse(values < 0, what, "|F| >= 0", values, name)
        errors = None if errors is None else 2 * values * errors
        values = values**2
    return Columns(indices, values, errors)


def check_indices(k: Any, name: RowName) -> np.ndarray:
    """Integer indices (n, N) from integers, or from floats that are integral.

    Raises:
        ValueError: another shape or type; a number that is no integer, with its row.
    """
    indices = host_array(k, "indices")
    if indices.ndim != 2 or indices.shape[1] == 0:
        raise ValueError(f"indices: expected shape (n, N), got {indices.shape}")
    if len(indices) == 0:
        raise ValueError("indices: expected at least one reflection, got none")
    # Beyond this, products with rotations could leave 64 bits.
    bad = ~(np.abs(indices) < 2**31) | (indices != np.rint(indices))
    if bad.any():
        row = int(bad.any(axis=1).argmax())
        raise ValueError(f"indices: expected integers, got {indices[row].tolist()} in {name(row)}")
    return indices.astype(np.int64)


def _reindexed(k: np.ndarray, index_matrix: Any, dimension: int) -> np.ndarray:
    if index_matrix is None:
        if k.shape[1] != dimension:
            raise ValueError(f"indices: expected {dimension} columns, got {k.shape[1]}")
        return k
    matrix = host_array(index_matrix, "index_matrix")
    if matrix.shape != (dimension, k.shape[1]):
        raise ValueError(
            f"index_matrix: expected shape ({dimension}, {k.shape[1]}), got {matrix.shape}"
        )
    if not (np.isfinite(matrix).all() and (matrix == np.rint(matrix)).all()):
        raise ValueError(f"index_matrix: expected integers, got {matrix.tolist()}")
    if np.linalg.matrix_rank(matrix) < dimension:
        raise ValueError(f"index_matrix: expected rank {dimension}, got {matrix.tolist()}")
    return k @ matrix.astype(np.int64).T


def _column(what: str, values: Any, count: int, name: RowName) -> np.ndarray:
    column = host_array(values, what)
    if column.shape != (count,):
        raise ValueError(f"{what}: expected shape ({count},) as indices, got {column.shape}")
    _refuse(~np.isfinite(column), what, "a finite number", column, name)
    return column


def _refuse(bad: np.ndarray, what: str, wanted: str, values: np.ndarray, name: RowName) -> None:
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(f"{what}: expected {wanted}, got {values[row]} in {name(row)}")
