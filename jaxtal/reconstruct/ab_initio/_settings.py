"""Space groups on the axes of a Bravais lattice, and which of their sites are alike (host)."""

import dataclasses
import functools

import gemmi
import numpy as np
from jaxtyping import Float, Int

from ...symmetry import SpaceGroup, WyckoffPosition, allowed_origins
from ._bravais import Bravais


@dataclasses.dataclass(frozen=True)
class Site:
    """Atoms of one Wyckoff position, those left out that centring or an inversion makes of others.

    Attributes:
        position: the position.
        maps, shifts: x = maps u + shifts, shapes (m, 3, k) and (m, 3).
        copies: atoms that each stands for, shape (m,).
    """

    position: WyckoffPosition
    maps: Float[np.ndarray, "m 3 k"]
    shifts: Float[np.ndarray, "m 3"]
    copies: Int[np.ndarray, " m"]


@dataclasses.dataclass(frozen=True)
class Setting:
    """A space group in one setting, with what an enumeration of crystals needs.

    Attributes:
        group: the group.
        centric: whether it has an inversion; `sites` then have it at the origin.
        sites: one per Wyckoff position.
        relabelled: permutations of the positions by shifts of the origin, identity included.
        pinned: axes along which the origin is free, and is put on the first atom.
    """

    group: SpaceGroup
    centric: bool
    sites: tuple[Site, ...]
    relabelled: tuple[tuple[int, ...], ...]
    pinned: tuple[int, ...]

    @classmethod
    @functools.cache
    def build(cls, group: SpaceGroup) -> "Setting":
        """Everything about a group that no crystal is needed for."""
        flip = np.flatnonzero((group.rotations == -np.eye(3, dtype=int)).all(axis=(1, 2)))
        inversion = group.translations[flip[0]] / group.denominator / 2 if len(flip) else None
        origins = allowed_origins(group)
        sites = tuple(_site(group, p, inversion) for p in group.wyckoff_positions)
        pinned = tuple(int(np.flatnonzero(row)[0]) for row in origins.continuous)
        return cls(group, bool(len(flip)), sites, _relabelled(group, origins.discrete), pinned)


def settings(lattice: Bravais) -> tuple[SpaceGroup, ...]:
    """The groups that a Bravais lattice can have, in all settings that differ on its axes.

    Monoclinic groups have b as unique axis, trigonal ones hexagonal axes, and of two choices of the
    origin the second is taken.
    """
    return _settings(lattice.name)


@functools.cache
def _settings(name: str) -> tuple[SpaceGroup, ...]:
    lattice, found = Bravais(name), []
    seen: set[tuple[int, str]] = set()
    for entry in gemmi.spacegroup_table():
        standard = SpaceGroup.from_number(entry.number)
        if Bravais.of(standard) != lattice or entry.hm[0] != name[1] or entry.ext in ("1", "R"):
            continue
        if name[0] == "m" and not entry.qualifier.lstrip("-").startswith("b"):
            continue
        if name[0] not in "mo" and entry.xhm() != standard.hm:
            continue
        group = SpaceGroup.from_name(entry.xhm())
        # Names that differ, such as those of e glides, may mean one and the same.
        key = entry.number, ";".join(sorted(str(op) for op in group.operations))
        if key not in seen:
            seen.add(key)
            found.append(group)
    return tuple(sorted(found, key=lambda g: -(g.number or 0)))


def _site(
    group: SpaceGroup, position: WyckoffPosition, inversion: Float[np.ndarray, "3"] | None
) -> Site:
    shifts = position.translations_float - (0 if inversion is None else inversion)
    u = np.array([0.1234567, 0.2718281, 0.4142135])[: position.n_free]
    x = position.rotations_float @ u + shifts
    moves = [x + t / group.denominator for t in group.centering]
    if inversion is not None:
        moves += [-image for image in moves]
    related = np.zeros((len(x), len(x)), bool)
    for image in moves:
        gap = image[:, None, :] - x[None, :, :]
        related |= np.abs(gap - np.rint(gap)).max(axis=2) < 1e-6
    chosen, copies = np.unique(related.argmax(axis=1), return_counts=True)
    return Site(position, position.rotations_float[chosen], shifts[chosen], copies)


def _relabelled(
    group: SpaceGroup, origins: Float[np.ndarray, "n 3"]
) -> tuple[tuple[int, ...], ...]:
    positions, found = group.wyckoff_positions, set()
    generic = np.array([0.1234567, 0.2718281, 0.4142135])
    for shift in origins:
        row = []
        for p in positions:
            x = p.orbit(generic[: p.n_free])[0] + shift
            alike = (
                j
                for j, other in enumerate(positions)
                if (other.multiplicity, other.n_free) == (p.multiplicity, p.n_free)
                and other.project(x)[1] < 1e-6
            )
            row.append(next(alike))
        found.add(tuple(row))
    return tuple(sorted(found))
