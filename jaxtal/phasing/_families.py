"""Families of starts that found the same structure."""

import numpy as np
from jaxtyping import Float


def linked_families(agreement: Float[np.ndarray, "S S"], above: float | int) -> list[list[int]]:
    """Group starts that agree, linked by an agreement above a limit, largest first.

    Args:
        agreement: from `Equivalences.pairwise`.
        above: two starts with a larger value belong together.
    """
    unseen = set(range(len(agreement)))
    groups: list[list[int]] = []
    while unseen:
        group, waiting = [], [min(unseen)]
        unseen -= set(waiting)
        while waiting:
            i = waiting.pop()
            group.append(i)
            linked = {j for j in unseen if agreement[i, j] > above}
            unseen -= linked
            waiting.extend(linked)
        groups.append(sorted(group))
    return sorted(groups, key=lambda group: (-len(group), group[0]))
