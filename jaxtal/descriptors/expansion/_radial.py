"""Radial basis functions R_n(q) on 0 <= q <= q_max."""

import abc
import math
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..._core import AbstractSpecification, AnyArray, namespace
from ._bessel import spherical_bessel


class AbstractRadialBasis(AbstractSpecification):
    """A family of radial functions; subclasses implement `__call__` and are final.

    Attributes:
        takes_numpy: `__call__` computes with `namespace(q)`, and so in NumPy where that is what it
            is given; otherwise descriptors are always compiled.
    """

    takes_numpy: ClassVar[bool] = False

    @abc.abstractmethod
    def __call__(
        self, q: Float[AnyArray, " P"], n_max: int, q_max: float
    ) -> Float[AnyArray, "n P"]:
        """The first `n_max` functions at |q| (1/angstrom), shape (n_max, P)."""


class OrthonormalBasis(AbstractRadialBasis):
    """Sine functions, orthonormal on [0, q_max] in q^2 dq (the default basis).

        R_n(q) = sqrt(2 / q_max) sin((n + 1) pi q / q_max) / q      (unit: angstrom^(3/2))

    The set of spherical Bessel functions j_0(k_n q) with a node at q_max; its measure is that of a
    uniform density of points in reciprocal space.
    """

    takes_numpy = True

    def __call__(
        self, q: Float[AnyArray, " P"], n_max: int, q_max: float
    ) -> Float[AnyArray, "n P"]:
        xp = namespace(q)
        t = (math.pi / q_max) * q
        two_cos = 2 * xp.cos(t)
        # sin(t) / q, with its limit at the origin.
        nonzero = q > 1e-6 * q_max
        sinc = xp.where(nonzero, xp.sin(t) / xp.where(nonzero, q, 1.0), math.pi / q_max)
        first = math.sqrt(2 / q_max) * sinc
        # sin((n + 1) t) = 2 cos(t) sin(n t) - sin((n - 1) t)
        if isinstance(first, np.ndarray):
            rows = [first, two_cos * first][:n_max]
            for _ in range(2, n_max):
                rows.append(two_cos * rows[-1] - rows[-2])
            return np.stack(rows)

        def step(rows: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], Array]:
            now, last = rows
            return (two_cos * now - last, now), now

        # A loop, whose rows are stored: XLA would compute the sine and cosine anew for each row.
        return jax.lax.scan(step, (first, jnp.zeros_like(first)), None, length=n_max)[1]


class SphericalBesselBasis(AbstractRadialBasis):
    """R_n(q) = j_n(n_zeros pi q / q_max), the spherical Bessel functions of increasing order.

    Not orthonormal. `n_zeros=None` takes n_max + 1, pyxtal's choice.
    """

    takes_numpy = True

    n_zeros: float | None = eqx.field(static=True, default=None)

    def __call__(
        self, q: Float[AnyArray, " P"], n_max: int, q_max: float
    ) -> Float[AnyArray, "n P"]:
        stretch = n_max + 1 if self.n_zeros is None else self.n_zeros
        return spherical_bessel(stretch * math.pi / q_max * q, n_max).T


class ChebyshevBasis(AbstractRadialBasis):
    """R_n(q) = T_n(2 q / q_max - 1), orthogonal in dq / sqrt(q (q_max - q)), not normalised."""

    takes_numpy = True

    def __call__(
        self, q: Float[AnyArray, " P"], n_max: int, q_max: float
    ) -> Float[AnyArray, "n P"]:
        xp = namespace(q)
        x = 2 / q_max * q - 1
        rows = [xp.ones_like(x), x][:n_max]
        for _ in range(2, n_max):
            rows.append(2 * x * rows[-1] - rows[-2])
        return xp.stack(rows)
