"""Mean scattering of a composition: what observed amplitudes are divided by to become sharp."""

import re
from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from .._core import check_finite, host_array
from ._species import Species, parse_species, species_label
from ._tables import coefficients

CompositionLike = str | Mapping[Species, float | int]
"""What a user may call a composition: "Cd5.7Yb", "C22 H23 N", or {"Cd": 5.7, "Yb": 1.0}."""

_PART = re.compile(r"\s*([A-Z][a-z]?)(\d+\.?\d*|\.\d+)?")


def composition_amounts(composition: CompositionLike) -> dict[str, float]:
    """Amounts of the species of a composition, in order of first appearance.

    Args:
        composition: a formula of elements and decimal amounts ("Cd5.7Yb", "C22 H23 N"), or a
            mapping from species (ions too: {"Si4+": 1, "O2-": 2}) to amounts.

    Returns:
        Amounts by label, all positive.

    Raises:
        ValueError: an unknown species, an amount that is not positive, text that is no formula,
            or nothing at all.
    """
    if isinstance(composition, str):
        pairs: list[tuple[Species, float]] = []
        at = 0
        text = composition.strip()
        while at < len(text):
            match = _PART.match(text, at)
            if match is None:
                raise ValueError(
                    f"expected a composition such as 'Cd5.7Yb', got {composition!r}: "
                    f"cannot read {text[at:]!r}"
                )
            pairs.append((match[1], float(match[2] or 1)))
            at = match.end()
    else:
        pairs = [(species, float(amount)) for species, amount in composition.items()]
    amounts: dict[str, float] = {}
    for species, amount in pairs:
        label = species_label(parse_species(species))
        if not (np.isfinite(amount) and amount > 0):
            raise ValueError(
                f"expected a positive amount of {label}, got {amount} in {composition}"
            )
        amounts[label] = amounts.get(label, 0.0) + amount
    if not amounts:
        raise ValueError(f"expected at least one element in the composition, got {composition!r}")
    return amounts


def rms_form_factor(
    composition: CompositionLike,
    stol2: Float[np.ndarray, "*P"],
    *,
    b_iso: float = 0.0,
    kind: str = "waasmaier-kirfel",
) -> Float[np.ndarray, "*P"]:
    """Compute the root-mean-square form factor of a composition, at rest or vibrating; host.

        f(s^2) = sqrt(sum_i c_i f_i(s^2)^2 / sum_i c_i) exp(-B s^2)

    Dividing |F| by it makes structure factors of equal point atoms out of those of the mixture.

    Args:
        composition: see `composition_amounts`.
        stol2: s^2 = (sin(theta)/lambda)^2 = (q / 4 pi)^2 in 1/A^2, any shape P.
        b_iso: overall displacement parameter B, A^2.
        kind: table of form factors, see `FormFactors`.

    Returns:
        (P) in the unit of the table (electrons for X-rays), float64.

    Raises:
        ValueError: a bad composition, a species that the table lacks, s^2 negative or not finite,
            or a factor that vanishes.

    References:
        A. J. C. Wilson, Nature 150 (1942) 152. D. Waasmaier and A. Kirfel, Acta Cryst. A51
        (1995) 416.
    """
    s2 = host_array(stol2, "stol2")
    check_finite(s2, "stol2")
    if (s2 < 0).any():
        raise ValueError(f"stol2: expected s^2 >= 0, got {s2.min()}")
    amounts = composition_amounts(composition)
    total = np.zeros(s2.shape)
    for label, amount in amounts.items():
        a, b, c = coefficients(kind, parse_species(label))
        f = np.zeros(s2.shape)
        for height, width in zip(a, b, strict=True):
            f = f + height * np.exp(-width * s2)
        total = total + amount * ((f * s2 if kind == "recp" else f) + c) ** 2
    mean = np.sqrt(total / sum(amounts.values()))
    if not (mean > 0).all():
        raise ValueError(f"the form factor of {composition!r} vanishes, so nothing can be divided")
    return mean * debye_waller(s2, b_iso)


def debye_waller(stol2: Float[np.ndarray, "*P"], b_iso: float) -> Float[np.ndarray, "*P"]:
    """Compute the isotropic Debye-Waller factor exp(-B s^2) on the host, in float64.

    Args:
        stol2: s^2 in 1/A^2, any shape P.
        b_iso: displacement parameter B, A^2; negative values sharpen.

    Returns:
        (P), dimensionless.

    Raises:
        ValueError: B is not finite.
    """
    if not np.isfinite(b_iso):
        raise ValueError(f"b_iso: expected a finite B in A^2, got {b_iso}")
    return np.exp(-float(b_iso) * host_array(stol2, "stol2"))
