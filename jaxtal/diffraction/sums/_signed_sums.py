"""Sums of waves over atoms for all signs of (h, k, l), from products of cosines and sines."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

#: Largest number of (reflection, atom) phases, or products of phases, held at once.
BLOCK = 1 << 22


def signed_places(
    hkl: Int[np.ndarray, "P 3"], bounds: tuple[int, int, int]
) -> Int[np.ndarray, " P"]:
    """Tell where `signed_sums` puts the sums of some indices, whose h is not negative (host)."""
    h_max, k_max, l_max = bounds
    sign = 2 * (hkl[:, 1] < 0) + (hkl[:, 2] < 0)
    place = np.abs(hkl) @ np.array([(k_max + 1) * (l_max + 1), l_max + 1, 1])
    return sign * (h_max + 1) * (k_max + 1) * (l_max + 1) + place


def signed_sums(
    frac: Float[Array, "N 3"], weights: Float[Array, "S N"], bounds: tuple[int, int, int]
) -> tuple[Float[Array, "S M"], Float[Array, "S M"]]:
    """Compute sum_j w_sj exp(2 pi i h . x_j) for h >= 0 and every sign of k and l.

        exp i(a + b + c) = sum over the eight products of cos or sin of a, of b and of c,

    and a change of sign of b or c changes signs in that sum alone. So |h|, |k| and |l| are enough
    for the product over atoms, real and half as long as with complex waves.

    Args:
        frac: fractional coordinates, finite.
        weights: of each atom in each sum.
        bounds: largest |h|, |k| and |l|, static.

    Returns:
        Real and imaginary parts, M = 4 (h_max + 1) (k_max + 1) (l_max + 1), ordered by the signs of
        (k, l), (+, +), (+, -), (-, +), (-, -), then by |h|, |k| and |l| (`signed_places`).
    """
    n_species, n_atoms = weights.shape
    x = frac - jnp.round(frac)
    # A loop over the axes, since its results are stored: XLA would otherwise put the cosines into
    # the outer products below, and compute each of them over and over.
    waves = jax.lax.map(lambda y: _waves(y, max(bounds)), x.T)
    along = [waves[i, :, : b + 1] for i, b in enumerate(bounds)]
    sizes = tuple(b + 1 for b in bounds)
    left = weights[None, :, None, :] * along[0][:, None, :, :]
    left = left.reshape(-1, n_atoms)

    def block(y: Float[Array, "2 K N"]) -> Float[Array, "rows bcKL"]:
        right = y[:, None, :, None, :] * along[2][None, :, None, :, :]
        return jnp.matmul(left, right.reshape(-1, n_atoms).T, precision="highest")

    n_blocks = min(sizes[1], -(-4 * n_atoms * sizes[1] * sizes[2] // BLOCK))
    if n_blocks <= 1:
        product = block(along[1]).reshape(-1, 2, 2, sizes[1], sizes[2])
    else:
        size = -(-sizes[1] // n_blocks)
        padded = jnp.pad(along[1], ((0, 0), (0, n_blocks * size - sizes[1]), (0, 0)))
        parts = jnp.moveaxis(padded.reshape(2, n_blocks, size, n_atoms), 1, 0)
        product = jax.lax.map(jax.checkpoint(block), parts)
        product = product.reshape(n_blocks, -1, 2, 2, size, sizes[2])
        product = jnp.moveaxis(product, 0, 3).reshape(-1, 2, 2, n_blocks * size, sizes[2])
        product = product[:, :, :, : sizes[1]]
    cos, sin = product.reshape(2, n_species, sizes[0], 2, 2, sizes[1], sizes[2])
    cc, cs, sc, ss = (cos[:, :, b, c] for b in (0, 1) for c in (0, 1))
    tcc, tcs, tsc, tss = (sin[:, :, b, c] for b in (0, 1) for c in (0, 1))
    signs = [(k, l) for k in (1, -1) for l in (1, -1)]
    real = [cc - (k * l) * ss - k * tsc - l * tcs for k, l in signs]
    imag = [tcc + k * sc + l * cs - (k * l) * tss for k, l in signs]
    return (
        jnp.stack(real, axis=1).reshape(n_species, -1),
        jnp.stack(imag, axis=1).reshape(n_species, -1),
    )


def _waves(x: Float[Array, " N"], bound: int) -> Float[Array, "2 H N"]:
    """cos and sin of 2 pi h x for h = 0..bound, the turns reduced before the multiplication."""
    turns = jnp.asarray(np.arange(bound + 1), x.dtype)[:, None] * x[None, :]
    angle = 2 * np.pi * (turns - jnp.round(turns))
    return jnp.stack([jnp.cos(angle), jnp.sin(angle)])
