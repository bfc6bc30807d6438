"""Stars: the waves of a mesh sorted into orbits under a space group, in PSCF's order."""

import dataclasses
import functools
import hashlib
from typing import Any

import numpy as np
from jaxtyping import Bool, Complex, Float, Int

from ..symmetry import Orbits, SpaceGroup
from ..symmetry._orbits import OrbitKind
from ._mesh import Mesh, rotated_ranks
from ._waves import lattice_matrix, minimal_indices, tie_tolerance


@dataclasses.dataclass(frozen=True, eq=False)
class Stars:
    """All waves of a mesh in stars {G R}, and the coefficients of the symmetric function of each.

    An operation r -> R r + t of the group ties the coefficients of a symmetric field,
    c(G R) = c(G) exp(2 pi i G.t). A star on which that is contradictory is *cancelled* (a
    systematic absence); every other one has one function, up to a factor,

        phi(r) = sum over the star c(G) exp(i G.r),    |c(G)| = 1 / sqrt(size of the star)

    A star is *closed* when it holds -G with G; then phi is real. Two *open* stars are inverse to
    each other, and their functions conjugate. Phases are exact rationals.

    Stars are in the order of |G|^2, those of equal length by the smallest DFT index among their
    waves, inverse stars next to each other; waves within a star by decreasing minimal indices. The
    order depends on the cell wherever the lattice leaves its shape free.

    Attributes:
        mesh: the mesh.
        matrix: lattice at construction, made exactly symmetric, rows, (D, D). Stars that differ in
            the cell alone are equal, so that a program compiled for one serves the other; what it
            returns may carry the matrix of either.
        group: the group.
        waves: minimal indices of all waves, star after star, (M, D).
        rank: place of each wave in the mesh of DFT indices in C order, (M,).
        star: star of each wave, (M,).
        turn: phase of the coefficient of each wave over `unit`, integers; 0 if cancelled, (M,).
        unit: number of steps in a turn: c = exp(2 pi i turn / unit) / sqrt(size).
        begin: first wave of each star, (n_stars,).
        sizes: number of waves of each star, (n_stars,).
        flag: 0 closed, 1 open, -1 the inverse of the star before it, (n_stars,).
        cancelled: True where no symmetric function exists, (n_stars,).
        characteristic: the wave that names a star in files: its first, or for a flag of -1 the
            inverse of the first wave of the star before it, (n_stars, D).
        orbits: the closed stars and those of flag 1, as phasing's constraints take them.
        orbit_star: which star each orbit is, (n_orbits,).

    References:
        PSCF user guide, appendices "Periodic Functions and Fourier Series", "Space Group
        Symmetry" and "Symmetry-Adapted Basis Functions"; Tyler & Morse, Macromolecules 36, 8184
        (2003).
    """

    mesh: Mesh
    matrix: Float[np.ndarray, "D D"]
    group: SpaceGroup
    waves: Int[np.ndarray, "M D"]
    rank: Int[np.ndarray, " M"]
    star: Int[np.ndarray, " M"]
    turn: Int[np.ndarray, " M"]
    unit: int
    begin: Int[np.ndarray, " s"]
    sizes: Int[np.ndarray, " s"]
    flag: Int[np.ndarray, " s"]
    cancelled: Bool[np.ndarray, " s"]
    characteristic: Int[np.ndarray, "s D"]
    orbits: Orbits
    orbit_star: Int[np.ndarray, " o"]

    @classmethod
    def build(cls, mesh: Any, lattice: Any, group: SpaceGroup | int | str) -> "Stars":
        """Sort the waves of a mesh into stars, on the host.

        Args:
            mesh: the mesh, or its sizes.
            lattice: `Lattice`, matrix, rows, (D, D), or type and parameters, ("cubic", [3.5]).
            group: a space, plane or line group of D dimensions, or its name.

        Raises:
            ValueError: group, lattice and mesh do not fit each other; the message says which
                operation is at fault and, for the mesh, which one would do.
        """
        mesh = Mesh.of(mesh)
        group = SpaceGroup.find(group, dimension=mesh.dimension)
        mesh.check_group(group)
        matrix = lattice_matrix(lattice, mesh.dimension, group)
        minimal = minimal_indices(mesh, matrix)
        lowest = np.arange(mesh.size, dtype=np.int32)  # smallest rank in the star of each wave
        for R in group.point_rotations:
            np.minimum(lowest, rotated_ranks(mesh, R), out=lowest)
        inverse = rotated_ranks(mesh, -np.eye(mesh.dimension, dtype=np.int64))

        roots = np.flatnonzero(lowest == np.arange(mesh.size))
        mates = lowest[inverse[roots]]
        order = _order(minimal[roots], np.minimum(roots, mates), roots > mates, matrix)
        roots, mates = roots[order], mates[order]
        flag = np.sign(mates.astype(np.int64) - roots)
        place = np.empty(mesh.size, np.int64)
        place[roots] = np.arange(len(roots))
        star_of_rank = place[lowest]
        rank = _listed(star_of_rank, minimal)
        sizes = np.bincount(star_of_rank, minlength=len(roots))
        begin = np.cumsum(sizes) - sizes
        named = rank[begin]
        named[flag < 0] = inverse[named[np.flatnonzero(flag < 0) - 1]]

        orbit_star = np.flatnonzero(flag >= 0)
        orbits = Orbits.build(group, minimal[roots[orbit_star]], modulus=mesh.sizes)
        cancelled = np.zeros(len(roots), dtype=bool)
        cancelled[orbit_star] = orbits.kind == OrbitKind.EXTINCT
        partner = np.flatnonzero(flag < 0)
        cancelled[partner] = cancelled[partner - 1]
        turn = _turns(mesh, orbits, rank[begin[orbit_star]], inverse)[rank]
        return cls(
            mesh,
            matrix,
            group,
            minimal[rank],
            rank,
            star_of_rank[rank],
            turn,
            2 * group.denominator,
            begin,
            sizes,
            flag,
            cancelled,
            minimal[named],
            orbits,
            orbit_star,
        )

    @property
    def n_waves(self) -> int:
        """M, the number of waves."""
        return len(self.waves)

    @property
    def n_stars(self) -> int:
        """Number of stars, cancelled ones counted."""
        return len(self.sizes)

    @property
    def n_basis(self) -> int:
        """Number of symmetric basis functions: stars that are not cancelled."""
        return len(self.basis_star)

    @property
    def n_open_pairs(self) -> int:
        """Number of pairs of open stars that are not cancelled."""
        return int(((self.flag > 0) & ~self.cancelled).sum())

    @functools.cached_property
    def basis_star(self) -> Int[np.ndarray, " b"]:
        """Return the star of each basis function, (n_basis,)."""
        return np.flatnonzero(~self.cancelled)

    @functools.cached_property
    def basis_id(self) -> Int[np.ndarray, " s"]:
        """Return the basis function of each star, -1 if cancelled, (n_stars,)."""
        return np.where(self.cancelled, -1, np.cumsum(~self.cancelled) - 1)

    @functools.cached_property
    def coefficients(self) -> Complex[np.ndarray, " M"]:
        """Return c of each wave, 0 if its star is cancelled, (M,)."""
        # Turns around zero, so that conjugates are equal to the last bit.
        middle = self.unit // 2
        turns = ((np.arange(self.unit) + middle) % self.unit - middle) / self.unit
        parts = np.stack([np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns)])
        parts[np.abs(parts) < 1e-8] = 0  # exact zeros
        roots_of_one = parts[0] + 1j * parts[1]
        present = np.where(self.cancelled, 0.0, 1 / np.sqrt(self.sizes))
        return roots_of_one[self.turn] * present[self.star]

    @functools.cached_property
    def wave_of_rank(self) -> Int[np.ndarray, " M"]:
        """Place in `waves` of each wave of the mesh in C order, (M,)."""
        where = np.empty_like(self.rank)
        where[self.rank] = np.arange(len(self.rank))
        return where

    def squared(self) -> Float[np.ndarray, " s"]:
        """Return |G|^2 of each star in the cell at construction, 1 / length^2, (n_stars,)."""
        return _squared(self.characteristic, self.matrix)

    # Equal stars make equal plans: a basis built again does not make a program compile again.

    @functools.cached_property
    def _key(self) -> tuple[Any, ...]:
        tables = (self.waves, self.rank, self.begin, self.turn, self.cancelled)
        digest = hashlib.sha256()
        for table in tables:
            digest.update(table.tobytes())
        return self.mesh, self.group, digest.hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stars) and (self is other or self._key == other._key)

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        return (
            f"Stars({self.mesh}, {self.group.hm or self.group!r}: {self.n_waves} waves, "
            f"{self.n_stars} stars, {self.n_basis} basis functions)"
        )


