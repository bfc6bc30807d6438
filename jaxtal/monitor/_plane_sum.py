"""The density on a plane in a few milliseconds, however many waves and whatever the plane."""

import dataclasses
from typing import Any

import numpy as np
import scipy.fft
import scipy.sparse
from jaxtyping import Complex, Float, Int

from .._core import next_smooth
from ..density import Plane
from ..symmetry import Orbits

#: Points of a picture.
PIXELS = 160 * 160
#: Grid points that a wave is spread over along each axis, on a grid twice as fine as the picture;
#: and the fall-off of what it is spread by. Values are then good to about 1e-3 of the largest.
_WIDTH, _FALL = 4, 9.2
#: Waves whose turns from one point of the picture to the next differ by less than one over this are
#: one, which makes an error of 1e-5 turns at its edge.
_EQUAL = 1 << 24


@dataclasses.dataclass(frozen=True, eq=False)
class Waves:
    """What a density is summed of: rho(x) = Re sum_j f[orbit_j] factor_j exp(-2 pi i k_j.x).

    Attributes:
        k: one of each Friedel pair, (m, N).
        orbit: whose amplitude each has, (m,).
        factor: (m,).
    """

    k: Int[np.ndarray, "m N"]
    orbit: Int[np.ndarray, " m"]
    factor: Complex[np.ndarray, " m"]

    @classmethod
    def of_orbits(cls, orbits: Orbits) -> "Waves":
        """Those of the amplitudes of orbits, see `Density.from_orbits`."""
        turns = orbits.angle[orbits.orbit] + orbits.phase
        twice = np.where(orbits.members.any(axis=1), 2.0, 1.0)
        factor = (twice * np.exp(2j * np.pi * turns)).astype(np.complex64)
        return cls(orbits.members, orbits.orbit, factor)

    @classmethod
    def of_list(cls, k: Int[np.ndarray, "m N"]) -> "Waves":
        """Those of reflections one by one."""
        twice = np.where(k.any(axis=1), 2.0, 1.0).astype(np.complex64)
        return cls(k, np.arange(len(k)), twice)


