"""The operations of a group as arrays, and what follows from the operations alone."""

import dataclasses
import functools

import numpy as np
from jaxtyping import Int

from . import _closure
from ._symop import SymOp


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class OperationArrays:
    """The part of `SpaceGroup` that needs neither names nor tables.

    Attributes:
        operations: all n operations of the conventional cell, identity first, centring included.
    """

    operations: tuple[SymOp, ...]

    @functools.cached_property
    def _arrays(self) -> tuple[np.ndarray, np.ndarray, int]:
        rotations, translations, denominator = _closure.as_arrays(self.operations)
        return _frozen(rotations), _frozen(translations), denominator

    @property
    def rotations(self) -> Int[np.ndarray, "n D D"]:
        """Rotation matrices W, acting on coordinate columns, (n, D, D)."""
        return self._arrays[0]

    @property
    def translations(self) -> Int[np.ndarray, "n D"]:
        """Numerators of the translations w over `denominator`, in [0, denominator), (n, D)."""
        return self._arrays[1]

    @property
    def denominator(self) -> int:
        """Common denominator of all translations."""
        return self._arrays[2]

    @property
    def dimension(self) -> int:
        """D."""
        return self.operations[0].dimension

    @property
    def order(self) -> int:
        """Number n of operations modulo lattice translations."""
        return len(self.operations)

    @functools.cached_property
    def centering(self) -> Int[np.ndarray, "c D"]:
        """Numerators over `denominator` of the centring translations, zero first, (c, D)."""
        pure = (self.rotations == np.eye(self.dimension, dtype=int)).all(axis=(1, 2))
        return _frozen(self.translations[pure])

    @functools.cached_property
    def point_rotations(self) -> Int[np.ndarray, "p D D"]:
        """Rotations of the point group, each once, identity first, (p, D, D)."""
        return _frozen(_unique(self.rotations))

    @functools.cached_property
    def laue_rotations(self) -> Int[np.ndarray, "l D D"]:
        """Rotations of the Laue group: the point group and its negatives, each once, (l, D, D)."""
        return _frozen(_unique(np.concatenate([self.point_rotations, -self.point_rotations])))

    @property
    def is_centrosymmetric(self) -> bool:
        """True where an inversion (anywhere) is among the operations."""
        return len(self.laue_rotations) == len(self.point_rotations)


def _unique(rotations: np.ndarray) -> np.ndarray:
    """Each matrix once, in order of first appearance."""
    _, first = np.unique(rotations.reshape(len(rotations), -1), axis=0, return_index=True)
    return rotations[np.sort(first)]


def _frozen(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array
