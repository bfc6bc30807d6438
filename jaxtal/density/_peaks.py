"""Peaks of a density: maxima of a grid, climbed to the top, each symmetric set once."""

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .._core import host_array
from ..grids import Grid
from ..symmetry import SpaceGroup
from . import _fourier_series

#: Indices (m, N) and coefficients (m,) of rho = Re sum c exp(-2 pi i k.x).
Wave = tuple[Array, Array]
#: Candidates that are climbed at a time.
_BATCH = 64


@dataclasses.dataclass(frozen=True, eq=False)
class Peaks:
    """Maxima of a density, highest first, one of each set of equivalents.

    Attributes:
        position: fractional coordinates in [0, 1), (p, N), of the equivalent whose coordinates are
            smallest.
        height: density there, (p,).
        multiplicity: equivalent peaks of the cell, (p,).
        integral: density integrated over a ball, density unit x length^N, (p,), or None.
    """

    position: Float[np.ndarray, "p N"]
    height: Float[np.ndarray, " p"]
    multiplicity: Int[np.ndarray, " p"]
    integral: Float[np.ndarray, " p"] | None = None


def find_peaks(
    wave: Wave,
    values: np.ndarray,
    grid: Grid,
    group: SpaceGroup | None,
    metric: Any,
    above: float | int,
    limit: int,
    radius: float | int | None,
) -> Peaks:
    """Find the maxima of a density on a grid and climb them by Newton's method.

    A grid point is a candidate when no point of its neighbourhood in N dimensions is higher; the
    neighbourhood is that of a Voronoi cell of the grid (2^(N+1) - 2 points, all 3^N - 1 for
    N <= 3), whatever the layout of the grid. Candidates closer than 1.5 neighbour distances to a
    higher one, or to an equivalent of it, are dropped. Tops near a special position of the group
    are moved onto it.

    Args:
        wave: indices and coefficients of a density of N dimensions.
        values: the density on the grid, (*moduli).
        grid: where to look; every peak must be wider than its neighbour distance.
        group: symmetry of the density, or None.
        metric: G with |x|^2 = x G x for fractional x, (N, N); None: the identity.
        above: lowest height listed, as a share of the highest peak.
        limit: most peaks listed.
        radius: of the ball over which peaks are integrated, in the units of the metric, or None.

    Raises:
        ValueError: a metric of another shape or not positive, or other dimensions.
    """
    N = wave[0].shape[1]
    G = np.eye(N) if metric is None else host_array(metric, "metric")
    if G.shape != (N, N) or not np.allclose(G, G.T) or np.linalg.eigvalsh(G).min() <= 0:
        raise ValueError(f"metric: expected a positive symmetric matrix {N} x {N}, got {G}")
    if not 0 <= above < 1 or limit < 1:
        raise ValueError(f"expected 0 <= above < 1 and limit >= 1, got {above} and {limit}")
    operations = _operations(group, N)
    offsets, spacing = _neighbourhood(grid, G)
    found = _grid_maxima(values, offsets, above * 0.5 * float(values.max()))
    x = grid.points(np.stack(np.unravel_index(found, values.shape), axis=-1))
    kept = _distinct(x, operations, G, 1.5 * spacing, limit)
    x, height = _climb(wave, x[kept], G, spacing)
    x = _onto_special(x, operations, G, 0.2 * spacing)
    order = np.argsort(-height, kind="stable")
    order = order[height[order] >= above * height.max(initial=0.0)]
    order = order[_distinct(x[order], operations, G, spacing, limit)]
    x, height = _first_images(x[order], operations), height[order]
    copies = np.array([_multiplicity(point, operations, G, 0.1 * spacing) for point in x], int)
    integral = None if radius is None else _integrated(wave, x, G, radius)
    return Peaks(x, height, copies, integral)


def _operations(group: SpaceGroup | None, N: int) -> tuple[np.ndarray, np.ndarray]:
    if group is None:
        return np.eye(N)[None], np.zeros((1, N))
    if group.dimension != N:
        raise ValueError(f"group: expected {N} dimensions, got {group.dimension}")
    return group.rotations.astype(float), group.translations / group.denominator


