"""Systematically absent rows that are strong: a wrong group, or a wrong setting."""

import numpy as np

from ..symmetry import SpaceGroup, absent
from ._columns import Columns
from ._dropped import Dropped

_FEW = 5  # extinct reflections that may be strong by chance: multiple diffraction, half waves
_STRONG = 0.1  # of the median intensity of others
# Of a wrong centring a part of what it extinguishes is there, which a median would miss.
_UPPER = 0.8


def extinct_strength(lost: Columns, kept: Columns, group: SpaceGroup) -> Dropped:
    """How strong absent rows are.

    Raises:
        ValueError: as strong as what is kept: the group or the setting is wrong.
    """
    found = Dropped.of("systematically absent", lost.intensity, lost.sigma)
    if len(lost.k) < _FEW or not len(kept.k):
        return found
    upper, level = np.quantile(lost.intensity, _UPPER), np.median(kept.intensity)
    signal = None
    if lost.sigma is not None and (good := lost.sigma > 0).any():
        signal = float(np.quantile(lost.intensity[good] / lost.sigma[good], _UPPER))
    if upper > _STRONG * level > 0 and (signal is None or signal > 3):
        raise ValueError(
            f"expected the reflections that {group!r} extinguishes to be weak, got "
            f"{found.text().replace('left out: ', '')}, beside a median I of {level:.4g} of the "
            f"others: the group or its setting is wrong{_reverse(lost, kept, group)}"
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
    if gone.any() and np.quantile(values[gone], _UPPER) > _STRONG * np.median(values[~gone]):
        return ""
    return (
        "; the indices are in the reverse setting: index_matrix [[-1, 0, 0], [0, -1, 0], "
        "[0, 0, 1]] makes them obverse"
    )
