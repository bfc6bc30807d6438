"""Anomalous dispersion f', f'' by Cromer and Liberman's method; host only."""

from collections.abc import Sequence

import gemmi
import numpy as np
from jaxtyping import Float

from ._species import Species, parse_species, species_label

# h c in eV A, exact by the definition of the SI units.
_HC = 12398.419843320026


def anomalous(
    species: Sequence[Species], wavelength: float
) -> tuple[Float[np.ndarray, " S"], Float[np.ndarray, " S"]]:
    """Look up the anomalous dispersion f' and f'' of each species at one X-ray wavelength.

    Calculated for isolated atoms: near an absorption edge, the true values depend on the bonding.
    H and He are taken as zero.

    Args:
        species: S labels, atomic numbers or tuples; charge and isotope play no part.
        wavelength: X-ray wavelength in angstrom.

    Returns:
        f' and f'' in electrons, (S,) each; in the sign convention where f'' is positive.

    Raises:
        ValueError: for a wavelength outside 0.1..10 A, an unknown element, or one beyond uranium.

    References:
        Cromer & Liberman (1981), Acta Cryst. A37, 267; evaluated by gemmi.
    """
    if not 0.1 <= wavelength <= 10.0:
        raise ValueError(f"expected an X-ray wavelength in 0.1..10 A, got {wavelength}")
    fp, fpp = [], []
    for one in species:
        number = parse_species(one)[0]
        if number > 92:
            raise ValueError(
                f"anomalous dispersion is tabulated to uranium, got {species_label(number)!r}"
            )
        real, imag = gemmi.cromer_liberman(number, _HC / wavelength)
        fp.append(real)
        fpp.append(imag)
    return np.array(fp, dtype=float), np.array(fpp, dtype=float)
