"""Normalised structure factors |E| by resolution shells."""

import dataclasses

import numpy as np
from jaxtyping import Float

from ._reflections import Reflections
from ._shells import resolution_shells, shell_count, shell_means


@dataclasses.dataclass(frozen=True)
class NormalisedE:
    """Sharpening to |E|: f = sqrt(epsilon <I / epsilon>), the mean a smooth function of s^2.

    ln <I / epsilon> is interpolated between the shells and adjusted until <E^2> = 1 in every
    shell (to 1e-9), so it needs no composition, and works with any number of reflections (few
    make one shell). Means are over independent reflections; negative intensities count as 0.

    Attributes:
        shells: number of resolution shells, by default one for about 40 reflections, at most 25.
        with_epsilon: divide by sqrt(epsilon), as E values are defined; without, reflections that
            a rotation fixes keep their higher mean, as structure factors of point atoms do.

    References:
        J. Karle and H. Hauptman, Acta Cryst. 9 (1956) 635. International Tables for
        Crystallography B, section 2.2.4.
    """

    shells: int | None = None
    with_epsilon: bool = True

    def form_factors(self, reflections: Reflections) -> Float[np.ndarray, " n"]:
        """Return what |F| is divided by, (n,).

        Raises:
            ValueError: all intensities are zero or negative.
        """
        s2, epsilon = reflections.stol2, reflections.epsilon
        wanted = shell_count(len(s2), 40, 1, 25) if self.shells is None else self.shells
        shell = resolution_shells(s2, wanted)
        power = reflections.amplitude**2 / epsilon
        if not (shell_means(power, shell) > 0).any():
            raise ValueError(f"expected a positive intensity, got none in {len(s2)} reflections")
        curve = smooth_means(s2, power, wanted)
        return np.sqrt(curve * epsilon) if self.with_epsilon else np.sqrt(curve)


def smooth_means(
    stol2: Float[np.ndarray, " n"], power: Float[np.ndarray, " n"], shells: int
) -> Float[np.ndarray, " n"]:
    """Mean of a positive quantity as a smooth function of s^2, at each reflection.

    Args:
        stol2: s^2, 1/A^2, (n,).
        power: the quantity, none negative and not all zero, (n,).
        shells: number of shells; in each that has a positive mean, the mean of power / curve is 1.
    """
    shell = resolution_shells(stol2, shells)
    means = shell_means(power, shell)
    used = means > 0
    knots = shell_means(stol2, shell)[used]
    logs = np.log(means[used])
    curve = np.exp(np.interp(stol2, knots, logs))
    for _ in range(1000):
        change = np.log(shell_means(power / curve, shell)[used])
        if np.abs(change).max() < 1e-10:
            break
        logs = logs + change
        curve = np.exp(np.interp(stol2, knots, logs))
    return curve
