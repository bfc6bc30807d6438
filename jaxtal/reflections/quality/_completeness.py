"""How much of reciprocal space was measured, by resolution."""

import dataclasses

import numpy as np

from ...symmetry import SpaceGroup
from .._reflections import Reflections
from ._rows import friedel_keys

#: Reflections in the sphere that are still counted.
_MOST = 3_000_000


@dataclasses.dataclass(frozen=True)
class Shell:
    """Reflections of one resolution shell.

    Attributes:
        d_max: low resolution limit, angstrom.
        d_min: high resolution limit, angstrom.
        rows: rows measured.
        unique: independent ones among them.
        possible: independent reflections of the shell; None where they were not counted.
        mean_intensity: mean merged I.
        i_over_sigma: mean merged I / sigma; None without uncertainties.
        r_int: of equivalents; None without.
    """

    d_max: float
    d_min: float
    rows: int
    unique: int
    possible: int | None
    mean_intensity: float
    i_over_sigma: float | None
    r_int: float | None

    @property
    def completeness(self) -> float | None:
        """Unique reflections over possible ones."""
        return self.unique / self.possible if self.possible else None

    @property
    def redundancy(self) -> float:
        """Rows of each unique reflection."""
        return self.rows / self.unique


def sphere(matrix: np.ndarray, d_min: float) -> np.ndarray | None:
    """Indices with d >= d_min, one of each Friedel pair, (n, 3); None if there are too many.

    Args:
        matrix: lattice matrix, rows in angstrom.
        d_min: angstrom.
    """
    volume = abs(np.linalg.det(matrix))
    if 4 / 3 * np.pi * volume / d_min**3 > _MOST:
        return None
    most = np.floor(np.linalg.norm(matrix, axis=1) / d_min + 1e-9).astype(int)
    if np.prod(2.0 * most + 1) > 20 * _MOST:
        return None
    h = np.arange(0, most[0] + 1)
    k, l = (np.arange(-n, n + 1) for n in most[1:])
    reciprocal = np.linalg.inv(matrix).T
    plane = np.stack(np.meshgrid(k, l, indexing="ij"), axis=-1).reshape(-1, 2)
    found = []
    for one in h:
        hkl = np.column_stack([np.full(len(plane), one), plane])
        inside = ((hkl @ reciprocal) ** 2).sum(axis=1) * d_min**2 <= 1 + 1e-9
        found.append(hkl[inside])
    hkl = np.concatenate(found)
    second = (hkl[:, 0] == 0) & ((hkl[:, 1] < 0) | ((hkl[:, 1] == 0) & (hkl[:, 2] <= 0)))
    return hkl[~second]


def possible_count(matrix: np.ndarray, d_min: float, rotations: np.ndarray) -> int | None:
    """Number of independent reflections of a primitive cell under rotations and Friedel's law."""
    hkl = sphere(matrix, d_min)
    if hkl is None:
        return None
    return len(np.unique(_best_keys(hkl, rotations)))


def shells(
    reflections: Reflections, matrix: np.ndarray, group: SpaceGroup, rows: "RowsOf", count: int
) -> tuple[Shell, ...]:
    """Split the data into shells of equal volume in reciprocal space."""
    d = 2 * np.pi / reflections.q_parallel
    q3 = d**-3.0
    edges = np.linspace(0, q3.max() * (1 + 1e-9), count + 1)
    edges[0] = q3.min() * (1 - 1e-9)
    hkl = sphere(matrix, float(d.min()))
    possible = None
    if hkl is not None:
        shift = (hkl @ group.centering.T % group.denominator == 0).all(axis=1)
        _, first = np.unique(_best_keys(hkl[shift], group.laue_rotations), return_index=True)
        every = ((hkl[shift][first] @ np.linalg.inv(matrix).T) ** 2).sum(axis=1) ** 1.5
        # What is beyond the largest spacing measured belongs to the first shell.
        possible = np.histogram(every, [0, *edges[1:]])[0]
    row_q3 = ((rows.k @ np.linalg.inv(matrix).T) ** 2).sum(axis=1) ** 1.5
    found = []
    for i in range(count):
        low, high = edges[i], edges[i + 1]
        inside = (q3 > low) & (q3 <= high)
        if not inside.any():
            continue
        mine = (row_q3 > low) & (row_q3 <= high)
        I, sigma = reflections.intensity[inside], reflections.sigma
        signal = None
        if sigma is not None and (good := sigma[inside] > 0).any():
            signal = float(np.mean(I[good] / sigma[inside][good]))
        found.append(
            Shell(
                d_max=float(low ** (-1 / 3)),
                d_min=float(high ** (-1 / 3)),
                rows=int(mine.sum()),
                unique=int(inside.sum()),
                possible=None if possible is None else int(possible[i]),
                mean_intensity=float(I.mean()),
                i_over_sigma=signal,
                r_int=rows.r_int(mine),
            )
        )
    return tuple(found)


@dataclasses.dataclass(frozen=True, eq=False)
class RowsOf:
    """Rows with the orbit and mean of each.

    Attributes:
        k: indices, (rows, 3).
        intensity: I, (rows,).
        orbit: number of the orbit of each, (rows,).
    """

    k: np.ndarray
    intensity: np.ndarray
    orbit: np.ndarray

    def r_int(self, some: np.ndarray) -> float | None:
        """R_int of some of the rows; None where no two are equivalent."""
        count = np.bincount(self.orbit)
        total = np.bincount(self.orbit, self.intensity)
        several = some & (count[self.orbit] > 1)
        size = np.abs(self.intensity[several]).sum()
        if not several.any() or size <= 0:
            return None
        mean = (total / np.maximum(count, 1))[self.orbit]
        return float(np.abs(self.intensity - mean)[several].sum() / size)


def _best_keys(hkl: np.ndarray, rotations: np.ndarray) -> np.ndarray:
    best = friedel_keys(hkl)
    for W in rotations:
        best = np.maximum(best, friedel_keys(hkl @ W))
    return best
