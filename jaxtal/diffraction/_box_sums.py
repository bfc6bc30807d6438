"""Sums over the atoms of each species at indices of a box, by the separable product."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..crystal import Crystal
from ..scattering import FormFactors
from ._structure_factors import species_weights
from .sums import signed_sums


def box_sums(
    crystal: Crystal,
    places: Int[Array, " P"] | Int[np.ndarray, " P"],
    bounds: tuple[int, int, int],
    form_factors: FormFactors,
) -> tuple[Float[Array, "S P"], Float[Array, "S P"]]:
    """The sums of `species_sums`, without displacements, at some places of `signed_sums`."""
    weights = species_weights(crystal, form_factors)
    sums = jnp.stack(signed_sums(crystal.safe_frac_coords, weights, bounds))[:, :, places]
    return sums[0], sums[1]
