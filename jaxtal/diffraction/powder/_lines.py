"""The table of a powder pattern's lines, families of reflections merged (host)."""

import dataclasses
import functools
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from ..._core import bucket
from ...crystal import Crystal, HostAtoms, WyckoffCrystal, host_crystal
from .._host_points import host_factors, host_points
from .._listed_reflections import ListedReflections
from ._pattern import PowderPattern, peaks_of_points


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
        ValueError: a cell that is near-singular or beyond 10,000 angstrom, or as
            `ReciprocalSpace.plan`.
    """
    pattern = _default_pattern() if pattern is None else pattern
    atoms = host_crystal(crystal)
    peaks, hkl, copies = _reflections(pattern, atoms)
    matrix = atoms.matrix
    d = 1 / np.linalg.norm(hkl @ np.linalg.inv(matrix).T, axis=1)
    order = np.lexsort((*-hkl.T[::-1], -d))
    hkl, d = hkl[order], d[order]
    begins = _begins(d, tolerance)
    ends, spacing = np.append(begins[1:], len(d)), d[begins]
    lines, first, last, by_q = pattern.lines, *pattern.limits, pattern.axis == "q"
    intensity = peaks.reshape(len(lines), -1)[:, order]
    listed = []
    for (wavelength, _), strengths in zip(lines, intensity, strict=True):
        angle = np.full(len(spacing), np.nan)
        if wavelength is not None:
            seen = wavelength < 2 * spacing
            angle[seen] = 2 * np.rad2deg(np.arcsin(wavelength / (2 * spacing[seen])))
        place = 2 * np.pi / spacing if by_q else angle
        total = np.add.reduceat(strengths, begins) if len(begins) else np.zeros(0)
        total = np.where((place >= first) & (place <= last) & (total > 0), total, 0.0)
        listed.append((wavelength, angle, total))
    strongest = max((total.max(initial=0.0) for *_, total in listed), default=0.0)
    least = minimum / 100 * strongest
    shown = np.any([(total > least) & (total > 0) for *_, total in listed], axis=0)
    line = np.repeat(np.arange(len(begins)), ends - begins)
    families = _families(crystal, matrix, hkl[shown[line]], line[shown[line]], copies)
    found = []
    for wavelength, angle, total in listed:
        kept = np.flatnonzero((total > least) & (total > 0))
        heights = 100 * total / strongest if scaled else total
        columns = (x[kept].tolist() for x in (angle, spacing, heights))
        for i, degrees, distance, height in zip(kept.tolist(), *columns, strict=True):
            angle_of_line = None if wavelength is None else degrees
            found.append(PowderLine(angle_of_line, distance, families[i], height, wavelength))
    return found


@functools.cache
def _default_pattern() -> PowderPattern:
    return PowderPattern()


def _reflections(
    pattern: PowderPattern, atoms: HostAtoms
) -> tuple[Float[np.ndarray, "lines_P"], Int[np.ndarray, "P 3"], int]:
    """Intensities in each emission line, indices, and how many reflections each stands for."""
    space = pattern.space
    if space.takes_numpy:
        points, hkl = host_points(space, atoms, host_factors(space, [atoms]))
        if not points.complete:
            raise ValueError(
                "crystal: expected a cell with axes of 0.01 to 10,000 angstrom and a volume that "
                f"is not near zero, got {atoms.cell.tolist()}"
            )
        strengths = np.asarray(peaks_of_points(pattern, points).intensity)
        if space.wavelength is not None:
            return strengths, hkl, 1
        # Of each pair the one whose first index is positive.
        first = np.take_along_axis(hkl, np.argmax(hkl != 0, axis=1)[:, None], axis=1)
        return strengths, hkl * np.sign(first), 2
    plan = pattern.plan(atoms, max_stretch=1.0, reflections="listed", once=True)
    found = plan.peaks(Crystal.from_host(atoms, pad_to=bucket(len(atoms))))
    listed = plan.reflections
    assert isinstance(listed, ListedReflections)
    real = np.asarray(listed.multiplicity) > 0
    intensity = np.asarray(found.intensity, np.float64).reshape(len(pattern.lines), -1)[:, real]
    return intensity.ravel(), np.asarray(listed.hkl)[real], int(listed.multiplicity[0])


def _begins(d: Float[np.ndarray, " P"], tolerance: float) -> Int[np.ndarray, " lines"]:
    """Where each run of equal spacings begins, of spacings that fall."""
    found: list[int] = []
    largest = np.inf
    for i, spacing in enumerate(d.tolist()):
        if largest - spacing > tolerance * spacing:
            found.append(i)
            largest = spacing
    return np.array(found, np.int64)


Index = tuple[int, int, int]


def _families(
    crystal: Any,
    matrix: np.ndarray,
    hkl: Int[np.ndarray, "P 3"],
    line: Int[np.ndarray, " P"],
    copies: int,
) -> dict[int, tuple[tuple[Index, int], ...]]:
    """Names and multiplicities of the families of each line, in the order of the reflections.

    Args:
        crystal: its Laue group decides, if it is known.
        matrix: its cell.
        hkl: reflections, line after line.
        line: number of the line of each.
        copies: how many reflections each stands for.
    """
    if not len(hkl):
        return {}
    rotations = None
    if isinstance(crystal, WyckoffCrystal):
        rotations = np.asarray(crystal.group.laue_rotations, np.int64)
        keys = _ranks(np.einsum("pi,rij->prj", hkl, rotations)).max(axis=1)
    else:
        lengths = np.linalg.norm(matrix, axis=1)
        cosines = (matrix @ matrix.T) / np.outer(lengths, lengths)
        full, angles = hkl, cosines[[1, 0, 0], [2, 2, 1]]
        if np.allclose([lengths[0] / lengths[1], *angles], [1, 0, 0, -0.5], rtol=0, atol=1e-3):
            full = np.column_stack([hkl, -hkl[:, 0] - hkl[:, 1]])
        keys = _ranks(np.sort(np.abs(full), axis=1))
    # Few numbers in place of ranks, which of huge cells leave no room for the line.
    keys = np.unique(keys, return_inverse=True)[1]
    _, first, member, count = np.unique(
        line * (keys.max() + 1) + keys, return_index=True, return_inverse=True, return_counts=True
    )
    if rotations is None:
        # The largest of the members and their inverses.
        upward = np.where((_ranks(hkl) > _ranks(-hkl))[:, None], hkl, -hkl)
        last = np.lexsort((_ranks(upward), member))[np.cumsum(count) - 1]
        names = upward[last]
    else:
        # The largest of the orbit, of those without negative indices if there are any.
        orbits = np.einsum("fi,rij->frj", hkl[first], rotations)
        ranks = _ranks(orbits)
        ranks += (orbits.min(axis=2) >= 0) * (ranks.max() + 1)
        names = np.take_along_axis(orbits, ranks.argmax(axis=1)[:, None, None], axis=1)[:, 0]
    order = np.argsort(first)
    columns = (line[first][order], names[order], copies * count[order])
    found: dict[int, tuple[tuple[Index, int], ...]] = {}
    for i, (h, k, l), n in zip(*(x.tolist() for x in columns), strict=True):
        found[i] = (*found.get(i, ()), ((h, k, l), n))
    return found


def _ranks(indices: Int[np.ndarray, "*n k"]) -> Int[np.ndarray, "*n"]:
    """Whole numbers, from 0, that stand in the order in which rows of indices do."""
    most = int(np.abs(indices).max())
    digits = indices + most
    rank = digits[..., 0]
    for place in range(1, indices.shape[-1]):
        rank = rank * (2 * most + 1) + digits[..., place]
    return rank
