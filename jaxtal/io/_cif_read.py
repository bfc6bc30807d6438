"""CIF in: a `WyckoffCrystal` in the symmetry and setting of the file."""

import dataclasses
import os
from typing import Any

import numpy as np

from ..crystal import WyckoffCrystal
from ..lattice import LatticeSystem, cell_to_matrix, matrix_to_cell
from ..scattering import cif_scale
from ..symmetry import BasisChange, SpaceGroup
from ._cif_atoms import CifAtoms, read_atoms
from ._cif_symmetry import read_cell, read_group
from ._cif_values import CifBlock, CifError, open_block


def read_cif(
    path: str | os.PathLike[str],
    block: str | None = None,
    *,
    symmetry: str = "file",
    symprec: float = 1e-3,
    site_tolerance: float = 0.02,
    dtype: Any = None,
) -> WyckoffCrystal:
    """Read a crystal from a CIF.

    Args:
        path: the file, possibly gzipped.
        block: name of the data block, default the first with atoms.
        symmetry: "file": the file's own group and setting (a setting whose axes the cell
            parameters cannot describe is transformed to the standard one). "find": searched by
            spglib, standard setting. "P1": every atom of the cell free. The latter two accept
            files that state no symmetry, whose atoms are then the whole cell.
        symprec: distance tolerance of the search, angstrom.
        site_tolerance: atoms within this distance (angstrom) of a special position are put on it:
            files round 1/3 to 0.333.
        dtype: floating-point type, default JAX's current one.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: not a CIF, no cell, no atoms, an unknown element, an unreadable number,
            operations that are no group, a cell or symbol that contradicts them, atoms closer than
            0.1 A; the message names file, line, atom and key.

    References:
        S. R. Hall, F. H. Allen and I. D. Brown, Acta Cryst. A47 (1991) 655.
    """
    check_symmetry(symmetry)
    return read_cif_block(
        open_block(path, block),
        symmetry=symmetry,
        symprec=symprec,
        site_tolerance=site_tolerance,
        dtype=dtype,
    )


def read_cif_block(
    data: CifBlock,
    *,
    symmetry: str = "file",
    symprec: float = 1e-3,
    site_tolerance: float = 0.02,
    dtype: Any = None,
) -> WyckoffCrystal:
    """Read a crystal from a parsed block of a CIF; arguments and errors of `read_cif`."""
    check_symmetry(symmetry)
    cell = read_cell(data)
    atoms = read_atoms(data, cell_to_matrix(cell))
    group = read_group(data, cell)
    try:
        if group is None and symmetry == "file":
            raise ValueError(
                "expected a space group (operations, Hall or Hermann-Mauguin symbol, number), got "
                "none; if the atoms listed are the whole cell, ask for symmetry='find' or 'P1'"
            )
        if group is None:
            # Letters mean nothing without their group.
            atoms = dataclasses.replace(atoms, letters=[""] * len(atoms.letters))
        crystal = _build(group or SpaceGroup.from_number(1), cell, atoms, site_tolerance, dtype)
        if symmetry == "file":
            return crystal
        return WyckoffCrystal.from_crystal(crystal, symmetry=symmetry == "find", symprec=symprec)
    except CifError:
        raise
    except ValueError as error:
        raise CifError(f"{data.path}: data_{data.name}: {error}") from error


def check_symmetry(symmetry: str) -> None:
    """Raise a ValueError unless the choice is one of the three."""
    if symmetry not in ("file", "find", "P1"):
        raise ValueError(f"symmetry: expected 'file', 'find' or 'P1', got {symmetry!r}")


def _build(
    group: SpaceGroup, cell: np.ndarray, atoms: CifAtoms, tolerance: float, dtype: Any
) -> WyckoffCrystal:
    frac, aniso = atoms.frac, atoms.u_aniso
    to_standard = _unconventional(group)
    if to_standard is not None:
        group = SpaceGroup.from_number(group.number or 1)
        frac, aniso, cell = _transformed(to_standard, frac, aniso, cell)
    matrix = cell_to_matrix(cell)
    group.check_matrix(matrix, tol=5e-3)
    for label, stated in zip(atoms.labels, atoms.letters, strict=True):
        known = {position.letter for position in group.wyckoff_positions}
        if stated and stated.lstrip("0123456789") not in known:
            raise ValueError(
                f"atom {label}: space group {group.hm or group.number} has no Wyckoff position "
                f"{stated!r}; it has {' '.join(sorted(known))}"
            )
    letters = [
        _letter(group, x, matrix, tolerance, stated, occupancy)
        for x, stated, occupancy in zip(frac, atoms.letters, atoms.occupancies, strict=True)
    ]
    return WyckoffCrystal.build(
        group,
        cell,
        list(zip(atoms.species, letters, frac, strict=True)),
        occupancies=atoms.occupancies,
        u_iso=atoms.u_iso,
        u_aniso=aniso,
        names=[f"atom {label}" for label in atoms.labels],
        tolerance=tolerance,
        dtype=dtype,
    )


def _letter(
    group: SpaceGroup,
    x: np.ndarray,
    matrix: np.ndarray,
    tolerance: float,
    stated: str,
    occupancy: float,
) -> str:
    """The most special position within the tolerance.

    A disordered atom (occupancy up to 1/2) may really lie beside it: then the file's letter counts.
    """
    position, _ = group.locate(x, matrix, tolerance)
    if stated and occupancy <= 0.5:
        for other in group.wyckoff_positions:
            if stated in (other.letter, other.label) and other.n_free > position.n_free:
                return other.label if other.project(x, matrix)[1] <= tolerance else position.label
    return position.label


def _unconventional(group: SpaceGroup) -> BasisChange | None:
    """The way to the standard setting, for axes that free lengths and angles cannot describe."""
    if group.number is None or group.to_standard is None:
        raise ValueError(
            f"the {group.order} operations listed could not be identified as one of the 230 space "
            "groups; ask for another setting, or expand the file to P1"
        )
    try:
        LatticeSystem.from_rotations(group.point_rotations)
    except ValueError:
        return group.to_standard
    return None


def _transformed(
    change: BasisChange, frac: np.ndarray, aniso: np.ndarray | None, cell: np.ndarray
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Coordinates, displacement tensors and cell after an exact change of basis."""
    matrix = cell_to_matrix(cell)
    new = change.lattice(matrix)
    P = np.array(change.fractions, dtype=float)
    if aniso is not None:
        U = P @ (aniso * cif_scale(matrix)) @ P.T
        aniso = U / cif_scale(new)
    return change(frac), aniso, matrix_to_cell(new)
