"""Wave vectors of a mesh: aliases of least length, their ties, and |G|^2 in a changing cell."""

import itertools
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .._core import check_finite, device_array, host_array, lll
from ..lattice import BravaisLattice, Lattice
from ..symmetry import SpaceGroup
from ._mesh import Mesh

#: Largest violation of a group by the lattice of a field, relative (see `SpaceGroup.check_matrix`).
LATTICE_TOLERANCE = 1e-6
#: Lengths tie when |G|^2 differs by less than this times (2 pi)^2 / V^(2/D).
TIE = 1e-8
# Steps of the reduced lattice of aliases that are tried; `_steps` drops those that cannot matter.
_REACH = 2


class Waves(eqx.Module):
    """The waves that a mesh stores for a real field, as wave vectors G = sum_i n_i b_i.

    A mesh cannot tell aliases n, n + N apart; each wave is taken at its shortest alias (its
    *minimal* or Brillouin-zone indices). On the zone boundary several aliases tie. Then the field
    between the nodes is the mean over all of them, which keeps a real field real and its
    symmetry; odd derivatives see the mean wave vector, even ones the common length.

    Which alias is shortest depends on the cell in steps, so the indices are a static plan and
    gradients flow through |n B|^2.

    Attributes:
        mesh: the mesh.
        minimal: minimal indices of the stored waves, of equal ones the lexicographically largest,
            (*half_shape, D).
        aliases: all tied minimal indices of the stored waves, (K, D).
        slot: the stored wave that an alias belongs to, flat, (K,).
        share: 1 / number of tied aliases of that wave, (K,).
        mean: mean over the tied aliases of each stored wave, (*half_shape, D).
        bounds: largest |n_i| of the aliases along each axis, (D,).
    """

    mesh: Mesh = eqx.field(static=True)
    bounds: tuple[int, ...] = eqx.field(static=True)
    minimal: Int[Array, "*half D"]
    aliases: Int[Array, "K D"]
    slot: Int[Array, " K"]
    share: Float[Array, " K"]
    mean: Float[Array, "*half D"]

    @classmethod
    def build(
        cls,
        mesh: Any,
        lattice: Any,
        dtype: Any = None,
        *,
        group: SpaceGroup | None = None,
    ) -> "Waves":
        """Work out the indices on the host.

        Args:
            mesh: the mesh, or its sizes.
            lattice: `Lattice`, matrix, rows, (D, D), or type and parameters, ("cubic", [3.5]).
            dtype: floating-point type of `share` and `mean`, default JAX's current one.
            group: symmetry of the lattice, which decides ties exactly (see `lattice_matrix`).

        Raises:
            ValueError: a lattice of another dimension, singular, not finite, or traced.
        """
        mesh = Mesh.of(mesh)
        indices = mesh.half_indices().reshape(-1, mesh.dimension)
        matrix = lattice_matrix(lattice, mesh.dimension, group)
        aliases, slot = tied_aliases(mesh, matrix, indices)
        minimal, ties = _largest(aliases, slot, len(indices))
        mean = np.zeros(indices.shape)
        np.add.at(mean, slot, aliases)
        mean /= ties[:, None]
        shape = (*mesh.half_shape, mesh.dimension)
        kind = dtype or float
        return cls(
            mesh,
            tuple(np.abs(aliases).max(axis=0).tolist()),
            device_array(minimal.reshape(shape), np.int32),
            device_array(aliases, np.int32),
            device_array(slot, np.int32),
            device_array(1.0 / ties[slot], kind),
            device_array(mean.reshape(shape), kind),
        )

    def squared(self, lattice: Lattice) -> Float[Array, "*half"]:
        """Return |G|^2 of the stored waves, in 1 / length^2, differentiable in the cell."""
        return squared_lengths(self.minimal, lattice)

    def vectors(self, lattice: Lattice) -> Float[Array, "*half D"]:
        """Return wave vectors for odd derivatives: means over tied aliases, Cartesian, 1/length."""
        return lattice.q(self.mean.astype(lattice.matrix.dtype))


def squared_lengths(indices: Int[Array, "*n D"], lattice: Lattice) -> Float[Array, "*n"]:
    """|n B|^2 of integer indices, in 1 / length^2, differentiable in the cell."""
    return jnp.sum(jnp.square(lattice.q(indices.astype(lattice.matrix.dtype))), axis=-1)


def minimal_indices(mesh: Any, lattice: Any, indices: Any = None) -> Int[np.ndarray, "n D"]:
    """Minimal (Brillouin-zone) indices of waves: the alias with the shortest wave vector.

    Among aliases whose |G|^2 are equal within `TIE` (2 pi)^2 / V^(2/D), the one whose indices are
    lexicographically largest.

    Args:
        mesh: the mesh, or its sizes.
        lattice: `Lattice` or matrix, rows, (D, D).
        indices: waves, any of their aliases, (n, D); default all waves in C order.

    Raises:
        ValueError: indices that are not integers, or a bad lattice (see `Waves.build`).

    References:
        PSCF user guide, appendix "Periodic Functions and Fourier Series", wavevector indexing.
    """
    mesh = Mesh.of(mesh)
    indices = mesh.indices() if indices is None else mesh._checked(indices)
    matrix = lattice_matrix(lattice, mesh.dimension)
    aliases, owner = tied_aliases(mesh, matrix, indices)
    return _largest(aliases, owner, len(indices))[0]


