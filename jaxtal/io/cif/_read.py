"""CIF in: a `WyckoffCrystal` in the symmetry and setting of the file."""

import dataclasses
import os
import warnings
from typing import Any

import numpy as np

from ...crystal import WyckoffCrystal
from ...lattice import LatticeSystem, cell_to_matrix, matrix_to_cell
from ...scattering import cif_scale
from ...symmetry import BasisChange, SpaceGroup
from ._atoms import CifAtoms, read_atoms
from ._beyond import refuse_magnetic, refuse_modulated
from ._document import open_block
from ._origin import group_of_atoms
from ._symmetry import read_cell, stated_group
from ._values import CifBlock, CifError


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
            operations that are no group, a cell or symbol that contradicts them, a modulated or
            (with symmetry="file") magnetic structure, atoms closer than 0.1 A, occupancies of a
            position beyond 1.005; the message names file, line, atom and key.

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
    refuse_modulated(data)
    if symmetry == "file":
        refuse_magnetic(data)
    cell = read_cell(data)
    atoms = read_atoms(data, cell_to_matrix(cell))
    stated = stated_group(data, cell)
    try:
        group = stated and group_of_atoms(stated, atoms, cell_to_matrix(cell))
        if group is None and symmetry == "file":
            raise ValueError(
                "expected a space group (operations, Hall or Hermann-Mauguin symbol, number), got "
                "none; if the atoms listed are the whole cell, ask for symmetry='find' or 'P1'"
            )
        if group is None:
            # Letters mean nothing without their group.
            atoms = dataclasses.replace(atoms, letters=[""] * len(atoms.letters))
        source = f"{data.path}: data_{data.name}"
        group = group or SpaceGroup.from_number(1)
        crystal = _build(group, cell, atoms, site_tolerance, dtype, source)
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
    group: SpaceGroup,
    cell: np.ndarray,
    atoms: CifAtoms,
    tolerance: float,
    dtype: Any,
    source: str,
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
    u_iso = atoms.u_iso
    if aniso is not None:
        aniso, u_iso = _allowed(group, matrix, frac, aniso, atoms, tolerance, source)
    return WyckoffCrystal.build(
        group,
        cell,
        list(zip(atoms.species, letters, frac, strict=True)),
        occupancies=atoms.occupancies,
        u_iso=u_iso,
        u_aniso=aniso,
        names=[f"atom {label}" for label in atoms.labels],
        tolerance=tolerance,
        dtype=dtype,
    )


def _allowed(
    group: SpaceGroup,
    matrix: np.ndarray,
    frac: np.ndarray,
    aniso: np.ndarray,
    atoms: CifAtoms,
    tolerance: float,
    source: str,
) -> tuple[np.ndarray | None, np.ndarray]:
    """Tensors that the site symmetries allow, and isotropic displacements of the other atoms.

    A tensor that its site forbids is left out, with a warning: the atom then has the isotropic
    displacement that the file states, or else the tensor's equivalent.
    """
    aniso, scale, metric = aniso.copy(), cif_scale(matrix), matrix @ matrix.T
    has = atoms.anisotropic
    u_iso = np.where(has, 0.0, atoms.u_iso)
    for i in np.flatnonzero(has):
        images = group.rotations @ frac[i] + group.translations / group.denominator
        gap = images - frac[i]
        kept = np.linalg.norm((gap - np.round(gap)) @ matrix, axis=1) <= 2 * tolerance
        W = group.rotations[kept]
        mean = np.mean(W @ (aniso[i] * scale) @ W.transpose(0, 2, 1), axis=0) / scale
        # Files round their tensors, and refinements leave them a little off.
        if np.abs(mean - aniso[i]).max() <= 2e-3 + 0.05 * np.abs(aniso[i]).max():
            continue
        equivalent = float(np.sum(aniso[i] * scale * metric) / 3)
        u_iso[i] = atoms.u_iso[i] or max(equivalent, 0.0)
        warnings.warn(
            f"{source}: atom {atoms.labels[i]}: its displacement tensor "
            f"{np.round(aniso[i], 5).tolist()} is not one that the site symmetry allows, such as "
            f"{np.round(mean, 5).tolist()} A^2; it is left out, U_iso = {u_iso[i]:.4g} A^2 stays",
            stacklevel=2,
        )
        aniso[i] = 0.0
    return (aniso if aniso.any() else None), u_iso


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
