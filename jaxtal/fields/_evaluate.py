"""A field on a mesh as a smooth function of position."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Shaped

from .._core import as_array
from ..density import Density
from ._mesh import floating
from ._waves import Waves

#: Complex numbers of the largest array of a block of points.
_BLOCK = 1 << 21


@jax.jit
def mesh_density(values: Shaped[Array, "*sizes"], waves: Waves) -> Density:
    """The real trigonometric polynomial through the nodes, as a `Density`.

    f(x) = sum_n F(n) mean_t exp(2 pi i G_t.x), the mean over the tied aliases G_t of each wave:
    real, smooth, equal to the values on the nodes, and as symmetric as they are. A `Density` has
    exp(-2 pi i k.x), so that its coefficients are the conjugates. Both waves of a pair are held
    where the mesh stores both.

    Args:
        values: one field, (*sizes).
        waves: plan of the same mesh.

    Returns:
        Density, differentiable in the values: at points, in boxes, on grids, on planes.

    Raises:
        ValueError: values of another shape than the plan's mesh.
    """
    return Density(waves.aliases, jnp.conj(_alias_coefficients(values, waves)))


def _alias_coefficients(values: Array, waves: Waves) -> Array:
    """Coefficients c of the aliases with f(x) = Re sum c exp(2 pi i n.x), (K,)."""
    c = waves.mesh.to_waves(values).reshape(-1)[waves.slot]
    kind = c.real.dtype
    pairs = jnp.asarray(waves.mesh.half_weights().reshape(-1), kind)[waves.slot]
    return c * (waves.share.astype(kind) * pairs).astype(c.dtype)


def evaluate(values: Shaped[Array, "*sizes"], x: Any, waves: Waves) -> Float[Array, "*points"]:
    """Evaluate a field at any points, by exact summation of its waves (see `mesh_density`).

    exp(2 pi i n.x) is a product over the axes, so that the sum over the box of all aliases is one
    matrix product and D - 1 short ones; no exponential of a whole wave is ever formed.

    Args:
        values: one field, (*sizes).
        x: fractional coordinates, (..., D); differentiable.
        waves: plan of the same mesh.

    Returns:
        The field there, (...).

    Raises:
        ValueError: values of another shape than the plan's mesh, or points of another dimension.
    """
    values = floating(values)
    x = as_array(x, values.dtype)
    D = waves.mesh.dimension
    if x.shape[-1:] != (D,):
        raise ValueError(f"x: expected points (..., {D}), got shape {x.shape}")
    if x.size == 0:
        return jnp.zeros(x.shape[:-1], values.dtype)
    return _at_points(values, x.reshape(-1, D), waves).reshape(x.shape[:-1])


@eqx.filter_jit
def _at_points(values: Array, x: Array, waves: Waves) -> Array:
    box = _box(values, waves)
    count = max(1, min(len(x), _BLOCK // int(np.prod(box.shape[:-1]))))
    n_blocks = -(-len(x) // count)
    blocks = jnp.pad(x, ((0, n_blocks * count - len(x)), (0, 0))).reshape(n_blocks, count, -1)
    bounds = waves.bounds

    @jax.checkpoint
    def block(x: Array) -> Array:
        total = jnp.matmul(box, _powers(x[:, -1], 0, bounds[-1]), precision="highest")
        for axis in reversed(range(len(bounds) - 1)):
            waves_along = _powers(x[:, axis], -bounds[axis], bounds[axis])
            total = jnp.einsum("...np,np->...p", total, waves_along, precision="highest")
        return total.real

    return lax.map(block, blocks).reshape(-1)[: len(x)]


def _box(values: Array, waves: Waves) -> Array:
    """Coefficients c with f(x) = Re sum c(n) exp(2 pi i n.x), in the box |n_i| <= bounds, n_D >= 0.

    Aliases with a negative last index are put at their inverse, as the conjugate.
    """
    c = _alias_coefficients(values, waves)
    flip = waves.aliases[:, -1] < 0
    n = jnp.where(flip[:, None], -waves.aliases, waves.aliases)
    *first, last = waves.bounds
    shape = (*(2 * b + 1 for b in first), last + 1)
    where = tuple(n[:, i] + b for i, b in enumerate((*first, 0)))
    return jnp.zeros(shape, c.dtype).at[where].add(jnp.where(flip, jnp.conj(c), c))


def _powers(x: Array, low: int, high: int) -> Array:
    """exp(2 pi i n x) for n = low ... high, (n, P); turns are reduced before multiplications."""
    x = x - jnp.round(x)
    turns = jnp.arange(low, high + 1, dtype=x.dtype)[:, None] * x[None, :]
    angle = 2 * np.pi * (turns - jnp.round(turns))
    return lax.complex(jnp.cos(angle), jnp.sin(angle))
