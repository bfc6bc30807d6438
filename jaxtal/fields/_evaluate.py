"""A field on a mesh as a smooth function of position."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ._density import Density
from ._waves import Waves


@jax.jit
def mesh_density(values: Float[Array, "*sizes"], waves: Waves) -> Density:
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
    coefficients = jnp.conj(waves.mesh.to_waves(values)).reshape(-1)[waves.slot]
    pairs = jnp.asarray(waves.mesh.half_weights().reshape(-1), values.dtype)[waves.slot]
    weight = waves.share.astype(values.dtype) * pairs
    return Density(waves.aliases, coefficients * weight.astype(coefficients.dtype))


def evaluate(values: Float[Array, "*sizes"], x: Any, waves: Waves) -> Float[Array, "*points"]:
    """A field at any points, by direct summation of its waves (see `mesh_density`).

    Args:
        values: one field, (*sizes).
        x: fractional coordinates, (..., D); differentiable.
        waves: plan of the same mesh.

    Returns:
        The field there, (...).

    Raises:
        ValueError: values of another shape than the plan's mesh, or points of another dimension.
    """
    return mesh_density(values, waves)(x)
