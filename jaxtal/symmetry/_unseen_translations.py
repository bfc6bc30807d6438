"""Translations that a list of reflections cannot see."""

from fractions import Fraction

import numpy as np
from jaxtyping import Int

from ._group import SpaceGroup
from ._integer_matrices import hermite, rational_inverse
from ._symop import SymOp

_PARTS = 8


def with_unseen_translations(group: SpaceGroup, k: Int[np.ndarray, "refl N"]) -> SpaceGroup:
    """Add to a group every translation t for which k.t is an integer for all reflections.

    Where the reflections lie on a sublattice of the reciprocal lattice (all l even, say), the
    density they give repeats within the cell. Moving one of its layers changes nothing that
    was measured, so origins and equivalences are to be taken modulo these translations too.

    Args:
        group: a group in N dimensions.
        k: indices, whole orbits, (refl, N).

    Returns:
        the group itself where the reflections span its reciprocal lattice, or do not span N
        dimensions.
    """
    basis: list[list[int]] = []
    # Indices of a list grow along it or are in no order: a stride meets small and large ones.
    for part in range(_PARTS):
        for chunk in np.array_split(k[part::_PARTS], max(len(k) // (64 * _PARTS), 1)):
            new = chunk if not basis else chunk[_outside(chunk, basis)]
            if len(new):
                basis = [row for row in hermite([*basis, *new.tolist()])[0] if any(row)]
        if len(basis) == group.dimension and _index(basis) <= len(group.centering):
            return group
    if len(basis) < group.dimension or _index(basis) <= len(group.centering):
        return group
    dual = zip(*rational_inverse(basis), strict=True)
    identity = SymOp.identity(group.dimension).rotation
    translations = [SymOp(identity, [Fraction(v) % 1 for v in column]) for column in dual]
    first = np.unique(group.rotations.reshape(group.order, -1), axis=0, return_index=True)[1]
    return SpaceGroup.from_generators([*(group.operations[i] for i in first), *translations])


def _outside(k: np.ndarray, basis: list[list[int]]) -> np.ndarray:
    """True for indices that are no integer combination of a basis in Hermite normal form."""
    rest = k.copy()
    for row in basis:
        pivot = next(j for j, v in enumerate(row) if v)
        rest -= (rest[:, pivot] // row[pivot])[:, None] * np.array(row)
    return np.asarray(rest.any(axis=1))


def _index(basis: list[list[int]]) -> int:
    """Index of a lattice given in Hermite normal form: the product of its pivots."""
    return int(np.prod([row[i] for i, row in enumerate(basis)], dtype=object))
