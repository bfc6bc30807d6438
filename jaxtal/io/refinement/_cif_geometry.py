"""Bonds and angles as loops of a CIF."""

import numpy as np

from ...refinement import Refinement
from ...refinement._bonds import Bond
from ...refinement._geometry import bond_angles, bond_lengths
from ...symmetry import SpaceGroup
from ._values import bracketed


def geometry_items(found: Refinement) -> list[str]:
    """Both loops."""
    return [*_bonds(found), *_angles(found)]


def _bonds(found: Refinement) -> list[str]:
    model = found.model
    tags = ("atom_site_label_1", "atom_site_label_2", "distance", "site_symmetry_2", "publ_flag")
    lines = ["loop_", *(f"_geom_bond_{tag}" for tag in tags)]
    rows = []
    for bond, error in bond_lengths(found):
        code = _symmetry_code(model.group, bond)
        pair = f"{model.labels[bond.atom]} {model.labels[bond.other]}"
        rows.append(f"{pair} {bracketed(bond.length, error, 4)} {code} ?")
    return lines + rows if rows else []


def _angles(found: Refinement) -> list[str]:
    model = found.model
    tags = [f"atom_site_label_{i}" for i in (1, 2, 3)]
    tags = ["", *(f"_{tag}" for tag in (*tags, "site_symmetry_1", "site_symmetry_3", "publ_flag"))]
    rows = []
    for one, other, angle, error in bond_angles(found):
        atoms = " ".join(model.labels[i] for i in (one.other, one.atom, other.other))
        codes = " ".join(_symmetry_code(model.group, bond) for bond in (one, other))
        rows.append(f"{atoms} {bracketed(angle, error, 1)} {codes} ?")
    order = (*tags[1:4], tags[0], *tags[4:])
    return ["", "loop_", *(f"_geom_angle{tag}" for tag in order), *rows] if rows else []


def _symmetry_code(group: SpaceGroup, bond: Bond) -> str:
    """The operation and translation of an image, "3_565"; "." for the atom itself."""
    W, t = group.rotations, group.translations / group.denominator
    rotation, translation = bond.rotation, bond.translation
    for n in range(len(W)):
        shift = translation - t[n]
        if (W[n] == rotation).all() and np.abs(shift - np.round(shift)).max() < 1e-6:
            steps = np.round(shift).astype(int)
            if n == 0 and not steps.any():
                return "."
            return f"{n + 1}_" + "".join(str(5 + s) for s in steps)
    return "?"
