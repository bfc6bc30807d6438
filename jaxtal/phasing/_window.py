"""The automatic window: form factors that make a single atom come out flattest."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jaxtyping import Array, Float

from ..fields import Grid
from ..reflections import Reflections
from ._delta import Delta, ball_windows
from ._window_basis import WindowBasis

#: Points at which the density is held flat: so many random ones, and the lowest of each round.
_RANDOM, _LOWEST = 8192, 4096
#: Rounds of fitting; each adds the lowest points of the last one's density.
_ROUNDS = 3


@dataclasses.dataclass(frozen=True, eq=False)
class AutomaticWindow:
    """Form factors found by `automatic_window`.

    Attributes:
        factors: factor of each orbit's amplitude, 1 at most, (n,).
        basis: the functions they are made of.
        coefficients: of the functions, not negative, (P,).
        height: of the delta's peak as a share of that of g = 1: the mean of g / max g.
        flatness: T(x0) / -min T on the points of the fit; see `delta_shape` for others.
        history: flatness at each step of each round, smoothed as it is optimised.
    """

    factors: Float[np.ndarray, " n"]
    basis: WindowBasis
    coefficients: Float[np.ndarray, " P"]
    height: float
    flatness: float
    history: Float[np.ndarray, " steps"]

    def __call__(
        self, q_parallel: Float[np.ndarray, " m"], q_perpendicular: Float[np.ndarray, " m"]
    ) -> Float[np.ndarray, " m"]:
        """The window at other lengths, zero beyond those it was found for, (m,)."""
        return self.coefficients @ self.basis.values(q_parallel, q_perpendicular)


def automatic_window(
    reflections: Reflections,
    grid: Grid,
    *,
    height: float | None = None,
    knots: tuple[int, int] = (6, 6),
    steps: int = 600,
    seed: int = 0,
) -> AutomaticWindow:
    """Find the form factors g(|q|, |q_perp|) for which a single delta comes out flattest.

    A delta at x0 has the density

        T(x) = sum over all reflections g(k) cos(2 pi k.(x - x0)),      T(x0) = sum g(k)

    Charge flipping looks for the density with the highest minimum, so g is chosen to make
    T(x0) / -min T as large as it can be, g falling in both variables: products of decreasing
    splines with coefficients of at least 0. The minimum (smoothed) is differentiated by JAX, and
    climbed with Adam.

    Since F(0) is not among the reflections, the mean of T is zero: a peak that fills the share v
    of the cell leaves at best -v / (1 - v) elsewhere. So g cannot win by dwelling on a few low
    orders alone, as it would with the median in place of the mean. Where the reflections fill a
    ball this is the problem of Turan, solved by the autocorrelation of the ball of half the radius:
    the window of the reference toolkit. Measured reflections fill no ball, and leave gaps.

    What g still can do is to put a low, broad hump of strong low orders under the sharp peak, which
    lifts the ripples beside it. On real data, whose low orders are strong already, that spoils
    phasing. So the height of the peak is bounded from below: the mean of g / max g, 1 for g = 1,
    stays above `height`. All conditions are linear in the coefficients, and the problem is convex.

    Args:
        reflections: n orbits.
        grid: where the density is looked at, from a generic position of the delta. A grid of fewer
            than 4 points per reflection misses the surroundings of the peak; random points, of a
            folded grid of that size, are taken instead.
        height: least height of the peak as a share of that of g = 1, 0 (no bound) to below 1; by
            default that of the product of ball autocorrelations. Higher is sharper and less flat.
        knots: number of splines in |q| and in |q_perp|, at least 4.
        steps: of Adam in each of three rounds.
        seed: of the position of the delta and of the points.

    Raises:
        ValueError: numbers out of range, or a grid of another dimension.

    References:
        Discussion of the paper of the toolkit ChargeFlipPhaser (form factors optimised for a single
        delta). M. N. Kolountzakis and S. G. Revesz, Proc. Amer. Math. Soc. 131 (2003) 3423 (the
        problem of Turan).
    """
    if height is None:
        multiplicity = reflections.orbits.multiplicity
        height = float(ball_windows(reflections) @ multiplicity / multiplicity.sum())
    if not 0 <= height < 1:
        raise ValueError(f"height: expected from 0 to below 1, got {height}")
    if steps < 1:
        raise ValueError(f"steps: expected at least 1, got {steps}")
    orbits = reflections.orbits
    basis = WindowBasis.build(reflections.q_parallel, reflections.q_perpendicular, knots)
    values = basis.values(reflections.q_parallel, reflections.q_perpendicular)
    heights = values @ orbits.multiplicity
    used = heights > 1e-6 * heights.max()  # functions that end before the first reflections
    values, heights = values[used], heights[used]
    density = Delta.build(orbits, grid, seed)
    # Always as many points, some of them perhaps twice, so that all rounds share a program.
    points = np.random.default_rng(seed).integers(density.size, size=_RANDOM + _ROUNDS * _LOWEST)
    trial = np.ones(len(values)) / heights
    unit = values / heights[:, None]
    largest = orbits.n_reflections / heights  # N g(0) of functions with T(x0) = 1
    weights, history = np.full(len(values), 1 / len(values)), []
    for block in np.split(np.arange(_ROUNDS * _LOWEST), _ROUNDS):
        # The lowest points of the last window, and at first of the mean of all functions.
        lowest = np.argsort(density(trial @ values))[:_LOWEST]
        points[block[: len(lowest)]] = lowest
        fields = np.stack([density(one)[points] for one in unit])
        weights, record = _fit(fields, largest, weights, height, steps)
        history.append(np.asarray(record))
        trial = weights / heights
    g = trial @ values
    coefficients = np.zeros(len(used))
    coefficients[used] = trial / g.max()
    return AutomaticWindow(
        g / g.max(),
        basis,
        coefficients,
        float(g @ orbits.multiplicity / (g.max() * orbits.n_reflections)),
        float(g @ orbits.multiplicity / -density(g).min()),
        np.concatenate(history),
    )


def _fit(
    fields: np.ndarray, largest: np.ndarray, weights: np.ndarray, height: float, steps: int
) -> tuple[np.ndarray, Array]:
    """Weights (P,), summing to 1, of the basis functions, whose fields have T(x0) = 1."""
    dtype = jnp.result_type(float)
    floor = 1e-4 / len(weights)  # no weight dies for good
    start = jnp.asarray(np.log(np.maximum(weights, floor)), dtype)
    tables = (jnp.asarray(fields, dtype), jnp.asarray(largest, dtype))
    best, record = _climb(start, *tables, jnp.asarray(height, dtype), steps)
    found = np.asarray(best, dtype=np.float64)
    return found / found.sum(), record


@functools.partial(jax.jit, static_argnums=4)
def _climb(
    start: Float[Array, " P"],
    fields: Float[Array, "P points"],
    largest: Float[Array, " P"],
    height: Float[Array, ""],
    steps: int,
) -> tuple[Float[Array, " P"], Float[Array, " steps"]]:
    optimiser = optax.adam(optax.cosine_decay_schedule(0.1, steps, 0.01))

    def loss(theta, hardness):
        weights = jax.nn.softmax(theta)
        T = weights @ fields
        low = lax.stop_gradient(-jnp.min(T))
        # A soft maximum of -T / low over the points, above the true one by log(points) / hardness.
        depth = low * jax.nn.logsumexp(-T * (hardness / low)) / hardness
        blunt = jnp.log(jnp.maximum(height * (weights @ largest), 1.0))
        return jnp.log(depth) + 10.0 * blunt, depth

    def step(carry, i):
        theta, state = carry
        hardness = 20.0 * 50.0 ** (i / steps)
        grads, depth = jax.grad(loss, has_aux=True)(theta, hardness)
        with jax.numpy_dtype_promotion("standard"):  # Adam multiplies by Python powers
            updates, state = optimiser.update(grads, state)
        return (jax.tree.map(jnp.add, theta, updates), state), 1.0 / depth

    ticks = jnp.arange(steps, dtype=start.dtype)
    (theta, _), record = lax.scan(step, (start, optimiser.init(start)), ticks)
    return jax.nn.softmax(theta), record
