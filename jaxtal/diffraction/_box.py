"""Structure factors of a full box of indices by the separable product."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Int

from ..crystal import Crystal
from ..scattering import FormFactors
from . import _structure_factors as direct


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
    real, imag = box_sums(crystal, bounds, form_factors)
    h_max, k_max, l_max = bounds
    axes = [np.arange(h_max + 1), np.arange(-k_max, k_max + 1), np.arange(-l_max, l_max + 1)]
    hkl = jnp.asarray(np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3))
    real, imag = direct.combine_species((real, imag), direct.stol2(crystal, hkl), form_factors)
    F = direct.nan_if_missing(jax.lax.complex(real, imag), crystal, form_factors)
    return F.reshape(h_max + 1, 2 * k_max + 1, 2 * l_max + 1)


def box_sums(
    crystal: Crystal, bounds: tuple[int, int, int], form_factors: FormFactors
) -> tuple[Float[Array, "S HKL"], Float[Array, "S HKL"]]:
    """The sums of `species_sums`, without displacements, for every reflection of a half box."""
    h_max, k_max, l_max = bounds
    weights = direct.species_weights(crystal, form_factors)
    x = direct.wrapped(crystal)
    xr, xi = _waves(x[:, 0], np.arange(h_max + 1))
    yr, yi = _waves(x[:, 1], np.arange(-k_max, k_max + 1))
    zr, zi = _waves(x[:, 2], np.arange(-l_max, l_max + 1))
    n_species, n_atoms = weights.shape
    # Complex arithmetic written out as one real product, [[Xr, -Xi], [Xi, Xr]] @ [Yr; Yi], with
    # the sum over atoms inside both factors' memory order: transposing costs as much again.
    left_r = (weights[:, None, :] * xr.T[None, :, :]).reshape(-1, n_atoms)
    left_i = (weights[:, None, :] * xi.T[None, :, :]).reshape(-1, n_atoms)
    left = jnp.concatenate(
        [jnp.concatenate([left_r, -left_i], axis=1), jnp.concatenate([left_i, left_r], axis=1)]
    )

    def rows(yr: Array, yi: Array) -> Array:
        """All l of some rows k: the product of the y and z waves, then over atoms."""
        real = yr[:, :, None] * zr[:, None, :] - yi[:, :, None] * zi[:, None, :]
        imag = yr[:, :, None] * zi[:, None, :] + yi[:, :, None] * zr[:, None, :]
        right = jnp.concatenate([real.reshape(n_atoms, -1), imag.reshape(n_atoms, -1)])
        return jnp.matmul(left, right, precision="highest")

    n_k, n_l = 2 * k_max + 1, 2 * l_max + 1
    n_blocks = min(n_k, -(-n_atoms * n_k * n_l // direct.BLOCK))
    if n_blocks <= 1:
        product = rows(yr, yi)
    else:
        size = -(-n_k // n_blocks)

        def blocks(y: Array) -> Array:
            padded = jnp.pad(y, ((0, 0), (0, n_blocks * size - n_k)))
            return jnp.moveaxis(padded.reshape(n_atoms, n_blocks, size), 1, 0)

        mapped = jax.lax.map(jax.checkpoint(lambda y: rows(*y)), (blocks(yr), blocks(yi)))
        product = jnp.moveaxis(mapped, 0, 1).reshape(left.shape[0], -1)[:, : n_k * n_l]
    real, imag = jnp.split(product, 2)
    return real.reshape(n_species, -1), imag.reshape(n_species, -1)


def _waves(x: Float[Array, " N"], h: Int[np.ndarray, " H"]) -> tuple[Array, Array]:
    """cos and sin of 2 pi h x, shape (N, H), the turns reduced before the multiplication."""
    turns = x[:, None] * jnp.asarray(h, x.dtype)[None, :]
    angle = 2 * np.pi * (turns - jnp.round(turns))
    return jnp.cos(angle), jnp.sin(angle)
