"""The grids and tables of a recipe's stages, worked out once for all starts."""

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core import limit_programs
from ..grids import Grid, folded_grids
from ._algorithm import Observed
from ._problem import PhasingProblem
from ._recipe import Recipe, Stage
from ._transform import Transform

#: Folded grids smaller than this are not worth it: the alias-free grid itself is small.
_SMALLEST_FOLD = 4096
#: From this size on, CPUs transform faster outside a compiled loop.
_LARGE = 1 << 19


@dataclasses.dataclass(frozen=True, eq=False)
class Workspace:
    """What all starts share.

    Attributes:
        problem: what is phased.
        observed: the measurement.
        grid: the alias-free grid.
        transforms: tables of each stage, maps stacked along a first axis.
    """

    problem: PhasingProblem
    observed: Observed
    grid: Grid
    transforms: tuple[Transform, ...]

    @classmethod
    def build(
        cls, problem: PhasingProblem, recipe: Recipe, grid: Grid, seed: int, dtype: Any
    ) -> "Workspace":
        """Tables for every stage, those of equal grids shared.

        Raises:
            ValueError: the grid is not alias-free for the reflections.
        """
        limit_programs()
        k = problem.orbits.all_indices
        if not grid.is_alias_free(k):
            raise ValueError(f"expected an alias-free grid, got {grid!r} with shared slots")
        alias_free = _stack([Transform.build(problem.orbits, grid, dtype=dtype)])
        transforms = []
        for i, stage in enumerate(recipe.stages):
            size = folded_size(stage, len(k))
            if stage.grid == "alias-free" or size < _SMALLEST_FOLD or size >= grid.size:
                transforms.append(alias_free)
            else:
                transforms.append(_folded(problem, stage, size, _stream(seed, i), dtype))
        return cls(problem, problem.observed(dtype), grid, tuple(transforms))

    def from_host(self, stage: int) -> bool:
        """True where a stage is better driven from the host on the present device."""
        shape = self.transforms[stage].moduli
        large = math.prod(shape) >= _LARGE and self.transforms[stage].slot.shape[0] == 1
        return large and jax.default_backend() == "cpu"

    def single(self, stage: int) -> Transform:
        """The first map of a stage."""
        return jax.tree.map(lambda table: table[0], self.transforms[stage])

    @property
    def sizes(self) -> list[int]:
        """Grid points of each stage."""
        return [math.prod(transform.moduli) for transform in self.transforms]


def folded_size(stage: Stage, reflections: int) -> int:
    """The power of two nearest to the size that a folded stage asks for."""
    return 1 << max(round(math.log2(stage.points_per_reflection * reflections)), 0)


def _folded(problem: PhasingProblem, stage: Stage, size: int, seed: int, dtype: Any) -> Transform:
    """Tables of a stage's maps, of one length."""
    bits = size.bit_length() - 1
    dimension = problem.orbits.group.dimension
    axes = min(3, dimension)
    shape = tuple(1 << (bits + axis) // axes for axis in range(axes))
    maps = folded_grids(shape, dimension, seed=seed, count=stage.maps)
    built = [Transform.build(problem.orbits, grid, dtype=dtype) for grid in maps]
    entries = max(len(transform.slot) for transform in built)
    return _stack([transform.padded(entries) for transform in built])


def _stream(seed: int, stage: int) -> int:
    """A seed of its own for the maps of each stage."""
    return int(np.random.SeedSequence((seed, stage + 1)).generate_state(1, np.uint64)[0])


def _stack(transforms: list[Transform]) -> Transform:
    return jax.tree.map(lambda *leaves: jnp.asarray(np.stack(leaves)), *transforms)
