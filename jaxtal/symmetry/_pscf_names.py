"""Names of groups in the files of PSCF: blanks are underscores, slashes are percent signs.

They are the extended Hermann-Mauguin symbols of the 230 space groups in the standard setting, in
both settings where there are two origins or two sets of axes ("F_d_-3_m:2", "R_-3_c:H",
"P_42%m_n_m"), and the symbols of the line groups and the plane groups ("P_-1", "p_6_m_m"). "I" is
the group of the identity alone.

PSCF's group file `p_2_g_g` holds the operations of p 2 m g (its glide lines are x+1/2,-y and
-x+1/2,y, the latter a mirror). `pscf_group` gives what the program means by the name, and the true
p 2 g g has no name: the program would take another group for it.

References:
    PSCF 1.3.3 (github.com/dmorse/pscfpp), data/groups.
"""

import functools

from ._group import SpaceGroup
from ._names import settings_of_the_standard_axes

#: By dimension and name: what the program's own table has under a name of another group.
_OTHERWISE = {(2, "p_2_g_g"): "p 2 m g"}
_IDENTITY = "I"


def pscf_name(group: SpaceGroup) -> str | None:
    """Return the name that PSCF has for a group, "I_a_-3_d", None where it has none.

    Args:
        group: a group in any dimension.
    """
    if group.hm is None or group.dimension not in (1, 2, 3):
        return None
    name = _spelled(group.hm)
    if group.dimension == 3:
        return name if name in _names_in_space() else None
    return None if (group.dimension, name) in _OTHERWISE else name


def pscf_group(name: str, dimension: int) -> SpaceGroup:
    """Find the group that PSCF means by a name in its files.

    Args:
        name: "I_a_-3_d", "p_6_m_m", "P_-1", "I" (the identity alone); other spellings that
            `SpaceGroup.find` takes will do.
        dimension: 1, 2 or 3.

    Raises:
        ValueError: an unknown name, or another dimension.
    """
    if dimension not in (1, 2, 3):
        raise ValueError(f"expected 1, 2 or 3 dimensions, got {dimension!r}")
    if name == _IDENTITY:
        return SpaceGroup.find(1, dimension)
    return SpaceGroup.find(_OTHERWISE.get((dimension, name), name), dimension)


@functools.cache
def _names_in_space() -> frozenset[str]:
    return frozenset(_spelled(entry.xhm()) for entry in settings_of_the_standard_axes())


def _spelled(symbol: str) -> str:
    return symbol.replace(" ", "_").replace("/", "%")
