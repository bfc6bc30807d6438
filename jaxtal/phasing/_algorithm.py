"""The seam of a phasing algorithm: how it changes a density, and which amplitudes follow."""

import abc
import dataclasses
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Complex, Float, PRNGKeyArray


class Observed(eqx.Module):
    """What the measurement says of each orbit: its modulus lies between two bounds.

    A measured orbit has both bounds equal to its normalised amplitude. An unmeasured one inside
    the ellipsoid has the lower bound 0 and the upper bound 0 (held at zero), a limit, or infinity
    (free).

    Attributes:
        lower, upper: bounds of |f|, (n,).
        real: True for orbits whose f is real, (n,).
        multiplicity: reflections per orbit, (n,).
    """

    lower: Float[Array, " n"]
    upper: Float[Array, " n"]
    real: Bool[Array, " n"]
    multiplicity: Float[Array, " n"]

    @property
    def measured(self) -> Bool[Array, " n"]:
        """True for measured orbits, (n,)."""
        return self.lower == self.upper


def replace_moduli(f: Complex[Array, " n"], observed: Observed) -> Complex[Array, " n"]:
    """Move each amplitude to the nearest one that the measurement allows, keeping its phase.

    f |-> f clip(|f|, lower, upper) / |f|; where f vanishes the phase 0 is taken.
    """
    squared = f.real * f.real + f.imag * f.imag
    nonzero = squared > 0
    inverse = lax.rsqrt(jnp.where(nonzero, squared, 1.0))
    modulus = jnp.clip(squared * inverse, observed.lower, observed.upper)
    factor = modulus * inverse
    return lax.complex(jnp.where(nonzero, f.real * factor, modulus), f.imag * factor)


class AbstractAlgorithm(eqx.Module):
    """A phasing algorithm: one cycle is density -> flipped density -> new amplitudes.

    A subclass gives the two methods below, and `init` if it carries a state (any pytree of
    arrays: counters, thresholds, random keys, amplitudes). Everything is jitted, scanned and
    mapped over starts. This is charge flipping with a fixed threshold:

        class Flip(AbstractAlgorithm):
            threshold: float

            def flip_density(self, density, state):
                return jnp.where(density < self.threshold, -density, density), state

    since `flip_amplitudes` defaults to replacing the moduli.
    """

    def init(self, observed: Observed, f: Complex[Array, " n"], key: PRNGKeyArray) -> Any:
        """Make the state before the first cycle; by default there is none."""
        return ()

    @abc.abstractmethod
    def flip_density(self, density: Float[Array, "*grid"], state: Any) -> tuple[Array, Any]:
        """Change the density in direct space.

        Args:
            density: values on the grid, in units of the amplitudes: rho = sum F exp(-2 pi i k.x).
            state: the state of the algorithm.

        Returns:
            the new density and the new state.
        """

    def flip_amplitudes(
        self,
        observed: Observed,
        f: Complex[Array, " n"],
        back: Complex[Array, " n"],
        state: Any,
    ) -> tuple[Complex[Array, " n"], Any]:
        """Make new amplitudes from those of the changed density.

        Args:
            observed: bounds of the moduli.
            f: amplitudes that the density was made of, (n,).
            back: amplitudes of the changed density, averaged over the group, (n,).
            state: the state of the algorithm.

        Returns:
            the amplitudes of the next cycle and the new state.
        """
        return replace_moduli(back, observed), state

    def changeable(self, state: Any) -> dict[str, tuple[float, float, float]]:
        """List the numbers that may be given other values between two cycles.

        Args:
            state: the state of the algorithm.

        Returns:
            by name: lowest and highest value, and the present one. None by default.
        """
        return {}

    def changed(
        self, name: str, value: Float[Array, ""], state: Any
    ) -> tuple["AbstractAlgorithm", Any]:
        """Return the algorithm and its state with another value of a number of `changeable`.

        By default it is a field of the algorithm.
        """
        return dataclasses.replace(self, **{name: value}), state

    def solution(
        self, observed: Observed, f: Complex[Array, " n"], state: Any
    ) -> Complex[Array, " n"]:
        """Return the amplitudes to report now; by default those the algorithm works with."""
        return f
