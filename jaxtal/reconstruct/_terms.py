"""The seam of the objective: what else a crystal should do, beside reproducing its target."""

import abc
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from ..crystal import Crystal, WyckoffCrystal


class AbstractTerm(eqx.Module):
    """Something that a reconstruction should bring about, beside the descriptor's target.

    `objective + term` adds sum_i r_i^2 to the loss, where r are the term's residuals. A subclass
    says what they are; arrays that it holds are arguments of the compiled search, so that a new
    value compiles nothing anew. A cell of less than some volume, for example, costs

        class Roomy(AbstractTerm):
            least: Array  # angstrom^3

            def plan(self, like, max_stretch):
                return None

            def residuals(self, crystal, plan):
                return jnp.maximum(0.0, 1 - crystal.lattice.volume / self.least)[None]

    Residuals of order 1 weigh about as much as a crystal that has nothing in common with the
    target.
    """

    @abc.abstractmethod
    def plan(self, like: WyckoffCrystal, max_stretch: float) -> PyTree:
        """Static shapes and tables for crystals like this one (host); None if it needs none.

        Args:
            like: group, sites and a cell of about the right size.
            max_stretch: by what factor any direction of the cell may stretch during the search.
        """

    @abc.abstractmethod
    def residuals(self, crystal: Crystal, plan: PyTree) -> Float[Array, " r"]:
        """Residuals of one trial, dimensionless; pure, finite and differentiable for any cell.

        Args:
            crystal: all atoms of the cell, unpadded, shape (N, 3).
            plan: what `plan` has made.
        """


class PropertyTerm(AbstractTerm):
    """Pulls a property of the crystal toward a wanted value.

        L = weight * sum_i ((f_i(crystal) - wanted_i) / scale_i)^2

    With the weight of a few hundredths the target decides the kind of crystal and the property
    moves it a little; the two compete, and `Objective.parts` tells what each one is left with.

    Attributes:
        function: f(crystal, plan), a number or a vector; pure and differentiable. An
            `equinox.Module` with `__call__`, a fitted regressor for example, is an argument of
            the compiled search and not part of the program.
        wanted: value of f, any shape.
        scale: deviation that counts as 1, in the unit of f, a number or the shape of `wanted`.
        weight: dimensionless.
        make_plan: makes from (like, max_stretch) on the host what f gets as `plan`; None: f gets
            None.
    """

    function: Callable[[Crystal, Any], Array]
    wanted: Float[np.ndarray, "..."]
    scale: Float[np.ndarray, "..."]
    weight: Float[np.ndarray, ""]
    make_plan: Callable[[WyckoffCrystal, float], PyTree] | None = eqx.field(static=True)

    def __init__(
        self,
        function: Any,
        wanted: Any,
        *,
        scale: Any = 1.0,
        weight: float | int = 1.0,
        make_plan: Callable[[WyckoffCrystal, float], PyTree] | None = None,
    ):
        """See the attributes.

        Raises:
            ValueError: no function, a wanted value that is not finite, a scale that is not
                positive, or a negative weight.
        """
        self.function = function
        if not callable(function):
            raise ValueError(f"function: expected f(crystal, plan), got {function!r}")
        # NumPy arrays: they take the precision of the crystal, whichever that is.
        self.wanted = np.asarray(wanted, dtype=np.float64)
        self.scale = np.asarray(scale, dtype=np.float64)
        self.weight = np.asarray(weight, dtype=np.float64)
        if not np.all(np.isfinite(self.wanted)):
            raise ValueError(f"wanted: expected finite numbers, got {wanted}")
        if not np.all(np.isfinite(self.scale) & (self.scale > 0)):
            raise ValueError(f"scale: expected positive numbers, got {scale}")
        if self.scale.shape not in ((), self.wanted.shape):
            raise ValueError(
                f"scale: expected a number or the shape {self.wanted.shape} of wanted, got "
                f"{self.scale.shape}"
            )
        if self.weight.shape or not (np.isfinite(self.weight) and self.weight >= 0):
            raise ValueError(f"weight: expected a number >= 0, got {weight}")
        self.make_plan = make_plan

    def plan(self, like: WyckoffCrystal, max_stretch: float) -> PyTree:
        """What `make_plan` makes, or None."""
        return None if self.make_plan is None else self.make_plan(like, max_stretch)

    def residuals(self, crystal: Crystal, plan: PyTree) -> Float[Array, " r"]:
        """sqrt(weight) (f - wanted) / scale, flattened."""
        value = jnp.asarray(self.function(crystal, plan))
        if value.shape != self.wanted.shape:
            raise ValueError(
                f"function: expected values of the shape {self.wanted.shape} of wanted, got "
                f"{value.shape}"
            )
        wanted, scale, weight = (
            jnp.asarray(x).astype(value.dtype) for x in (self.wanted, self.scale, self.weight)
        )
        return jnp.ravel((value - wanted) * (jnp.sqrt(weight) / scale))
