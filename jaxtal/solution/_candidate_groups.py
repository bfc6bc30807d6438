"""Which space groups a Laue group and a centring leave, in every setting of the cell."""

import functools

import gemmi
import numpy as np

from ..symmetry import SpaceGroup, SymOp


def laue_group(group: int | str | SpaceGroup) -> SpaceGroup:
    """Make the group of a Laue class and a centring: no screw axis, no glide plane, an inversion.

    Data merged under it are merged as under any space group of the class, with none of its
    absences presumed.

    Args:
        group: a space group of the class in the setting of the cell ("P 21/n", "P 2/m").

    Raises:
        ValueError: an unknown group.
    """
    found = SpaceGroup.find(group)
    return SpaceGroup.from_operations(
        SymOp(W, shift, found.denominator)
        for W in found.laue_rotations
        for shift in found.centering.tolist()
    )


def candidate_groups(group: SpaceGroup) -> tuple[SpaceGroup, ...]:
    """List the space groups of the Laue class and centring of a group, in settings of its cell.

    Origin choices count once; both hands of enantiomorphic pairs are listed.

    Args:
        group: any group of the class, in three dimensions.
    """
    rotations = frozenset(tuple(W.ravel().tolist()) for W in group.laue_rotations)
    shifts = frozenset(
        tuple(v * gemmi.Op.DEN // group.denominator % gemmi.Op.DEN for v in row)
        for row in group.centering.tolist()
    )
    return _listed(rotations, shifts)


@functools.cache
def _listed(rotations: frozenset, shifts: frozenset) -> tuple[SpaceGroup, ...]:
    found = []
    for entry in gemmi.spacegroup_table():
        operations = entry.operations()
        if entry.ext.strip("\0") == "1" and entry.hm != "P 1":
            continue
        if {tuple(v % gemmi.Op.DEN for v in row) for row in operations.cen_ops} != shifts:
            continue
        W = {tuple(v // gemmi.Op.DEN for row in op.rot for v in row) for op in operations.sym_ops}
        if W | {tuple(-v for v in one) for one in W} == rotations:
            found.append(SpaceGroup.find(entry.xhm()))
    seen: dict[frozenset, SpaceGroup] = {}
    for one in found:
        seen.setdefault(frozenset(one.operations), one)
    return tuple(seen.values())


def contains(larger: SpaceGroup, smaller: SpaceGroup) -> bool:
    """Tell whether the rotations of a group are all among those of another, and are fewer."""
    big = {W.tobytes() for W in np.ascontiguousarray(larger.point_rotations)}
    small = {W.tobytes() for W in np.ascontiguousarray(smaller.point_rotations)}
    return small < big
