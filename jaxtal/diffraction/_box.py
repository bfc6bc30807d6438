"""Structure factors of a full box of indices by the separable product."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Int

from ..crystal import Crystal
from ..scattering import FormFactors
from . import _structure_factors as direct
from ._signed_sums import signed_places, signed_sums


def structure_factor_box(
    crystal: Crystal, bounds: tuple[int, int, int], form_factors: FormFactors
) -> Complex[Array, "H K L"]:
    """Structure factors of every reflection of a half box, without displacement factors.

    exp(2 pi i h . x) = exp(2 pi i hx) exp(2 pi i ky) exp(2 pi i lz) separates, so the box needs
    N (H + K + L) trigonometric evaluations instead of N H K L, and one matrix product.

    Args:
        crystal: the atoms; displacement parameters are ignored.
        bounds: largest |h|, |k| and |l|, static.
        form_factors: table that covers every species of the crystal.

    Returns:
        F[h, k + k_max, l + l_max] for h = 0..h_max, k = -k_max..k_max, l = -l_max..l_max, in the
        units of the form factors. NaN if the table lacks a species of the crystal.
    """
    h_max, k_max, l_max = bounds
    axes = [np.arange(h_max + 1), np.arange(-k_max, k_max + 1), np.arange(-l_max, l_max + 1)]
    hkl = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    sums = box_sums(crystal, signed_places(hkl, bounds), bounds, form_factors)
    s2 = direct.stol2(crystal, jnp.asarray(hkl))
    real, imag = direct.combine_species(sums, s2, form_factors)
    F = direct.nan_if_missing(jax.lax.complex(real, imag), crystal, form_factors)
    return F.reshape(h_max + 1, 2 * k_max + 1, 2 * l_max + 1)


def box_sums(
    crystal: Crystal,
    places: Int[Array, " P"] | Int[np.ndarray, " P"],
    bounds: tuple[int, int, int],
    form_factors: FormFactors,
) -> tuple[Float[Array, "S P"], Float[Array, "S P"]]:
    """The sums of `species_sums`, without displacements, at some places of `signed_sums`."""
    weights = direct.species_weights(crystal, form_factors)
    sums = jnp.stack(signed_sums(crystal.safe_frac_coords, weights, bounds))[:, :, places]
    return sums[0], sums[1]
