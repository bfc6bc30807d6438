"""Checks of the settings of a `PowderPattern`."""

from typing import Any

import numpy as np

from ._radiation import emission_lines


def check_axis(pattern: Any) -> None:
    """Refuse a range that is none."""
    low, high = pattern.limits
    if not (np.isfinite(high) and 0 < low < high):
        raise ValueError(f"limits: expected 0 < first < last, got {pattern.limits}")
    if pattern.n_points < 2:
        raise ValueError(f"n_points: expected at least 2, got {pattern.n_points}")


def check_width(pattern: Any) -> None:
    """Refuse lines that the samples do not resolve."""
    if isinstance(pattern.fwhm, tuple):
        if pattern.axis == "q":
            raise ValueError(f"fwhm: expected one number on a q axis, got {pattern.fwhm}")
        if pattern.limits[1] >= 180:
            raise ValueError(f"limits: expected 2 theta below 180 degrees, got {pattern.limits}")
    narrowest, widest = pattern.widths
    if not (np.isfinite(widest) and narrowest >= pattern.step * (1 - 1e-9)):
        raise ValueError(
            f"fwhm: expected at least one step of the axis ({pattern.step:g}) over the whole "
            f"range, got {narrowest:g} from {pattern.fwhm}"
        )


def check_radiation(pattern: Any) -> None:
    """Refuse wavelengths that do not reach the end of the range, or that an axis lacks."""
    if pattern.wavelength is None:
        if pattern.axis != "q" or pattern.lorentz_polarisation or pattern.anomalous:
            raise ValueError(
                "wavelength: None needs a q axis and neither the Lorentz-polarisation factor "
                "nor anomalous scattering"
            )
        return
    lines = emission_lines(pattern.wavelength)
    if pattern.axis == "q" and len(lines) > 1:
        raise ValueError(f"wavelength: expected a single line on a q axis, got {lines}")
    largest = 180.0 if pattern.axis == "two_theta" else 4 * np.pi / max(w for w, _ in lines)
    if pattern.end >= largest:
        raise ValueError(
            f"limits: expected the range and the lines that reach into it ({pattern.end:g}) to "
            f"end below {largest:g}, where sin(theta) = 1, got {pattern.limits}"
        )
