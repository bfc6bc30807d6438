"""Powder lines without a profile: where each reflection falls on the axis of a pattern."""

from typing import Literal

import equinox as eqx
import numpy as np
from jaxtyping import Bool, Float

from ..._core import AnyArray, namespace

#: What the samples of a pattern are spaced along: degrees, or 1/angstrom.
Axis = Literal["two_theta", "q"]


class PowderPeaks(eqx.Module):
    """Lines of a powder pattern before they get a profile, every reflection by itself.

    Of several crystals with their axis first.

    Attributes:
        position: 2 theta in degrees or q in 1/angstrom, shape (M,); M is the number of emission
            lines times that of reflections in the plan, line by line.
        intensity: integrated intensity, shape (M,); 0 for padding and outside the pattern.
        fwhm: full width at half maximum, in the unit of `position`, shape (M,).
        complete: False if the plan does not serve the crystal.
    """

    position: Float[AnyArray, "*B M"]
    intensity: Float[AnyArray, "*B M"]
    fwhm: Float[AnyArray, "*B M"]
    complete: Bool[AnyArray, "*B"]


def place_on_axis(
    q: Float[AnyArray, " P"], wavelength: float | None, axis: Axis, ends: tuple[float, float]
) -> tuple[Float[AnyArray, " P"], Float[AnyArray, " P"] | None, Bool[AnyArray, " P"]]:
    """Position of each wave number on an axis.

    Args:
        q: 1/angstrom, shape (P,).
        wavelength: angstrom; None if there is none (q axis only).
        axis: "two_theta" or "q".
        ends: part of the axis that counts, in its unit. Others are put in the middle, so that
            nothing that follows overflows.

    Returns:
        Positions, sin(theta) (None without a wavelength), and whether each lies between the ends.
    """
    bounds = np.array(ends)
    if axis == "two_theta":
        assert wavelength is not None
        bounds = 4 * np.pi * np.sin(np.deg2rad(bounds / 2)) / wavelength
    first, last = bounds.tolist()
    inside = (q > first) & (q < last)
    xp = namespace(q)
    q = xp.where(inside, q, (first + last) / 2)
    if wavelength is None:
        return q, None, inside
    sine = q * (wavelength / (4 * np.pi))
    return (xp.arcsin(sine) * (360 / np.pi) if axis == "two_theta" else q), sine, inside
