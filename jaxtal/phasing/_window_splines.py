"""Smooth functions of |q| and |q_perp| that fall in both: the parts of a window."""

import dataclasses

import numpy as np
from jaxtyping import Float

_DEGREE = 3


@dataclasses.dataclass(frozen=True, eq=False)
class WindowSplines:
    """Products s_a(|q| / q_max) s_b(|q_perp| / q_perp_max) of decreasing splines.

    s_a is the sum of the first a + 1 cubic B-splines on [0, 1]: it falls from 1 to 0 over a few
    knots, and the last one is 1 throughout. Sums with coefficients of at least 0 fall in both
    variables, and need not be products of two functions.

    Attributes:
        q_max: largest |q| and |q_perp|; the second is 0 where there is no internal space.
        number: of splines in each variable (1 for a variable that is always 0).
    """

    q_max: tuple[float, float]
    number: tuple[int, int]

    @classmethod
    def build(
        cls,
        q_parallel: Float[np.ndarray, " n"],
        q_perpendicular: Float[np.ndarray, " n"],
        number: tuple[int, int],
    ) -> "WindowSplines":
        """A basis over the range of some reflections.

        Raises:
            ValueError: fewer than 4 splines.
        """
        if min(number) <= _DEGREE:
            raise ValueError(f"expected at least {_DEGREE + 1} splines each way, got {number}")
        limits = float(q_parallel.max(initial=0.0)), float(q_perpendicular.max(initial=0.0))
        counts = [n if limit > 0 else 1 for n, limit in zip(number, limits, strict=True)]
        return cls(limits, (counts[0], counts[1]))

    def values(
        self, q_parallel: Float[np.ndarray, " n"], q_perpendicular: Float[np.ndarray, " n"]
    ) -> Float[np.ndarray, "P n"]:
        """All products for some lengths, (P, n), zero beyond the limits."""
        a = _decreasing(q_parallel, self.q_max[0], self.number[0])
        b = _decreasing(q_perpendicular, self.q_max[1], self.number[1])
        return (a[:, None] * b[None]).reshape(-1, a.shape[1])


def _decreasing(q: np.ndarray, limit: float, number: int) -> np.ndarray:
    """Sums of the first 1, 2, ... B-splines at q / limit, (number, n)."""
    if number == 1:
        return np.ones((1, len(q)))
    from scipy.interpolate import BSpline

    inner = np.linspace(0, 1, number - _DEGREE + 1)
    knots = np.concatenate([np.zeros(_DEGREE), inner, np.ones(_DEGREE)])
    x = np.asarray(q, dtype=float) / limit
    splines = BSpline.design_matrix(np.clip(x, 0, 1), knots, _DEGREE).toarray().T
    return np.cumsum(splines, axis=0) * (x <= 1 + 1e-9)
