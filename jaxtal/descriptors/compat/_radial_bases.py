"""Radial functions of other programs and papers, beside those of `expansion`."""

import math

import equinox as eqx
import numpy as np
from jaxtyping import Float

from ..._core import AnyArray, namespace
from ..expansion._radial import AbstractRadialBasis
from ._cylindrical_bessel import cylindrical_bessel


class PaperBesselBasis(AbstractRadialBasis):
    """R_n(q) = sqrt(2 / q_max) J_n(pi q / q_max), n = 0..n_max - 1, as the paper writes it.

    Called orthonormal there, but it is far from it: for ten functions scaled to unit norm, the
    Gram matrix in dq has condition number 3e12 (unscaled 1e18).
    """

    takes_numpy = True

    def __call__(
        self, q: Float[AnyArray, " P"], n_max: int, q_max: float
    ) -> Float[AnyArray, "n P"]:
        scale = math.sqrt(2 / q_max)
        return scale * cylindrical_bessel(math.pi / q_max * q, n_max, x_max=math.pi * 1.01).T


class GaussianBasis(AbstractRadialBasis):
    """R_n(q) = exp(-(q - q_n)^2 / 2 w^2), centres q_n = (n + 1/2) q_max / n_max.

    Attributes:
        width: w in units of the spacing q_max / n_max.
    """

    takes_numpy = True

    width: float = eqx.field(static=True, default=0.5)

    def __check_init__(self):
        if not self.width > 0:
            raise ValueError(f"width: expected a positive number, got {self.width}")

    def __call__(
        self, q: Float[AnyArray, " P"], n_max: int, q_max: float
    ) -> Float[AnyArray, "n P"]:
        spacing = q_max / n_max
        xp = namespace(q)
        centres = xp.asarray((np.arange(n_max) + 0.5) * spacing, q.dtype)
        u = (q[None, :] - centres[:, None]) / (self.width * spacing)
        return xp.exp(-u * u / 2)
