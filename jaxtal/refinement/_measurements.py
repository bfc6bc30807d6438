"""Measured intensities for refinement: merged, but Friedel mates apart where they tell."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from .._core import check_finite, host_array
from ..reflections import Reflections, ReflectionTable
from ..reflections.quality._completeness import sphere
from ..symmetry import SpaceGroup, absent, laue_unique
from ._measured_rows import Radiation, checked_settings, inverse_d, merged
from ._overlap import Overlap, overlapped


@dataclasses.dataclass(frozen=True, eq=False)
class Measurements:
    """Intensities of a crystal with their standard uncertainties, cell, group and radiation.

    Of a single crystal each reflection has an intensity, m = n; of a powder several may share one.

    Attributes:
        hkl: indices, (n, 3).
        intensity: I, on any scale, negative ones included, (m,).
        sigma: standard uncertainty of I, positive, (m,).
        matrix: lattice vectors as rows, angstrom, (3, 3).
        group: space group.
        wavelength: angstrom.
        radiation: "xray", "electron" or "neutron".
        r_int: sum |I - <I>| / sum |I| over equivalents that were merged, or None.
        dropped: rows left out and why: {"absent": 12, "sigma": 3, "origin": 1}.
        rows: rows given.
        index_range: least and largest h, k, l of these rows, (2, 3), or None.
        overlap: which reflections add up to each intensity of a powder, otherwise None.
    """

    hkl: Int[np.ndarray, "n 3"]
    intensity: Float[np.ndarray, " m"]
    sigma: Float[np.ndarray, " m"]
    matrix: Float[np.ndarray, "3 3"]
    group: SpaceGroup
    wavelength: float
    radiation: Radiation = "xray"
    r_int: float | None = None
    dropped: dict[str, int] = dataclasses.field(default_factory=dict)
    rows: int = 0
    index_range: Int[np.ndarray, "2 3"] | None = None
    overlap: Overlap | None = None

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
        matrix, group, kind = checked_settings(cell, group, radiation, wavelength)
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
        spacing = inverse_d(k, matrix)
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
        limits = np.stack([k.min(axis=0), k.max(axis=0)]) if rows else None
        k, value, error = k[left], value[left], error[left]
        if len(k) == 0:
            raise ValueError(f"expected reflections, got {rows} rows, of which none is left")
        if friedel is None:
            friedel = kind != "xray"
        rotations = group.laue_rotations if friedel else group.point_rotations
        k, value, error, r_int = merged(laue_unique(k, rotations)[0], value, error)
        columns = (k, value, error, matrix, group, float(wavelength), kind)
        return cls(*columns, r_int, dropped, rows, limits)

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

    @classmethod
    def from_powder(
        cls,
        cell: Any,
        group: int | str | SpaceGroup,
        lines: Sequence[Any] | np.ndarray,
        intensity: Any,
        sigma: Any,
        *,
        wavelength: float | int = 1.540593,
        radiation: str = "xray",
        lorentz_polarisation: bool = True,
        monochromator: float | int | None = 0.0,
    ) -> "Measurements":
        """Take integrated intensities of a powder, of lines that may overlap.

            I = k sum over h of m_h L_h |F_h|^2

        The sum runs over the independent reflections of a line, m their multiplicities and L the
        Lorentz-polarisation factor (1 + A cos^2 2 theta) / (sin^2 theta cos theta),
        A = cos^2 2 theta_M. Friedel mates are summed where anomalous scattering makes them differ.

            data = Measurements.from_powder(cell, "P 42/m n m", [[(1, 1, 0)], [(2, 1, 1)],
                                            [(0, 0, 2), (3, 1, 0)]], intensity, sigma)
            refine(data, model)

        Args:
            cell: a `Lattice`, a matrix (3, 3), rows in angstrom, or cell parameters (6,).
            group: group, symbol or number.
            lines: of each intensity the indices of its reflections, (k, 3); one of a set of
                equivalents is enough.
            intensity: I, (m,).
            sigma: standard uncertainty of I, positive, (m,).
            wavelength: angstrom.
            radiation: "xray", "electron" or "neutron".
            lorentz_polarisation: the intensities contain L; False: L = 1.
            monochromator: 2 theta_M in degrees, 0 without one; None for a beam to which
                polarisation does not matter. Neutrons and electrons have A = 0.

        Raises:
            ValueError: as `from_arrays`; a line without reflections, or a reflection in two lines.

        References:
            International Tables for Crystallography C (2004), section 6.2.
        """
        matrix, group, kind = checked_settings(cell, group, radiation, wavelength)
        value, error = host_array(intensity, "intensity"), host_array(sigma, "sigma")
        if not value.shape == error.shape == (len(lines),):
            raise ValueError(
                f"expected as many intensities and sigma as lines, got {value.shape}, "
                f"{error.shape} and {len(lines)}"
            )
        check_finite(value, "intensity")
        if not (np.isfinite(error) & (error > 0)).all():
            raise ValueError("sigma: expected positive numbers")
        polarised = kind == "xray" and monochromator is not None
        hkl, overlap = overlapped(
            lines,
            group,
            matrix,
            friedel=kind != "xray" or group.is_centrosymmetric,
            sine_per_stol=float(wavelength) if lorentz_polarisation else None,
            monochromator=float(np.cos(np.radians(monochromator or 0.0))) if polarised else None,
        )
        columns = (hkl, value, error, matrix, group, float(wavelength), kind)
        return cls(*columns, rows=len(value), overlap=overlap)

    def summed(self, values: np.ndarray, at: slice | None = None) -> np.ndarray:
        """Return values of reflections, (..., n), summed to those of intensities, (..., m).

        Args:
            values: such as k |F|^2; of a single crystal they stay as they are.
            at: the reflections that they belong to, default all.
        """
        if self.overlap is None:
            return values
        return self.overlap.summed(values, at or slice(0, len(self.hkl)))

    def shared(self, values: np.ndarray) -> np.ndarray:
        """Return for each reflection the value of the intensity that it adds to, (m,) to (n,)."""
        return values if self.overlap is None else values[self.overlap.into]

    @functools.cached_property
    def stol2(self) -> Float[np.ndarray, " n"]:
        """Return s^2 = (sin(theta) / lambda)^2 = 1 / (4 d^2), 1/A^2, (n,)."""
        return inverse_d(self.hkl, self.matrix) ** 2 / 4

    @property
    def intensity_stol2(self) -> Float[np.ndarray, " m"]:
        """Return s^2 of each intensity, the mean of its reflections, 1/A^2, (m,)."""
        if self.overlap is None:
            return self.stol2
        return np.add.reduceat(self.stol2, self.overlap.first[:-1]) / np.diff(self.overlap.first)

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
        if self.group.is_centrosymmetric or self.overlap is not None:
            return False
        unique = laue_unique(self.hkl, self.group.laue_rotations)[0]
        return len(np.unique(unique, axis=0)) < len(unique)

    def completeness(self, d_min: float | int | None = None, *, friedel: bool = True) -> float:
        """Compute the share of possible independent reflections that were measured.

        Args:
            d_min: smallest spacing, angstrom; default that of the data.
            friedel: count Friedel mates as one.

        Returns:
            0 to 1; NaN for cells so large that they are not counted.
        """
        limit = max(float(d_min or 0.0), self.d_min) * (1 - 1e-9)
        possible = sphere(self.matrix, limit)
        if possible is None:
            return float("nan")
        rotations = self.group.laue_rotations if friedel else self.group.point_rotations
        both = possible if friedel else np.concatenate([possible, -possible])
        both = both[~absent(both, self.group)]
        inside = self.hkl[4 * self.stol2 * limit**2 <= 1]
        count, total = (
            len(np.unique(laue_unique(h, rotations)[0], axis=0)) for h in (inside, both)
        )
        return min(count / max(total, 1), 1.0)

    def __len__(self) -> int:
        """Return the number of intensities."""
        return len(self.intensity)

    def __repr__(self) -> str:
        of = "" if self.overlap is None else f" of {len(self.hkl)} reflections"
        return (
            f"Measurements({len(self)} intensities{of}, {self.group.hm}, {self.radiation} "
            f"{self.wavelength:g} A, d >= {self.d_min:.3g} A)"
        )
