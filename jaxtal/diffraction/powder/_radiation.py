"""The beam of powder diffraction: emission lines, and the Lorentz-polarisation factor."""

import numpy as np
from jaxtyping import Float

from ..._core import AnyArray, namespace

#: K alpha1 and K alpha2 of the usual anodes, angstrom.
_DOUBLETS = {
    "Ag": (0.55942178, 0.5638131),
    "Co": (1.7889960, 1.7928350),
    "Cr": (2.2897260, 2.2936510),
    "Cu": (1.54059290, 1.54442740),
    "Fe": (1.9360410, 1.9399730),
    "Mo": (0.70931715, 0.713607),
}

#: Intensity of each line relative to K alpha1: 2 to 1 by the statistical weights.
_WEIGHTS = {"Ka1": 1.0, "Ka2": 0.5, "Ka": 1.0}


def emission_lines(wavelength: float | int | str) -> tuple[tuple[float, float], ...]:
    """Wavelengths and their shares of the beam.

    Args:
        wavelength: angstrom; or a name: "CuKa1", "CuKa2", "CuKa" (one line at the mean
            (2 alpha1 + alpha2) / 3), or lines joined by "+", "CuKa1+CuKa2" (the doublet, 2 to 1).
            Anodes: Ag, Co, Cr, Cu, Fe, Mo.

    Returns:
        (wavelength in angstrom, share) of each line; the shares add up to 1.

    Raises:
        ValueError: not positive and finite, or an unknown name.

    References:
        International Tables for Crystallography, Vol. C (2004), table 4.2.2.4.
    """
    if not isinstance(wavelength, str):
        if not (np.isfinite(wavelength) and wavelength > 0):
            raise ValueError(f"wavelength: expected a positive angstrom value, got {wavelength}")
        return ((float(wavelength), 1.0),)
    lines = []
    for name in wavelength.split("+"):
        anode, line = name[:2], name[2:]
        if anode not in _DOUBLETS or line not in _WEIGHTS:
            raise ValueError(
                f"wavelength: expected angstrom or the Ka, Ka1 or Ka2 of {', '.join(_DOUBLETS)} "
                f'("CuKa", "CuKa1+CuKa2"), got {wavelength!r}'
            )
        one, two = _DOUBLETS[anode]
        lines.append(({"Ka1": one, "Ka2": two, "Ka": (2 * one + two) / 3}[line], _WEIGHTS[line]))
    total = sum(weight for _, weight in lines)
    return tuple((value, weight / total) for value, weight in lines)


def lorentz_polarisation(
    sine: Float[AnyArray, "*n"], monochromator: float | None = 1.0
) -> Float[AnyArray, "*n"]:
    """(1 + A cos^2 2 theta) / (sin^2 theta cos theta), A = cos^2 2 theta_M; constants left out.

    Args:
        sine: sin theta, between 0 and 1, any shape.
        monochromator: cos 2 theta_M, 1 without a monochromator; None for a beam to which
            polarisation does not matter, with 1 in the numerator.

    Returns:
        Dimensionless, the shape of `sine`.
    """
    square = sine * sine
    lorentz = 1 / (square * namespace(sine).sqrt(1 - square))
    if monochromator is None:
        return lorentz
    return (1 + float(monochromator) ** 2 * (1 - 2 * square) ** 2) * lorentz
