"""Levenberg-Marquardt: the second stage of the search."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree

from .._core import AnyArray
from ._abstract_optimiser import AbstractOptimiser, check_positive

#: Steps in a row without much success after which a start is done.
_PATIENCE = 8
#: Loss above which a search leaves a start alone, in tolerances, and at least.
_HOPELESS, _HOPELESS_LOSS = 100.0, 1e-2


class LevenbergMarquardt(AbstractOptimiser):
    """Damped Gauss-Newton steps on the residuals, on the objective without blur.

        min |r + J step|^2 + lambda m |step|^2,   m = max diag(J^T J)

    with lambda divided by 4 after a step that lowers the loss, and multiplied by 3 after one that
    does not and is refused. The last digits of a crystal that has more symmetry than its group,
    where the loss rises with the fourth power only, need this: first-order methods stall there.
    The damping is the same for all variables: scaled with each one's own curvature it would not
    hold those that the loss hardly sees.

    A start is done when its loss is that of rounding, when eight steps in a row have not lowered it
    by a fifth, or at once if it begins above `hopeless`.

    Attributes:
        steps: iterations at most.
        damping: first lambda.
        hopeless: loss above which a start is not worth any step.

    References:
        D. W. Marquardt, J. Soc. Indust. Appl. Math. 11 (1963) 431.
    """

    steps: int = 100
    damping: float = 1e-5
    hopeless: float = float("inf")

    def __check_init__(self):
        check_positive(steps=self.steps, damping=self.damping)

    def for_tolerance(self, tolerance: float) -> "LevenbergMarquardt":
        """The stage of a search for a loss; it leaves starts far above that alone."""
        if np.isfinite(self.hopeless):
            return self
        return dataclasses.replace(self, hopeless=max(_HOPELESS * tolerance, _HOPELESS_LOSS))

    def init(self, variables: Float[Array, " v"], problem: Any) -> PyTree:
        """Zeros; a damping of zero tells that nothing has been evaluated."""
        dtype, size = variables.dtype, variables.shape[0]
        return {
            "best": jnp.zeros_like(variables),
            "rows": jnp.zeros((size + 1, problem.n_residuals), dtype),
            "squares": jnp.zeros((size + 1,), dtype),
            "damping": jnp.zeros((), dtype),
            "idle": jnp.zeros((), dtype),
        }

    def step(
        self, variables: Float[Array, " v"], state: PyTree, index: Array, problem: Any
    ) -> tuple[Array, PyTree, Array]:
        return self.moved(variables, state, problem.linearised(variables))

    def moved(
        self, variables: Float[Array, " v"], state: PyTree, rows: Float[Array, "v_1 r"]
    ) -> tuple[Array, PyTree, Array]:
        """A step, of residuals and their derivatives at the trial of the last one."""
        dtype, first = variables.dtype, state["damping"] == 0
        squares = jnp.sum(rows * rows, axis=1)
        loss, before = squares[0], state["squares"][0]
        better, much_better = first | (loss < before), first | (loss < 0.8 * before)
        best = jnp.where(better, variables, state["best"])
        rows = jnp.where(better, rows, state["rows"])
        squares = jnp.where(better, squares, state["squares"])
        damping = jnp.where(better, 0.25 * state["damping"], 3 * state["damping"])
        damping = jnp.clip(jnp.where(first, self.damping, damping), 1e-12, 1e3)
        ended = squares[0] < 700 * jnp.square(jnp.finfo(dtype).eps)
        ended = ended | self.done(state) | (first & ~(loss < self.hopeless))
        idle = jnp.where(ended, float(_PATIENCE), state["idle"] + 1)
        idle = jnp.where(much_better & ~ended, 0.0, idle)
        change = _least_squares(rows, damping * jnp.max(squares[1:]) + jnp.finfo(dtype).tiny)
        # A trust region: no coordinate leaves its basin in one step.
        change = change * jnp.minimum(1.0, 0.1 / (jnp.max(jnp.abs(change)) + 1e-12))
        trial = best + jnp.where(jnp.isfinite(change), change, 0.0)
        now = {"best": best, "rows": rows, "squares": squares, "damping": damping, "idle": idle}
        return trial, now, squares[0]

    def done(self, state: PyTree) -> Bool[Array, ""]:
        return state["idle"] >= _PATIENCE

    def result(self, variables: AnyArray, state: PyTree) -> tuple[AnyArray, AnyArray]:
        return state["best"], state["squares"][..., 0]


def _least_squares(rows: Float[Array, "v_1 r"], penalty: Array) -> Float[Array, " v"]:
    """The x of least |r + J x|^2 + penalty |x|^2, of r and below it the derivatives J^T.

    By modified Gram-Schmidt, which is as stable as QR: the normal equations would square the
    condition number. Each row drags along of which rows it has come to be made, so that the last
    residual tells x. Not by LAPACK: two programs with its batched QR that run at once have blocked
    each other.

    References:
        A. Bjorck, BIT 7 (1967) 1.
    """
    n, size = rows.shape
    names = jnp.eye(n, dtype=rows.dtype)
    work = jnp.concatenate([rows, jnp.sqrt(penalty) * names[:, 1:], names[:, 1:]], axis=1)

    def orthogonalise(k: Array, work: Array) -> Array:
        q = jax.lax.dynamic_index_in_dim(work, k, axis=0)
        products = jnp.sum((work * q)[:, : size + n - 1], axis=1)
        own = jnp.arange(n) == k
        square = jnp.sum(jnp.where(own, products, 0.0))
        share = jnp.where(own | (square == 0), 0.0, products / jnp.where(square > 0, square, 1.0))
        return work - share[:, None] * q

    return jax.lax.fori_loop(1, n, orthogonalise, work)[0, size + n - 1 :]
