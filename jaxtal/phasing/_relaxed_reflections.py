"""Reflect-reflect-relax, and with it the difference map: iterates that leave false minima."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Complex, Float, PRNGKeyArray

from ._algorithm import AbstractAlgorithm, Observed, replace_moduli
from ._threshold import quantile


class RelaxedReflections(AbstractAlgorithm):
    """Relaxed reflections (RRR): x |-> x + beta (P_s(2 P_m(x) - x) - P_m(x)).

    P_m replaces the moduli; P_s keeps the highest share of the density, where it is positive, and
    drops the rest. The iterate x lives in the space of the orbits (reflections that are not in
    the list stay zero). The cycle is turned so that its density is that of 2 P_m(x) - x and x
    is the memory. With beta = 1 this is the difference map with its usual parameters, and Fienup's
    hybrid input-output for a support known to be small.

    Attributes:
        beta: step, between 0 and 2.
        support: share of the points that may hold density.

    References:
        Elser, Lan & Bendory (2018), SIAM J. Imaging Sci. 11, 2429. Elser (2003), J. Opt. Soc.
        Am. A 20, 40.
    """

    beta: float | Float[Array, ""] = 0.5
    support: float | Float[Array, ""] = 0.05

    def __check_init__(self):
        """Check the numbers.

        Raises:
            ValueError: beta not in (0, 2), or a support not in (0, 1).
        """
        if not 0 < self.beta < 2:
            raise ValueError(f"beta: expected a step in (0, 2), got {self.beta}")
        if not 0 < self.support < 1:
            raise ValueError(f"support: expected a share in (0, 1), got {self.support}")

    def init(self, observed: Observed, f: Complex[Array, " n"], key: PRNGKeyArray) -> Any:
        return f

    def changeable(self, state: Any) -> dict[str, tuple[float, float, float]]:
        return {
            "beta": (0.05, 1.5, float(self.beta)),
            "support": (0.01, 0.5, float(self.support)),
        }

    def flip_density(self, density: Float[Array, "*grid"], state: Any) -> tuple[Array, Any]:
        limit = jnp.maximum(quantile(density, 1.0 - self.support), 0.0)
        return jnp.where(density >= limit, density, 0.0), state

    def flip_amplitudes(
        self, observed: Observed, f: Complex[Array, " n"], back: Complex[Array, " n"], state: Any
    ) -> tuple[Complex[Array, " n"], Any]:
        beta = jnp.asarray(self.beta, back.dtype)
        x = state + beta * (back - replace_moduli(state, observed))
        return 2.0 * replace_moduli(x, observed) - x, x

    def solution(
        self, observed: Observed, f: Complex[Array, " n"], state: Any
    ) -> Complex[Array, " n"]:
        return replace_moduli(state, observed)
