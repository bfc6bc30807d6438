"""A single delta in the cell: what any form factors make of it."""

import dataclasses
import math
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ..grids import Grid, folded_grids
from ..reflections import Reflections
from ..symmetry import Orbits
from ._transform import Transform

#: A folded grid stands in for one with fewer points per reflection than this.
_DENSITY = 4


@dataclasses.dataclass(frozen=True)
class DeltaShape:
    """How a delta at a generic point, with its images, looks with some form factors.

    Attributes:
        flatness: peak / -min of the density, whose mean is zero.
        extrema_ratio: (peak - median) / (median - min), the measure of convergence.
        height: of the peak of one delta as a share of what it would be if all factors were the
            largest one: the mean of g / max g.
        sharpness: effective share of the reflections, (sum g)^2 / (N sum g^2).
    """

    flatness: float
    extrema_ratio: float
    height: float
    sharpness: float


def delta_shape(
    reflections: Reflections, factors: Float[np.ndarray, " n"], grid: Grid, *, seed: int = 0
) -> DeltaShape:
    """Measure how flat, high and sharp a window leaves a single delta.

    rho(x) = sum over all reflections of g(k) sum_images exp(2 pi i k.(x_image - x)).

    Args:
        reflections: n orbits.
        factors: g, (n,), not negative.
        grid: where rho is looked at; see `fit_window` for small ones.
        seed: of the position of the delta.

    Raises:
        ValueError: factors of another shape, negative or all zero; a grid of another dimension.
    """
    g, multiplicity = np.asarray(factors, dtype=np.float64), reflections.orbits.multiplicity
    if g.shape != (len(reflections.k),) or not (g >= 0).all() or not g.any():
        raise ValueError(
            f"factors: expected {len(reflections.k)} numbers of at least 0, not all 0, got shape "
            f"{g.shape}"
        )
    delta = Delta.build(reflections.orbits, grid, seed)
    rho = delta.density(g)
    top, low, median = delta.peak(g), float(rho.min()), float(np.median(rho))
    total = float(g @ multiplicity)
    return DeltaShape(
        flatness=top / -low,
        extrema_ratio=(top - median) / (median - low),
        height=total / float(g.max() * multiplicity.sum()),
        sharpness=total**2 / float(g**2 @ multiplicity * multiplicity.sum()),
    )


@dataclasses.dataclass(frozen=True, eq=False)
class Delta:
    """The density of a delta and of its images under the group, for any form factors.

    The images are those of a structure: reflections that the group extinguishes are no gaps.

    Attributes:
        transform: from amplitudes to the density.
        orbits: the reflections.
        f: amplitudes of the orbits for g = 1, F(k) = f exp(2 pi i angle), (n,).
        size: number of points.
    """

    transform: Transform
    orbits: Orbits
    f: Complex[np.ndarray, " n"]
    size: int

    @classmethod
    def build(cls, orbits: Orbits, grid: Grid, seed: Any = 0) -> "Delta":
        """A delta at a random position, on a grid or on as many random points as it takes.

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
            grid = folded_grids((side,) * axes, grid.dimension)[0]
        nowhere = np.zeros(len(orbits.k), dtype=complex)
        return cls(Transform.build(orbits, grid), orbits, nowhere, grid.size).moved(seed)

    def moved(self, seed: Any) -> "Delta":
        """The same at another random position."""
        group = self.orbits.group
        x0 = np.random.default_rng(seed).random(group.dimension)
        images = group.rotations @ x0 + group.translations / group.denominator
        turns = self.orbits.k @ images.T - self.orbits.angle[:, None]
        f = np.exp(2j * np.pi * (turns % 1.0)).sum(axis=1)
        return dataclasses.replace(self, f=np.where(self.orbits.real, f.real, f))

    def density(self, g: Float[np.ndarray, " n"]) -> Float[np.ndarray, " points"]:
        """The density at all points for form factors g of the orbits, (points,)."""
        dtype = self.transform.factor.dtype
        return np.asarray(_density(self.transform, jnp.asarray(self.f * g, dtype))).reshape(-1)

    def peak(self, g: Float[np.ndarray, " n"]) -> float:
        """The density at the delta itself: sum g |F|^2 over all reflections / order."""
        power = self.orbits.multiplicity * np.abs(self.f) ** 2
        return float(g @ power) / self.orbits.group.order


@eqx.filter_jit
def _density(transform: Transform, f: Complex[Array, " n"]) -> Float[Array, "*grid"]:
    return transform.to_density(f)