def _neighbourhood(grid: Grid, G: np.ndarray) -> tuple[np.ndarray, float]:
    """Multi-index steps to the nearest points of the grid, and the longest of the N shortest."""
    N = grid.dimension
    wanted = min(3**N - 1 if N <= 3 else 2 ** (N + 1) - 2, grid.size - 1)
    steps = np.zeros((0, len(grid.moduli)), np.int64)
    lengths, shifts = np.zeros(0), np.zeros((0, N))
    for start in range(1, grid.size, 1 << 18):
        flat = np.arange(start, min(start + (1 << 18), grid.size))
        j = np.stack(np.unravel_index(flat, grid.moduli), axis=-1)
        shift = j / np.array(grid.moduli) @ grid.characters.T
        shift -= np.round(shift)
        steps, shifts = np.concatenate([steps, j]), np.concatenate([shifts, shift])
        lengths = np.concatenate([lengths, np.einsum("ij,jk,ik->i", shift, G, shift)])
        nearest = np.argsort(lengths, kind="stable")[: 8 * wanted]
        steps, shifts, lengths = steps[nearest], shifts[nearest], lengths[nearest]
    chosen, basis = list(range(min(wanted, len(steps)))), np.zeros((0, N))
    reach = 0.0
    for i, shift in enumerate(shifts):
        if np.linalg.matrix_rank(np.concatenate([basis, shift[None]]), tol=1e-9) > len(basis):
            basis = np.concatenate([basis, shift[None]])
            reach = float(np.sqrt(lengths[i]))
            chosen.append(i)
        if len(basis) == N:
            break
    return steps[np.unique(chosen)], reach


def _grid_maxima(values: np.ndarray, offsets: np.ndarray, floor: float) -> np.ndarray:
    """Flat indices of points that no neighbour exceeds, highest first."""
    flat = values.reshape(-1)
    alive = np.flatnonzero(flat > floor)
    for offset in offsets:
        j = np.stack(np.unravel_index(alive, values.shape), axis=-1) + offset
        other = np.ravel_multi_index(tuple((j % np.array(values.shape)).T), values.shape)
        alive = alive[flat[alive] >= flat[other]]
    return alive[np.argsort(-flat[alive], kind="stable")]


