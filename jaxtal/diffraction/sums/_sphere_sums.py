"""Reflections inside a sphere, found in a compiled program, and the sums of waves at them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ..._core import AnyArray, bucket, cofactors, count, device_array, safe_norm
from ._hkl import count_in_sphere
from ._signed_sums import signed_places, signed_sums

#: Bounds reach this much (relative) further than promised: a crystal fits its own plan.
SLACK = 1e-4
#: Most reflections in a box: one number in single precision for each takes a quarter of a gigabyte.
MOST = 1 << 26
#: A cell is near-singular if its volume is less than this part of the product of its lengths.
FLATTEST = 1e-4
#: And if an axis is outside this interval, in angstrom.
LENGTHS = (0.01, 1e4)


class HklBox(eqx.Module):
    """Reflections that are looked through, and how many of them may lie in the sphere.

    Attributes:
        hkl: one of each pair h, -h, shape (3, M).
        place: where each of them stands in the sums of `signed_sums`, shape (M,).
        bounds: largest |h|, |k|, |l| along the shortest, middle and longest axis of a cell.
        points: how many of the reflections may lie in the sphere.
    """

    hkl: Float[Array, "3 M"]
    place: Int[Array, " M"]
    bounds: tuple[int, int, int] = eqx.field(static=True)
    points: int = eqx.field(static=True)

    @classmethod
    def build(cls, bounds: Sequence[int], points: int, dtype: Any = None) -> "HklBox":
        """Make a box of stated bounds (host).

        Raises:
            ValueError: not three bounds, or numbers that are not counts.
        """
        if len(bounds) != 3:
            raise ValueError(f"bounds: expected three, got {bounds}")
        h, k, l = (count(b, "bounds", 0) for b in bounds)
        axes = [np.arange(-b, b + 1) for b in (h, k, l)]
        hkl = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
        # The other half are their inverses, the middle one is 0: h is never negative.
        hkl = hkl[len(hkl) // 2 + 1 :]
        return cls(
            hkl=device_array(hkl.T, dtype or float),
            place=device_array(signed_places(hkl, (h, k, l)), np.int32),
            bounds=(h, k, l),
            points=count(points, "points", 1),
        )


def box_size(
    matrices: Float[np.ndarray, "n 3 3"],
    q_max: float,
    max_stretch: float | int = 1.0,
    more_points: float | int | None = None,
) -> tuple[tuple[int, int, int], int]:
    """Find the bounds and number of points of an `HklBox` that serves some cells (host).

    A lattice of which no direction is stretched by more than s has, inside q_max, no more
    reflections than the one that it came from has inside s q_max.

    Args:
        matrices: rows a, b, c, angstrom.
        q_max: radius of the sphere, 1/angstrom.
        max_stretch: how far any direction of a cell may stretch.
        more_points: how many times the reflections of these cells there may be, default as many
            as the stretched cells have.

    Raises:
        ValueError: a factor below 1, or a cell so long or flat that the box would hold too many
            reflections.
    """
    for name, value in (("max_stretch", max_stretch), ("more_points", more_points or 1)):
        if not (np.isfinite(value) and value >= 1):
            raise ValueError(f"{name}: expected a number of at least 1, got {value}")
    lengths = np.sort(np.linalg.norm(matrices, axis=2), axis=1).max(axis=0)
    reach = q_max * lengths * max_stretch * (1 + SLACK) / (2 * np.pi)
    # Before anything is listed: a misprinted cell must not take all memory there is.
    if not np.prod(2 * reach + 1) <= MOST:
        raise ValueError(
            f"expected a box of at most {MOST:.1e} reflections, got {np.prod(2 * reach + 1):.1e}: "
            "an axis is too long, or the cell too flat"
        )
    h, k, l = (int(b) for b in reach)
    radius = q_max * (1 + SLACK) * (max_stretch if more_points is None else 1)
    points = max(count_in_sphere(matrix, radius) for matrix in matrices)
    return (h, k, l), bucket(int((more_points or 1) * points), 32)


class SphereSums(NamedTuple):
    """What `sphere_sums` finds at P places, of which some are padding.

    q (P, 3) wave vectors, `size` (P,) their lengths, `within` (P,) whether the place holds a
    reflection of the sphere, `sums` (2, S, P) real and imaginary parts of
    sum_j w_sj exp(2 pi i h . x_j), and `complete` () whether all reflections have a place.
    """

    q: Float[AnyArray, "P 3"]
    size: Float[AnyArray, " P"]
    within: Bool[AnyArray, " P"]
    sums: Float[AnyArray, "2 S P"]
    complete: Bool[AnyArray, ""]

    def cut(self, n: int) -> tuple["SphereSums", "SphereSums"]:
        """The first n places, among which reflections stand first, and the others."""
        parts = []
        for some in (slice(None, n), slice(n, None)):
            sums = self.sums[:, :, some]
            q, size, within = self.q[some], self.size[some], self.within[some]
            parts.append(SphereSums(q, size, within, sums, self.complete))
        return parts[0], parts[1]


def sphere_sums(
    matrix: Float[Array, "3 3"],
    reciprocal: Float[Array, "3 3"],
    frac: Float[Array, "N 3"],
    weights: Float[Array, "S N"],
    q_max: float,
    box: HklBox,
) -> SphereSums:
    """Sum waves at all reflections with |q| < q_max, one of each Friedel pair.

    All of them lie in the box |h_i| <= q_max |a_i| / 2 pi.

    Args:
        matrix: rows a, b, c, not singular (`safe_cell`).
        reciprocal: rows of the reciprocal cell, with 2 pi.
        frac: fractional coordinates, finite.
        weights: of each atom in each sum, 0 for padding.
        q_max: radius of the sphere.
        box: capacity.
    """
    # Axes in the order of their lengths: cells that are long in different directions share a box.
    lengths = jax.lax.stop_gradient(safe_norm(matrix))
    order = jnp.argsort(lengths)
    reciprocal, frac, lengths = reciprocal[order], frac[:, order], lengths[order]
    room = jnp.asarray(np.array(box.bounds) + 1 - 1e-6, matrix.dtype)
    fits = jnp.all(lengths * (q_max / (2 * np.pi)) < room)
    picked, kept, enough = _inside(box, reciprocal, q_max)
    hkl = jnp.where(kept[None, :], box.hkl.astype(matrix.dtype)[:, picked], 0.0)
    # A matrix product, whose result is stored; at the highest precision, as on a GPU it is TF32.
    q = jnp.matmul(hkl.T, reciprocal, precision="highest")
    size = safe_norm(q)
    sums = jnp.stack(signed_sums(frac, weights, box.bounds))[:, :, box.place[picked]]
    return SphereSums(q, size, kept & (size < q_max), sums, fits & enough)


def _inside(
    box: HklBox, reciprocal: Float[Array, "3 3"], q_max: float
) -> tuple[Int[Array, " P"], Bool[Array, " P"], Bool[Array, ""]]:
    """Places in the box of the reflections in the sphere, which are real, and whether all fit."""
    basis = jax.lax.stop_gradient(reciprocal)
    h = box.hkl.astype(basis.dtype)
    # A little more than the sphere: the last digit of |q| depends on how a program is compiled.
    x, y, z = (h[0] * basis[0, i] + h[1] * basis[1, i] + h[2] * basis[2, i] for i in range(3))
    inside = x * x + y * y + z * z < (q_max * (1 + SLACK / 2)) ** 2
    place = jnp.cumsum(inside.astype(jnp.int32))
    target = jnp.where(inside, place - 1, box.points)
    every = jnp.arange(h.shape[1], dtype=jnp.int32)
    picked = jnp.zeros((box.points,), jnp.int32).at[target].set(every, mode="drop")
    kept = jnp.arange(box.points, dtype=jnp.int32) < place[-1]
    return picked, kept, place[-1] <= box.points


def safe_cell(
    lattice: Float[Array, "3 3"],
) -> tuple[Float[Array, "3 3"], Float[Array, "3 3"], Float[Array, ""], Bool[Array, ""]]:
    """Return matrix, reciprocal matrix (with 2 pi), volume, and whether the lattice is sound.

    A lattice that is near-singular or not finite is replaced by a unit cube, without gradient.
    """
    fixed = jax.lax.stop_gradient(lattice)
    unit = jnp.eye(3, dtype=lattice.dtype)
    regular = jnp.all(jnp.isfinite(fixed))
    fixed = jnp.where(regular, fixed, unit)
    lengths = safe_norm(fixed)
    regular = regular & jnp.all((lengths > LENGTHS[0]) & (lengths < LENGTHS[1]))
    fixed = jnp.where(regular, fixed, unit)
    _, volume = cofactors(fixed / safe_norm(fixed)[:, None])
    regular = regular & (jnp.abs(volume) > FLATTEST)
    matrix = jnp.where(regular, lattice, unit)
    lengths = safe_norm(matrix)
    products, volume = cofactors(matrix / lengths[:, None])
    reciprocal = (2 * np.pi) * products / (volume * lengths)[:, None]
    return matrix, reciprocal, jnp.abs(volume) * jnp.prod(lengths), regular
