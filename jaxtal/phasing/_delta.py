"""A single delta in the cell: what any form factors make of it."""

import dataclasses
import math

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from ..fields import Grid, folded_grids
from ..reflections import Reflections
from ..scattering import ball_autocorrelation
from ..symmetry import Orbits
from ._transform import Transform

#: A folded grid stands in for one with fewer points per reflection than this.
_DENSITY = 4


@dataclasses.dataclass(frozen=True)
class DeltaShape:
    """How a delta at a generic point looks with some form factors.

    Attributes:
        flatness: T(x0) / -min T; the mean of T is zero.
        extrema_ratio: (T(x0) - median) / (median - min), the measure of convergence.
        height: T(x0) as a share of what it would be if all factors were the largest one.
        sharpness: effective share of the reflections, (sum g)^2 / (N sum g^2).
    """

    flatness: float
    extrema_ratio: float
    height: float
    sharpness: float


def delta_shape(
    reflections: Reflections, factors: Float[np.ndarray, " n"], grid: Grid, *, seed: int = 0
) -> DeltaShape:
    """Measure a delta with form factors g of the orbits.

    T(x) = sum over all reflections g(k) cos(2 pi k.(x - x0)).

    Args:
        reflections: n orbits.
        factors: g, (n,), not negative.
        grid: where T is looked at; see `automatic_window` for small ones.
        seed: of the position x0.

    Raises:
        ValueError: factors of another shape, negative or all zero; a grid of another dimension.
    """
    g, multiplicity = np.asarray(factors, dtype=np.float64), reflections.orbits.multiplicity
    if g.shape != (len(reflections.k),) or not (g >= 0).all() or not g.any():
        raise ValueError(
            f"factors: expected {len(reflections.k)} numbers of at least 0, not all 0, got shape "
            f"{g.shape}"
        )
    T = Delta.build(reflections.orbits, grid, seed)(g)
    top, low, median = float(g @ multiplicity), float(T.min()), float(np.median(T))
    return DeltaShape(
        flatness=top / -low,
        extrema_ratio=(top - median) / (median - low),
        height=top / float(g.max() * multiplicity.sum()),
        sharpness=top**2 / float(g**2 @ multiplicity * multiplicity.sum()),
    )


def ball_windows(reflections: Reflections) -> Float[np.ndarray, " n"]:
    """Ball autocorrelations in physical times internal space, each of its own dimension, (n,).

    The arguments are |q| and |q_perp| in units of slightly more than their largest values.
    """
    product = np.ones(len(reflections.k))
    for q, dimension in (
        (reflections.q_parallel, reflections.space.n_physical),
        (reflections.q_perpendicular, reflections.space.n_internal),
    ):
        largest = float(q.max(initial=0.0))
        if largest > 0:
            product *= ball_autocorrelation(q / (largest * (1 + 1 / len(q))), dimension)
    return product / product.max()


@dataclasses.dataclass(frozen=True, eq=False)
class Delta:
    """The density of a delta at a generic point, for any form factors.

    Attributes:
        transform: from form factors to the density around the delta.
        size: number of points.
    """

    transform: Transform
    size: int

    @classmethod
    def build(cls, orbits: Orbits, grid: Grid, seed: int = 0) -> "Delta":
        """On a grid, or on as many random points as there should be.

        Raises:
            ValueError: a grid of another dimension.
        """
        if grid.dimension != orbits.group.dimension:
            raise ValueError(
                f"grid: expected {orbits.group.dimension} dimensions, got {grid.dimension}"
            )
        wanted = _DENSITY * orbits.n_reflections
        if grid.size < wanted:
            axes = min(3, grid.dimension)
            side = 8 * math.ceil(max(wanted, 4096) ** (1 / axes) / 8)
            grid = folded_grids((side,) * axes, grid.dimension, seed=seed)[0]
        delta = np.random.default_rng([seed, 1]).random(grid.dimension)
        # Only k.(x - x0) matters, whatever the translations of the group: all phases are zero.
        plain = dataclasses.replace(
            orbits, angle=np.zeros(len(orbits.k)), phase=np.zeros(len(orbits.members))
        )
        return cls(Transform.build(plain, grid.with_origin(grid.origin - delta)), grid.size)

    def __call__(self, g: Float[np.ndarray, " n"]) -> Float[np.ndarray, " points"]:
        """T at all points for form factors g of the orbits, (points,)."""
        f = jnp.asarray(g, self.transform.weight.dtype)
        return np.asarray(_density(self.transform, f)).reshape(-1)


@eqx.filter_jit
def _density(transform: Transform, g: Float[Array, " n"]) -> Float[Array, "*grid"]:
    return transform.to_density(lax.complex(g, jnp.zeros_like(g)))
