"""Planes and boxes through the N-dimensional cell, and the density on them."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._core import check_finite, host_array
from ..lattice import Superspace
from . import _fourier_series


@dataclasses.dataclass(frozen=True, eq=False)
class Plane:
    """A parallelogram in the N-dimensional cell, and how it is to be drawn to scale.

    Its points are corner + a edges[0] + b edges[1] with a, b in [0, 1).

    Attributes:
        corner: fractional coordinates of a = b = 0, (N,).
        edges: both edges in fractional coordinates, rows, (2, N).
        frame: the edges as vectors of the picture, rows, (2, 2); angstrom, the internal parts of
            modulated crystals in their own unit; fractions where the lattice has no metric.
        outline: polygon of one cell, in the picture, (n, 2).
        offset: where the corner lies in the picture, (2,).
        labels: what the two axes of the picture show.
        to_scale: whether both axes have one unit; an angstrom and a phase have not.
    """

    corner: Float[np.ndarray, " N"]
    edges: Float[np.ndarray, "2 N"]
    frame: Float[np.ndarray, "2 2"]
    outline: Float[np.ndarray, "n 2"]
    offset: Float[np.ndarray, "2"]
    labels: tuple[str, str] = ("", "")
    to_scale: bool = True

    @classmethod
    def rational(
        cls,
        u: Any,
        v: Any,
        point: Any = None,
        space: Superspace | None = None,
        repeat: Sequence[float | int] = (1, 1),
    ) -> "Plane":
        """Make a plane along two lattice vectors; its cell is their parallelogram.

        Args:
            u: first lattice vector, N integers.
            v: second lattice vector, N integers.
            point: fractional coordinates of a point of the plane, its corner, (N,); default the
                origin.
            space: gives lengths and the angle (r and s of both vectors); without it, or without
                its internal part, the cell is drawn as a square.
            repeat: how many cells to show along u and v.

        Raises:
            ValueError: vectors that are not integers or not independent, or other dimensions.
        """
        edges = np.stack([_vector("u", u), _vector("v", v, len(u))])
        if not (edges == np.round(edges)).all():
            raise ValueError(f"u, v: expected integers, got {edges.tolist()}")
        if np.linalg.matrix_rank(edges) < 2:
            raise ValueError(f"u, v: expected independent vectors, got {edges.tolist()}")
        frame, units = np.eye(2), ("cells", "cells")
        if space is not None and space.n_physical + space.n_internal == space.dimension:
            frame, units = _lattice_frame(space, edges)
        corner = np.zeros(edges.shape[1]) if point is None else _vector("point", point, len(u))
        square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
        names = [
            f"[{' '.join(str(int(i)) for i in e)}] ({unit})"
            for e, unit in zip(edges, units, strict=True)
        ]
        scale = np.array(repeat, dtype=np.float64)[:, None]
        if not (scale > 0).all():
            raise ValueError(f"repeat: expected positive numbers, got {repeat}")
        picture = (frame * scale, square @ frame, np.zeros(2))
        return cls(corner, edges * scale, *picture, (names[0], names[1]), units[0] == units[1])

    @classmethod
    def physical(cls, space: Superspace, first: Any, second: Any, point: Any = None) -> "Plane":
        """Make a plane of physical space, as an experiment sees it.

        Args:
            space: parallel and perpendicular bases.
            first: one edge of the picture, angstrom, (d,).
            second: the other edge, angstrom, (d,).
            point: fractional coordinates of the centre of the picture, (N,); default the origin.
        """
        r = np.stack(
            [_vector(n, e, space.n_physical) for n, e in (("first", first), ("second", second))]
        )
        return cls._spanned(space, r, np.zeros((2, space.n_internal)), point, ("r", "r"))

    @classmethod
    def perpendicular(
        cls, space: Superspace, first: Any, second: Any, point: Any = None
    ) -> "Plane":
        """Make a plane of internal space: it shows atomic surfaces; edges (p,), see `physical`."""
        s = np.stack(
            [_vector(n, e, space.n_internal) for n, e in (("first", first), ("second", second))]
        )
        return cls._spanned(space, np.zeros((2, space.n_physical)), s, point, ("s", "s"))

    @classmethod
    def mixed(cls, space: Superspace, first: Any, second: Any, point: Any = None) -> "Plane":
        """Make a plane along a physical vector (d,) and an internal one (p,), see `physical`."""
        r = np.stack([_vector("first", first, space.n_physical), np.zeros(space.n_physical)])
        s = np.stack([np.zeros(space.n_internal), _vector("second", second, space.n_internal)])
        return cls._spanned(space, r, s, point, ("r", "s"))

    @classmethod
    def _spanned(
        cls, space: Superspace, r: np.ndarray, s: np.ndarray, point: Any, kinds: tuple[str, str]
    ) -> "Plane":
        vectors = np.concatenate([r, s], axis=1)
        if np.linalg.matrix_rank(vectors) < 2:
            raise ValueError(f"expected two independent edges, got {vectors.tolist()}")
        edges = space.coordinates(r, s if s.shape[1] else None)
        N = space.dimension
        middle = np.zeros(N) if point is None else _vector("point", point, N)
        frame = _frame(vectors)
        picture = (frame, _cell_cut(edges) @ frame, -0.5 * frame.sum(axis=0))
        phase = _is_modulated(space)
        unit = {"r": " (Å)", "s": " (radians)" if phase else " (Å)"}
        names = tuple(f"${kind}_{i + 1}${unit[kind]}" for i, kind in enumerate(kinds))
        same = not phase or kinds[0] == kinds[1]
        return cls(middle - edges.sum(axis=0) / 2, edges, *picture, (names[0], names[1]), same)

    @property
    def middle(self) -> Float[np.ndarray, "2"]:
        """Fractions a, b of the edges at the middle of the cell, (2,)."""
        # Of a parallelogram, or of a polygon with a centre, whose corners may be listed twice.
        centre = (self.outline.min(axis=0) + self.outline.max(axis=0)) / 2
        return (centre - self.offset) @ np.linalg.inv(self.frame)

    def through(self, point: Any) -> "Plane":
        """Move the plane, parallel to itself, until a point lies in the middle of its cell.

        Args:
            point: fractional coordinates, (N,).
        """
        at = _vector("point", point, self.edges.shape[1])
        corner = at - self.middle @ self.edges
        return dataclasses.replace(self, corner=corner)

    def points(self, ab: Any) -> Float[np.ndarray, "*n N"]:
        """Return fractional coordinates of points given by fractions a, b of edges, (..., 2)."""
        return self.corner + np.asarray(ab) @ self.edges


@dataclasses.dataclass(frozen=True, eq=False)
class Section:
    """The density on a plane.

    Attributes:
        plane: where.
        values: density at a = i / n_1, b = j / n_2, (n_1, n_2).
        highest: largest value in the whole cell, which colours are scaled by; None where it is not
            known.
    """

    plane: Plane
    values: Float[np.ndarray, "n1 n2"]
    highest: float | None = None


def on_plane(
    k: Array, c: Array, plane: Plane, shape: tuple[int, int], highest: float | None = None
) -> Section:
    """Sum all waves Re c exp(-2 pi i k.x) on a plane.

    Args:
        k: indices, (m, N).
        c: coefficients, (m,).
        plane: where.
        shape: number of points along the two edges.
        highest: see `Section`; the plane may go through what lies higher.
    """
    if plane.edges.shape[1] != k.shape[1]:
        raise ValueError(
            f"plane: expected one in {k.shape[1]} dimensions, got {plane.edges.shape[1]}"
        )
    origin, edges = plane.corner, plane.edges
    if (edges == np.round(edges)).all():
        k, c = _projected(k, c, plane)
        origin, edges = np.zeros(2), np.eye(2)
    kind = c.real.dtype
    origin, edges = jnp.asarray(origin, kind), jnp.asarray(edges, kind)
    values = np.asarray(_fourier_series.in_box(k, c, origin, edges, shape), dtype=np.float64)
    if highest is not None:
        highest = max(highest, float(values.max()))
    return Section(plane, values, highest)


@dataclasses.dataclass(frozen=True, eq=False)
class PhysicalMap:
    """The density in a box of physical space.

    Attributes:
        values: density at origin + sum_i (j_i / n_i) edge_i, (n_1, ..., n_d).
        edges: edges of the box, rows, angstrom, (d, d).
        origin: corner of the box, angstrom, (d,).
    """

    values: Float[np.ndarray, "*n"]
    edges: Float[np.ndarray, "d d"]
    origin: Float[np.ndarray, " d"]


def physical_box(
    space: Superspace, edges: Any, origin: Any, s: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Fractional corner and edges of a box of physical space, and both in angstrom.

    Args:
        space: parallel and perpendicular bases.
        edges: edges of the box, rows, angstrom, (d, d), or their lengths along the axes, (d,).
        origin: corner of the box, angstrom, (d,); None: the origin.
        s: height in internal space, (p,); None: zero.
    """
    d = space.n_physical
    box = host_array(edges, "edges")
    box = np.diag(box) if box.ndim == 1 else box
    if box.shape != (d, d) or abs(np.linalg.det(box)) == 0:
        raise ValueError(f"edges: expected {d} independent vectors, got {box.tolist()}")
    corner = np.zeros(d) if origin is None else _vector("origin", origin, d)
    height = None if s is None else _vector("s", s, space.n_internal)
    return space.coordinates(corner, height), space.coordinates(box), corner, box


