"""Radial basis functions R_n(q) on 0 <= q <= q_max."""

import abc
import math
from typing import Literal

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ._bessel import cylindrical_bessel, spherical_bessel


class AbstractRadialBasis(eqx.Module):
    """A family of radial functions; subclasses implement `__call__` and are final."""

    @abc.abstractmethod
    def __call__(self, q: Float[Array, " P"], n_max: int, q_max: float) -> Float[Array, "n P"]:
        """The first `n_max` functions at |q| (1/angstrom), shape (n_max, P)."""


class OrthonormalBasis(AbstractRadialBasis):
    """Sine functions, orthonormal on [0, q_max] in a stated measure (the default basis).

        measure "q2":  R_n(q) = sqrt(2 / q_max) sin((n + 1) pi q / q_max) / q,
                       integral of R_n R_m q^2 dq = delta_nm     (unit: 1/angstrom^(-3/2))
        measure "1":   R_n(q) = sqrt(2 / q_max) sin((n + 1) pi q / q_max),
                       integral of R_n R_m dq = delta_nm         (unit: 1/angstrom^(-1/2))

    The first is the set of spherical Bessel functions j_0(k_n q) with a node at q_max, and its
    measure that of a uniform density of points in reciprocal space.
    """

    measure: Literal["q2", "1"] = eqx.field(static=True, default="q2")

    def __check_init__(self):
        if self.measure not in ("q2", "1"):
            raise ValueError(f"measure: expected 'q2' or '1', got {self.measure!r}")

    def __call__(self, q: Float[Array, " P"], n_max: int, q_max: float) -> Float[Array, "n P"]:
        scale = math.sqrt(2 / q_max)
        t = (math.pi / q_max) * q
        two_cos = 2 * jnp.cos(t)
        if self.measure == "1":
            first = scale * jnp.sin(t)
        else:
            # sin(t) / q, with its limit at the origin.
            nonzero = q > 1e-6 * q_max
            sinc = jnp.where(nonzero, jnp.sin(t) / jnp.where(nonzero, q, 1.0), math.pi / q_max)
            first = scale * sinc
        # sin((n + 1) t) = 2 cos(t) sin(n t) - sin((n - 1) t)
        rows = [first]
        if n_max > 1:
            rows.append(two_cos * first)
        for _ in range(2, n_max):
            rows.append(two_cos * rows[-1] - rows[-2])
        return jnp.stack(rows)


class SphericalBesselBasis(AbstractRadialBasis):
    """R_n(q) = j_n(n_zeros pi q / q_max), the spherical Bessel functions of increasing order.

    Not orthonormal. `n_zeros=None` takes n_max + 1, pyxtal's choice.
    """

    n_zeros: float | None = eqx.field(static=True, default=None)

    def __call__(self, q: Float[Array, " P"], n_max: int, q_max: float) -> Float[Array, "n P"]:
        stretch = n_max + 1 if self.n_zeros is None else self.n_zeros
        return spherical_bessel(stretch * math.pi / q_max * q, n_max).T


class PaperBesselBasis(AbstractRadialBasis):
    """R_n(q) = sqrt(2 / q_max) J_n(pi q / q_max), n = 0..n_max - 1, as the paper writes it.

    Called orthonormal there, but it is far from it: for ten functions scaled to unit norm, the
    Gram matrix in dq has condition number 3e12 (unscaled 1e18).
    """

    def __call__(self, q: Float[Array, " P"], n_max: int, q_max: float) -> Float[Array, "n P"]:
        scale = math.sqrt(2 / q_max)
        return scale * cylindrical_bessel(math.pi / q_max * q, n_max, x_max=math.pi * 1.01).T


class ChebyshevBasis(AbstractRadialBasis):
    """R_n(q) = T_n(2 q / q_max - 1), orthogonal in dq / sqrt(q (q_max - q)), not normalised."""

    def __call__(self, q: Float[Array, " P"], n_max: int, q_max: float) -> Float[Array, "n P"]:
        x = 2 / q_max * q - 1
        rows = [jnp.ones_like(x), x][:n_max]
        for _ in range(2, n_max):
            rows.append(2 * x * rows[-1] - rows[-2])
        return jnp.stack(rows)


class GaussianBasis(AbstractRadialBasis):
    """R_n(q) = exp(-(q - q_n)^2 / 2 w^2), centres q_n = (n + 1/2) q_max / n_max.

    Attributes:
        width: w in units of the spacing q_max / n_max.
    """

    width: float = eqx.field(static=True, default=0.5)

    def __check_init__(self):
        if not self.width > 0:
            raise ValueError(f"width: expected a positive number, got {self.width}")

    def __call__(self, q: Float[Array, " P"], n_max: int, q_max: float) -> Float[Array, "n P"]:
        spacing = q_max / n_max
        centres = jnp.asarray((np.arange(n_max) + 0.5) * spacing, q.dtype)
        u = (q[None, :] - centres[:, None]) / (self.width * spacing)
        return jnp.exp(-u * u / 2)
