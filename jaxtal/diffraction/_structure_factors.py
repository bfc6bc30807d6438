"""Structure factors by the direct sum over atoms and reflections."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Int

from .._core import AnyArray, as_array, namespace
from ..crystal import Crystal, as_crystal
from ..scattering import FormFactors, anisotropic_displacement, isotropic_displacement
from .sums._signed_sums import BLOCK


def structure_factors(
    crystal: Any,
    hkl: Int[Array, "P 3"] | Int[np.ndarray, "P 3"],
    form_factors: FormFactors,
    *,
    displacements: bool = True,
) -> Complex[Array, " P"]:
    """Sum the structure factors by direct summation over atoms and reflections.

    F(h) = sum_j o_j f_j(s) T_j(h) exp(+2 pi i h . x_j), with s = sin(theta)/lambda = q / 4 pi,
    o_j the occupancy, and T_j(h) = exp(-8 pi^2 U_j s^2) exp(-2 pi^2 sum_kl h_k a*_k U_kl a*_l h_l).

    The general route: any list of indices, isotropic and anisotropic displacement, anomalous
    scattering. For all indices of a box, `sums.signed_sums` is much faster.

    Args:
        crystal: one crystal of any kind (`as_crystal`).
        hkl: Miller indices, shape (P, 3).
        form_factors: table that covers every species of the crystal.
        displacements: include the Debye-Waller factors T_j.

    Returns:
        F in the units of the form factors (electrons for X-rays, angstrom for electrons, fm for
        neutrons), shape (P,). NaN if the table lacks a species of the crystal
        (`missing_species` tells which).

    References:
        International Tables for Crystallography, Vol. B (2008), sections 1.2.3 and 1.2.11.
    """
    # Labels are static, and would compile every composition anew; the keys say the same.
    factors = dataclasses.replace(form_factors, species=())
    return _compiled(as_crystal(crystal), as_array(hkl, np.int32), factors, displacements)


@eqx.filter_jit
def _compiled(
    crystal: Crystal, hkl: Int[Array, "P 3"], form_factors: FormFactors, displacements: bool
) -> Complex[Array, " P"]:
    per_species = species_sums(crystal, hkl, form_factors, displacements=displacements)
    real, imag = combine_species(per_species, stol2(crystal, hkl), form_factors)
    return nan_if_missing(jax.lax.complex(real, imag), crystal, form_factors)


def missing_species(crystal: Crystal, form_factors: FormFactors) -> Bool[Array, " N"]:
    """Tell for which atoms the table does not hold the species, shape (N,)."""
    return crystal.mask & ~jnp.any(_same_species(crystal, form_factors), axis=0)


def wave_vectors(crystal: Crystal, hkl: Int[Array, "P 3"]) -> Float[Array, "P 3"]:
    """q = h B of each reflection, in 1/angstrom, shape (P, 3)."""
    reciprocal = crystal.lattice.reciprocal
    # The highest precision, since accelerators multiply float32 matrices in fewer bits.
    return jnp.matmul(hkl.astype(reciprocal.dtype), reciprocal, precision="highest")


def stol2(crystal: Crystal, hkl: Int[Array, "P 3"]) -> Float[Array, " P"]:
    """(sin(theta)/lambda)^2 = (q / 4 pi)^2 of each reflection, in 1/angstrom^2, shape (P,)."""
    q = wave_vectors(crystal, hkl)
    return jnp.sum(q * q, axis=-1) / (16 * np.pi**2)


def wrapped(crystal: Crystal) -> Float[Array, "N 3"]:
    """Fractional coordinates in [-1/2, 1/2], where h . x loses the fewest digits, shape (N, 3)."""
    x = crystal.safe_frac_coords
    return x - jnp.round(x)


def species_weights(crystal: Crystal, form_factors: FormFactors) -> Float[Array, "S N"]:
    """Occupancy of each atom in the row of its species, 0 elsewhere, shape (S, N)."""
    return jnp.where(_same_species(crystal, form_factors), crystal.weights[None, :], 0.0)


def _same_species(crystal: Crystal, form_factors: FormFactors) -> Bool[Array, "S N"]:
    keys = jnp.stack([crystal.atomic_numbers, crystal.charges, crystal.isotopes], axis=-1)
    return jnp.all(form_factors.keys[:, None, :] == keys[None, :, :], axis=-1)


def nan_if_missing(
    values: Complex[Array, "*n"], crystal: Crystal, form_factors: FormFactors
) -> Complex[Array, "*n"]:
    """The values, or NaN if the table lacks a species of the crystal."""
    unknown = jnp.any(missing_species(crystal, form_factors))
    return jnp.where(unknown, jnp.full_like(values, jnp.nan), values)


def species_sums(
    crystal: Crystal,
    hkl: Int[Array, "P 3"],
    form_factors: FormFactors,
    *,
    displacements: bool = True,
) -> tuple[Float[Array, "S P"], Float[Array, "S P"]]:
    """Real and imaginary part of sum_(j in s) o_j T_j exp(2 pi i h . x_j) for every species."""
    weights = species_weights(crystal, form_factors)
    n_atoms, n_points = crystal.mask.shape[0], hkl.shape[0]
    n_blocks = -(-n_atoms * n_points // BLOCK)
    if n_blocks <= 1:
        return _direct_block(crystal, hkl, weights, displacements)
    size = -(-n_points // n_blocks)
    padded = jnp.pad(hkl, ((0, n_blocks * size - n_points), (0, 0)))
    real, imag = jax.lax.map(
        jax.checkpoint(lambda block: _direct_block(crystal, block, weights, displacements)),
        padded.reshape(n_blocks, size, 3),
    )

    def join(x: Array) -> Array:
        return jnp.moveaxis(x, 0, 1).reshape(x.shape[1], -1)[:, :n_points]

    return join(real), join(imag)


def _direct_block(
    crystal: Crystal, hkl: Int[Array, "P 3"], weights: Float[Array, "S N"], displacements: bool
) -> tuple[Float[Array, "S P"], Float[Array, "S P"]]:
    h = hkl.astype(weights.dtype)
    x = wrapped(crystal)
    # Three explicit products rather than a matrix product: on a GPU that would round to TF32.
    turns = (
        h[:, 0][None, :] * x[:, 0][:, None]
        + h[:, 1][None, :] * x[:, 1][:, None]
        + h[:, 2][None, :] * x[:, 2][:, None]
    )
    angle = 2 * np.pi * (turns - jnp.round(turns))
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    if displacements:
        damping = debye_waller(crystal, hkl)
        cos, sin = cos * damping, sin * damping
    real = jnp.matmul(weights, cos, precision="highest")
    return real, jnp.matmul(weights, sin, precision="highest")


def debye_waller(crystal: Crystal, hkl: Int[Array, "P 3"]) -> Float[Array, "N P"]:
    """Compute displacement factors T_j(h) of all atoms and reflections, (N, P), dimensionless."""
    u_iso = jnp.where(crystal.mask, crystal.u_iso, 0.0)
    factor = isotropic_displacement(u_iso, stol2(crystal, hkl))
    if crystal.u_aniso is None:
        return factor
    u = jnp.where(crystal.mask[:, None, None], crystal.u_aniso, 0.0)
    return factor * anisotropic_displacement(u, hkl, crystal.lattice.matrix)


def combine_species(
    sums: tuple[Float[AnyArray, "S P"], Float[AnyArray, "S P"]],
    stol2: Float[AnyArray, " P"],
    form_factors: FormFactors,
) -> tuple[Float[AnyArray, " P"], Float[AnyArray, " P"]]:
    """Real and imaginary part of sum_s f_s(s) S_s, with f = f0 + f' + i f''."""
    xp = namespace(stol2)
    real, imag = sums
    f = form_factors(stol2)
    if form_factors.fp is not None:
        f = f + form_factors.fp.astype(f.dtype)[:, None]
    if form_factors.fpp is None:
        return xp.sum(f * real, axis=0), xp.sum(f * imag, axis=0)
    fpp = form_factors.fpp.astype(f.dtype)[:, None]
    return xp.sum(f * real - fpp * imag, axis=0), xp.sum(f * imag + fpp * real, axis=0)
