"""Orbits of wave vectors under a group: types, members and exact phases, in any dimension."""

import dataclasses
import enum
import functools
import math

import numpy as np
from jaxtyping import Bool, Float, Int

from ._group import SpaceGroup
from ._reflections import absent


class OrbitKind(enum.IntEnum):
    """What the symmetry leaves free of the phases of an orbit.

    REAL: the phase is known up to a sign. COMPLEX: any phase. EXTINCT: the amplitude is zero.
    """

    REAL = 0
    COMPLEX = 1
    EXTINCT = 2


@dataclasses.dataclass(frozen=True, eq=False)
class Orbits:
    """Orbits of wave vectors: one unknown each, and every reflection it stands for.

    With F(h) = sum f exp(+2 pi i h.x), an operation x -> W x + w makes
    F(h W) = F(h) exp(-2 pi i h.w), and a real density F(-h) = conj F(h). Where some W takes h to
    -h both hold, so that F(h) = s exp(2 pi i angle) with s real and angle = h.w / 2.

    Phases are in turns (fractions of 2 pi), multiples of 1 / (2 denominator) computed in integers.

    On a mesh of N_1 x ... x N_D nodes, waves that differ by multiples of N are the same: with
    these sizes as `modulus`, "equal", "distinct" and "own mate" are meant modulo N.

    Attributes:
        group: the group.
        k: representatives, (n, N) integers, as they were given.
        kind: `OrbitKind` of each, (n,).
        angle: phase of the axis on which real orbits lie, turns, (n,); zero for the others.
        members: distinct images k W, one of each Friedel pair (-k W is implied), ordered by orbit,
            none for extinct orbits, (m, N).
        orbit: which orbit a member belongs to, (m,).
        phase: F(member) = F(k) exp(2 pi i phase), turns in [0, 1), (m,).
        multiplicity: number of reflections of each orbit, Friedel mates counted, (n,).
        modulus: sizes of the mesh that aliases wave vectors, None for the unbounded lattice.
    """

    group: SpaceGroup
    k: Int[np.ndarray, "n N"]
    kind: Int[np.ndarray, " n"]
    angle: Float[np.ndarray, " n"]
    members: Int[np.ndarray, "m N"]
    orbit: Int[np.ndarray, " m"]
    phase: Float[np.ndarray, " m"]
    multiplicity: Int[np.ndarray, " n"]
    modulus: tuple[int, ...] | None = None

    @classmethod
    def build(
        cls,
        group: SpaceGroup,
        k: Int[np.ndarray, "n N"],
        modulus: tuple[int, ...] | None = None,
    ) -> "Orbits":
        """Expand representatives, which may not be equivalent to each other.

        Args:
            group: a group in N dimensions.
            k: integer indices, (n, N).
            modulus: sizes of a mesh that the group takes to itself.

        Raises:
            ValueError: no integer array of N columns, two rows of one orbit (named), or a group
                that does not take the mesh to itself.
        """
        if modulus is not None and not takes_mesh_to_itself(group, modulus).all():
            raise ValueError(f"modulus: expected a mesh that {group!r} acts on, got {modulus}")
        extinct = absent(k, group, modulus)
        k = np.asarray(k, dtype=np.int64)
        W, w, denominator = _point_operations(group)
        images = np.einsum("ni,pij->npj", k, W)
        turns = -(k @ w.T) % denominator
        flipped = (_wrap(images + k[:, None], modulus) == 0).all(axis=2)
        kind = np.where(flipped.any(axis=1), OrbitKind.REAL, OrbitKind.COMPLEX)
        kind = np.where(extinct, OrbitKind.EXTINCT, kind).astype(np.int64)
        rows = np.arange(len(k))
        product = (-turns[rows, flipped.argmax(axis=1)]) % denominator
        angle = np.where(kind == OrbitKind.REAL, product / (2.0 * denominator), 0.0)

        keys = _friedel_keys(images.reshape(-1, images.shape[-1]), modulus)
        orbit = np.repeat(rows, len(W))
        present = ~extinct[orbit]
        keys, orbit, at = keys[present], orbit[present], np.flatnonzero(present)
        unique, first = np.unique(keys, return_index=True)
        _refuse_equivalent(k, keys, orbit, unique, first)
        first.sort()
        members, orbit, at = (
            images.reshape(-1, images.shape[-1])[at[first]],
            orbit[first],
            at[first],
        )
        pairs = np.where(_own_mate(members, modulus), 1, 2)
        multiplicity = np.bincount(orbit, weights=pairs, minlength=len(k)).astype(np.int64)
        phase = turns.reshape(-1)[at] / denominator
        return cls(group, k, kind, angle, members, orbit, phase, multiplicity, modulus)

    @property
    def real(self) -> np.ndarray:
        """True for real orbits, (n,)."""
        return self.kind == OrbitKind.REAL

    @property
    def counts(self) -> dict[str, int]:
        """Number of orbits of each kind: {"real": ..., "complex": ..., "extinct": ...}."""
        return {kind.name.lower(): int((self.kind == kind).sum()) for kind in OrbitKind}

    @property
    def n_reflections(self) -> int:
        """Number of reflections, Friedel mates counted."""
        return int(self.multiplicity.sum())

    @functools.cached_property
    def all_indices(self) -> Int[np.ndarray, "K N"]:
        """Return every reflection: the members and their Friedel mates, each once, (K, N)."""
        return np.concatenate([self.members, -self.members[~self.own_mate]])

    @functools.cached_property
    def own_mate(self) -> Bool[np.ndarray, " m"]:
        """Tell which members are their own Friedel mate, (m,)."""
        return _own_mate(self.members, self.modulus)