@dataclasses.dataclass(frozen=True, eq=False)
class PlaneSum:
    """A plane, and a way to sum all waves on the points of an upright picture of it.

    A wave is one point of the picture's own reciprocal space, on which others may fall, too: all of
    a lattice plane, or many of a plane of symmetry. Their sum is spread over a few points of a grid
    there, and one fast Fourier transform makes the picture, from which the effect of the spreading
    is divided out (a nonuniform transform of the first type).

    Attributes:
        plane: where.
        left, bottom, width, height: the picture, in the units of the plane's frame.
        shape: points along both axes.

    References:
        A. H. Barnett, J. Magland and L. af Klinteberg, SIAM J. Sci. Comput. 41 (2019) C479.
    """

    plane: Plane
    left: float
    bottom: float
    width: float
    height: float
    shape: tuple[int, int]
    _orbit: Int[np.ndarray, " m"]
    _turn: Complex[np.ndarray, " m"]
    _first: Int[np.ndarray, " p"]
    _spread: Any
    _fine: tuple[int, int]
    _undo: Float[np.ndarray, "n1 n2"]

    @classmethod
    def build(cls, waves: Waves, plane: Plane, pixels: int = PIXELS) -> "PlaneSum":
        """Work out where each wave goes.

        Args:
            waves: what is summed.
            plane: its parallelogram is shown in an upright rectangle about it.
            pixels: about how many points.

        Raises:
            ValueError: a plane of another dimension.
        """
        if plane.edges.shape[1] != waves.k.shape[1]:
            raise ValueError(
                f"plane: expected one in {waves.k.shape[1]} dimensions, got {plane.edges.shape[1]}"
            )
        corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) @ plane.frame + plane.offset
        low, high = corners.min(axis=0), corners.max(axis=0)
        size = high - low
        ratio = float(np.clip(size[0] / size[1], 0.2, 5.0)) if plane.to_scale else 1.0
        n = np.maximum(np.round(np.sqrt(pixels * np.array([ratio, 1 / ratio]))), 8).astype(int)
        n += n % 2
        step = size / n
        to_cell = np.linalg.inv(plane.frame) @ plane.edges
        start = plane.corner + (low + step / 2 - plane.offset) @ to_cell
        p = (waves.k @ (np.diag(step) @ to_cell).T).T  # turns from one point to the next, (2, m)
        turns = waves.k @ start + p[0] * (n[0] // 2) + p[1] * (n[1] // 2)
        turn = np.exp(-2j * np.pi * (turns - np.round(turns))).astype(np.complex64) * waves.factor
        fine = (next_smooth(2 * int(n[0])), next_smooth(2 * int(n[1])))
        order, first = _together(p)
        p = p[:, order[first]]
        places, weights = zip(*(_near(p[i], fine[i]) for i in range(2)), strict=True)
        spread = _matrix(places, weights, fine)
        undo = np.outer(*(_kernel_waves(int(n[i]), fine[i]) for i in range(2)))
        picture = (float(low[0]), float(low[1]), float(size[0]), float(size[1]))
        shape = (int(n[0]), int(n[1]))
        sums = waves.orbit[order], turn[order], first
        return cls(plane, *picture, shape, *sums, spread, fine, undo.astype(np.float32))

    def values(self, f: Complex[np.ndarray, " n"]) -> Float[np.ndarray, "n1 n2"]:
        """Sum the waves; f: amplitudes of the orbits, (n,)."""
        c = np.add.reduceat(f.astype(np.complex64)[self._orbit] * self._turn, self._first)
        both = self._spread @ np.ascontiguousarray(c).view(np.float32).reshape(-1, 2)
        grid = np.ascontiguousarray(both).view(np.complex64).reshape(self._fine)
        rows, columns = (_middle(n, fine) for n, fine in zip(self.shape, self._fine, strict=True))
        half = np.asarray(scipy.fft.fft(grid, axis=0))[rows]
        return np.real(np.asarray(scipy.fft.fft(half, axis=1))[:, columns]) * self._undo


def _together(p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An order in which equal points, modulo 1, come together, and where each begins in it."""
    whole = np.round((p - np.floor(p)) * _EQUAL).astype(np.int64) % _EQUAL
    key = whole[0] * _EQUAL + whole[1]
    order = np.argsort(key, kind="stable")
    return order, np.flatnonzero(np.diff(key[order], prepend=-1))


def _middle(n: int, fine: int) -> np.ndarray:
    """Places of the frequencies -n/2 .. n/2 - 1 in a transform."""
    return np.arange(-(n // 2), n // 2) % fine


def _near(p: np.ndarray, fine: int) -> tuple[np.ndarray, np.ndarray]:
    """The grid points next to each wave and its share at them, (m, width)."""
    at = (p - np.floor(p)) * fine
    first = np.ceil(at - _WIDTH / 2).astype(np.int64)
    points = first[:, None] + np.arange(_WIDTH)
    return points % fine, _kernel((points - at[:, None]) * (2.0 / _WIDTH)).astype(np.float32)


def _kernel(z: np.ndarray) -> np.ndarray:
    return np.exp(_FALL * (np.sqrt(np.maximum(1 - z**2, 0.0)) - 1))


def _kernel_waves(n: int, fine: int) -> np.ndarray:
    """One over the kernel's Fourier transform at the frequencies of `_middle`, (n,)."""
    z, w = np.polynomial.legendre.leggauss(40)
    i = np.arange(-(n // 2), n // 2)
    waves = np.cos(np.pi * _WIDTH / fine * np.outer(i, z)) @ (w * _kernel(z))
    return 1.0 / (0.5 * _WIDTH * waves)


def _matrix(places: Any, weights: Any, fine: tuple[int, ...]) -> Any:
    """The spreading as a sparse matrix (grid points, m), part by part to spare memory."""
    m, parts = len(places[0]), []
    for begin in range(0, max(m, 1), 1 << 16):
        rows = slice(begin, begin + (1 << 16))
        at = places[0][rows, :, None] * fine[1] + places[1][rows, None, :]
        share = weights[0][rows, :, None] * weights[1][rows, None, :]
        ends = np.arange(len(at) + 1, dtype=np.int32) * _WIDTH**2
        shape = (fine[0] * fine[1], len(at))
        triple = (share.reshape(-1), at.reshape(-1).astype(np.int32), ends)
        parts.append(scipy.sparse.csc_matrix(triple, shape=shape))
    return scipy.sparse.hstack(parts, format="csc")
