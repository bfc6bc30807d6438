"""The density of a set of structure factors: at points, in boxes, on grids."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Complex, Float, Int

from .._core import as_array, device_array, host_array
from ..grids import Grid
from ..lattice import Superspace
from ..symmetry import Orbits, SpaceGroup
from . import _fourier_series
from ._peaks import Peaks, find_peaks
from ._section import PhysicalMap, Plane, Section, on_plane, physical_box


class Density(eqx.Module):
    """Density rho(x) = (1/V) sum_k F(k) exp(-2 pi i k.x), real, in any dimension.

    One reflection of each Friedel pair is stored. Everything follows the dtype of the
    coefficients and is differentiable in them; values at points are differentiable in x too.

    Attributes:
        k: indices, one of each pair k, -k, (m, N).
        coefficients: c with rho = Re sum c exp(-2 pi i k.x): 2 F / V, and F / V for k = 0, (m,).
        grid: where `peaks` looks, or None.
        group: symmetry of the density, or None where none is known.
        space: reciprocal bases, which give lengths to sections and peaks, or None.
    """

    k: Int[Array, "m N"]
    coefficients: Complex[Array, " m"]
    grid: Grid | None = eqx.field(static=True, default=None)
    group: SpaceGroup | None = eqx.field(static=True, default=None)
    space: Superspace | None = eqx.field(static=True, default=None)

    @classmethod
    def from_reflections(cls, k: Any, F: Any, volume: float | int = 1.0) -> "Density":
        """Make the density of reflections given one by one.

        Args:
            k: integer indices of one reflection of each Friedel pair, (m, N).
            F: structure factors, (m,), complex; may be traced.
            volume: V, of the cell, angstrom^N; 1 leaves the density in units of F.

        Raises:
            ValueError: indices that are not integers, or a reflection beside itself or its mate.
        """
        k = _indices(k)
        F = _complex(F)
        if F.shape != (len(k),):
            raise ValueError(f"expected {len(k)} structure factors, got shape {F.shape}")
        both = np.unique(np.concatenate([k, -k[k.any(axis=1)]]), axis=0)
        if len(both) != 2 * len(k) - int((~k.any(axis=1)).sum()):
            raise ValueError("expected one reflection of each Friedel pair, got some twice")
        return cls._scaled(k, F, volume)

    @classmethod
    def from_orbits(
        cls,
        orbits: Orbits,
        f: Any,
        volume: float | int = 1.0,
        *,
        grid: Grid | None = None,
        space: Superspace | None = None,
    ) -> "Density":
        """Make the symmetric density of amplitudes of orbits.

        Args:
            orbits: orbits of reflections.
            f: amplitudes, F(k) = f exp(2 pi i angle), (n,), complex; may be traced.
            volume: V, of the cell, angstrom^N; 1 leaves the density in units of f.
            grid: see `Density.grid`.
            space: see `Density.space`.

        Raises:
            ValueError: another number of amplitudes than orbits.
        """
        f = _complex(f)
        if f.shape != (len(orbits.k),):
            raise ValueError(f"expected {len(orbits.k)} amplitudes, got shape {f.shape}")
        turns = 2.0 * np.pi * (orbits.angle[orbits.orbit] + orbits.phase)
        bare = cls._scaled(orbits.members, f, volume, orbits.orbit, np.exp(1j * turns))
        return cls(bare.k, bare.coefficients, grid, orbits.group, space)

    @classmethod
    def _scaled(
        cls, k: np.ndarray, f: Array, volume: float | int, orbit: Any = None, turn: Any = 1.0
    ) -> "Density":
        factor = np.where(k.any(axis=1), 2.0, 1.0) / volume * turn
        orbit = np.arange(len(k)) if orbit is None else orbit
        F = _spread(f, device_array(orbit, np.int32), device_array(factor, f.dtype))
        return cls(device_array(k, np.int32), F)

    @property
    def dimension(self) -> int:
        """N."""
        return self.k.shape[1]

    def __call__(self, x: Any) -> Float[Array, "*points"]:
        """Compute the density at points, by direct summation in tiles.

        Args:
            x: fractional coordinates, (..., N).
        """
        x = self._points(x)
        flat = x.reshape(-1, self.dimension)
        return _fourier_series.at_points(self.k, self.coefficients, flat).reshape(x.shape[:-1])

    def taylor(
        self, x: Any
    ) -> tuple[Float[Array, " P"], Float[Array, "P N"], Float[Array, "P N N"]]:
        """Compute value, gradient and second derivatives by fractional coordinates at (P, N)."""
        return _fourier_series.taylor(self.k, self.coefficients, self._points(x))

    def in_box(self, origin: Any, edges: Any, shape: tuple[int, ...]) -> Float[Array, "*shape"]:
        """Compute the density on the regular points of a parallelepiped of r dimensions.

        The points are origin + sum_i (j_i / n_i) edge_i with j_i = 0 .. n_i - 1. The sum factorises
        into a matrix product, which is much faster than point by point.

        Args:
            origin: fractional coordinates, (N,).
            edges: whole edges of the box, rows, in fractional coordinates, (r, N).
            shape: n, number of points along each edge.
        """
        origin, edges = self._points(origin), self._points(edges)
        if edges.ndim != 2 or len(shape) != len(edges) or min(shape, default=0) < 1:
            raise ValueError(f"expected a positive size for each of the edges, got {shape}")
        return _fourier_series.in_box(self.k, self.coefficients, origin, edges, tuple(shape))

    def on_grid(self, grid: Grid) -> Float[Array, "*moduli"]:
        """Compute the density on a grid, by one fast Fourier transform; shape `grid.moduli`.

        Reflections that share a slot are summed, as they must be: the values are exact on any grid.

        Args:
            grid: a grid of N dimensions. The indices must not be traced.
        """
        k = host_array(self.k, "k", np.int64)
        # Half of each coefficient goes to k, half to -k; only half of the spectrum is stored.
        slots = np.concatenate([grid.slots(k), grid.slots(-k)])
        stored = (*grid.moduli[:-1], grid.moduli[-1] // 2 + 1)
        kept = np.flatnonzero(slots[:, -1] < stored[-1])
        flat = np.asarray(np.ravel_multi_index(tuple(slots[kept].T), stored))
        start = k @ grid.origin
        turns = 2.0 * np.pi * (start - np.round(start))
        turn = device_array(0.5 * np.exp(-1j * turns), self.coefficients.dtype)
        return _transform(self.coefficients, turn, (kept, flat), grid.moduli)

    # --- pictures and peaks ------------------------------------------------------------------

    def section(
        self, plane: Plane | tuple[Any, Any], shape: tuple[int, int] = (256, 256)
    ) -> Section:
        """Cut the density with a plane, by exact summation of all waves.

        The largest value of the whole density on its grid goes with it, if it has one.

        Args:
            plane: a `Plane`, or two lattice vectors through the origin, drawn to scale where the
                density knows its space.
            shape: number of points along the two edges.

        Raises:
            ValueError: a plane of another dimension.
        """
        if not isinstance(plane, Plane):
            first, second = plane
            plane = Plane.rational(first, second, space=self.space)
        highest = None if self.grid is None else float(self.on_grid(self.grid).max())
        return on_plane(self.k, self.coefficients, plane, (shape[0], shape[1]), highest)

    def peaks(
        self,
        limit: int = 100,
        *,
        above: float | int = 0.1,
        radius: float | int | None = None,
        grid: Grid | None = None,
        group: SpaceGroup | None = None,
        metric: Any = None,
    ) -> Peaks:
        """List the maxima, highest first, one of each set of equivalents.

        A grid point is a candidate when no point of its neighbourhood in N dimensions is higher;
        the neighbourhood is that of a Voronoi cell of the grid (2^(N+1) - 2 points, all 3^N - 1 for
        N <= 3), whatever its layout. Candidates are climbed by Newton's method; those closer than
        1.5 neighbour distances to a higher one, or to an equivalent of it, are dropped. Tops near a
        special position of the group are moved onto it.

        Args:
            limit: most peaks listed.
            above: lowest height listed, as a share of the highest peak.
            radius: of the ball over which peaks are integrated, in the units of the metric.
            grid: where to look, every peak wider than its neighbour distance; default
                `Density.grid`.
            group: symmetry of the density; default `Density.group`, none if that is None.
            metric: G with |x|^2 = x G x for fractional x, (N, N); by default that of the space,
                physical and internal together, else the identity.

        Raises:
            ValueError: no grid; a metric of another shape or not positive; other dimensions.
        """
        grid = grid or self.grid
        if grid is None:
            raise ValueError("grid: expected one for a density that has none of its own")
        if metric is None and self.space is not None:
            metric = _metric(self.space)
        found = (grid, group or self.group, metric, above, limit, radius)
        return find_peaks((self.k, self.coefficients), np.asarray(self.on_grid(grid)), *found)

    def physical_map(
        self,
        edges: Any,
        shape: tuple[int, ...],
        *,
        origin: Any = None,
        s: Any = None,
        space: Superspace | None = None,
    ) -> PhysicalMap:
        """Sample the density in a box of physical space, at a height of the section.

        Args:
            edges: edges of the box, rows, angstrom, (d, d), or their lengths along the axes, (d,).
            shape: number of points along each edge.
            origin: corner of the box, angstrom, (d,); default the origin.
            s: height in internal space, (p,); default zero.
            space: parallel and perpendicular bases; default `Density.space`.

        Raises:
            ValueError: no space, dependent edges, or shapes that do not fit.
        """
        space = space or self.space
        if space is None:
            raise ValueError("space: expected one for a density that has none of its own")
        start, spans, corner, box = physical_box(space, edges, origin, s)
        values = self.in_box(start, spans, shape)
        return PhysicalMap(np.asarray(values, dtype=np.float64), box, corner)

    def __repr__(self) -> str:
        group = "" if self.group is None else f", {self.group!r}"
        grid = "" if self.grid is None else f", {self.grid!r}"
        return f"Density({self.k.shape[0]} waves in {self.dimension} dimensions{group}{grid})"

    def _points(self, x: Any) -> Array:
        x = as_array(x, self.coefficients.real.dtype)
        if x.shape[-1:] != (self.dimension,):
            raise ValueError(f"expected points (..., {self.dimension}), got shape {x.shape}")
        return x


def _metric(space: Superspace) -> np.ndarray | None:
    """G with |x|^2 = x G x, lengths of physical and internal space together."""
    basis = np.concatenate([space.parallel, space.perpendicular], axis=1)
    if basis.shape[0] != basis.shape[1]:
        return None
    inverse = 2 * np.pi * np.linalg.inv(basis)
    return inverse.T @ inverse


@jax.jit
def _spread(f: Array, orbit: Array, factor: Array) -> Array:
    return f[orbit] * factor


@eqx.filter_jit
def _transform(
    coefficients: Array, turn: Array, slots: tuple[Any, Any], moduli: tuple[int, ...]
) -> Array:
    kept, flat = slots
    half = coefficients * turn
    # rho has exp(-2 pi i ...), the inverse transform exp(+2 pi i ...): conjugate.
    values = jnp.concatenate([jnp.conj(half), half])[kept]
    stored = (*moduli[:-1], moduli[-1] // 2 + 1)
    table = jnp.zeros(int(np.prod(stored)), values.dtype).at[flat].add(values)
    return jnp.fft.irfftn(table.reshape(stored), s=moduli, norm="forward")


def _indices(k: Any) -> np.ndarray:
    given = np.asarray(host_array(k, "k"))
    if given.ndim != 2 or not (given == np.round(given)).all():
        raise ValueError(f"k: expected integer indices (m, N), got shape {given.shape}")
    return given.astype(np.int64)


def _complex(F: Any) -> Array:
    """Complex values; host ones in the default width, others in their own."""
    if not isinstance(F, jax.Array):
        width = jax.dtypes.canonicalize_dtype(np.complex128)
        F = np.asarray(F)
        return device_array(F, F.dtype if F.dtype == np.complex64 else width)
    return F if jnp.iscomplexobj(F) else lax.complex(F, jnp.zeros_like(F))
