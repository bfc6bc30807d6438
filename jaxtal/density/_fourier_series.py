"""Fourier series summed in tiles: no array of points times reflections ever exists whole."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Complex, Float, Int

#: Reflections and points of a tile.
WAVES, POINTS = 2048, 512
#: Numbers of one factor of a block of a box.
_BLOCK = 1 << 22


@eqx.filter_jit
def at_points(
    k: Int[Array, "m N"], c: Complex[Array, " m"], x: Float[Array, "P N"]
) -> Float[Array, " P"]:
    """Re sum_k c(k) exp(-2 pi i k.x) at points, (P,)."""
    waves = _waves(k, c)
    blocks, n = _blocks(x, min(POINTS, x.shape[0]))
    return lax.map(lambda x: _tile_sum(waves, x, _add_value, 1)[:, 0], blocks).reshape(-1)[:n]


@eqx.filter_jit
def taylor(
    k: Int[Array, "m N"], c: Complex[Array, " m"], x: Float[Array, "P N"]
) -> tuple[Float[Array, " P"], Float[Array, "P N"], Float[Array, "P N N"]]:
    """Value, gradient and second derivatives of the series at points."""
    N = x.shape[1]
    blocks, n = _blocks(x, min(POINTS, x.shape[0]))
    waves = _waves(k, c)
    sums = lax.map(lambda x: _tile_sum(waves, x, _add_taylor, 1 + N + N * N), blocks)
    sums = sums.reshape(-1, sums.shape[-1])[:n]
    return sums[:, 0], sums[:, 1 : N + 1], sums[:, N + 1 :].reshape(-1, N, N)


def in_box(
    k: Int[Array, "m N"],
    c: Complex[Array, " m"],
    origin: Float[Array, " N"],
    edges: Float[Array, "r N"],
    shape: tuple[int, ...],
) -> Float[Array, "*shape"]:
    """The series at origin + sum_i (j_i / n_i) edge_i, j_i = 0 .. n_i - 1, by products of waves.

    A wave is a product of r waves of one variable each, so that the sum is a matrix product.
    """
    return _in_box(k, c, origin, edges, tuple(shape))


@eqx.filter_jit
def _in_box(k, c, origin, edges, shape):
    rows = math.prod(shape[:-1])
    size = max(1, min(WAVES, _BLOCK // max(rows, 1)))
    kf = k.astype(origin.dtype)
    start = jnp.matmul(kf, origin, precision="highest")
    slopes = jnp.matmul(kf, edges.T, precision="highest")
    a, _ = _blocks(jnp.stack([c.real, c.imag, start], axis=1), size)
    slopes, _ = _blocks(slopes, size)

    # Real and imaginary parts apart: XLA on CPUs multiplies complex numbers slowly.
    @jax.checkpoint
    def add(total, block):
        a, slopes = block
        cos, sin = _cos_sin(a[:, 2])
        real = (a[:, 0] * cos + a[:, 1] * sin)[None]
        imag = (a[:, 1] * cos - a[:, 0] * sin)[None]
        for axis, n in enumerate(shape[:-1]):
            cos, sin = _waves_along(n, slopes[:, axis])
            real, imag = (
                (real[:, None] * cos[None] + imag[:, None] * sin[None]).reshape(-1, size),
                (imag[:, None] * cos[None] - real[:, None] * sin[None]).reshape(-1, size),
            )
        cos, sin = _waves_along(shape[-1], slopes[:, -1])
        left = jnp.concatenate([real, imag], axis=1)
        return total + _dot(left, jnp.concatenate([cos, sin], axis=1).T), None

    zero = jnp.zeros((rows, shape[-1]), origin.dtype)
    return lax.scan(add, zero, (a, slopes))[0].reshape(shape)


def _waves_along(n: int, slopes: Array) -> tuple[Array, Array]:
    """Cosine and sine of 2 pi (j / n) slope for j = 0 .. n - 1, (n, m) each."""
    return _cos_sin((jnp.arange(n, dtype=slopes.dtype) / n)[:, None] * slopes[None])


def _cos_sin(turns: Array) -> tuple[Array, Array]:
    angle = 2.0 * jnp.pi * (turns - jnp.round(turns))
    return jnp.cos(angle), jnp.sin(angle)


def _blocks(rows: Array, size: int) -> tuple[Array, int]:
    """Rows padded with zeros and cut into blocks, (blocks, size, ...), and how many there were."""
    n = rows.shape[0]
    blocks = -(-n // size)
    padded = jnp.pad(rows, ((0, blocks * size - n), (0, 0)))
    return padded.reshape(blocks, size, rows.shape[1]), n


def _waves(k: Array, c: Array) -> Array:
    """Indices and both parts of the coefficients, in blocks: (blocks, WAVES, N + 2)."""
    table = jnp.concatenate([k.astype(c.real.dtype), c.real[:, None], c.imag[:, None]], axis=1)
    return _blocks(table, min(WAVES, table.shape[0]))[0]


def _tile_sum(waves: Array, x: Array, add, columns: int) -> Array:
    N = x.shape[1]
    x = x - jnp.floor(x)

    # Recomputed when differentiated: tiles are not kept.
    @jax.checkpoint
    def step(total, block):
        k, a, b = block[:, :N], block[:, N], block[:, N + 1]
        return total + add(k, a, b, *_cos_sin(_dot(x, k.T))), None

    return lax.scan(step, jnp.zeros((x.shape[0], columns), x.dtype), waves)[0]


def _add_value(k, a, b, cos, sin):
    return (_dot(cos, a[:, None]) + _dot(sin, b[:, None])).astype(cos.dtype)


def _add_taylor(k, a, b, cos, sin):
    even = cos * a[None] + sin * b[None]
    odd = cos * b[None] - sin * a[None]
    tau = 2.0 * jnp.pi
    outer = (k[:, :, None] * k[:, None, :]).reshape(k.shape[0], -1)
    first = jnp.sum(even, axis=1, keepdims=True)
    return jnp.concatenate([first, tau * _dot(odd, k), -tau * tau * _dot(even, outer)], axis=1)


def _dot(u: Array, v: Array) -> Array:
    return jnp.matmul(u, v, precision="highest")
