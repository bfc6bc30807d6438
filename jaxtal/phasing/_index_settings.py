"""Which exchange of axes a list of indices needs: the merges that each would make tell."""

import dataclasses
import itertools
from typing import Any

import numpy as np
from jaxtyping import Int

from .._core import host_array
from ..symmetry import SpaceGroup

#: Axes of which all exchanges can be tried: 2^N N! of them.
_MOST = 6


@dataclasses.dataclass(frozen=True, eq=False)
class IndexSetting:
    """One way to read the axes of a list, and what it makes equivalent.

    Attributes:
        index_matrix: signed permutation M; indices become M @ k (columns), as `index_matrix` of
            `Reflections.from_arrays` has it, (N, N).
        merged: rows that would be merged into others.
        misfit: sum |I - <I>| over these and those they are merged with, over sum I of all.
    """

    index_matrix: Int[np.ndarray, "N N"]
    merged: int
    misfit: float


def index_settings(group: int | str | SpaceGroup, k: Any, intensity: Any) -> list[IndexSetting]:
    """Try every exchange of axes and signs on a list of indices, the most consistent first.

        best = index_settings("icosahedral P235", k, I)[0]
        Reflections.from_arrays(space, group, k, I, index_matrix=best.index_matrix)

    Programs number the axes of a quasicrystal differently. Signed permutations that differ by an
    operation of the Laue group are one; the 46080 of six axes are 384 under an icosahedral group,
    in pairs that differ by the exchange of physical and internal space. In a wrong setting
    reflections with unlike intensities become equivalent, so that the sum of their deviations
    tells the right pair. The fall-off tells the one of the pair (`Phasing.setting`); a scaling by
    tau^3 nothing but the lengths.

    Args:
        group: a group whose rotations are signed permutations, in up to six dimensions.
        k: integer indices, (rows, N).
        intensity: I of each, (rows,).

    Returns:
        settings in ascending order of misfit; of misfits alike to 0.001, most rows merged first.

    Raises:
        ValueError: another group, or indices and intensities that do not fit.
    """
    found = SpaceGroup.find(group)
    k, I = np.asarray(host_array(k, "k", np.int64)), host_array(intensity, "intensity")
    N, W = found.dimension, found.laue_rotations
    if N > _MOST or (np.abs(W).sum(axis=2) != 1).any():
        raise ValueError(
            f"group: expected rotations that exchange up to {_MOST} axes, got {found!r}"
        )
    if k.ndim != 2 or k.shape[1] != N or I.shape != (len(k),):
        raise ValueError(
            f"expected indices (rows, {N}) and as many intensities, got {k.shape} and {I.shape}"
        )
    if (2 * int(np.abs(k).max(initial=0)) + 1) ** N > 2**62:
        raise ValueError(f"k: expected indices below {int(2 ** (62 / N) / 2)}, got larger ones")
    settings = [_setting(M, k, I, W) for M in _exchanges(W)]
    # Equivalents that agree are the more reason for a setting the more there are.
    return sorted(settings, key=lambda one: (round(one.misfit, 3), -one.merged))


def _setting(M: np.ndarray, k: np.ndarray, I: np.ndarray, W: np.ndarray) -> IndexSetting:
    # A number for each index vector, digits in a base that holds them all; the largest of an orbit.
    base = (2 * int(np.abs(k).max(initial=0)) + 1) ** np.arange(k.shape[1])
    code = (k @ M @ (W @ base).T).max(axis=1)
    _, orbit, count = np.unique(code, return_inverse=True, return_counts=True)
    orbit = orbit.reshape(-1)
    mean = np.bincount(orbit, I) / count
    total = float(np.sum(np.maximum(I, 0.0)))
    misfit = float(np.abs(I - mean[orbit]).sum()) / (total if total > 0 else 1.0)
    return IndexSetting(M.T, len(k) - len(count), misfit)


def _exchanges(W: np.ndarray) -> Int[np.ndarray, "m N N"]:
    """One matrix M (k M, rows) of each coset of signed permutations M W."""
    N = W.shape[1]
    place = np.array(list(itertools.permutations(range(N))))
    sign = np.array(list(itertools.product((1, -1), repeat=N)))
    p = np.repeat(place, len(sign), axis=0)
    s = np.tile(sign, (len(place), 1))
    # Row i of M has its sign s_i in column p_i: row i of M W is s_i times row p_i of W.
    base = (2 * N) ** np.arange(N)
    least = np.full(len(p), np.iinfo(np.int64).max)
    for one in W:
        at, turn = np.abs(one).argmax(axis=1), one.sum(axis=1)
        code = (2 * at[p] + (s * turn[p] < 0)) @ base
        least = np.minimum(least, code)
    first = np.unique(least, return_index=True)[1]
    M = np.zeros((len(first), N, N), np.int64)
    M[np.arange(len(first))[:, None], np.arange(N), p[first]] = s[first]
    return M