def tied_aliases(
    mesh: Mesh, matrix: Float[np.ndarray, "D D"], indices: Int[np.ndarray, "n D"]
) -> tuple[Int[np.ndarray, "K D"], Int[np.ndarray, " K"]]:
    """All aliases of least length, ordered by the wave they belong to, and that wave, (K,).

    The matrix is one of `lattice_matrix`.
    """
    N = np.array(mesh.sizes)
    aliasing = N[:, None] * 2 * np.pi * np.linalg.inv(matrix).T  # shortest aliases: modulo these
    U = lll(np.eye(mesh.dimension, dtype=np.int64), aliasing @ aliasing.T)
    metric = U @ (aliasing @ aliasing.T) @ U.T
    shift = (U * N).astype(np.int64)
    # Coordinates in the reduced basis of the lattice of aliases, within half a step of zero.
    coordinates = indices @ np.linalg.inv(shift)
    steps = np.rint(coordinates)
    nearest = indices - steps.astype(np.int64) @ shift
    coordinates -= steps
    tolerance = tie_tolerance(matrix)
    candidates = _steps(metric, tolerance)
    contested = np.zeros(len(indices), dtype=bool)
    for s in candidates[: len(candidates) // 2]:  # the other half are their negatives
        reach = 2 * np.abs(coordinates @ (metric @ s))
        contested |= reach >= s @ metric @ s - tolerance
    clear, open_ = np.flatnonzero(~contested), np.flatnonzero(contested)
    tried = np.concatenate([candidates, np.zeros((1, mesh.dimension), np.int64)])
    longer = coordinates[open_] @ (2 * metric @ tried.T) + np.einsum(
        "si,ij,sj->s", tried, metric, tried
    )
    row, column = np.nonzero(longer <= longer.min(axis=1, initial=0.0)[:, None] + tolerance)
    tied = nearest[open_[row]] + tried[column] @ shift
    aliases = np.concatenate([nearest[clear], tied])
    owner = np.concatenate([clear, open_[row]])
    order = np.argsort(owner, kind="stable")
    return aliases[order], owner[order]


def tie_tolerance(matrix: Float[np.ndarray, "D D"]) -> float:
    """|G|^2 that differ by less are equal: `TIE` (2 pi)^2 / V^(2/D), in 1 / length^2."""
    return TIE * (2 * np.pi) ** 2 / abs(float(np.linalg.det(matrix))) ** (2 / len(matrix))


def lattice_matrix(
    lattice: Any, dimension: int, group: SpaceGroup | None = None
) -> Float[np.ndarray, "D D"]:
    """The host matrix of a lattice, with the symmetry that decides which wave vectors tie.

    Rounding takes lengths apart that symmetry makes equal: that of single precision always, that of
    typed digits often. With a group the metric is averaged over it; without one a matrix in less
    than double precision becomes that of the Bravais lattice that it fits.

    Args:
        lattice: `Lattice`, matrix, rows, (D, D), or lattice type and its parameters,
            ("cubic", [3.5]).
        dimension: D.
        group: symmetry of the lattice.

    Raises:
        ValueError: another dimension, singular, not finite or traced, or a lattice that the group
            does not preserve.
    """
    if isinstance(lattice, tuple) and len(lattice) == 2 and isinstance(lattice[0], str):
        bravais = BravaisLattice.find(lattice[0], dimension)
        lattice = bravais.host_matrix(bravais.check(lattice[1]))
    matrix = lattice.matrix if isinstance(lattice, Lattice) else lattice
    values = host_array(matrix, "lattice")
    if values.shape != (dimension, dimension):
        raise ValueError(
            f"lattice: expected a matrix ({dimension}, {dimension}), got {values.shape}"
        )
    check_finite(values, "lattice")
    if abs(np.linalg.det(values)) <= 1e-9 * np.prod(np.linalg.norm(values, axis=1)):
        raise ValueError(f"lattice: expected independent rows, got {values.tolist()}")
    if group is not None:
        group.check_matrix(values, tol=LATTICE_TOLERANCE)
        W = group.point_rotations
        metric = np.einsum("nji,jk,nkl->il", W, values @ values.T, W) / len(W)
        return _with_metric(values, metric)
    single = getattr(matrix, "dtype", None) in (np.float32, np.float16, jnp.bfloat16)
    if single and dimension <= 3:
        right_handed = values.copy()
        right_handed[:, -1] *= np.sign(np.linalg.det(values))
        bravais, parameters = BravaisLattice.of(right_handed)
        ideal = bravais.host_matrix(parameters)
        return _with_metric(values, ideal @ ideal.T)
    return values


def _with_metric(matrix: np.ndarray, metric: np.ndarray) -> np.ndarray:
    """The lattice with another metric in the orientation of a matrix."""
    frame = np.linalg.solve(np.linalg.cholesky(matrix @ matrix.T), matrix)
    return np.linalg.cholesky(metric) @ frame


def _steps(metric: np.ndarray, tolerance: float) -> Int[np.ndarray, "s D"]:
    """Steps that can shorten or tie a vector of coordinates within 1/2; half, then negatives."""
    steps = np.array(list(itertools.product(range(-_REACH, _REACH + 1), repeat=len(metric))))
    moved = steps @ metric
    possible = np.abs(moved).sum(axis=1) >= (moved * steps).sum(axis=1) - tolerance
    steps = steps[: len(steps) // 2][possible[: len(steps) // 2]]  # lexicographically negative
    return np.concatenate([steps, -steps])


def _largest(
    aliases: np.ndarray, owner: np.ndarray, n: int
) -> tuple[Int[np.ndarray, "n D"], Int[np.ndarray, " n"]]:
    """The lexicographically largest alias of each wave, and how many tie."""
    counts = np.bincount(owner, minlength=n)
    least = aliases.min(axis=0)
    spans = aliases.max(axis=0) - least + 1
    codes = np.ravel_multi_index(tuple((aliases - least).T), tuple(spans))
    largest = np.maximum.reduceat(codes, np.cumsum(counts) - counts)
    return np.stack(np.unravel_index(largest, tuple(spans)), axis=1) + least, counts
