"""The free shift that brings two phase sets together: where the correlation is highest."""

import numpy as np
from jaxtyping import Complex, Float, Int

#: Largest mesh, and number of random points where the free directions are too many for a mesh.
_MESH, _POINTS = 1 << 21, 1 << 17
#: Numbers of a block of the refinement.
_BLOCK = 2_000_000


def candidates(
    p: Int[np.ndarray, "n r"], c: Complex[np.ndarray, "rows n"], number: int
) -> tuple[Float[np.ndarray, "rows number r"], Float[np.ndarray, "rows number"]]:
    """Shifts s near the highest maxima of C(s) = Re sum_p c(p) exp(2 pi i p.s), and C there.

    On a mesh of three points per shortest wave for up to three free directions. Beyond, from two
    sources: phase differences of neighbours p, p + e_i, which for two copies of one structure all
    equal exp(-2 pi i s_i), and the best of many random points.

    Args:
        p: integer vectors, no two alike, (n, r).
        c: coefficients of several functions, (rows, n).
        number: maxima kept of each.

    Returns:
        s in [0, 1), and C(s), of which the outermost p may be left out.
    """
    if p.shape[1] <= 3:
        return _mesh(p, c, number)
    rng = np.random.default_rng(0)
    V = rng.integers(0, 64, size=(p.shape[1], 3))
    start = rng.random(p.shape[1])
    shifted = c * np.exp(2j * np.pi * (p @ start % 1.0))
    slots, height = _mesh(p @ V, shifted, number - 1, shape=(64, 64, _POINTS // 4096))
    neighbours = _from_neighbours(p, c)
    there = np.einsum("rn,rn->r", c, np.exp(2j * np.pi * (neighbours @ p.T))).real
    s = np.concatenate([neighbours[:, None], (start + slots @ V.T) % 1.0], axis=1)
    return s, np.concatenate([there[:, None], height], axis=1)


def refine(
    p: Int[np.ndarray, "n r"],
    c: Complex[np.ndarray, "rows n"],
    s: Float[np.ndarray, "rows number r"],
    steps: int = 30,
) -> tuple[Float[np.ndarray, " rows"], Float[np.ndarray, "rows r"]]:
    """Climb from each candidate by Newton's method; the best of each row: C(s) and s in [0, 1)."""
    rows = max(1, _BLOCK // (s.shape[1] * p.shape[0]))
    value, best = np.empty(len(c)), np.empty((len(c), p.shape[1]))
    for i in range(0, len(c), rows):
        height, top = _climb(p.astype(np.float64), c[i : i + rows], s[i : i + rows], steps)
        winner = height.argmax(axis=1)
        take = np.arange(len(winner))
        value[i : i + rows], best[i : i + rows] = height[take, winner], top[take, winner]
    return value, best % 1.0


def _mesh(
    p: np.ndarray, c: np.ndarray, number: int, shape: tuple[int, ...] = ()
) -> tuple[np.ndarray, np.ndarray]:
    from scipy.fft import ifftn, next_fast_len

    sizes = shape
    if not sizes:
        inside = np.ones(len(p), dtype=bool)
        reach = np.abs(p).max(axis=0, initial=0)
        while np.prod(3.0 * reach + 1) > _MESH:
            # The inner vectors tell where to look just as well; climbing uses all of them.
            reach[reach.argmax()] -= 1
            inside = (np.abs(p) <= reach).all(axis=1)
        p, c = p[inside], c[:, inside]
        sizes = tuple(int(next_fast_len(3 * int(m) + 1) or 1) if m else 1 for m in reach)
    flat = np.ravel_multi_index(tuple((p % np.array(sizes)).T), sizes)
    total = int(np.prod(sizes))
    out, height = np.empty((len(c), number, len(sizes))), np.empty((len(c), number))
    for start in range(0, len(c), max(1, _MESH // total)):
        part = c[start : start + max(1, _MESH // total)]
        table = np.zeros((len(part), total), dtype=np.complex128)
        np.add.at(table.T, flat, part.T)
        axes = tuple(range(1, len(sizes) + 1))
        C = np.real(np.asarray(ifftn(table.reshape(-1, *sizes), axes=axes, workers=2)))
        peak = np.ones(C.shape, dtype=bool)
        for axis in axes:
            peak &= (np.roll(C, 1, axis) <= C) & (np.roll(C, -1, axis) <= C)
        score = np.where(peak, C, -np.inf).reshape(len(part), -1)
        kept = min(number, total)
        at = np.argpartition(-score, kept - 1, axis=1)[:, :kept]
        at = np.concatenate([at, np.repeat(at[:, :1], number - kept, axis=1)], axis=1)
        out[start : start + len(part)] = np.stack(np.unravel_index(at, sizes), axis=-1)
        height[start : start + len(part)] = np.take_along_axis(score, at, axis=1) * total
    return out / np.array(sizes), height


def _from_neighbours(p: np.ndarray, c: np.ndarray) -> np.ndarray:
    """s_i from sum conj(c(p)) c(p + e_i), with c(-p) = conj c(p), (rows, r)."""
    both = np.concatenate([p, -p])
    values = np.concatenate([c, np.conj(c)], axis=1)
    span = 2 * int(np.abs(p).max(initial=0)) + 4
    place = span ** np.arange(p.shape[1], dtype=object)
    if int(place[-1]) * span >= 2**62:
        return np.zeros((len(c), p.shape[1]))
    place = place.astype(np.int64)
    key, first = np.unique(both @ place, return_index=True)
    values = values[:, first]
    s = np.zeros((len(c), p.shape[1]))
    for i, step in enumerate(place):
        at = np.minimum(np.searchsorted(key, key + step), len(key) - 1)
        pairs = key[at] == key + step
        product = np.conj(values[:, pairs]) * values[:, at[pairs]]
        s[:, i] = -np.angle(product.sum(axis=1)) / (2.0 * np.pi)
    return s


def _climb(p: np.ndarray, c: np.ndarray, s: np.ndarray, steps: int) -> tuple[np.ndarray, ...]:
    rows, number, r = s.shape
    s, c = s.copy(), c[:, None]
    outer = (p[:, :, None] * p[:, None, :]).reshape(len(p), r * r)
    waves = c * np.exp(2j * np.pi * (s @ p.T))
    value = np.real(waves).sum(axis=2)
    for _ in range(steps):
        gradient = -2.0 * np.pi * np.imag(waves) @ p
        curvature = 4.0 * np.pi**2 * (np.real(waves) @ outer).reshape(rows, number, r, r)
        size, axes = np.linalg.eigh(curvature)
        # |curvature| turns a saddle point's Newton step into an ascent.
        size = np.abs(size)
        floor = 1e-9 * size.max(axis=-1, keepdims=True) + 1e-300
        along = np.einsum("abij,abi->abj", axes, gradient) / np.maximum(size, floor)
        step = np.einsum("abij,abj->abi", axes, along)
        change = np.sqrt(np.mean((step @ p.T) ** 2, axis=2))
        step *= np.minimum(1.0, 0.1 / np.maximum(change, 1e-300))[..., None]
        moving = change > 1e-12
        before = value
        for _ in range(4):
            trial = np.where(moving[..., None], s + step, s)
            trial_waves = c * np.exp(2j * np.pi * (trial @ p.T))
            trial_value = np.real(trial_waves).sum(axis=2)
            better = moving & (trial_value > value)
            s = np.where(better[..., None], trial, s)
            waves = np.where(better[..., None], trial_waves, waves)
            value = np.where(better, trial_value, value)
            moving &= ~better
            step = 0.25 * step
            if not moving.any():
                break
        if not (value > before + 1e-13 * np.abs(before)).any():
            break
    return value, s
