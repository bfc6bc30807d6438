"""Phases without symmetry compared: the shift and hand that superpose two densities."""

import numpy as np
from jaxtyping import Complex, Float, Int

from ._origin_search import candidates, refine

#: Points of the mesh on which shifts are looked for, and reflections that refine what it finds.
_POINTS, _STRONG = 1 << 17, 1500
_MAXIMA = 3


def best_shift(
    p: Int[np.ndarray, "n r"],
    c: Complex[np.ndarray, " n"],
    near: Float[np.ndarray, " r"] | None = None,
    *,
    rough: bool = False,
) -> tuple[float, Float[np.ndarray, " r"]]:
    """Highest C(t) = Re sum c exp(2 pi i p.t) over all shifts, or over those near one.

    The inner vectors, a mesh of which is small, show where to look; the strongest refine it, and
    all of them say how high it is.

    Args:
        p: integer vectors, (n, r).
        c: coefficients, (n,).
        near: climb from here alone; None looks everywhere.
        rough: stop at the best point of the mesh.

    Returns:
        C and t, (r,).
    """
    strong = np.argsort(-np.abs(c), kind="stable")[:_STRONG]
    if near is not None:
        start = np.asarray(near, float)[None, None]
    elif p.shape[1] <= 3:
        inner = _inner(p)
        start, _ = candidates(p[inner], c[None, inner], 1 if rough else _MAXIMA)
        if rough:
            value, t = refine(p[strong], c[None, strong], start, 4)
            return float(np.real(np.exp(2j * np.pi * (p @ t[0])) @ c)), t[0]
    else:
        start = candidates(p[strong], c[None, strong], _MAXIMA)[0]
    trial = np.exp(2j * np.pi * (start[0] @ p.T)) @ c
    order = np.argsort(-np.real(trial))[:_MAXIMA]
    tops = [refine(p[strong], c[None, strong], start[:, i : i + 1], 10)[1][0] for i in order]
    values = [float(np.real(np.exp(2j * np.pi * (p @ t)) @ c)) for t in tops]
    top = int(np.argmax(values))
    value, t = refine(p, c[None], tops[top][None, None], 3)
    return float(value[0]), t[0]


def superpose(
    k: Int[np.ndarray, "m N"],
    first: Complex[np.ndarray, " m"],
    second: Complex[np.ndarray, " m"],
    *,
    hands: bool = True,
    near: Float[np.ndarray, " N"] | None = None,
) -> tuple[float, Complex[np.ndarray, " m"], Float[np.ndarray, " N"]]:
    """Move a second density onto a first one, with inversion if need be.

        agreement = sum |F1| |F2| cos(phi1 - phi2) / sum |F1| |F2|

    Args:
        k: one of each Friedel pair, without F(0), (m, N).
        first: F1, (m,).
        second: F2, (m,); F2 exp(2 pi i k.t), or its conjugate so moved, is compared with F1.
        hands: try the inverted density too.
        near: look for t near this shift alone.

    Returns:
        agreement, F2 as moved, (m,), and t, (N,).
    """
    weight = float(np.sum(np.abs(first) * np.abs(second)))
    if not weight > 0:
        return float("nan"), second, np.zeros(k.shape[1])
    best, moved, shift = -np.inf, second, np.zeros(k.shape[1])
    for other in (second, np.conj(second)) if hands else (second,):
        value, t = best_shift(k, np.conj(first) * other, near)
        if value > best:
            best, moved, shift = value, other * np.exp(2j * np.pi * (k @ t)), t
    return best / weight, moved, shift


def free_pairwise(
    k: Int[np.ndarray, "m N"], F: Complex[np.ndarray, "S m"]
) -> Float[np.ndarray, "S S"]:
    """Agreement of every two of some phase sets, symmetric, ones on the diagonal."""
    found = np.eye(len(F))
    for i in range(len(F)):
        for j in range(i):
            found[i, j] = found[j, i] = superpose(k, F[i], F[j])[0]
    return found


def _inner(p: np.ndarray) -> np.ndarray:
    """Vectors within a box whose mesh, three points per wave, stays small."""
    reach = np.abs(p).max(axis=0, initial=0).astype(float)
    size = np.prod(3.0 * reach + 1)
    if size > _POINTS:
        reach = np.maximum(np.floor(reach * (_POINTS / size) ** (1 / len(reach))), 1)
    return np.asarray((np.abs(p) <= reach).all(axis=1))
