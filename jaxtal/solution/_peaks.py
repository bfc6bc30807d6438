"""Peaks of a symmetric density on a fine mesh, one of each orbit, on special positions if near."""

import dataclasses

import numpy as np
from jaxtyping import Complex, Float, Int

from .._core import next_smooth
from ..grids import mesh_grid
from ..phasing._free_cycles import fill_free
from ..symmetry import SpaceGroup

#: Points per shortest wave along each axis.
_FINE = 3.0


@dataclasses.dataclass(frozen=True, eq=False)
class SitePeaks:
    """Peaks, highest first.

    Attributes:
        frac_coords: between voxels, on special positions where they are near one, (p, 3).
        height: density, (p,).
        multiplicity: equivalents in the cell, (p,).
    """

    frac_coords: Float[np.ndarray, "p 3"]
    height: Float[np.ndarray, " p"]
    multiplicity: Int[np.ndarray, " p"]


def site_peaks(
    k: Int[np.ndarray, "m 3"],
    F: Complex[np.ndarray, " m"],
    group: SpaceGroup,
    matrix: Float[np.ndarray, "3 3"],
    number: int,
    apart: float,
    snap: float,
) -> SitePeaks:
    """Find the highest peaks of rho(x) = sum F exp(-2 pi i k.x), one of each orbit.

    Maxima of a mesh of three points per wave are moved to the top of the parabola through their
    neighbours. A peak nearer than `snap` to its own image lies on the special position between.

    Args:
        k: one of each Friedel pair, (m, 3).
        F: structure factors that obey the group, (m,).
        group: the group.
        matrix: lattice matrix, rows in angstrom.
        number: most orbits listed.
        apart: a peak nearer than this to an image of a higher one is a ripple of it, angstrom.
        snap: see above, angstrom.
    """
    reach = np.abs(k).max(axis=0)
    shape = [next_smooth(int(np.ceil(_FINE * n)) + 4) for n in reach]
    shape[-1] += shape[-1] % 2
    grid = mesh_grid(shape)
    rho = np.fft.irfftn(fill_free(grid, k, F), s=shape, axes=(0, 1, 2), norm="forward")
    top = rho > 0
    steps = [(a, b, c) for a in (-1, 0, 1) for b in (-1, 0, 1) for c in (-1, 0, 1) if a or b or c]
    for step in steps:
        top &= rho >= np.roll(rho, step, (0, 1, 2))
    at = np.argwhere(top)
    order = np.argsort(-rho[top], kind="stable")[: 4 * number * group.order]
    x, height = _parabolic(rho, at[order], np.array(shape))
    W, w = group.rotations.astype(float), group.translations / group.denominator
    listed: list[tuple[np.ndarray, float, int]] = []
    taken = np.zeros((0, 3))
    for point, value in zip(x, height, strict=True):
        if len(listed) == number:
            break
        if len(taken) and _near(taken - point, matrix).min() < apart:
            continue
        images = W @ point + w
        d = images - point
        d -= np.round(d)
        same = np.linalg.norm(d @ matrix, axis=1) < snap
        point = point + d[same].mean(axis=0)
        images = W @ point + w
        d = images - point
        own = np.linalg.norm((d - np.round(d)) @ matrix, axis=1) < 1e-3
        taken = np.concatenate([taken, images % 1.0])
        listed.append((point % 1.0, float(value), len(images) // max(int(own.sum()), 1)))
    return SitePeaks(
        np.array([one[0] for one in listed]).reshape(-1, 3),
        np.array([one[1] for one in listed]),
        np.array([one[2] for one in listed], dtype=np.int64),
    )


def values_at(
    k: Int[np.ndarray, "m 3"], F: Complex[np.ndarray, " m"], x: Float[np.ndarray, "p 3"]
) -> Float[np.ndarray, " p"]:
    """Density 2 Re sum F exp(-2 pi i k.x) at some points, (p,)."""
    return 2.0 * np.real(np.exp(-2j * np.pi * (x @ k.T)) @ F)


def ball_integrals(
    k: Int[np.ndarray, "m 3"],
    F: Complex[np.ndarray, " m"],
    x: Float[np.ndarray, "p 3"],
    matrix: Float[np.ndarray, "3 3"],
    radius: float,
) -> Float[np.ndarray, " p"]:
    """Density integrated over a ball about each point, in units of F, (p,).

    The ball's transform is 3 (sin u - u cos u) / u^3 with u = radius |q|, times its volume.
    """
    u = radius * 2.0 * np.pi * np.linalg.norm(k @ np.linalg.inv(matrix).T, axis=1)
    ball = 3.0 * (np.sin(u) - u * np.cos(u)) / u**3
    share = 4.0 / 3.0 * np.pi * radius**3 / abs(np.linalg.det(matrix))
    return share * values_at(k, F * ball, x)


def _parabolic(rho: np.ndarray, at: np.ndarray, shape: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tops of the parabolas through the neighbours of maxima, at most half a step away."""

    def value(step: np.ndarray) -> np.ndarray:
        return rho[tuple(((at + step) % shape).T)]

    n, e = len(at), np.eye(3, dtype=int)
    middle, gradient, curvature = value(0 * e[0]), np.zeros((n, 3)), np.zeros((n, 3, 3))
    for i in range(3):
        up, down = value(e[i]), value(-e[i])
        gradient[:, i] = (up - down) / 2
        curvature[:, i, i] = up + down - 2 * middle
        for j in range(i):
            mixed = value(e[i] + e[j]) + value(-e[i] - e[j])
            mixed = mixed - value(e[i] - e[j]) - value(e[j] - e[i])
            curvature[:, i, j] = curvature[:, j, i] = mixed / 4
    curvature -= 1e-9 * np.abs(middle)[:, None, None] * np.eye(3)
    step = -np.linalg.solve(curvature, gradient[..., None])[..., 0]
    step = np.clip(step, -0.6, 0.6)
    height = middle + 0.5 * np.einsum("ni,ni->n", gradient, step)
    return (at + step) / shape, height


def _near(d: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return np.linalg.norm((d - np.round(d)) @ matrix, axis=1)
