"""Small CIFs written for tests, and what is read of them."""

import collections
import pathlib
import re

import numpy as np

from jaxtal.io import read

CUBIC = (5.64, 5.64, 5.64, 90, 90, 90)
SKEW = (5.1, 6.2, 7.3, 90, 90, 90)
TAGS = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")


def cif(
    rows: str = "Si1 Si .1 .2 .3",
    symmetry: str = "_symmetry_equiv_pos_as_xyz 'x,y,z'",
    columns: str = "label type_symbol fract_x fract_y fract_z",
    cell=SKEW,
    more: str = "",
) -> str:
    """A CIF of one block; columns of the atoms without `_atom_site_`."""
    lines = ["data_case", *(f"_cell_{tag} {v}" for tag, v in zip(TAGS, cell, strict=True))]
    lines += [symmetry, "loop_", *(f"_atom_site_{name}" for name in columns.split())]
    return "\n".join([*lines, rows, more, ""])


def content(crystal) -> dict[str, float]:
    """Atoms in the cell by element."""
    total: dict[str, float] = collections.defaultdict(float)
    atoms = crystal.to_host()
    for species, occupancy in zip(atoms.species, atoms.occupancies, strict=True):
        match = re.match(r"\d*([A-Z][a-z]?)", species)
        assert match is not None
        total[match[1]] += float(occupancy)
    return {key: round(float(np.round(n, 3)), 3) for key, n in total.items()}


def content_of(folder: pathlib.Path, text: str | bytes, name: str = "case.cif", **options):
    """Content and group of a file of this text."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    crystal = read(path, **options)
    return content(crystal), crystal.group.number