def _squared(indices: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return np.square(indices @ (2 * np.pi * np.linalg.inv(matrix).T)).sum(axis=1)


def _order(
    waves: np.ndarray, lowest: np.ndarray, second: np.ndarray, matrix: np.ndarray
) -> Int[np.ndarray, " s"]:
    """Stars by length, then by the smallest rank of a pair, the other of the pair second."""
    squared = _squared(waves, matrix)
    sorted_ = np.sort(squared)
    tolerance = tie_tolerance(matrix)
    shells, at = [], 0
    while at < len(sorted_):
        shells.append(sorted_[at])
        at = np.searchsorted(sorted_, sorted_[at] + tolerance, side="right")
    shell = np.searchsorted(shells, squared, side="right")
    return np.lexsort((second, lowest, shell))


def _listed(star: np.ndarray, minimal: np.ndarray) -> Int[np.ndarray, " M"]:
    """Ranks in the order of stars, within one by lexicographically decreasing minimal indices."""
    largest = minimal.max(axis=0)
    spans = tuple(largest - minimal.min(axis=0) + 1)
    place = np.ravel_multi_index(tuple((largest - minimal).T), spans)
    return np.argsort(star * np.prod(spans) + place)


def _turns(
    mesh: Mesh, orbits: Orbits, first: np.ndarray, inverse: np.ndarray
) -> Int[np.ndarray, " M"]:
    """Phases of the coefficients of all waves in C order, in steps of 1 / (2 denominator).

    With the sign of fields, c(G R) = c(G) exp(+2 pi i G.t): opposite to structure factors. The
    first wave of an open star is real and positive. A closed star has c(-G) = conj c(G), which
    leaves a sign: its first wave has a positive real part, or is -i.
    """
    steps = 2 * orbits.group.denominator
    turns = np.zeros(mesh.size, np.int64)
    ranks, orbit = mesh.ranks(orbits.members), orbits.orbit
    angle = np.rint(orbits.angle * steps).astype(np.int64)
    turns[ranks] = -np.rint(orbits.phase * steps).astype(np.int64) - angle[orbit]
    closed = orbits.real[orbit]
    turns[inverse[ranks[closed]]] = -turns[ranks[closed]]
    start = turns[first] % steps
    negative = (4 * start > steps) & (4 * start < 3 * steps) | (4 * start == steps)
    gauge = np.where(orbits.real, np.where(negative, steps // 2, 0), -start)
    turns[ranks] += gauge[orbit]
    twin = inverse[ranks]
    apart = twin != ranks
    turns[twin[apart]] = -turns[ranks[apart]]
    return turns % steps
