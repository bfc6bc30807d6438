"""Profiles of powder lines, and their sum on a regular axis."""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from ..._core import AnyArray, namespace

#: Largest number of (line, sample) values held at once.
BLOCK = 1 << 22
#: Beyond this many full widths a Gaussian is nothing (1e-43 of its height).
GAUSSIAN_REACH = 6.0


def smooth_step(t: Float[AnyArray, "*n"]) -> Float[AnyArray, "*n"]:
    """0 for t <= 0, 1 for t >= 1, 6 t^5 - 15 t^4 + 10 t^3 between (C2)."""
    t = namespace(t).clip(t, 0.0, 1.0)
    return t * t * t * (10 + t * (6 * t - 15))


def line_shape(u: Float[AnyArray, "*n"], mixing: float, reach: float) -> Float[AnyArray, "*n"]:
    """Pseudo-Voigt profile of unit area and unit width, cut off smoothly at |u| = reach.

        p(u) = c t(|u|) [eta L(u) + (1 - eta) G(u)],
        L(u) = (2 / pi) / (1 + 4 u^2),  G(u) = 2 sqrt(ln 2 / pi) exp(-4 ln 2 u^2)

    The window t falls from 1 at reach / 2 to 0 at reach, with two continuous derivatives; c
    restores the area that it takes from the Lorentzian tails.

    Args:
        u: distance from the centre in full widths at half maximum, any shape.
        mixing: eta, the share of the Lorentzian, 0..1.
        reach: in full widths.

    Returns:
        Density per full width, the shape of u.
    """
    xp = namespace(u)
    square = u * u
    # Python's floats: NumPy's would turn float32 into float64.
    gauss = 2 * math.sqrt(math.log(2) / math.pi) * xp.exp(-4 * math.log(2) * square)
    lorentz = (2 / np.pi) / (1 + 4 * square)
    window = smooth_step(2 - (2 / reach) * xp.abs(u))
    scale = 1 / _cut_area(mixing, reach)
    return scale * window * (mixing * lorentz + (1 - mixing) * gauss)


@functools.cache
def _cut_area(mixing: float, reach: float) -> float:
    """Area that the window leaves of the profile; Gauss-Legendre in float64."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    edges = np.unique(np.concatenate([np.geomspace(0.2, reach, 24), [0.0, reach / 2, reach]]))
    half = np.diff(edges)[:, None] / 2
    u = edges[:-1, None] + half * (nodes[None, :] + 1)
    t = np.clip(2 - 2 * u / reach, 0, 1)
    window = t**3 * (10 + t * (6 * t - 15))
    gauss = 2 * np.sqrt(np.log(2) / np.pi) * np.exp(-4 * np.log(2) * u * u)
    shape = mixing * (2 / np.pi) / (1 + 4 * u * u) + (1 - mixing) * gauss
    return float(2 * np.sum(half * weights[None, :] * window * shape))


def width_range(
    fwhm: float | tuple[float, float, float], limits: tuple[float, float]
) -> tuple[float, float]:
    """Smallest and largest width over a range; NaN if it is imaginary somewhere (host).

    Args:
        fwhm: one width, or U, V, W in degrees^2 of FWHM^2 = U tan^2 theta + V tan theta + W.
        limits: ends of the range, in degrees of 2 theta.
    """
    if not isinstance(fwhm, tuple):
        return fwhm, fwhm
    u, v, w = fwhm
    ends = np.tan(np.deg2rad(np.array(limits) / 2))
    # The quadratic has its extremes at the ends and at its vertex.
    vertex = np.clip(-v / (2 * u), *ends) if u else ends[0]
    tan = np.append(ends, vertex)
    square = (u * tan + v) * tan + w
    if not np.all(square > 0):
        return float("nan"), float("nan")
    return float(np.sqrt(square.min())), float(np.sqrt(square.max())) * (1 + 1e-6)


def line_width(
    position: Float[AnyArray, " M"],
    fwhm: float | tuple[float, float, float],
    limits: tuple[float, float],
) -> Float[AnyArray, " M"]:
    """Width of each line, outside the range that at its nearer end; see `width_range`."""
    xp = namespace(position)
    if not isinstance(fwhm, tuple):
        return xp.full_like(position, fwhm)
    u, v, w = fwhm
    tan = xp.tan(xp.clip(position, *limits) * (np.pi / 360))
    return xp.sqrt((u * tan + v) * tan + w)


def sum_lines(
    position: Float[AnyArray, " M"],
    area: Float[AnyArray, " M"],
    fwhm: Float[AnyArray, " M"],
    axis: tuple[float, float, int],
    *,
    mixing: float,
    reach: float,
    widest: float,
) -> Float[AnyArray, " n"]:
    """Sum of line profiles on a regular axis, each on the samples that it reaches.

    Args:
        position: centres, in the unit of the axis; those of area 0 too must be finite.
        area: integrals of the lines.
        fwhm: full widths at half maximum, at most `widest`.
        axis: first sample, step, number of samples.
        mixing: share of the Lorentzian.
        reach: where profiles end, in full widths.
        widest: largest width that any line can have.

    Returns:
        Values at the samples, unit of area per unit of axis.
    """
    start, step, n = axis
    # Half a step more, since the nearest sample may be that far from the centre.
    k = min(int(np.ceil(reach * widest / step + 0.5)), n + int(np.ceil(reach * widest / step)))
    offsets = np.arange(-k, k + 1, dtype=np.int32)

    def shapes(x: Any, a: Any, h: Any, centre: Any) -> tuple[Any, Any]:
        """Samples that lines reach, and their values there."""
        index = centre[:, None] + offsets[None, :]
        u = (index.astype(x.dtype) * step - (x - start)[:, None]) / h[:, None]
        # Negative indices would count from the end: they go where the positive ones are dropped.
        inside = (index >= 0) & (index < n)
        index = namespace(index).where(inside, index, n)
        return index, (a / h)[:, None] * line_shape(u, mixing, reach)

    if isinstance(position, np.ndarray):
        total = np.zeros(n + 1, position.dtype)
        some = max(BLOCK // len(offsets), 1)
        for begin in range(0, len(position), some):
            x, a, h = (column[begin : begin + some] for column in (position, area, fwhm))
            index, values = shapes(x, a, h, np.rint((x - start) / step).astype(np.int32))
            total += np.bincount(index.ravel(), np.ravel(values), n + 1)
        return total[:n]

    def add(total: Array, lines: tuple[Array, Array, Array]) -> tuple[Array, None]:
        x = lines[0]
        centre = jnp.round(lax.stop_gradient(x - start) / step).astype(jnp.int32)
        index, values = shapes(*lines, centre)
        return total.at[index].add(values, mode="drop"), None

    zero = jnp.zeros((n,), position.dtype)
    m = position.shape[0]
    n_blocks = -(-m * len(offsets) // BLOCK)
    if n_blocks <= 1:
        return add(zero, (position, area, fwhm))[0]
    size = -(-m // n_blocks)

    def blocks(x: Any, fill: float) -> Array:
        return jnp.pad(x, (0, n_blocks * size - m), constant_values=fill).reshape(n_blocks, size)

    lines = (blocks(position, start), blocks(area, 0.0), blocks(fwhm, widest))
    return lax.scan(jax.checkpoint(add), zero, lines)[0]
