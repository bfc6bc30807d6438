"""The window that makes an atom come out flattest, fitted to a list of reflections."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from ..grids import Grid
from ..reflections import Reflections
from ._delta_function import Delta
from ._window_splines import WindowSplines

#: Points that each round adds: random ones, and the lowest of the window found so far.
_RANDOM, _LOWEST = 1024, 2048
#: Rounds of fitting, each with another position of the delta.
_ROUNDS = 8


@dataclasses.dataclass(frozen=True, eq=False)
class FittedWindow:
    """A window found by `fit_window`: a smooth function of |q| and |q_perp| that falls in both.

    Attributes:
        basis: the functions they are made of.
        coefficients: of the functions, not negative, (P,).
        height: of the delta's peak as a share of that of g = 1: the mean of g / max g.
        flatness: peak / -min of the density on the points of the fit, harmonic mean over the
            positions of the delta; `delta_shape` measures others.
        history: the same at each step of each round.
    """

    basis: WindowSplines
    coefficients: Float[np.ndarray, " P"]
    height: float
    flatness: float
    history: Float[np.ndarray, " steps"]

    def __call__(
        self, q_parallel: Float[np.ndarray, " m"], q_perpendicular: Float[np.ndarray, " m"]
    ) -> Float[np.ndarray, " m"]:
        """Evaluate the window, zero beyond the lengths that it was found for, (m,)."""
        return self.coefficients @ self.basis.values(q_parallel, q_perpendicular)

    def factors(self, reflections: Reflections) -> Float[np.ndarray, " n"]:
        """Evaluate the window at each of n reflections, at most 1 where it was found, (n,)."""
        return self(reflections.q_parallel, reflections.q_perpendicular)


def fit_window(
    reflections: Reflections,
    grid: Grid,
    *,
    height: float = 0.0,
    knots: tuple[int, int] = (6, 6),
    steps: int = 300,
    seed: int = 0,
) -> FittedWindow:
    """Fit the window g(|q|, |q_perp|) with which a delta comes out flattest.

    A delta at a generic point x0 and its images under the group have the density

        rho(x) = sum over all reflections of g(k) sum_images exp(2 pi i k.(x_image - x))

    Charge flipping looks for the density with the highest minimum, so g is chosen to make
    rho(x0) / -min rho as large as it can be, g falling in both variables: products of decreasing
    splines with coefficients of at least 0. The minimum, smoothed, is differentiated by JAX and
    climbed with Adam; for each position rho is linear in the coefficients, and the problem convex.
    The mean over several positions, a new one in each round, keeps g from being made for one.

    Nothing is gained by dwelling on a few low orders. F(0) is not among the reflections and the
    mean of rho is zero: peaks that fill the share v of the cell leave at best -v / (1 - v)
    elsewhere (with the median in place of the mean that would cost nothing). Where the reflections
    fill a ball this is the problem of Turan, which the autocorrelation of the ball of half the
    radius solves, the window of the reference toolkit. Measured reflections fill no ball and leave
    gaps, and that is where g is better. A delta without its images would not do: a low, broad hump
    of strong low orders under its peak then lifts the ripples around it, and the reflections that
    the group extinguishes look like gaps.

    Args:
        reflections: n orbits.
        grid: where the density is looked at. A grid of fewer than 4 points per reflection misses
            the surroundings of the peaks; as many random points, those of a folded grid, are taken
            instead.
        height: least height of one delta's peak as a share of that of g = 1, the mean of g / g(0);
            0 (no bound) to below 1. It makes sharper peaks that are less flat.
        knots: number of splines in |q| and in |q_perp|, at least 4.
        steps: of Adam in each of eight rounds.
        seed: of the positions of the delta and of the points.

    Raises:
        ValueError: numbers out of range, or a grid of another dimension.

    References:
        Discussion of the paper of the toolkit ChargeFlipPhaser (form factors optimised for a single
        delta). M. N. Kolountzakis and S. G. Revesz, Proc. Amer. Math. Soc. 131 (2003) 3423 (the
        problem of Turan).
    """
    if not 0 <= height < 1:
        raise ValueError(f"height: expected from 0 to below 1, got {height}")
    if steps < 1:
        raise ValueError(f"steps: expected at least 1, got {steps}")
    orbits = reflections.orbits
    basis = WindowSplines.build(reflections.q_parallel, reflections.q_perpendicular, knots)
    values = basis.values(reflections.q_parallel, reflections.q_perpendicular)
    heights = values @ orbits.multiplicity
    used = heights > 1e-6 * heights.max()  # functions that end before the first reflections
    values, heights = values[used], heights[used]
    unit = values / heights[:, None]
    largest = orbits.n_reflections / heights  # N g(0) of functions with peaks of 1
    weights, history = np.full(len(unit), 1 / len(unit)), []
    # All rounds have as many points, those to come with nothing in them: they share a program.
    fields = np.zeros((len(unit), _ROUNDS, _RANDOM + _LOWEST))
    peaks = np.zeros((len(unit), _ROUNDS))
    delta = Delta.build(orbits, grid, seed)
    for number in range(_ROUNDS):
        delta = delta.moved([seed, number])
        lowest = np.argsort(delta.density(weights @ unit))[:_LOWEST]
        random = np.random.default_rng([seed, number]).integers(delta.size, size=_RANDOM)
        points = np.concatenate([random, lowest])
        fields[:, number, : len(points)] = [delta.density(one)[points] for one in unit]
        peaks[:, number] = [delta.peak(one) for one in unit]
        weights, record = _fit(fields, peaks, largest, weights, height, steps)
        history.append(np.asarray(record))
    g = weights @ unit
    coefficients = np.zeros(len(used))
    coefficients[used] = weights / heights / g.max()
    return FittedWindow(
        basis,
        coefficients,
        float(g @ orbits.multiplicity / (g.max() * orbits.n_reflections)),
        float(history[-1][-1]),
        np.concatenate(history),
    )


def _fit(
    fields: np.ndarray,
    peaks: np.ndarray,
    largest: np.ndarray,
    weights: np.ndarray,
    height: float,
    steps: int,
) -> tuple[np.ndarray, Array]:
    """Weights of the basis functions, summing to 1, and the flatness on the way to them."""
    dtype = jnp.result_type(float)
    floor = 1e-4 / len(weights)  # no weight dies for good
    start = jnp.asarray(np.log(np.maximum(weights, floor)), dtype)
    tables = (jnp.asarray(array, dtype) for array in (fields, peaks, largest, np.array(height)))
    best, record = _climb(start, *tables, steps)
    found = np.asarray(best, dtype=np.float64)
    return found / found.sum(), record


@functools.partial(jax.jit, static_argnums=5)
def _climb(
    start: Float[Array, " P"],
    fields: Float[Array, "P positions points"],
    peaks: Float[Array, "P positions"],
    largest: Float[Array, " P"],
    height: Float[Array, ""],
    steps: int,
) -> tuple[Float[Array, " P"], Float[Array, " steps"]]:
    import optax  # a fifth of a second that few need

    optimiser = optax.adam(optax.cosine_decay_schedule(0.1, steps, 0.01))
    present = jnp.any(peaks != 0, axis=0)

    def loss(theta, hardness):
        weights = jax.nn.softmax(theta)
        rho = jnp.einsum("p,pjx->jx", weights, fields)
        low = jnp.where(present, lax.stop_gradient(-jnp.min(rho, axis=1)), 1.0)
        # A soft maximum of -rho / low, above the true one by log(points) / hardness at most.
        soft = jax.nn.logsumexp(-rho * (hardness / low)[:, None], axis=1) * low / hardness
        depth = jnp.where(present, soft / jnp.where(present, weights @ peaks, 1.0), 0.0)
        mean = jnp.sum(depth) / jnp.sum(present.astype(rho.dtype))
        blunt = jnp.log(jnp.maximum(height * (weights @ largest), 1.0))
        return jnp.log(mean) + 10.0 * blunt, mean

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