def _projected(k: Array, c: Array, plane: Plane) -> tuple[Array, Array]:
    """The density on a plane along lattice vectors: a periodic one of a, b, of far fewer waves."""
    indices = host_array(k, "k")
    pairs = (indices @ plane.edges.T).astype(np.int64)
    span = 2 * int(np.abs(pairs).max(initial=0)) + 1
    unique, where = np.unique(pairs @ np.array([span, 1]), return_inverse=True)
    first = np.zeros((len(unique), 2), np.int32)
    first[where] = pairs
    turns = indices @ plane.corner
    wave = np.exp(-2j * np.pi * (turns - np.round(turns)))
    moved = c * jnp.asarray(wave, c.dtype)
    return jnp.asarray(first), jnp.zeros(len(unique), c.dtype).at[where].add(moved)


def _vector(name: str, value: Any, length: int | None = None) -> np.ndarray:
    v = host_array(value, name)
    if v.ndim != 1 or (length is not None and len(v) != length):
        raise ValueError(f"{name}: expected {length or 'N'} numbers, got shape {v.shape}")
    check_finite(v, name)
    return v


def _is_modulated(space: Superspace) -> bool:
    """Whether internal space is a phase, and not a length.

    Then the vectors without a part in it are the reciprocal basis of a crystal in physical space.
    """
    main = space.parallel[~np.any(space.perpendicular, axis=1)]
    return bool(space.n_internal) and len(main) == space.n_physical


