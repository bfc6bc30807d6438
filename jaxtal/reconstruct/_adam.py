"""Adam: the first stage of the search."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from ._abstract_optimiser import AbstractOptimiser, check_positive


class Adam(AbstractOptimiser):
    """Adam with a cosine-decaying rate, while the blur of G(d) falls to zero as (1 - t)^2.

    Attributes:
        steps: iterations.
        learning_rate: first step in the unconstrained variables: fractional coordinates, and
            logarithms of cell lengths.
        blur: first width of the Gaussian on G(d), 1/angstrom.
        arrived: loss below which a start is left alone. Adam's steps have the size of its rate
            however small the gradient, and would throw it out again.

    References:
        D. P. Kingma & J. Ba, "Adam: A method for stochastic optimization" (ICLR 2015).
    """

    steps: int = 400
    learning_rate: float = 0.06
    blur: float = 0.6
    arrived: float = 1e-9

    @classmethod
    def from_displaced(cls, displacement: float, steps: int = 400) -> "Adam":
        """The stage for starts near the solution, whose rate goes with how far they are.

        Half an angstrom has only to be walked. Two are beyond the basin: of alpha-quartz 5 % of
        such starts come back at a rate of 0.02, and 27 % at 0.12.

        Args:
            displacement: of the atoms, angstrom.
            steps: iterations.
        """
        return cls(steps, learning_rate=min(max(0.06 * displacement, 0.02), 0.12))

    def __check_init__(self):
        check_positive(steps=self.steps, learning_rate=self.learning_rate)
        if self.blur < 0:
            raise ValueError(f"blur: expected a width >= 0 1/angstrom, got {self.blur}")

    @property
    def resumed(self) -> bool:
        """Yes: the means of gradients and of their squares are kept."""
        return True

    def init(self, variables: Float[Array, " v"], problem: Any) -> PyTree:
        return jnp.zeros_like(variables), jnp.zeros_like(variables)

    def step(
        self, variables: Float[Array, " v"], state: PyTree, index: Array, problem: Any
    ) -> tuple[Array, PyTree, Array]:
        width = self.blur_at(index.astype(variables.dtype))
        loss, gradient = jax.value_and_grad(problem.loss)(variables, width)
        return self.moved(variables, state, index, loss, gradient)

    def blur_at(self, count: Array) -> Array:
        """Width of the Gaussian on G(d) at an iteration, 1/angstrom."""
        t = count / self.steps
        return self.blur * (1 - t) * (1 - t)

    def moved(
        self, variables: Float[Array, " v"], state: PyTree, index: Array, loss: Array, gradient: Any
    ) -> tuple[Array, PyTree, Array]:
        """A step, of the loss and its gradient."""
        count = index.astype(variables.dtype)
        # A start that has run into a singularity stays where it is instead of becoming NaN.
        gradient = jnp.where(jnp.isfinite(gradient), gradient, 0.0)
        mean, square = state
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient * gradient
        first, second = 1 - 0.9 ** (count + 1), 1 - 0.999 ** (count + 1)
        rate = self.learning_rate * 0.5 * (1 + jnp.cos(np.pi * count / self.steps))
        moved = variables - rate * (mean / first) / (jnp.sqrt(square / second) + 1e-8)
        return jnp.where(loss < self.arrived, variables, moved), (mean, square), loss
