"""One door for every file that holds a crystal."""

import os
import pathlib
from typing import Any

from ..crystal import HostAtoms, WyckoffCrystal
from ._ase_frames import frames
from ._contents import contents, form_of
from .cif._read import check_symmetry, read_cif

#: Formats whose symmetry ASE leaves out: reading them would lose most of the atoms.
_ASYMMETRIC = {".res", ".ins", ".pdb", ".ent", ".mmcif"}


def read(
    path: str | os.PathLike[str],
    *,
    block: str | None = None,
    symprec: float = 1e-3,
    symmetry: str = "file",
    dtype: Any = None,
) -> WyckoffCrystal:
    """Read a crystal from a CIF, from JSON or a table, or from any file that ASE reads.

    Args:
        path: the file; CIFs (.cif, .mcif, .cif.txt, gzipped or not) are read by `read_cif`, .json
            (pymatgen's `Structure.as_dict`, OPTIMADE) and .csv with a column of CIFs as
            `contents` says, everything else by ASE (of several frames the last).
        block: name of the block of a CIF, the entry of JSON or the row of a table that is meant;
            default the first block with atoms, and the only entry or row.
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
    form = form_of(target)
    if form == "cif":
        return read_cif(target, block, symmetry=symmetry, symprec=symprec, dtype=dtype)
    if form in ("json", "csv"):
        found = _entry(target, block, symmetry, dtype)
        return _symmetric(found, target, symmetry, symprec, dtype)
    if block is not None:
        raise ValueError(f"{target}: expected a CIF, JSON or a table to have a block {block!r}")
    if target.suffix.lower() in _ASYMMETRIC:
        raise ValueError(
            f"{target}: expected a CIF or a format that lists every atom of the cell; "
            f"{target.suffix} files list the asymmetric unit and ASE leaves out their symmetry"
        )
    try:
        (atoms,) = frames(target, last=True)
    except (ValueError, ImportError) as error:
        raise ValueError(f"{target}: expected a file that ASE reads, got {error}") from error
    return _symmetric(atoms, target, symmetry, symprec, dtype)


def _symmetric(
    found: Any, target: pathlib.Path, symmetry: str, symprec: float, dtype: Any
) -> WyckoffCrystal:
    if isinstance(found, WyckoffCrystal) and symmetry == "file":
        return found
    try:
        return WyckoffCrystal.from_crystal(
            found, symmetry=symmetry != "P1", symprec=symprec, dtype=dtype
        )
    except ValueError as error:
        # The file is named; that it holds a crystal goes without saying.
        raise ValueError(f"{target}: {str(error).removeprefix('crystal: ')}") from error


def _entry(
    target: pathlib.Path, block: str | None, symmetry: str, dtype: Any
) -> WyckoffCrystal | HostAtoms:
    """The entry of a name, or the only one.

    Raises:
        ValueError: there is none of that name, or several and no name.
    """
    names = []
    last = None
    for entry in contents(target, symmetry=symmetry, dtype=dtype):
        if entry.name == block:
            return entry.load()
        names.append(entry.name)
        last = entry
        if block is None and len(names) > 1:
            raise ValueError(
                f"{target}: expected one crystal, got several ({', '.join(names)}, ...); "
                "`block` names the one that is meant"
            )
    if block is None and last is not None:
        return last.load()
    shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    raise ValueError(f"{target}: expected an entry {block!r}, got {shown or 'none'}")