def _lattice_frame(space: Superspace, edges: np.ndarray) -> tuple[np.ndarray, tuple[str, str]]:
    """Two lattice vectors as vectors of the picture, and the units along its axes.

    An internal vector of a modulated crystal has a phase for a length: it is drawn upright, in
    periods, as x4 usually is.
    """
    r, s = space.components(edges)
    if not _is_modulated(space):
        return _frame(np.concatenate([r, s], axis=1)), ("Å", "Å")
    lengths = np.linalg.norm(r, axis=1)
    inner = lengths < 1e-9 * np.linalg.norm(space.components(np.eye(space.dimension))[0])
    units = tuple("periods" if one else "Å" for one in inner)
    if inner.any():
        return np.diag(np.where(inner, 1.0, lengths)), (units[0], units[1])
    return _frame(r), (units[0], units[1])


def _frame(vectors: np.ndarray) -> np.ndarray:
    """Two vectors of any dimension laid into a plane, the first along x, (2, 2)."""
    length = np.linalg.norm(vectors[0])
    along = vectors[1] @ vectors[0] / length
    across = np.linalg.norm(vectors[1] - along * vectors[0] / length)
    return np.array([[length, 0.0], [along, across]])


def _cell_cut(edges: np.ndarray) -> np.ndarray:
    """Where |edges.T @ (a, b)| <= 1/2 in all N coordinates: a convex polygon of (a, b), (n, 2)."""
    reach = 0.5 * np.sqrt(edges.shape[1]) * np.linalg.norm(np.linalg.pinv(edges), 2) + 1.0
    polygon = reach * np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    for normal in np.concatenate([edges.T, -edges.T]):
        height = polygon @ normal - 0.5
        kept = []
        for i, (h, h_next) in enumerate(zip(height, np.roll(height, -1), strict=True)):
            p, p_next = polygon[i], polygon[(i + 1) % len(polygon)]
            if h <= 0:
                kept.append(p)
            if h * h_next < 0:
                kept.append(p + (p_next - p) * h / (h - h_next))
        polygon = np.array(kept)
    return polygon
