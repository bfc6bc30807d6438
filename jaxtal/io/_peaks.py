"""Peaks of a density as files that programs of crystallography open."""

import os
import pathlib
from typing import Any

import numpy as np

from .._core import write_text
from ..density import Peaks
from ..lattice import Superspace, matrix_to_cell
from ..symmetry import SpaceGroup

#: SHELX's number of a lattice, by its centring translations.
_LATTICES = {
    (): 1,
    ((0.5, 0.5, 0.5),): 2,
    ((1 / 3, 2 / 3, 2 / 3), (2 / 3, 1 / 3, 1 / 3)): 3,
    ((0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)): 4,
    ((0, 0.5, 0.5),): 5,
    ((0.5, 0, 0.5),): 6,
    ((0.5, 0.5, 0),): 7,
}


def write_peaks(
    peaks: Peaks,
    path: str | os.PathLike[str],
    space: Superspace,
    group: SpaceGroup | None = None,
    *,
    name: str = "peaks",
) -> None:
    """Write the peaks of a density in three dimensions; the ending of the name says how.

    .cif: one row for each peak, named Q1, Q2, ..., with the operations of the group, of no
    element. .res: SHELX's Q peaks with their heights, to be given elements and refined. .xyz: all
    peaks of one cell as atoms "X", in angstrom, with lattice and heights (extended xyz).

    Args:
        peaks: as `Density.peaks` lists them.
        path: file in .cif, .res or .xyz.
        space: gives the cell.
        group: symmetry of the density; None: P 1.
        name: of the block, or title.

    Raises:
        ValueError: another dimension, another ending, or a name with blanks.
    """
    ending = pathlib.Path(path).suffix.lower()
    writers = {".cif": _cif, ".res": _res, ".xyz": _xyz}
    if ending not in writers:
        raise ValueError(f"{path}: expected a file in {', '.join(writers)}, got {ending or 'none'}")
    if space.dimension != 3 or space.n_physical != 3:
        raise ValueError(f"{path}: expected peaks in 3 dimensions, got {space}")
    if not name or any(c.isspace() for c in name):
        raise ValueError(f"name: expected one without blanks, got {name!r}")
    group = SpaceGroup.find(1) if group is None else group
    matrix = 2 * np.pi * np.linalg.inv(space.parallel).T
    write_text(path, "\n".join(writers[ending](peaks, matrix, group, name)) + "\n")


def _rows(peaks: Peaks) -> list[tuple[str, np.ndarray, float, int]]:
    columns: Any = zip(peaks.position, peaks.height, peaks.multiplicity, strict=True)
    return [(f"Q{i}", x, float(h), int(m)) for i, (x, h, m) in enumerate(columns, 1)]


def _cif(peaks: Peaks, matrix: np.ndarray, group: SpaceGroup, name: str) -> list[str]:
    names = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    cell = matrix_to_cell(matrix)
    lines = [f"data_{name}", "_audit_creation_method 'jaxtal'", ""]
    lines += [f"_cell_{n} {v:.5f}" for n, v in zip(names, cell, strict=True)]
    if group.hm:
        lines.append(f"_space_group_name_H-M_alt '{group.hm}'")
    lines += ["", "loop_", "_space_group_symop_operation_xyz"]
    lines += [f"'{op.to_xyz()}'" for op in group.operations]
    lines += ["", "# maxima of a density: no elements are known", "loop_"]
    keys = ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "site_symmetry_multiplicity")
    lines += [f"_atom_site_{key}" for key in keys]
    lines += ["_jaxtal_peak_height"]
    for label, x, height, copies in _rows(peaks):
        place = " ".join(f"{v:.5f}" for v in x)
        lines.append(f"{label} ? {place} {copies} {height:.5g}")
    return lines


def _res(peaks: Peaks, matrix: np.ndarray, group: SpaceGroup, name: str) -> list[str]:
    cell = matrix_to_cell(matrix)
    number, operations = _shelx_symmetry(group)
    lines = [
        f"TITL {name}: maxima of a density, by jaxtal",
        "REM the wavelength is that of Mo K alpha; SFAC and UNIT are to be replaced",
        "CELL 0.71073 " + " ".join(f"{v:.4f}" for v in cell),
        "ZERR 1 0 0 0 0 0 0",
        f"LATT {number}",
        *(f"SYMM {text.upper()}" for text in operations),
        "SFAC C",
        "UNIT 1",
        "FVAR 1.0",
    ]
    order = group.order
    for label, x, height, copies in _rows(peaks):
        place = " ".join(f"{v:9.5f}" for v in x)
        # Occupation 10 + share: on a special position the share is that of its site.
        lines.append(f"{label:<5}1 {place} {10 + copies / order:.5f} 0.05 {height:9.2f}")
    return [*lines, "HKLF 4", "END"]


def _shelx_symmetry(group: SpaceGroup) -> tuple[int, list[str]]:
    """LATT and what SYMM lists: not the identity, centrings, and the inversion at the origin."""
    R, t = group.rotations, group.translations / group.denominator
    plain = (np.eye(3, dtype=int) == R).all(axis=(1, 2))
    shifts = sorted(tuple(v.tolist()) for v in t[plain] if v.any())
    known = [one for one in _LATTICES if len(one) == len(shifts)]
    found = [one for one in known if not shifts or np.allclose(sorted(one), shifts)]
    inversion = (-np.eye(3, dtype=int) == R).all(axis=(1, 2)) & ~t.any(axis=1)
    centred = bool(inversion.any())
    moves = [np.zeros(3), *map(np.array, shifts)] if found else [np.zeros(3)]
    signs = (1, -1) if centred else (1,)
    taken: set[tuple[Any, ...]] = set()
    listed = []
    for i, op in enumerate(group.operations):
        if _key(R[i], t[i]) in taken:
            continue
        if not (plain[i] and not t[i].any()):
            listed.append(op.to_xyz())
        taken |= {_key(sign * R[i], sign * t[i] + move) for sign in signs for move in moves}
    number = _LATTICES[found[0]] if found else 1
    return (number if centred else -number), listed


def _key(R: np.ndarray, t: np.ndarray) -> tuple[Any, ...]:
    return (*R.ravel().tolist(), *(np.rint(t * 48).astype(int) % 48).tolist())


def _xyz(peaks: Peaks, matrix: np.ndarray, group: SpaceGroup, name: str) -> list[str]:
    rows = []
    for label, x, height, copies in _rows(peaks):
        images = (group.rotations @ x + group.translations / group.denominator) % 1.0
        kept: list[np.ndarray] = []
        for image in images:
            apart = [np.linalg.norm((image - k - np.round(image - k)) @ matrix) for k in kept]
            if len(kept) < copies and min(apart, default=1.0) > 1e-2:
                kept.append(image)
        rows += [(label, r @ matrix, height) for r in kept]
    lattice = " ".join(f"{v:.6f}" for v in matrix.ravel())
    head = f'Lattice="{lattice}" Properties=species:S:1:pos:R:3:height:R:1 pbc="T T T" name={name}'
    lines = [str(len(rows)), head]
    return lines + [f"X {' '.join(f'{v:.5f}' for v in r)} {height:.5g}" for _, r, height in rows]
