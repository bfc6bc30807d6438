"""Rows of intensities: what is said of them, checked, and equivalents merged."""

from typing import Any, Literal

import numpy as np

from ..lattice import Lattice, cell_to_matrix, check_cell, check_matrix
from ..symmetry import SpaceGroup

Radiation = Literal["xray", "electron", "neutron"]
RADIATIONS: tuple[Radiation, ...] = ("xray", "electron", "neutron")


def checked_settings(
    cell: Any, group: int | str | SpaceGroup, radiation: str, wavelength: float | int
) -> tuple[np.ndarray, SpaceGroup, Radiation]:
    """Lattice vectors as rows, the group and the radiation, or a ValueError that names one."""
    matrix = _matrix(cell)
    group = SpaceGroup.find(group, 3)
    group.check_matrix(matrix)
    kind: Radiation | None = next((one for one in RADIATIONS if one == radiation), None)
    if kind is None:
        raise ValueError(f"radiation: expected one of {RADIATIONS}, got {radiation!r}")
    if not (np.isfinite(wavelength) and wavelength > 0):
        raise ValueError(f"wavelength: expected a positive length in A, got {wavelength}")
    return matrix, group, kind


def _matrix(cell: Any) -> np.ndarray:
    if isinstance(cell, Lattice):
        cell = cell.matrix
    return cell_to_matrix(check_cell(cell)) if np.shape(cell) == (6,) else check_matrix(cell)


def inverse_d(hkl: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """1 / d of reflections, 1/A, (n,)."""
    return np.linalg.norm(hkl @ np.linalg.inv(matrix).T, axis=1)


def merged(
    unique: np.ndarray, value: np.ndarray, error: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float | None]:
    """Indices, means, uncertainties and R_int of rows that stand for reflections (rows, 3)."""
    hkl, orbit = np.unique(unique, axis=0, return_inverse=True)
    orbit = orbit.reshape(-1)
    count = np.bincount(orbit)
    if len(hkl) == len(unique):
        order = np.argsort(orbit)
        return hkl, value[order], error[order], None
    weight = np.maximum(value / error, 3.0) / error
    total = np.bincount(orbit, weight)
    mean = np.bincount(orbit, weight * value) / total
    off = np.abs(value - mean[orbit])
    m = np.maximum(count, 2)
    spread = np.where(count > 1, np.bincount(orbit, off) / (m * np.sqrt(m - 1.0)), 0.0)
    sigma = np.maximum(np.bincount(orbit, error**-2.0) ** -0.5, spread)
    several = count[orbit] > 1
    r_int = float(off[several].sum() / np.abs(value[several]).sum())
    return hkl, mean, sigma, r_int
