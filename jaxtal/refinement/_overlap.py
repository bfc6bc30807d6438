"""Intensities that several reflections share: those of powder lines."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from ..diffraction.powder._radiation import lorentz_polarisation
from ..symmetry import SpaceGroup, absent, laue_unique


@dataclasses.dataclass(frozen=True, eq=False)
class Overlap:
    """How reflections add up to measured intensities: Y_g = sum over h in g of c_h Y_h.

    Attributes:
        into: g, the intensity that each reflection adds to, in ascending order from 0, (n,).
        factor: c, multiplicity, times Lorentz-polarisation factor where the intensities have it,
            (n,).
    """

    into: Int[np.ndarray, " n"]
    factor: Float[np.ndarray, " n"]

    @functools.cached_property
    def first(self) -> Int[np.ndarray, " m1"]:
        """The first reflection of each intensity, and the number of all reflections, (m + 1,)."""
        return np.searchsorted(self.into, np.arange(self.into[-1] + 2))

    def intensities(self, at: slice) -> slice:
        """The intensities of some reflections, a whole number of them."""
        return slice(int(self.into[at.start]), int(self.into[at.stop - 1]) + 1)

    def summed(self, values: np.ndarray, at: slice) -> np.ndarray:
        """Sums of c times values of some reflections, (..., reflections) to (..., intensities)."""
        rows = self.intensities(at)
        return np.add.reduceat(
            values * self.factor[at], self.first[rows] - at.start, axis=values.ndim - 1
        )

    def blocks(self, size: int) -> list[slice]:
        """Slices of about so many reflections that tear no intensity apart."""
        cuts, last = [0], 0
        for stop in self.first[1:].tolist():
            if stop - cuts[-1] > size and last > cuts[-1]:
                cuts.append(last)
            last = stop
        return [slice(i, j) for i, j in zip(cuts, [*cuts[1:], last], strict=True)]


def overlapped(
    lines: Sequence[Any] | np.ndarray,
    group: SpaceGroup,
    matrix: np.ndarray,
    *,
    friedel: bool,
    sine_per_stol: float | None,
    monochromator: float | None,
) -> tuple[np.ndarray, Overlap]:
    """Independent reflections of powder lines, and how they add up.

    Args:
        lines: of each measured intensity the indices of its reflections, one of each set of
            equivalents or several, (k, 3).
        group: space group.
        matrix: lattice vectors as rows, angstrom.
        friedel: Friedel mates are equal; otherwise both are listed.
        sine_per_stol: sin(theta) over sin(theta)/lambda, the wavelength; None: intensities are
            without the Lorentz-polarisation factor.
        monochromator: cos 2 theta_M, None for a beam to which polarisation does not matter.

    Returns:
        indices (n, 3), overlap.

    Raises:
        ValueError: a line without reflections, a reflection in two lines or in none that can be
            seen.
    """
    rotations = group.laue_rotations if friedel else group.point_rotations
    hkl, into, taken = [], [], {}
    for g, line in enumerate(lines):
        given = np.asarray(line)
        if given.ndim == 1 and given.shape == (3,):
            given = given[None]
        if given.ndim != 2 or given.shape[1:] != (3,) or not (given == np.round(given)).all():
            raise ValueError(f"lines: expected integer indices (k, 3), got {line!r} in line {g}")
        given = given.astype(np.int64)
        if not friedel:
            given = np.concatenate([given, -given])
        given = given[~absent(given, group) & given.any(axis=1)]
        if len(given) == 0:
            raise ValueError(f"lines: expected reflections that are not absent, got none in {g}")
        for h in np.unique(laue_unique(given, rotations)[0], axis=0).tolist():
            other = taken.setdefault(tuple(h), g)
            if other != g:
                raise ValueError(f"lines: expected each reflection once, got {h} in {other}, {g}")
            hkl.append(h)
            into.append(g)
    k = np.array(hkl, dtype=np.int64).reshape(-1, 3)
    if len(k) == 0:
        raise ValueError("lines: expected at least one, got none")
    factor = laue_unique(k, rotations)[1].astype(float)
    if sine_per_stol is not None:
        stol = np.linalg.norm(k @ np.linalg.inv(matrix).T, axis=1) / 2
        sine = sine_per_stol * stol
        if not (sine < 1).all():
            raise ValueError(
                f"lines: expected sin(theta) < 1, got {sine.max():.3f} of {k[sine.argmax()]}"
            )
        factor = factor * np.asarray(lorentz_polarisation(sine, monochromator))
    return k, Overlap(np.array(into, dtype=np.int64), factor)
