"""Any objective as a function of the unconstrained variables of a crystal."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..crystal import WyckoffCrystal
from ._objective import ObjectivePlan


class Problem(eqx.Module):
    """Any objective on one crystal's sites; an argument of the compiled loop."""

    like: WyckoffCrystal
    plan: ObjectivePlan

    def loss(self, variables: Float[Array, " v"], blur: Any = 0.0) -> Float[Array, ""]:
        """The objective at some unconstrained variables."""
        return jnp.sum(jnp.square(self.residuals(variables, blur)))

    def residuals(self, variables: Float[Array, " v"], blur: Any = 0.0) -> Float[Array, " r"]:
        """The residuals whose squares add up to the objective."""
        crystal = self.like.with_variables(variables)
        return self.plan.residuals(crystal, blur)

    def linearised(self, variables: Float[Array, " v"], blur: Any = 0.0) -> Float[Array, "v_1 r"]:
        """The residuals, and below them their derivatives by each variable."""

        def along(direction: Array) -> tuple[Array, Array]:
            return jax.jvp(lambda v: self.residuals(v, blur), (variables,), (direction,))

        identity = jnp.eye(variables.shape[0], dtype=variables.dtype)
        residuals, slopes = jax.vmap(along, out_axes=(None, 0))(identity)
        return jnp.concatenate([residuals[None], slopes])

    @property
    def n_residuals(self) -> int:
        """How many residuals there are."""
        shape = jax.eval_shape(lambda: self.residuals(self.like.to_variables()))
        return shape.shape[0]
