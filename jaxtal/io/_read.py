"""One door for every file that holds a crystal."""

import os
import pathlib
from typing import Any

from ..crystal import WyckoffCrystal
from .cif._read import check_symmetry, read_cif

#: Formats whose symmetry ASE leaves out: reading them would lose most of the atoms.
_ASYMMETRIC = {".res", ".ins", ".pdb", ".ent", ".mmcif"}


def read(
    path: str | os.PathLike[str],
    *,
    symprec: float = 1e-3,
    symmetry: str = "file",
    dtype: Any = None,
) -> WyckoffCrystal:
    """Read a crystal from a CIF or from any file that ASE reads.

    Args:
        path: the file; ".cif" is read by `read_cif`, everything else by ASE (of several frames
            the last).
        symprec: distance tolerance of the symmetry search, angstrom.
        symmetry: "file": as the file says, in its setting; formats without symmetry have it found.
            "find": found by spglib, standard setting. "P1": every atom of the cell free.
        dtype: floating-point type, default JAX's current one.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file holds no valid crystal; the message names file, atom and key.
    """
    check_symmetry(symmetry)
    target = pathlib.Path(path)
    if not target.is_file():
        raise FileNotFoundError(f"{target}: no such file")
    name = target.name.lower()
    if name.endswith((".cif", ".cif.gz")):
        return read_cif(target, symmetry=symmetry, symprec=symprec, dtype=dtype)
    if target.suffix.lower() in _ASYMMETRIC:
        raise ValueError(
            f"{target}: expected a CIF or a format that lists every atom of the cell; "
            f"{target.suffix} files list the asymmetric unit and ASE leaves out their symmetry"
        )
    import ase.io

    try:
        atoms = ase.io.read(target)
    except Exception as error:  # ASE's readers raise whatever their parsing meets
        raise ValueError(
            f"{target}: expected a file that ASE reads, got {type(error).__name__}: {error}"
        ) from error
    if isinstance(atoms, list):
        atoms = atoms[-1]
    try:
        return WyckoffCrystal.from_crystal(
            atoms, symmetry=symmetry != "P1", symprec=symprec, dtype=dtype
        )
    except ValueError as error:
        # The file is named; that it holds a crystal goes without saying.
        raise ValueError(f"{target}: {str(error).removeprefix('crystal: ')}") from error
