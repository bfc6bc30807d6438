"""The seam of the search: what a stage is."""

import abc
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree

from .._core import AnyArray, namespace

#: Iterations of one call at most: a run can be interrupted between calls.
CHUNK = 50


class AbstractOptimiser(eqx.Module):
    """A stage of the search.

    Its numbers are arguments of the compiled loop, so that other ones compile nothing anew.
    """

    steps: eqx.AbstractVar[int]

    @property
    def resumed(self) -> bool:
        """Whether calls of `CHUNK` iterations go on from each other's state, zeros at first."""
        return False

    @property
    def room(self) -> int:
        """Iterations that one call may make, by which programs are told apart."""
        return CHUNK if self.resumed else -(-self.steps // CHUNK) * CHUNK

    @abc.abstractmethod
    def init(self, variables: Float[Array, " v"], problem: Any) -> PyTree:
        """State of one start."""

    @abc.abstractmethod
    def step(
        self, variables: Float[Array, " v"], state: PyTree, index: Array, problem: Any
    ) -> tuple[Array, PyTree, Array]:
        """One iteration: new variables, new state, and the loss before it."""

    def done(self, state: PyTree) -> Bool[Array, ""]:
        """Whether nothing is left to do."""
        return jnp.asarray(False)

    def result(self, variables: AnyArray, state: PyTree) -> tuple[AnyArray, AnyArray]:
        """Variables at the end, and the loss there: NaN if it has not been computed.

        Of one start or of several, on the host or in a program.
        """
        xp = namespace(variables)
        return variables, xp.full(variables.shape[:-1], xp.nan, variables.dtype)


def check_positive(**values: float | int) -> None:
    """Refuse numbers that are not above zero.

    Raises:
        ValueError: one that is not.
    """
    for name, value in values.items():
        if not (np.isfinite(value) and value > 0):
            raise ValueError(f"{name}: expected a positive number, got {value}")