def _images(x: np.ndarray, operations: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """All images of one point, (operations, N)."""
    W, w = operations
    return W @ x + w


def _distance2(a: np.ndarray, b: np.ndarray, G: np.ndarray) -> np.ndarray:
    """Squared distances modulo the lattice, right for short ones."""
    d = a - b
    d = d - np.round(d)
    return np.einsum("...i,ij,...j->...", d, G, d)


def _distinct(
    x: np.ndarray, operations: tuple[np.ndarray, np.ndarray], G: np.ndarray, near: float, limit: int
) -> np.ndarray:
    """Indices of points that are not near an equivalent of an earlier one."""
    kept: list[int] = []
    left = np.arange(len(x))
    while len(left) and len(kept) < limit:
        kept.append(int(left[0]))
        images = _images(x[left[0]], operations)
        far = np.ones(len(left), dtype=bool)
        for start in range(0, len(images), 64):
            block = _distance2(x[left][:, None], images[None, start : start + 64], G)
            far &= (block > near**2).all(axis=1)
        far[0] = False
        left = left[far]
    return np.array(kept, dtype=np.int64)


def _climb(
    wave: Wave, x: np.ndarray, G: np.ndarray, spacing: float
) -> tuple[np.ndarray, np.ndarray]:
    """Newton's method, never further than half a spacing at once and never downwards."""
    L = np.linalg.cholesky(G)
    inverse = np.linalg.inv(L)
    height = np.empty(len(x))
    x = x.copy()
    for start in range(0, len(x), _BATCH):
        batch = np.zeros((min(_BATCH, len(x)), x.shape[1]))
        n = len(x[start : start + _BATCH])
        batch[:n] = x[start : start + _BATCH]
        value, step = _newton(wave, batch, inverse, spacing)
        for _ in range(25):
            trial = batch + step
            trial_value, trial_step = _newton(wave, trial, inverse, spacing)
            up = trial_value >= value
            batch = np.where(up[:, None], trial, batch)
            value = np.where(up, trial_value, value)
            step = np.where(up[:, None], trial_step, 0.25 * step)
            if np.sqrt(_distance2(step, np.zeros_like(step), G)).max(initial=0.0) < 1e-5 * spacing:
                break
        x[start : start + n], height[start : start + n] = batch[:n], value[:n]
    return x, height


def _newton(
    wave: Wave, x: np.ndarray, inverse: np.ndarray, spacing: float
) -> tuple[np.ndarray, np.ndarray]:
    """Density and the step uphill, in coordinates where the metric is the identity."""
    value, gradient, curvature = (
        np.asarray(v, np.float64) for v in _fourier_series.taylor(*wave, _points(wave, x))
    )
    size, axes = np.linalg.eigh(-inverse @ curvature @ inverse.T)
    size = np.maximum(np.abs(size), 1e-6 * np.abs(size).max(axis=1, keepdims=True) + 1e-300)
    along = np.einsum("pij,pi->pj", axes, gradient @ inverse.T) / size
    step = np.einsum("pij,pj->pi", axes, along)
    length = np.linalg.norm(step, axis=1, keepdims=True)
    step *= np.minimum(1.0, 0.5 * spacing / np.maximum(length, 1e-300))
    return value, step @ inverse


def _onto_special(
    x: np.ndarray, operations: tuple[np.ndarray, np.ndarray], G: np.ndarray, near: float
) -> np.ndarray:
    """Each point moved to the mean of those of its images that lie near it."""
    out = x.copy()
    for i, point in enumerate(x):
        d = _images(point, operations) - point
        d -= np.round(d)
        same = np.einsum("oi,ij,oj->o", d, G, d) < near**2
        out[i] = point + d[same].mean(axis=0)
    return out


def _first_images(x: np.ndarray, operations: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """The image in [0, 1) with the smallest coordinates, the first counting most."""
    out = x.copy()
    for i, point in enumerate(x):
        images = _images(point, operations)
        # What lies just below 1 is 0: coordinates are good to about 1e-6.
        images = np.maximum(images - np.floor(images + 1e-5), 0.0)
        out[i] = images[np.lexsort(np.round(images, 4).T[::-1])[0]]
    return out


def _multiplicity(
    x: np.ndarray, operations: tuple[np.ndarray, np.ndarray], G: np.ndarray, near: float
) -> int:
    same = _distance2(_images(x, operations), x, G) < near**2
    return len(same) // int(same.sum())


def _integrated(wave: Wave, x: np.ndarray, G: np.ndarray, radius: float | int) -> np.ndarray:
    """Integral over a ball: each wave times (R / nu)^(N/2) J_{N/2}(2 pi R nu), nu = |k|."""
    if not radius > 0:
        raise ValueError(f"radius: expected a positive length, got {radius}")
    from scipy.special import gamma, jv

    k = host_array(wave[0], "k")
    nu = np.sqrt(np.einsum("ij,jk,ik->i", k, np.linalg.inv(G), k))
    N = k.shape[1]
    ball = np.pi ** (N / 2) / gamma(N / 2 + 1) * radius**N
    safe = np.where(nu > 0, nu, 1.0)
    factor = (radius / safe) ** (N / 2) * jv(N / 2, 2 * np.pi * radius * safe)
    factor = np.where(nu > 0, factor, ball)
    smeared = jnp.asarray(np.asarray(wave[1]) * factor, wave[1].dtype)
    return np.asarray(_fourier_series.at_points(wave[0], smeared, _points(wave, x)), np.float64)


def _points(wave: Wave, x: np.ndarray) -> Array:
    return jnp.asarray(x, wave[1].real.dtype)
