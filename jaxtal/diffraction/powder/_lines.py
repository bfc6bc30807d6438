"""The table of a powder pattern's lines, families of reflections merged (host)."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from ..._core import bucket
from ...crystal import Crystal, HostAtoms, WyckoffCrystal, host_crystal
from .._listed_reflections import ListedReflections
from ._pattern import PowderPattern


@dataclasses.dataclass(frozen=True)
class PowderLine:
    """One line of a powder pattern.

    Attributes:
        two_theta: degrees; None without a wavelength.
        d: spacing of the lattice planes, angstrom.
        families: indices of one reflection of each family in the line, and its multiplicity.
        intensity: integrated intensity, by default of 100 for the strongest line.
        wavelength: angstrom, or None.
    """

    two_theta: float | None
    d: float
    families: tuple[tuple[tuple[int, int, int], int], ...]
    intensity: float
    wavelength: float | None

    @property
    def hkl(self) -> tuple[int, int, int]:
        """Indices of the first family."""
        return self.families[0][0]

    @property
    def multiplicity(self) -> int:
        """Number of reflections in the line."""
        return sum(count for _, count in self.families)


def powder_lines(
    crystal: Any,
    pattern: PowderPattern | None = None,
    *,
    scaled: bool = True,
    minimum: float = 1e-3,
    tolerance: float = 1e-6,
) -> list[PowderLine]:
    """List the lines of a crystal within the limits of a pattern, as a table (host).

    Reflections of equal d are one line. Its families are the orbits of the Laue group for a
    `WyckoffCrystal`; for other crystals, whose symmetry is not known, permutations of the absolute
    indices (of h, k, -h-k, l in a hexagonal cell).

    Args:
        crystal: one crystal of any kind.
        pattern: wavelength, limits, form factors, factors of intensity; profile and normalisation
            do not matter. Default `PowderPattern()`.
        scaled: make the strongest line 100; otherwise in units of the pattern's "none".
        minimum: leave out lines below this part in 100 of the strongest.
        tolerance: relative difference of d up to which reflections are one line.

    Returns:
        Lines in the order of emission line, then falling d.

    Raises:
        ValueError: as `ReciprocalSpace.plan`.
    """
    pattern = PowderPattern() if pattern is None else pattern
    atoms = host_crystal(crystal)
    peaks, hkl, copies = _reflections(pattern, atoms)
    matrix = atoms.matrix
    d = 1 / np.linalg.norm(hkl @ np.linalg.inv(matrix).T, axis=1)
    order = np.lexsort((*-hkl.T[::-1], -d))
    keys, named = _family_keys(crystal, matrix, hkl)
    intensity = peaks.reshape(len(pattern.lines), -1)
    found = []
    for (wavelength, _), strengths in zip(pattern.lines, intensity, strict=True):
        for group in _equal(d, order, tolerance):
            spacing = float(d[group[0]])
            angle = None
            if wavelength is not None and wavelength < 2 * spacing:
                angle = float(2 * np.rad2deg(np.arcsin(wavelength / (2 * spacing))))
            place = 2 * np.pi / spacing if pattern.axis == "q" else angle
            if place is None or not pattern.limits[0] <= place <= pattern.limits[1]:
                continue
            members: dict[tuple[int, ...], list[int]] = {}
            for i in group:
                members.setdefault(keys[i], []).append(int(i))
            families = tuple((named(hkl[m]), copies * len(m)) for m in members.values())
            total = float(np.sum(strengths[group]))
            found.append(PowderLine(angle, spacing, families, total, wavelength))
    strongest = max((line.intensity for line in found), default=0.0)
    kept = [line for line in found if line.intensity > minimum / 100 * strongest]
    if not scaled:
        return kept
    return [dataclasses.replace(line, intensity=100 * line.intensity / strongest) for line in kept]


def _reflections(
    pattern: PowderPattern, atoms: HostAtoms
) -> tuple[Float[np.ndarray, "lines_P"], Int[np.ndarray, "P 3"], int]:
    """Intensities in each emission line, indices, and how many reflections each stands for."""
    if pattern.space.takes_numpy:
        peaks, hkl = pattern.peaks(atoms)
        first = np.take_along_axis(hkl, np.argmax(hkl != 0, axis=1)[:, None], axis=1)
        copies = 2 if pattern.space.wavelength is None else 1
        # Of each pair the one whose first index is positive.
        return np.asarray(peaks.intensity), hkl * np.sign(first) if copies == 2 else hkl, copies
    plan = pattern.plan(atoms, max_stretch=1.0, reflections="listed", once=True)
    found = plan.peaks(Crystal.from_host(atoms, pad_to=bucket(len(atoms))))
    listed = plan.reflections
    assert isinstance(listed, ListedReflections)
    real = np.asarray(listed.multiplicity) > 0
    intensity = np.asarray(found.intensity, np.float64).reshape(len(pattern.lines), -1)[:, real]
    return intensity.ravel(), np.asarray(listed.hkl)[real], int(listed.multiplicity[0])


def _equal(d: np.ndarray, order: np.ndarray, tolerance: float) -> list[np.ndarray]:
    """Indices of reflections with equal d, by falling d."""
    groups: list[list[int]] = []
    for i in order:
        if groups and abs(d[groups[-1][0]] - d[i]) <= tolerance * d[i]:
            groups[-1].append(int(i))
        else:
            groups.append([int(i)])
    return [np.array(group) for group in groups]


def _family_keys(
    crystal: Any, matrix: np.ndarray, hkl: Int[np.ndarray, "P 3"]
) -> tuple[list[tuple[int, ...]], Callable[[np.ndarray], tuple[int, int, int]]]:
    """What reflections of one family, and equal d, have in common; and what names a family."""
    if isinstance(crystal, WyckoffCrystal):
        rotations = np.asarray(crystal.group.laue_rotations, np.int64)
        keys = [max(tuple(row) for row in (h @ rotations).tolist()) for h in hkl]
        return keys, lambda members: _nicest(members[0] @ rotations)
    lengths = np.linalg.norm(matrix, axis=1)
    cosines = (matrix @ matrix.T) / np.outer(lengths, lengths)
    full, angles = hkl, cosines[[1, 0, 0], [2, 2, 1]]
    if np.allclose([lengths[0] / lengths[1], *angles], [1, 0, 0, -0.5], rtol=0, atol=1e-3):
        full = np.column_stack([hkl, -hkl[:, 0] - hkl[:, 1]])
    keys = [tuple(row) for row in np.sort(np.abs(full), axis=1).tolist()]
    return keys, lambda members: _largest(np.concatenate([members, -members]))


def _largest(orbit: Int[np.ndarray, "n 3"]) -> tuple[int, int, int]:
    h, k, l = max(tuple(row) for row in orbit.tolist())
    return h, k, l


def _nicest(orbit: Int[np.ndarray, "n 3"]) -> tuple[int, int, int]:
    """The largest, of those without negative indices if there are any."""
    h, k, l = max((tuple(row) for row in orbit.tolist()), key=lambda row: (min(row) >= 0, row))
    return h, k, l
