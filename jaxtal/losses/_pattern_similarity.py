"""Similarity of powder patterns that forgives shifts of lines, and the loss made of it."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from .._core import safe_divide, safe_sqrt


def pattern_similarity(
    f: Float[Array, " n"], g: Float[Array, " n"], step: float, width: float = 2.0
) -> Float[Array, ""]:
    """Normalised weighted cross-correlation of two patterns; pure: jit, vmap, grad.

        S = int w(r) c_fg(r) dr / sqrt(int w c_ff dr  int w c_gg dr),
        c_fg(r) = int f(x) g(x + r) dx,  w(r) = max(1 - |r| / l, 0)

    A line that moves by less than l still finds its partner, so S falls steadily with a shift
    where a comparison point by point sees two patterns without overlap. The scale of a pattern
    does not matter. 1 for patterns equal up to scale; 0 for lines further apart than l, and for a
    pattern of zeros with any other. Half-precision patterns are taken to float32.

    Args:
        f: intensities at samples a fixed step apart, shape (n,).
        g: the other pattern, on the same samples, shape (n,).
        step: distance of two samples, in any unit (degrees, 1/angstrom).
        width: l, half the base of the triangle, in the unit of `step`.

    Returns:
        S, 0..1 for patterns without negative intensities; 1 for two patterns of zeros.

    Raises:
        ValueError: a step that is not positive, or a width below one step or above all of them.

    References:
        R. de Gelder, R. Wehrens & J. A. Hageman, J. Comput. Chem. 22, 273 (2001), eqs. 8-11.
    """
    return 1 - _one_minus_similarity(f, g, step, width)


def xrd_loss(
    pred: Float[Array, "B n"],
    target: Float[Array, "B n"],
    *,
    step: float,
    width: float = 2.0,
) -> Float[Array, " B"]:
    """1 - S of pairs of patterns (`pattern_similarity`), for training; pure: jit, grad, scan.

    Taken as half the squared distance of the normalised patterns, so it keeps its relative
    precision, and its gradient goes to zero, as they become equal. A pattern of zeros has loss 1
    and gradient 0, two of them loss 0; so has one that nowhere exceeds 1e-19 (float32).

    Args:
        pred: predicted patterns, shape (B, n).
        target: patterns to reach, shape (B, n).
        step: distance of two samples (`PowderPattern.step`).
        width: l of the triangle, in the unit of `step`.

    Returns:
        One loss for each pair, shape (B,), 0..1, at least float32.

    Raises:
        ValueError: as `pattern_similarity`.
    """
    return jax.vmap(lambda f, g: _one_minus_similarity(f, g, step, width))(pred, target)


def _one_minus_similarity(
    f: Float[Array, " n"], g: Float[Array, " n"], step: float, width: float
) -> Float[Array, ""]:
    size, weights = _triangle_weights(f.shape[0], step, width)

    def transform(x: Array) -> Array:
        """Half the real Fourier transform in which the double integral is a plain sum of squares.

        sum_xy f(x) w(x - y) g(y) is, by Parseval's theorem, the sum of w^(k) conj(F(k)) G(k).
        """
        # S does not depend on the scale, and so neither does it on how the scale changes.
        peak = lax.stop_gradient(jnp.max(jnp.abs(x)))
        # The square of a smaller one's inverse would overflow.
        peak = jnp.where(peak > float(jnp.finfo(x.dtype).tiny) ** 0.5, peak, 0.0)
        wave = jnp.fft.rfft(x * safe_divide(jnp.ones_like(peak), peak), n=size)
        pair = jnp.stack([jnp.real(wave), jnp.imag(wave)]) * jnp.asarray(weights, x.dtype)[None, :]
        norm = safe_sqrt(jnp.sum(pair * pair))
        return pair * safe_divide(jnp.ones_like(norm), norm)

    dtype = jnp.float64 if jnp.float64 in (f.dtype, g.dtype) else jnp.float32
    u, v = jax.vmap(transform)(jnp.stack([f.astype(dtype), g.astype(dtype)]))
    # |u - v|^2 / 2 is 1 - u.v for unit vectors; a pattern of zeros lacks its half.
    alone = (jnp.sum(jnp.square(u)) > 0.5) != (jnp.sum(jnp.square(v)) > 0.5)
    lacking = jnp.where(alone, jnp.asarray(0.5, u.dtype), 0.0)
    return 0.5 * jnp.sum(jnp.square(u - v)) + lacking


def _triangle_weights(n: int, step: float, width: float) -> tuple[int, np.ndarray]:
    """Length of a transform without wrap-around, and square roots of the triangle's transform."""
    from scipy.fft import next_fast_len

    if not (np.isfinite(step) and step > 0):
        raise ValueError(f"step: expected a positive distance of samples, got {step}")
    if not step <= width <= n * step * (1 + 1e-9):
        raise ValueError(
            f"width: expected from one step to the whole pattern, {step:g} to {n * step:g}, "
            f"got {width}"
        )
    reach = int(np.ceil(width / step - 1e-9))
    size = int(next_fast_len(n + reach, real=True))  # pyright: ignore[reportArgumentType]
    r = np.arange(reach)
    triangle = np.zeros(size)
    triangle[:reach] = np.maximum(1 - r * step / width, 0)
    triangle[size - reach + 1 :] = triangle[1:reach][::-1]
    spectrum = np.fft.rfft(triangle).real
    # Frequencies between 0 and the largest stand for their negatives too.
    twice = np.full(len(spectrum), 2.0)
    twice[0] = 1.0
    if size % 2 == 0:
        twice[-1] = 1.0
    # A triangle is positive definite; between whole steps, its samples are so up to rounding.
    return size, np.sqrt(np.maximum(spectrum, 0.0) * twice)
