"""Systematically absent rows that are strong: a wrong group, or a wrong setting."""

import numpy as np

from ..symmetry import SpaceGroup, absent
from ._columns import Columns
from ._dropped import Dropped

_FEW = 5  # extinct reflections that may be strong by chance: multiple diffraction, half waves
_STRONG = 0.1  # of the median intensity of others


def extinct_strength(lost: Columns, kept: Columns, group: SpaceGroup) -> Dropped:
    """How strong absent rows are.

    Raises:
        ValueError: as strong as what is kept: the group or the setting is wrong.
    """
    found = Dropped.of("systematically absent", lost.intensity, lost.sigma)
    if len(lost.k) < _FEW or not len(kept.k):
        return found
    middle, level = np.median(lost.intensity), np.median(kept.intensity)
    ratio = None
    if lost.sigma is not None and (lost.sigma > 0).any():
        good = lost.sigma > 0
        ratio = float(np.median(lost.intensity[good] / lost.sigma[good]))
    if middle > _STRONG * level > 0 and (ratio is None or ratio > 3):
        shown = f"{middle:.4g}" if ratio is None else f"{middle:.4g}, {ratio:.3g} sigma"
        raise ValueError(
            f"expected the reflections that {group!r} extinguishes to be weak, got {len(lost.k)} "
            f"with a median intensity of {shown}, beside {level:.4g} of the others: the group or "
            f"its setting is wrong{_reverse(lost, kept, group)}"
        )
    return found


def _reverse(lost: Columns, kept: Columns, group: SpaceGroup) -> str:
    """What to do where the obverse setting of a rhombohedral group meets reverse indices."""
    if group.setting != "H":
        return ""
    turned = np.array([[-1, 0, 0], [0, -1, 0], [0, 0, 1]])
    k = np.concatenate([lost.k, kept.k])
    values = np.concatenate([lost.intensity, kept.intensity])
    gone = absent(k @ turned, group)
    if gone.any() and np.median(values[gone]) > _STRONG * np.median(values[~gone]):
        return ""
    return (
        "; the indices are in the reverse setting: index_matrix [[-1, 0, 0], [0, -1, 0], "
        "[0, 0, 1]] makes them obverse"
    )
