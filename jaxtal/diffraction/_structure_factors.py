"""Structure factors: the direct sum, and the separable product over a box of indices."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Int

from ..crystal import Crystal
from ..scattering import FormFactors

#: Largest number of (reflection, atom) phases, or products of phases, held at once.
BLOCK = 1 << 22


def structure_factors(
    crystal: Crystal,
    hkl: Int[Array, "P 3"],
    form_factors: FormFactors,
    *,
    displacements: bool = True,
) -> Complex[Array, " P"]:
    """Structure factors by direct summation over atoms and reflections.

    F(h) = sum_j o_j f_j(s) T_j(h) exp(+2 pi i h . x_j), with s = sin(theta)/lambda = q / 4 pi,
    o_j the occupancy, and T_j(h) = exp(-8 pi^2 U_j s^2) exp(-2 pi^2 sum_kl h_k a*_k U_kl a*_l h_l).

    The general route: any list of indices, isotropic and anisotropic displacement, anomalous
    scattering. For all indices of a box, `structure_factor_box` is much faster.

    Args:
        crystal: the atoms.
        hkl: Miller indices, shape (P, 3).
        form_factors: table that covers every species of the crystal.
        displacements: include the Debye-Waller factors T_j.

    Returns:
        F in the units of the form factors (electrons for X-rays, fm for neutrons), shape (P,).
        Atoms that the table lacks make every value NaN (`missing_species` tells which).

    References:
        International Tables for Crystallography, Vol. B (2008), sections 1.2.3 and 1.2.11.
    """
    per_species = species_sums(crystal, hkl, form_factors, displacements=displacements)
    real, imag = combine_species(per_species, stol2(crystal, hkl), form_factors)
    return jax.lax.complex(real, imag)


def stol2(crystal: Crystal, hkl: Int[Array, "P 3"]) -> Float[Array, " P"]:
    """(sin(theta)/lambda)^2 = (q / 4 pi)^2 of each reflection, in 1/angstrom^2, shape (P,)."""
    matrix = crystal.lattice.matrix
    q = hkl.astype(matrix.dtype) @ crystal.lattice.reciprocal
    return jnp.sum(q * q, axis=-1) / (16 * np.pi**2)


def species_weights(crystal: Crystal, form_factors: FormFactors) -> Float[Array, "S N"]:
    """Occupancy of each atom in the row of its species, 0 elsewhere, shape (S, N)."""
    keys = jnp.stack([crystal.atomic_numbers, crystal.charges, crystal.isotopes], axis=-1)
    same = jnp.all(form_factors.keys[:, None, :] == keys[None, :, :], axis=-1)
    return jnp.where(same, crystal.weights[None, :], 0.0)


def missing_species(crystal: Crystal, form_factors: FormFactors) -> Bool[Array, " N"]:
    """True for atoms whose species the table does not hold, shape (N,)."""
    keys = jnp.stack([crystal.atomic_numbers, crystal.charges, crystal.isotopes], axis=-1)
    known = jnp.any(jnp.all(form_factors.keys[:, None, :] == keys[None, :, :], axis=-1), axis=0)
    return crystal.mask & ~known


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
    dtype = weights.dtype
    h = hkl.astype(dtype)
    # Three explicit products rather than a matrix product: on a GPU that would round to TF32.
    x = crystal.safe_frac_coords
    turns = h[:, :1] * x[None, :, 0] + h[:, 1:2] * x[None, :, 1] + h[:, 2:] * x[None, :, 2]
    angle = 2 * np.pi * (turns - jnp.round(turns))
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    if displacements:
        damping = debye_waller(crystal, hkl)
        cos, sin = cos * damping, sin * damping
    contract = jnp.einsum("sn,pn->sp", weights, cos, precision="highest")
    return contract, jnp.einsum("sn,pn->sp", weights, sin, precision="highest")


def debye_waller(crystal: Crystal, hkl: Int[Array, "P 3"]) -> Float[Array, "P N"]:
    """Displacement factors T_j(h) of every reflection and atom, shape (P, N).

    T = exp(-8 pi^2 U s^2) exp(-2 pi^2 sum_kl h_k a*_k U_kl a*_l h_l), a*_k in 1/angstrom without
    the 2 pi.
    """
    u_iso = jnp.where(crystal.mask, crystal.u_iso, 0.0)
    exponent = 8 * np.pi**2 * stol2(crystal, hkl)[:, None] * u_iso[None, :]
    if crystal.u_aniso is not None:
        u = jnp.where(crystal.mask[:, None, None], crystal.u_aniso, 0.0)
        star = jnp.linalg.norm(crystal.lattice.reciprocal, axis=1) / (2 * np.pi)
        scaled = hkl.astype(u.dtype) * star[None, :]
        quadratic = jnp.einsum("pk,nkl,pl->pn", scaled, u, scaled, precision="highest")
        exponent = exponent + 2 * np.pi**2 * quadratic
    return jnp.exp(-exponent)


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
        F[h, k + k_max, l + l_max] for h = 0..h_max, k = -k_max..k_max, l = -l_max..l_max.
    """
    real, imag = box_sums(crystal, bounds, form_factors)
    _, k_max, l_max = bounds
    n_k, n_l = 2 * k_max + 1, 2 * l_max + 1
    axes = [jnp.arange(bounds[0] + 1), jnp.arange(n_k) - k_max, jnp.arange(n_l) - l_max]
    hkl = jnp.stack(jnp.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    shape = (real.shape[0], -1)
    sums = (real.reshape(shape), imag.reshape(shape))
    real, imag = combine_species(sums, stol2(crystal, hkl), form_factors)
    return jax.lax.complex(real, imag).reshape(bounds[0] + 1, n_k, n_l)


def box_sums(
    crystal: Crystal, bounds: tuple[int, int, int], form_factors: FormFactors
) -> tuple[Float[Array, "S H KL"], Float[Array, "S H KL"]]:
    """The sums of `species_sums` for every reflection of a half box (h >= 0)."""
    h_max, k_max, l_max = bounds
    weights = species_weights(crystal, form_factors)
    x = crystal.safe_frac_coords
    xr, xi = _waves(x[:, 0], jnp.arange(h_max + 1))
    yr, yi = _waves(x[:, 1], jnp.arange(-k_max, k_max + 1))
    zr, zi = _waves(x[:, 2], jnp.arange(-l_max, l_max + 1))
    n_species, n_atoms = weights.shape
    # Complex arithmetic written out as one real product: [[Xr, -Xi], [Xi, Xr]] @ [Yr; Yi].
    left_r = (weights[:, None, :] * xr[None, :, :]).reshape(-1, n_atoms)
    left_i = (weights[:, None, :] * xi[None, :, :]).reshape(-1, n_atoms)
    left = jnp.concatenate(
        [jnp.concatenate([left_r, -left_i], axis=1), jnp.concatenate([left_i, left_r], axis=1)]
    )

    def rows(yr: Array, yi: Array) -> Array:
        """All l of some rows k: the product of the y and z waves, then over atoms."""
        real = yr[:, None, :] * zr[None, :, :] - yi[:, None, :] * zi[None, :, :]
        imag = yr[:, None, :] * zi[None, :, :] + yi[:, None, :] * zr[None, :, :]
        right = jnp.concatenate([real, imag], axis=-1).reshape(-1, 2 * n_atoms)
        return jnp.matmul(left, right.T, precision="highest")

    n_k, n_l = 2 * k_max + 1, 2 * l_max + 1
    n_blocks = min(n_k, -(-n_atoms * n_k * n_l // BLOCK))
    if n_blocks <= 1:
        product = rows(yr, yi)
    else:
        size = -(-n_k // n_blocks)
        pad = ((0, n_blocks * size - n_k), (0, 0))
        shape = (n_blocks, size, n_atoms)
        blocks = (jnp.pad(yr, pad).reshape(shape), jnp.pad(yi, pad).reshape(shape))
        mapped = jax.lax.map(jax.checkpoint(lambda block: rows(*block)), blocks)
        product = jnp.moveaxis(mapped, 0, 1).reshape(left.shape[0], -1)[:, : n_k * n_l]
    real, imag = jnp.split(product, 2)
    shape = (n_species, h_max + 1, n_k * n_l)
    return real.reshape(shape), imag.reshape(shape)


def _waves(x: Float[Array, " N"], h: Int[Array, " H"]) -> tuple[Array, Array]:
    """cos and sin of 2 pi h x, shape (H, N), the turns reduced before the multiplication."""
    turns = h.astype(x.dtype)[:, None] * x[None, :]
    angle = 2 * np.pi * (turns - jnp.round(turns))
    return jnp.cos(angle), jnp.sin(angle)


def combine_species(
    sums: tuple[Float[Array, "S P"], Float[Array, "S P"]],
    stol2: Float[Array, " P"],
    form_factors: FormFactors,
) -> tuple[Float[Array, " P"], Float[Array, " P"]]:
    """Real and imaginary part of sum_s f_s(s) S_s, with f = f0 + f' + i f''."""
    real, imag = sums
    f = form_factors(stol2)
    if form_factors.fp is not None:
        f = f + form_factors.fp.astype(f.dtype)[:, None]
    if form_factors.fpp is None:
        return jnp.sum(f * real, axis=0), jnp.sum(f * imag, axis=0)
    fpp = form_factors.fpp.astype(f.dtype)[:, None]
    return jnp.sum(f * real - fpp * imag, axis=0), jnp.sum(f * imag + fpp * real, axis=0)
