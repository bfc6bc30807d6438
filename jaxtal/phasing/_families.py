"""Families of starts that found the same structure."""

import dataclasses
from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from ._dominance import DOMINATING


@dataclasses.dataclass(frozen=True, eq=False)
class Family:
    """Starts that found one structure, modulo origin and hand.

    Attributes:
        starts: their numbers, ascending.
        agreement: mean agreement of pairs of them, NaN for a start alone.
        r_factor: median R.
        ratio: median of (max - median) / (median - min), which one dominating peak makes large.
        dominance: height of the highest peak over that of the next that no symmetry makes of it.
        converged: the evidence supports it.
    """

    starts: list[int]
    agreement: float
    r_factor: float
    ratio: float
    dominance: float
    converged: bool

    def __iter__(self) -> Iterator[int]:
        return iter(self.starts)

    def __len__(self) -> int:
        return len(self.starts)

    def text(self) -> str:
        """One line."""
        alone = len(self.starts) == 1
        pairs = "alone" if alone else f"agreeing at {self.agreement:.3f}"
        peak = (
            f", one peak {self.dominance:.1f} times the next" if self.dominance > DOMINATING else ""
        )
        found = "supported" if self.converged else "not supported"
        return f"{len(self.starts)} {pairs}, R {self.r_factor:.3f}{peak}: {found}"


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
