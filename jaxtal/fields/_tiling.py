"""Several cells as one, and fields carried into more dimensions: values and lattice."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._core import host_array
from ..lattice import BravaisLattice

#: Axes that a lattice type ties: replication must be equal along them or the type must relax.
_RELAXED = {"square": "rectangular", "rhombic": "oblique", "tetragonal": "orthorhombic"}


def replicate(
    values: Float[Array, "*sizes"],
    bravais: BravaisLattice,
    parameters: Float[Array, " p"],
    counts: Sequence[int],
) -> tuple[Float[Array, "*new"], BravaisLattice, Float[Array, " q"]]:
    """Several unit cells as one larger cell.

    Lengths are multiplied by the counts, angles kept. Where counts differ the lattice type relaxes:
    square to rectangular, rhombic to oblique, cubic to tetragonal (equal along a and b) or
    orthorhombic, tetragonal to orthorhombic.

    Args:
        values: one field, (*sizes).
        bravais: lattice type.
        parameters: cell parameters, lengths and degrees, (p,); differentiable.
        counts: cells along each axis, (D,).

    Returns:
        The field, (*(counts * sizes)), the lattice type and its parameters (q,).

    Raises:
        ValueError: counts that are not D positive integers, or unequal ones that the type does not
            allow (hexagonal along a and b, rhombohedral along any).

    References:
        PSCF user guide, command REPLICATE_UNIT_CELL.
    """
    n = positive_integers(counts, "counts", bravais.dimension)
    _check_dimension(values, bravais)
    tied = [n[0] == n[i] for i in range(len(n))]
    D, name = bravais.dimension, bravais.name
    kept = all(tied) if name in ("square", "rhombic", "cubic", "rhombohedral") else tied[:2][-1]
    if name == "hexagonal" and not kept:
        raise ValueError(f"counts: a hexagonal cell needs equal ones along a and b, got {n}")
    if name == "rhombohedral" and not kept:
        raise ValueError(f"counts: a rhombohedral cell needs equal ones, got {n}")
    new = name
    if name == "cubic" and not kept:
        new = "tetragonal" if tied[1] else "orthorhombic"
    elif name in _RELAXED and not kept:
        new = _RELAXED[name]
    # The old parameters written out: the length along each axis, then the angles.
    axes = _axes_of_lengths(bravais)
    lengths = [parameters[axes[i]] * n[i] for i in range(D)]
    found = BravaisLattice.find(new, D)
    wanted = _axes_of_lengths(found)
    distinct = [lengths[wanted.index(k)] for k in range(found.n_lengths)]
    angles = parameters[bravais.n_lengths :]
    return jnp.tile(values, n), found, jnp.concatenate([jnp.stack(distinct), angles])


def expand(
    values: Float[Array, "*sizes"],
    bravais: BravaisLattice,
    parameters: Float[Array, " p"],
    dimension: int,
    sizes: Sequence[int],
) -> tuple[Float[Array, "*new"], BravaisLattice, Float[Array, " q"]]:
    """A field of one or two dimensions carried, constant, along new axes normal to the old ones.

    A new edge has the length a N_new / N_1: nodes as far apart as along the first axis. Lamellar
    becomes square or rectangular, cubic, tetragonal or orthorhombic by the equality of all sizes;
    square becomes cubic or tetragonal; rectangular, orthorhombic; hexagonal stays; rhombic and
    oblique become triclinic (phi = 90, theta = 0, gamma kept).

    Args:
        values: one field, (*sizes).
        bravais: lattice type.
        parameters: cell parameters, lengths and degrees, (p,); differentiable.
        dimension: of the result, larger than now, at most 3.
        sizes: nodes along each new axis, (dimension - D,).

    Returns:
        The field, (*values.shape, *sizes), the lattice type and its parameters (q,).

    Raises:
        ValueError: a dimension that is not larger, or above 3; sizes that are not as many positive
            integers.

    References:
        PSCF user guide, command EXPAND_RGRID_DIMENSION.
    """
    _check_dimension(values, bravais)
    D = bravais.dimension
    if not D < dimension <= 3:
        raise ValueError(f"dimension: expected more than {D} and at most 3, got {dimension}")
    new = positive_integers(sizes, "sizes", dimension - D)
    spread = values.reshape(*values.shape, *(1 for _ in new))
    field = jnp.broadcast_to(spread, (*values.shape, *new))
    edges = [parameters[0] * (n / values.shape[0]) for n in new]
    equal = [n == values.shape[0] for n in new]
    a = parameters[0]
    if bravais.name == "lamellar" and dimension == 2:
        name, kept = ("square", [a]) if equal[0] else ("rectangular", [a, edges[0]])
    elif bravais.name in ("lamellar", "square"):
        first = bravais.name == "square" or equal[0]
        if first and equal[-1]:
            name, kept = "cubic", [a]
        else:
            name, kept = ("tetragonal", [a, edges[-1]]) if first else ("orthorhombic", [a, *edges])
    elif bravais.name == "hexagonal":
        name, kept = "hexagonal", [a, edges[0]]
    elif bravais.name == "rectangular":
        name, kept = "orthorhombic", [a, parameters[1], edges[0]]
    else:
        b = parameters[1] if bravais.name == "oblique" else a
        flat = [jnp.full_like(a, 90.0), jnp.zeros_like(a)]
        name, kept = "triclinic", [a, b, edges[0], *flat, parameters[-1]]
    return field, BravaisLattice.find(name, dimension), jnp.stack(kept)


def _axes_of_lengths(bravais: BravaisLattice) -> list[int]:
    """Which length parameter each axis has: [0, 0, 1] for a tetragonal cell."""
    tied = bravais.dimension - bravais.n_lengths
    return [max(0, axis - tied) for axis in range(bravais.dimension)]


def _check_dimension(values: Array, bravais: BravaisLattice) -> None:
    if values.ndim != bravais.dimension:
        raise ValueError(
            f"values: expected one field in {bravais.dimension} dimensions on a {bravais.name} "
            f"lattice, got shape {values.shape}"
        )


def positive_integers(given: Any, name: str, length: int) -> tuple[int, ...]:
    n: np.ndarray = host_array(given, name)
    if n.shape != (length,) or (n < 1).any() or (n % 1).any():
        raise ValueError(f"{name}: expected {length} positive integers, got {given!r}")
    return tuple(int(i) for i in n)
