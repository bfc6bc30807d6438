"""Measured intensities for refinement: merged, but Friedel mates apart where they tell."""

import dataclasses
import functools
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int

from .._core import check_finite, host_array
from ..lattice import Lattice, cell_to_matrix, check_cell, check_matrix
from ..reflections import Reflections, ReflectionTable
from ..symmetry import SpaceGroup, absent, laue_unique

Radiation = Literal["xray", "electron", "neutron"]
RADIATIONS: tuple[Radiation, ...] = ("xray", "electron", "neutron")


@dataclasses.dataclass(frozen=True, eq=False)
class Measurements:
    """Intensities of a crystal with their standard uncertainties, cell, group and radiation.

    Attributes:
        hkl: indices, (n, 3).
        intensity: I, on any scale, negative ones included, (n,).
        sigma: standard uncertainty of I, positive, (n,).
        matrix: lattice vectors as rows, angstrom, (3, 3).
        group: space group.
        wavelength: angstrom.
        radiation: "xray", "electron" or "neutron".
        r_int: sum |I - <I>| / sum |I| over equivalents that were merged, or None.
        dropped: rows left out and why: {"absent": 12, "sigma": 3, "origin": 1}.
        rows: rows given.
    """

    hkl: Int[np.ndarray, "n 3"]
    intensity: Float[np.ndarray, " n"]
    sigma: Float[np.ndarray, " n"]
    matrix: Float[np.ndarray, "3 3"]
    group: SpaceGroup
    wavelength: float
    radiation: Radiation = "xray"
    r_int: float | None = None
    dropped: dict[str, int] = dataclasses.field(default_factory=dict)
    rows: int = 0

    @classmethod
    def from_arrays(
        cls,
        cell: Any,
        group: int | str | SpaceGroup,
        hkl: Any,
        intensity: Any,
        sigma: Any,
        *,
        wavelength: float | int = 0.71073,
        radiation: str = "xray",
        friedel: bool | None = None,
        d_min: float | int | None = None,
    ) -> "Measurements":
        """Merge rows of intensities under the point group.

        Equivalents are averaged with the weight I / sigma (3 / sigma where I < 3 sigma); the
        uncertainty of the mean is the larger of (sum 1 / sigma^2)^(-1/2) and
        sum |I - <I>| / (m (m - 1)^(1/2)).

        Args:
            cell: a `Lattice`, a matrix (3, 3), rows in angstrom, or cell parameters (6,).
            group: group, symbol or number.
            hkl: (rows, 3).
            intensity: I, (rows,).
            sigma: standard uncertainty of I, (rows,); rows without a positive one are left out.
            wavelength: angstrom.
            radiation: "xray", "electron" or "neutron".
            friedel: merge Friedel mates too; default where they must be equal: for centric groups,
                electrons and neutrons.
            d_min: leave out rows with a smaller spacing, angstrom.

        Raises:
            ValueError: shapes that do not fit, NaN, an unknown radiation, a wavelength that is not
                positive, a lattice that does not fit the group, or no row left.

        References:
            G. M. Sheldrick, The SHELX-97 Manual (1997), MERG.
        """
        matrix = _matrix(cell)
        group = SpaceGroup.find(group, 3)
        group.check_matrix(matrix)
        if radiation not in RADIATIONS:
            raise ValueError(f"radiation: expected one of {RADIATIONS}, got {radiation!r}")
        if not (np.isfinite(wavelength) and wavelength > 0):
            raise ValueError(f"wavelength: expected a positive length in A, got {wavelength}")
        k = np.asarray(hkl)
        value, error = host_array(intensity, "intensity"), host_array(sigma, "sigma")
        if k.ndim != 2 or k.shape[1] != 3 or value.shape != (len(k),) or error.shape != (len(k),):
            raise ValueError(
                f"expected hkl (rows, 3), intensity and sigma (rows,), got {k.shape}, "
                f"{value.shape}, {error.shape}"
            )
        if not (k == np.round(k)).all():
            raise ValueError("hkl: expected integers")
        check_finite(value, "intensity")
        k, rows, dropped = k.astype(np.int64), len(k), {}
        spacing = _inverse_d(k, matrix)
        limit = np.inf if d_min is None else 1.0 / d_min
        left = np.ones(rows, dtype=bool)
        for what, bad in (
            ("origin", spacing == 0),
            ("sigma", ~(np.isfinite(error) & (error > 0))),
            ("d_min", spacing > limit * (1 + 1e-12)),
            ("absent", absent(k, group)),
        ):
            if (bad & left).any():
                dropped[what] = int((bad & left).sum())
                left &= ~bad
        k, value, error = k[left], value[left], error[left]
        if len(k) == 0:
            raise ValueError(f"expected reflections, got {rows} rows, of which none is left")
        if friedel is None:
            friedel = radiation != "xray"
        rotations = group.laue_rotations if friedel else group.point_rotations
        k, value, error, r_int = _merged(laue_unique(k, rotations)[0], value, error)
        kind: Radiation = radiation  # type: ignore[assignment]
        return cls(k, value, error, matrix, group, float(wavelength), kind, r_int, dropped, rows)

    @classmethod
    def from_table(
        cls, cell: Any, group: int | str | SpaceGroup, table: ReflectionTable, **options: Any
    ) -> "Measurements":
        """Merge the rows of a file (`io.read_reflection_table`); options as of `from_arrays`.

        Raises:
            ValueError: as `from_arrays`, or a table without uncertainties.
        """
        if table.sigma is None:
            raise ValueError(f"{table.source or 'table'}: expected sigma, got none")
        sigma = table.sigma
        if table.intensity is not None:
            value = table.intensity
        else:
            F = np.asarray(table.amplitude)
            value, sigma = F * np.abs(F), 2 * np.abs(F) * sigma
        return cls.from_arrays(cell, group, table.indices, value, sigma, **options)

    @classmethod
    def from_reflections(cls, reflections: Reflections, **options: Any) -> "Measurements":
        """Take a merged list in three dimensions; options as of `from_arrays`.

        Raises:
            ValueError: another dimension, or a list without uncertainties.
        """
        if reflections.space.dimension != 3:
            raise ValueError(f"expected reflections in 3 dimensions, got {reflections}")
        if reflections.sigma is None:
            raise ValueError("reflections: expected sigma, got none")
        matrix = 2 * np.pi * np.linalg.inv(reflections.space.parallel).T
        columns = (reflections.k, reflections.intensity, reflections.sigma)
        return cls.from_arrays(matrix, reflections.group, *columns, **options)

    @functools.cached_property
    def stol2(self) -> Float[np.ndarray, " n"]:
        """Return s^2 = (sin(theta) / lambda)^2 = 1 / (4 d^2), 1/A^2, (n,)."""
        return _inverse_d(self.hkl, self.matrix) ** 2 / 4

    @property
    def d_min(self) -> float:
        """Smallest spacing, angstrom."""
        return float(0.5 / np.sqrt(self.stol2.max()))

    @property
    def volume(self) -> float:
        """Volume of the cell, A^3."""
        return float(abs(np.linalg.det(self.matrix)))

    @functools.cached_property
    def has_pairs(self) -> bool:
        """True where Friedel mates that are not equivalent were both measured."""
        if self.group.is_centrosymmetric:
            return False
        unique = laue_unique(self.hkl, self.group.laue_rotations)[0]
        return len(np.unique(unique, axis=0)) < len(unique)

    def __len__(self) -> int:
        return len(self.hkl)

    def __repr__(self) -> str:
        return (
            f"Measurements({len(self)} intensities, {self.group.hm}, {self.radiation} "
            f"{self.wavelength:g} A, d >= {self.d_min:.3g} A)"
        )


def _matrix(cell: Any) -> np.ndarray:
    if isinstance(cell, Lattice):
        cell = cell.matrix
    return cell_to_matrix(check_cell(cell)) if np.shape(cell) == (6,) else check_matrix(cell)


def _inverse_d(hkl: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return np.linalg.norm(hkl @ np.linalg.inv(matrix).T, axis=1)


def _merged(
    unique: np.ndarray, value: np.ndarray, error: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float | None]:
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
