"""Both stages of the usual search as one program: what costs is the same in both."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, PyTree

from .._core import AnyArray
from ._abstract_optimiser import CHUNK, AbstractOptimiser
from ._adam import Adam
from ._levenberg_marquardt import LevenbergMarquardt


class TwoStages(AbstractOptimiser):
    """Adam or Levenberg-Marquardt, as told, on what one evaluation of the objective finds for both.

    Attributes:
        steps: iterations of the stage that it is.
        first, second: the stages.
        polishing: whether it is the second one.
    """

    steps: int
    first: Adam
    second: LevenbergMarquardt
    polishing: Any

    @classmethod
    def of(cls, first: Adam, second: LevenbergMarquardt, polishing: bool) -> "TwoStages":
        """One of two stages."""
        return cls(second.steps if polishing else first.steps, first, second, polishing)

    @property
    def resumed(self) -> bool:
        """Yes: the first stage is."""
        return True

    @property
    def room(self) -> int:
        """That of the second stage, which is not interrupted."""
        return max(CHUNK, self.second.room)

    def init(self, variables: Array, problem: Any) -> PyTree:
        return self.first.init(variables, problem), self.second.init(variables, problem)

    def step(
        self, variables: Array, state: PyTree, index: Array, problem: Any
    ) -> tuple[Array, PyTree, Array]:
        blur = self.first.blur_at(index.astype(variables.dtype))
        blur = jnp.where(self._is_second, jnp.zeros_like(blur), blur)
        found = problem.evaluated(variables, blur, slopes=self._is_second)

        def walk(variables: Array, state: PyTree) -> tuple[Array, PyTree, Array]:
            moved = self.first.moved(variables, state[0], index, found.loss, found.gradient)
            return moved[0], (moved[1], state[1]), moved[2]

        def polish(variables: Array, state: PyTree) -> tuple[Array, PyTree, Array]:
            moved = self.second.moved(variables, state[1], found.rows())
            return moved[0], (state[0], moved[1]), moved[2]

        return jax.lax.cond(self._is_second, polish, walk, variables, state)

    def done(self, state: PyTree) -> Bool[Array, ""]:
        return self._is_second & self.second.done(state[1])

    def result(self, variables: AnyArray, state: PyTree) -> tuple[AnyArray, AnyArray]:
        if self.polishing:
            return self.second.result(variables, state[1])
        return self.first.result(variables, state[0])

    @property
    def _is_second(self) -> Bool[Array, ""]:
        # Numbers of a stage are floating-point arrays inside the loop.
        return jnp.asarray(self.polishing) > 0.5
