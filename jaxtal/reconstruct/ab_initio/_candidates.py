"""Which Wyckoff sites the atoms of a cell may have: all choices, counted before any is tried."""

import dataclasses
from collections.abc import Sequence

from ._settings import Setting

#: Choices of one setting beyond which no more are listed.
MOST = 200_000


@dataclasses.dataclass(frozen=True)
class Candidate:
    """Sites for all atoms of a cell.

    Attributes:
        setting: group and axes.
        sites: for each species the positions it occupies, numbers in `Setting.sites`.
        n_free: free coordinates, those of a free origin not counted.
    """

    setting: Setting
    sites: tuple[tuple[int, ...], ...]
    n_free: int


def candidates(setting: Setting, counts: Sequence[int], most_free: int) -> list[Candidate]:
    """All choices of sites of a group for some atoms, fewest free coordinates first.

    Of choices that a shift of the origin takes into each other one is listed.

    Args:
        setting: group and axes.
        counts: atoms of each species in the primitive cell.
        most_free: free coordinates at most.
    """
    positions = [site.position for site in setting.sites]
    cells = len(setting.group.centering)
    room = most_free + len(setting.pinned)
    found: dict[tuple, int] = {}

    def fill(species: int, taken: frozenset[int], chosen: list[tuple[int, ...]], free: int) -> None:
        if species == len(counts):
            key = min(
                tuple(tuple(sorted(row[j] for j in sites)) for sites in chosen)
                for row in setting.relabelled
            )
            found.setdefault(key, free)
            return
        for sites in choices(counts[species] * cells, taken, 0, room - free):
            more = sum(positions[j].n_free for j in sites)
            fixed = taken.union(j for j in sites if not positions[j].n_free)
            fill(species + 1, fixed, [*chosen, sites], free + more)
            if len(found) > MOST:
                return

    def choices(atoms: int, taken: frozenset[int], first: int, free: int):
        """Positions, in ascending order, whose multiplicities add up."""
        if atoms == 0:
            yield ()
            return
        for j in range(first, len(positions)):
            p = positions[j]
            if p.multiplicity > atoms or p.n_free > free or j in taken:
                continue
            # A position without freedom holds one species once.
            after = j if p.n_free else j + 1
            for rest in choices(atoms - p.multiplicity, taken, after, free - p.n_free):
                yield (j, *rest)

    fill(0, frozenset(), [], 0)
    pinned = len(setting.pinned)
    listed = [Candidate(setting, sites, max(free - pinned, 0)) for sites, free in found.items()]
    return sorted(listed, key=lambda c: c.n_free)
