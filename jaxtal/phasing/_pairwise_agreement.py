"""Many phase sets against each other: best agreements of all pairs."""

from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Float, Int

from ._origin_search import candidates, refine

#: Numbers of a block of pairs handled at once.
_BLOCK = 4_000_000


def best_of_pairs(a: np.ndarray, moved: Iterable[np.ndarray]) -> Float[np.ndarray, "S S"]:
    """Largest Re sum conj(a_i) b_j over the choices b of a, one matrix product each.

    Args:
        a: weighted amplitudes, (S, n).
        moved: the same with each hand and discrete origin, (S, n) each, one at a time.
    """
    best = np.full((len(a), len(a)), -np.inf)
    left = _parts(a)
    for b in moved:
        np.maximum(best, left @ _parts(b).T, out=best)
    return best


def best_of_shifted_pairs(
    a: np.ndarray,
    moved: Sequence[np.ndarray],
    p: Int[np.ndarray, "m r"],
    members: Sequence[np.ndarray],
) -> Float[np.ndarray, "S S"]:
    """The same over free shifts too; only entries above the diagonal, and the diagonal, are set.

    The two highest mesh points of all choices are refined.

    Args:
        a: weighted amplitudes, (S, n).
        moved: the same with each hand and discrete origin, (S, n) each.
        p: distinct projections of the indices on the free directions, (m, r).
        members: which of the n orbits have each projection.
    """
    best = np.diag(np.sum(np.abs(a) ** 2, axis=1))
    rows = max(1, _BLOCK // (len(a) * len(p) * 4))
    for start in range(0, len(a), rows):
        i, j = np.triu_indices(len(a) - start, 1)
        i, j = i[i < rows] + start, j[i < rows] + start
        if not len(i):
            continue
        block = np.conj(a[start : start + rows])
        height = np.full((len(i), 2), -np.inf)
        c, s = np.zeros((len(i), 2, len(p)), complex), np.zeros((len(i), 2, p.shape[1]))
        for b in moved:
            sums = np.stack([block[:, part] @ b[:, part].T for part in members], axis=-1)
            new = sums[i - start, j]
            at, value = candidates(p, new, 2)
            value = np.concatenate([height, value], axis=1)
            top = np.argsort(-value, axis=1)[:, :2]
            height = np.take_along_axis(value, top, axis=1)
            both = np.concatenate([c, new[:, None], new[:, None]], axis=1)
            c = np.take_along_axis(both, top[..., None], axis=1)
            s = np.take_along_axis(np.concatenate([s, at], axis=1), top[..., None], axis=1)
        value, _ = refine(p, c.reshape(-1, len(p)), s.reshape(-1, 1, p.shape[1]), steps=12)
        best[i, j] = value.reshape(-1, 2).max(axis=1)
    return best


def _parts(a: np.ndarray) -> np.ndarray:
    """Real and imaginary parts side by side: their products are Re conj(a) b."""
    return np.concatenate([np.real(a), np.imag(a)], axis=1)
