"""What is to be phased: orbits, their measured moduli, and the unmeasured ones between them."""

import dataclasses
import math
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from .._core import check_finite, device_array, host_array
from ..reflections import AbstractWindow, NormalisedE, Reflections, Sharpening, Window
from ..symmetry import Orbits
from ._algorithm import Observed
from ._unmeasured_orbits import unmeasured_orbits


@dataclasses.dataclass(frozen=True, eq=False)
class PhasingProblem:
    """Orbits and the bounds of their moduli, in units that make the density's mean square 1.

    Attributes:
        orbits: measured orbits first, then the unmeasured ones that take part.
        lower, upper: bounds of the moduli, (n,), scaled so that sum multiplicity lower^2 = 1.
        scale: a modulus here times `scale` is sqrt(I) times the form factor.
        reflections: where they come from.
    """

    orbits: Orbits
    lower: Float[np.ndarray, " n"]
    upper: Float[np.ndarray, " n"]
    scale: float
    reflections: Reflections

    @classmethod
    def build(
        cls,
        reflections: Reflections,
        factors: Float[np.ndarray, " m"] | None = None,
        unmeasured: Literal["zero", "free"] | float = "zero",
    ) -> "PhasingProblem":
        """Scale measured amplitudes and, if asked, add the unmeasured reflections.

        Args:
            reflections: m measured orbits.
            factors: what each sqrt(I) is multiplied by, (m,): a window over the fall-off of the
                atoms (see `reflections.normalised_amplitudes`); 1 by default.
            unmeasured: what happens to reflections inside the ellipsoid of the measured ones that
                were not measured: "zero", "free", or a bound of their moduli as a multiple of the
                root-mean-square measured modulus.

        Raises:
            ValueError: factors of the wrong shape or sign, no amplitude above zero, a bad choice.
        """
        amplitude = reflections.amplitude
        if factors is not None:
            factors = host_array(factors, "factors")
            if factors.shape != amplitude.shape:
                raise ValueError(f"factors: expected shape {amplitude.shape}, got {factors.shape}")
            check_finite(factors, "factors")
            if (factors < 0).any():
                i = int(np.argmax(factors < 0))
                raise ValueError(f"factors[{i}]: expected none below 0, got {factors[i]:g}")
            amplitude = amplitude * factors
        orbits = reflections.orbits
        power = float(np.sum(orbits.multiplicity * amplitude**2))
        if not power > 0:
            raise ValueError("expected some amplitude above zero, got none")
        scale = math.sqrt(power)
        lower = amplitude / scale
        limit = _limit(unmeasured, math.sqrt(1.0 / orbits.n_reflections))
        if limit == 0:
            return cls(orbits, lower, lower, scale, reflections)
        extra = unmeasured_orbits(reflections.group, orbits.all_indices)
        orbits = Orbits.build(reflections.group, np.concatenate([orbits.k, extra]))
        upper = np.concatenate([lower, np.full(len(extra), limit)])
        lower = np.concatenate([lower, np.zeros(len(extra))])
        return cls(orbits, lower, upper, scale, reflections)

    @classmethod
    def from_reflections(
        cls,
        reflections: Reflections,
        *,
        sharpening: Sharpening | str | None = "normalised",
        window: AbstractWindow | str | None = "default",
        unmeasured: Literal["zero", "free"] | float = "zero",
    ) -> "PhasingProblem":
        """Sharpen and window the amplitudes of a reflection list.

        Args:
            reflections: m measured orbits.
            sharpening: what amplitudes are divided by: "normalised" (the fall-off seen in
                resolution shells, `NormalisedE(with_epsilon=False)`), a `Composition`, a
                `WilsonPlot`, or None for amplitudes as they are.
            window: what they are multiplied by: "default" (`reflections.Window()`), the name of a
                profile for both spaces, a window, or None.
            unmeasured: see `build`.

        Raises:
            ValueError: an unknown name, form factors that are not positive, or the errors of
                `build`.
        """
        factors = np.ones(len(reflections))
        if isinstance(sharpening, str):
            if sharpening != "normalised":
                raise ValueError(
                    f'sharpening: expected "normalised", None or an object with form_factors, got '
                    f"{sharpening!r}"
                )
            # epsilon belongs to the density: divided out, it would make atoms on axes ring.
            sharpening = NormalisedE(with_epsilon=False)
        if sharpening is not None:
            f = np.asarray(sharpening.form_factors(reflections), np.float64)
            if not (np.isfinite(f) & (f > 0)).all():
                raise ValueError("sharpening: expected positive form factors")
            factors = 1.0 / f
        if isinstance(window, str):
            window = Window() if window == "default" else Window(window, window)
        if window is not None:
            factors = factors * window.factors(reflections)
        return cls.build(reflections, factors, unmeasured)

    def __repr__(self) -> str:
        space = self.reflections.space
        n, extra = len(self.orbits.k), len(self.orbits.k) - len(self.reflections)
        free = f", {extra} of them unmeasured" if extra else ""
        return f"PhasingProblem({n} orbits{free}, {space.dimension} dimensions)"

    def observed(self, dtype: Any = np.float32) -> Observed:
        """Put the bounds into JAX arrays."""
        return Observed(
            device_array(self.lower, dtype),
            device_array(self.upper, dtype),
            device_array(self.orbits.real, bool),
            device_array(self.orbits.multiplicity, dtype),
        )


def _limit(unmeasured: str | float, rms: float) -> float:
    if unmeasured == "zero":
        return 0.0
    if unmeasured == "free":
        return math.inf
    if isinstance(unmeasured, int | float) and unmeasured >= 0:
        return float(unmeasured) * rms
    raise ValueError(
        f'unmeasured: expected "zero", "free" or a bound of at least 0, got {unmeasured!r}'
    )