def _point_operations(group: SpaceGroup) -> tuple[np.ndarray, np.ndarray, int]:
    """One operation for each rotation, identity first: reflections that centring leaves agree."""
    flat = group.rotations.reshape(group.order, -1)
    first = np.sort(np.unique(flat, axis=0, return_index=True)[1])
    return group.rotations[first], group.translations[first], group.denominator


def _wrap(k: np.ndarray, modulus: tuple[int, ...] | None) -> np.ndarray:
    return k if modulus is None else k % np.array(modulus)


def _own_mate(k: np.ndarray, modulus: tuple[int, ...] | None) -> np.ndarray:
    return (_wrap(2 * k, modulus) == 0).all(axis=1)


def takes_mesh_to_itself(group: SpaceGroup, sizes: tuple[int, ...]) -> Bool[np.ndarray, " n"]:
    """Tell which operations take nodes m / N of a mesh to nodes, aliases to aliases, (n,).

    N_i w_i and N_i W_ij / N_j must be integers for all i, j.

    Args:
        group: a group in D dimensions.
        sizes: N, nodes along each axis, (D,).
    """
    N = np.array(sizes)
    shifted = (group.translations * N % group.denominator).any(axis=1)
    mixed = (group.rotations * N[:, None] % N).any(axis=(1, 2))
    return np.logical_not(shifted | mixed)


def mesh_axes(group: SpaceGroup) -> list[tuple[tuple[int, ...], int]]:
    """Tell what a group asks of a mesh: axes of equal size, and what divides that size.

    Args:
        group: a group in D dimensions.

    Returns:
        for each set of axes that the group mixes, the axes and the common denominator of all
        translations along them.
    """
    D = group.dimension
    mixed = (group.rotations != 0).any(axis=0)
    tied = np.linalg.matrix_power((mixed | mixed.T).astype(np.int64), D) > 0
    found = []
    for axes in sorted({tuple(np.flatnonzero(row).tolist()) for row in tied}):
        numerators = group.translations[:, list(axes)].ravel().tolist()
        found.append((axes, group.denominator // math.gcd(group.denominator, *numerators)))
    return found


def _friedel_keys(k: np.ndarray, modulus: tuple[int, ...] | None) -> np.ndarray:
    """An integer per row, equal for k and -k alone."""
    if modulus is not None:
        rank, mate = (np.ravel_multi_index(tuple(_wrap(x, modulus).T), modulus) for x in (k, -k))
        return np.asarray(np.minimum(rank, mate))
    leading = k[np.arange(len(k)), (k != 0).argmax(axis=1)]
    k = k * np.where(leading < 0, -1, 1)[:, None]
    span = 2 * np.abs(k).max(initial=0) + 1
    if float(span) ** k.shape[1] < 2.0**62:
        return (k + span // 2) @ (int(span) ** np.arange(k.shape[1])[::-1])
    return np.unique(k, axis=0, return_inverse=True)[1].reshape(-1)


def _refuse_equivalent(
    k: np.ndarray, keys: np.ndarray, orbit: np.ndarray, unique: np.ndarray, first: np.ndarray
) -> None:
    owner = orbit[first][np.searchsorted(unique, keys)]
    shared = np.flatnonzero(owner != orbit)
    if len(shared):
        a, b = owner[shared[0]], orbit[shared[0]]
        raise ValueError(
            f"expected one representative for each orbit, got rows {a} {k[a].tolist()} and {b} "
            f"{k[b].tolist()}, which are equivalent; merge them first"
        )
