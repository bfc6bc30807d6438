"""Sites in a known cell: many candidates sampled and descended by one program."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..._core import AnyArray
from .._levenberg_marquardt import LevenbergMarquardt

#: Steps of Levenberg-Marquardt for each start.
_STEPS = 16


class CellProblem(eqx.Module):
    """What candidates of one cell and one Laue class have in common.

    In a cell that is known G(d) and the moments of the power spectrum are linear in the
    intensities, and one matrix makes them.

    Attributes:
        hkl: one of each set of equivalents, shape (3, H).
        factors: form factors over the root of what intensities are relative to, shape (S, H).
        linear: bins of G, then moments, of intensities; shape (R, H); 0 for padding.
        degrees: which degree each moment has, shape (n_lm, L).
        distribution, spectrum: G0 and P0 times the scales, shapes (n_bins,) and (n_max, L).
    """

    hkl: Float[AnyArray, "3 H"]
    factors: Float[AnyArray, "S H"]
    linear: Float[AnyArray, "R H"]
    degrees: Float[AnyArray, "n_lm L"]
    distribution: Float[AnyArray, " n_bins"]
    spectrum: Float[AnyArray, "n_max L"]

    def residuals(self, sites: "SitesProblem", v: Float[Array, " V"]) -> Float[Array, " r"]:
        """Their squares add up to the loss: relative mismatch of G and P, weighted."""
        x = _product(sites.maps, v) + sites.shifts
        turns = _product(x - jnp.round(x), self.hkl)
        angle = 2 * np.pi * (turns - jnp.round(turns))
        A = jnp.sum(self.factors * _product(sites.real.T, jnp.cos(angle)), axis=0)
        B = jnp.sum(self.factors * _product(sites.imag.T, jnp.sin(angle)), axis=0)
        found = _product(self.linear, A * A + B * B)
        n_bins = len(self.distribution)
        moments = found[n_bins:].reshape(self.spectrum.shape[0], -1)
        gap = _product(moments * moments, self.degrees) - self.spectrum
        return jnp.concatenate([found[:n_bins] - self.distribution, gap.ravel()])

    def linearised(self, sites: "SitesProblem", v: Float[Array, " V"]) -> Float[Array, "V_1 r"]:
        """The residuals, and below them their derivatives by each variable."""
        residuals, forward = jax.linearize(lambda v: self.residuals(sites, v), v)
        return jnp.concatenate([residuals[None], jax.vmap(forward)(jnp.eye(len(v), dtype=v.dtype))])


class SitesProblem(eqx.Module):
    """One candidate.

    Attributes:
        maps, shifts: x = maps v + shifts of its atoms, shapes (A, 3, V) and (A, 3).
        real, imag: how much of each species an atom is in both sums, shape (A, S).
    """

    maps: Float[AnyArray, "A 3 V"]
    shifts: Float[AnyArray, "A 3"]
    real: Float[AnyArray, "A S"]
    imag: Float[AnyArray, "A S"]


@eqx.filter_jit
def descend(
    cell: CellProblem, candidates: SitesProblem, samples: Float[Array, "n V"], kept: int, side: int
) -> tuple[Float[Array, "C kept V"], Float[Array, "C kept"]]:
    """Sample each candidate, and descend from its best samples.

    Args:
        cell: what they share.
        candidates: with one more axis in front, C.
        samples: variables that are tried for each.
        kept: samples that are descended from; static.
        side: candidates that run side by side; static.

    Returns:
        Variables and losses, best first.
    """

    def one(sites: SitesProblem) -> tuple[Array, Array]:
        def loss(v: Array) -> Array:
            return jnp.sum(jnp.square(cell.residuals(sites, v)))

        _, best = jax.lax.top_k(-jax.vmap(loss)(samples), kept)
        polish = LevenbergMarquardt(steps=_STEPS)

        def walk(v: Array) -> tuple[Array, Array]:
            state = polish.init(v, _Size(cell.distribution.size + cell.spectrum.size))

            def step(carry: Any, _: None) -> tuple[Any, None]:
                v, state = carry
                return polish.moved(v, state, cell.linearised(sites, v))[:2], None

            (_, state), _ = jax.lax.scan(step, (v, state), None, length=_STEPS)
            return polish.result(v, state)

        variables, losses = jax.vmap(walk)(samples[best])
        order = jnp.argsort(losses)
        return variables[order], losses[order]

    return jax.lax.map(one, candidates, batch_size=side)


class _Size(eqx.Module):
    """What `LevenbergMarquardt` asks of a problem before it begins."""

    n_residuals: int


def _product(a: Array, b: Array) -> Array:
    """The highest precision, since accelerators multiply float32 matrices in fewer bits."""
    return jnp.matmul(a, b, precision="highest")
