"""Layouts of other programs' batches, taken apart into cells on the host."""

from typing import Any

import numpy as np

from .._core import check_finite, host_array
from ..lattice import cell_to_matrix, check_cell
from ..symmetry import SpaceGroup

Cells = list[tuple[np.ndarray, np.ndarray, np.ndarray]]
"""Matrices (3, 3), fractional coordinates (N, 3) and atomic numbers (N,)."""


def split_ragged(
    frac_coords: Any,
    atomic_numbers: Any,
    num_atoms: Any,
    lattices: Any,
    lengths: Any,
    angles: Any,
) -> Cells:
    """See `CrystalBatch.from_ragged`."""
    counts = _integers(num_atoms, "num_atoms")
    if counts.ndim != 1 or np.any(counts < 1):
        raise ValueError(f"num_atoms: expected positive integers of shape (B,), got {counts}")
    total = int(counts.sum())
    x = _shaped(frac_coords, "frac_coords", (total, 3))
    numbers = _integers(atomic_numbers, "atomic_numbers")
    if numbers.shape != (total,):
        raise ValueError(f"atomic_numbers: expected shape ({total},), got {numbers.shape}")
    if (lattices is None) == (lengths is None) or (lengths is None) != (angles is None):
        raise ValueError("lattices: expected either lattices or both lengths and angles")
    if lattices is None:
        abc = _shaped(lengths, "lengths", (len(counts), 3))
        cells = np.concatenate([abc, _shaped(angles, "angles", (len(counts), 3))], axis=1)
        matrices = [_matrix(cell, b) for b, cell in enumerate(cells)]
    else:
        matrices = list(_shaped(lattices, "lattices", (len(counts), 3, 3)))
    cuts = np.cumsum(counts)[:-1]
    return list(zip(matrices, np.split(x, cuts), np.split(numbers, cuts), strict=True))


def orbits_of_sites(
    G: Any, L: Any, XYZ: Any, A: Any, W: Any, scaled: bool, tolerance: float | int
) -> Cells:
    """See `CrystalBatch.from_wyckoff`."""
    groups = _integers(G, "G")
    if groups.ndim != 1:
        raise ValueError(f"G: expected shape (B,), got {groups.shape}")
    n = len(groups)
    numbers, letters = _integers(A, "A"), _integers(W, "W")
    if numbers.ndim != 2 or len(numbers) != n or letters.shape != numbers.shape:
        raise ValueError(f"A, W: expected shape ({n}, n), got {numbers.shape} and {letters.shape}")
    points = host_array(XYZ, "XYZ")
    if points.shape != (*numbers.shape, 3):
        raise ValueError(f"XYZ: expected shape {(*numbers.shape, 3)}, got {points.shape}")
    cells = _shaped(L, "L", (n, 6))
    return [
        _expand(b, int(groups[b]), cells[b], points[b], numbers[b], letters[b], scaled, tolerance)
        for b in range(n)
    ]


def _expand(
    b: int,
    number: int,
    cell: np.ndarray,
    points: np.ndarray,
    numbers: np.ndarray,
    letters: np.ndarray,
    scaled: bool,
    tolerance: float | int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Matrix and atoms of one crystal."""
    try:
        group = SpaceGroup.from_number(number)
    except ValueError as error:
        raise ValueError(f"crystal {b}: {error}") from error
    bad = np.flatnonzero(((numbers > 0) != (letters > 0)) | (numbers < 0) | (letters < 0))
    if bad.size:
        s = bad[0]
        raise ValueError(
            f"crystal {b}, site {s}: expected both an atomic number and a Wyckoff letter, or "
            f"neither, got A = {numbers[s]} and W = {letters[s]}"
        )
    known = group.wyckoff_positions
    sites = np.flatnonzero(numbers > 0)
    for s in sites:
        if letters[s] > len(known):
            raise ValueError(
                f"crystal {b}, site {s}: expected W from 1 to {len(known)} in space group "
                f"{number}, got {letters[s]}"
            )
    # The letters of a group are a, b, ... without gaps: the index is the place in the list.
    positions = [known[letters[s] - 1] for s in sites]
    n_atoms = sum(position.multiplicity for position in positions)
    if n_atoms == 0:
        raise ValueError(f"crystal {b}: expected at least one site, got none")
    scale = n_atoms ** (1 / 3) if scaled else 1.0
    matrix = _matrix(np.concatenate([cell[:3] * scale, cell[3:]]), b)
    orbits = []
    for s, position in zip(sites, positions, strict=True):
        check_finite(points[s], f"crystal {b}, site {s}: XYZ")
        u, off = position.project(points[s], matrix)
        if off > tolerance:
            raise ValueError(
                f"crystal {b}, site {s}: expected a point of the orbit {position.label} "
                f"({position.xyz()}) within {tolerance:g} A, got {points[s].tolist()}, which is "
                f"{off:.3g} A away"
            )
        orbits.append(position.orbit(u))
    multiplicities = [position.multiplicity for position in positions]
    return matrix, np.concatenate(orbits), np.repeat(numbers[sites], multiplicities)


def _matrix(cell: np.ndarray, b: int) -> np.ndarray:
    try:
        return cell_to_matrix(check_cell(cell))
    except ValueError as error:
        raise ValueError(f"crystal {b}: {error}") from error


def _shaped(x: Any, name: str, shape: tuple[int, ...]) -> np.ndarray:
    values = host_array(x, name)
    if values.shape != shape:
        raise ValueError(f"{name}: expected shape {shape}, got {values.shape}")
    return values


def _integers(x: Any, name: str) -> np.ndarray:
    values = host_array(x, name)
    if np.any(values != np.rint(values)):  # NaN is not either
        raise ValueError(f"{name}: expected integers, got {x!r}")
    return values.astype(np.int64)
