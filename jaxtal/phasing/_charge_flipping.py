"""Charge flipping and its relatives: algorithms that differ in what they do to low density."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float, PRNGKeyArray

from ._algorithm import AbstractAlgorithm, Observed, replace_moduli
from ._threshold import quantile


class SweepDown(AbstractAlgorithm):
    """Flipping of the lowest fraction p of the density about its threshold, while p sinks.

        rho < rho0:  rho |-> 2 rho0 - rho,   rho0 the p-quantile,   p |-> p decrement

    A slow sweep is certain to pass the fraction at which the structure is found, and goes on to
    smooth the valleys between the peaks.

    Attributes:
        fraction: p of the first cycle.
        decrement: factor of p per cycle.
        exact: find the quantile from all points rather than from a subsample.

    References:
        The method `SweepDown` of the toolkit ChargeFlipPhaser.
    """

    fraction: float = 0.8
    decrement: float | Float[Array, ""] = 0.99
    exact: bool = False

    def __check_init__(self):
        """Check the numbers.

        Raises:
            ValueError: a fraction or a decrement that is not in (0, 1].
        """
        _check_share("fraction", self.fraction)
        _check_share("decrement", self.decrement)

    def init(self, observed: Observed, f: Complex[Array, " n"], key: PRNGKeyArray) -> Array:
        return jnp.asarray(self.fraction, observed.lower.dtype)

    def changeable(self, state: Any) -> dict[str, tuple[float, float, float]]:
        return {
            "fraction": (0.02, 0.98, float(state)),
            "decrement": (0.95, 1.0, float(self.decrement)),
        }

    def changed(
        self, name: str, value: Float[Array, ""], state: Any
    ) -> tuple[AbstractAlgorithm, Any]:
        # The fraction of the first cycle is past; that of the next one is the state.
        return (self, value) if name == "fraction" else super().changed(name, value, state)

    def flip_density(self, density: Float[Array, "*grid"], state: Any) -> tuple[Array, Any]:
        threshold = quantile(density, state, self.exact)
        flipped = jnp.where(density < threshold, 2.0 * threshold - density, density)
        return flipped, state * self.decrement


class ChargeFlipping(AbstractAlgorithm):
    """Charge flipping: rho changes its sign below a threshold; rho < delta: rho |-> -rho.

    Attributes:
        threshold: delta, absolute, in the units of the density; or None for an automatic one.
        sigmas: the automatic threshold, in root-mean-square values of each cycle's density.
        clip: values above this many root-mean-square values are changed in sign too, which
            guards against the solution of one heavy atom; None for no such limit.
        weak: share of the measured orbits, the weakest, whose moduli are left free and whose
            phases (of complex orbits) are shifted by pi / 2.

    References:
        Oszlanyi & Suto (2004), Acta Cryst. A60, 134; (2005), Acta Cryst. A61, 147 (weak
        reflections). Palatinus & Chapuis (2007), J. Appl. Cryst. 40, 786. Coelho (2007), Acta
        Cryst. A63, 400.
    """

    threshold: float | None = None
    sigmas: float | Float[Array, ""] = 1.0
    clip: float | None = None
    weak: float = 0.0

    def __check_init__(self):
        """Check the numbers.

        Raises:
            ValueError: a share of weak reflections that is not in [0, 1).
        """
        if not 0 <= self.weak < 1:
            raise ValueError(f"weak: expected a share in [0, 1), got {self.weak}")

    def init(self, observed: Observed, f: Complex[Array, " n"], key: PRNGKeyArray) -> Array:
        return _weak_orbits(observed, self.weak)

    def changeable(self, state: Any) -> dict[str, tuple[float, float, float]]:
        if self.threshold is not None:
            return {}
        return {"sigmas": (0.1, 4.0, float(self.sigmas))}

    def flip_density(self, density: Float[Array, "*grid"], state: Any) -> tuple[Array, Any]:
        rms = jnp.sqrt(jnp.mean(density * density))
        delta = self.sigmas * rms if self.threshold is None else self.threshold
        flip = density < delta
        if self.clip is not None:
            flip |= density > self.clip * rms
        return jnp.where(flip, -density, density), state

    def flip_amplitudes(
        self, observed: Observed, f: Complex[Array, " n"], back: Complex[Array, " n"], state: Any
    ) -> tuple[Complex[Array, " n"], Any]:
        replaced = replace_moduli(back, observed)
        if not self.weak:
            return replaced, state
        shifted = jnp.where(observed.real, back, jax.lax.complex(-back.imag, back.real))
        return jnp.where(state, shifted, replaced), state

    def solution(
        self, observed: Observed, f: Complex[Array, " n"], state: Any
    ) -> Complex[Array, " n"]:
        """Turn weak amplitudes back, and give all moduli as measured."""
        back = jax.lax.complex(f.imag, -f.real)
        return replace_moduli(jnp.where(state & ~observed.real, back, f), observed)


class RandomisedMedian(AbstractAlgorithm):
    """Flipping below the median; new phases go only to amplitudes that changed enough, by chance.

    rho < median: rho |-> -rho. An amplitude takes the phase of its back-transform with
    |f| < 2 u t |back - f|, u uniform in [0, 1), and keeps its own otherwise; t |-> t decrement.

    Attributes:
        threshold: t of the first cycle.
        decrement: factor of t per cycle.

    References:
        The method `RandomizedMedianFlip` of the toolkit ChargeFlipPhaser.
    """

    threshold: float = 1.0
    decrement: float | Float[Array, ""] = 0.998

    def init(self, observed: Observed, f: Complex[Array, " n"], key: PRNGKeyArray) -> Any:
        return key, jnp.asarray(self.threshold, observed.lower.dtype)

    def changeable(self, state: Any) -> dict[str, tuple[float, float, float]]:
        return {
            "threshold": (0.0, 2.0, float(state[1])),
            "decrement": (0.95, 1.0, float(self.decrement)),
        }

    def changed(
        self, name: str, value: Float[Array, ""], state: Any
    ) -> tuple[AbstractAlgorithm, Any]:
        if name == "threshold":
            return self, (state[0], value)
        return super().changed(name, value, state)

    def flip_density(self, density: Float[Array, "*grid"], state: Any) -> tuple[Array, Any]:
        return jnp.where(density < quantile(density, 0.5), -density, density), state

    def flip_amplitudes(
        self, observed: Observed, f: Complex[Array, " n"], back: Complex[Array, " n"], state: Any
    ) -> tuple[Complex[Array, " n"], Any]:
        key, threshold = state
        key, draw = jax.random.split(key)
        u = jax.random.uniform(draw, observed.lower.shape, observed.lower.dtype)
        moves = jnp.abs(f) < 2.0 * u * threshold * jnp.abs(back - f)
        kept = jnp.where(moves, replace_moduli(back, observed), f)
        return kept, (key, threshold * self.decrement)


class LowDensityElimination(AbstractAlgorithm):
    """Low-density elimination: negative density is dropped, what is low is damped.

        rho |-> rho (1 - exp(-(rho / (0.2 rho_c))^2 / 2)) for rho > 0, else 0

    Attributes:
        peak: rho_c, the expected height of an average peak, as a share of the maximum of each
            cycle's density.

    References:
        Shiono & Woolfson (1992), Acta Cryst. A48, 451.
    """

    peak: float | Float[Array, ""] = 0.5

    def __check_init__(self):
        """Check the numbers.

        Raises:
            ValueError: a share of the maximum that is not in (0, 1].
        """
        _check_share("peak", self.peak)

    def changeable(self, state: Any) -> dict[str, tuple[float, float, float]]:
        return {"peak": (0.05, 1.0, float(self.peak))}

    def flip_density(self, density: Float[Array, "*grid"], state: Any) -> tuple[Array, Any]:
        scale = 0.2 * self.peak * jnp.max(density)
        kept = jnp.maximum(density, 0.0)
        return kept * -jnp.expm1(-0.5 * (kept / scale) ** 2), state


def _weak_orbits(observed: Observed, share: float) -> Array:
    """True for the weakest measured orbits, a share of them, (n,)."""
    if not share:
        return jnp.zeros(observed.lower.shape, bool)
    # As an array: a bare number would have the quantile interpolated in the default width.
    part = jnp.asarray(share, observed.lower.dtype)
    limit = jnp.nanquantile(jnp.where(observed.measured, observed.lower, jnp.nan), part)
    return observed.measured & (observed.lower < limit)


def _check_share(name: str, value: float | Float[Array, ""]) -> None:
    if not 0 < value <= 1:
        raise ValueError(f"{name}: expected a number in (0, 1], got {value}")
