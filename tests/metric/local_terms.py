"""One compiled program for the terms that rest on the nearest neighbours, and crystals for it."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from cells import atoms

from jaxtal.crystal import Crystal, WyckoffCrystal
from jaxtal.lattice import niggli_reduce
from jaxtal.metric.terms._hand_vector import hand_vector
from jaxtal.metric.terms._local_distances import local_distance_vector
from jaxtal.metric.terms._nearest_neighbours import nearest_neighbours

#: Padded number of atoms, listed neighbours, ranks, bounds: enough for all crystals here.
SIZE, LISTED, RANKS, BOUNDS = 24, 40, 24, (2, 2, 2)


def both(matrix, frac, weights, numbers):
    """Distance vector, hand vector, and whether both are complete; pure."""
    near = nearest_neighbours(matrix, frac, weights > 0, LISTED, BOUNDS)
    distances, first = local_distance_vector(near, weights, RANKS)
    hand, second = hand_vector(near, weights, numbers, RANKS)
    return distances, hand, first & second


compiled = eqx.filter_jit(both)


def arrays(crystal: Crystal | WyckoffCrystal, dtype="float64", fill=0.0):
    """Arguments of `both`, in the reduced cell."""
    cell = crystal.expand() if isinstance(crystal, WyckoffCrystal) else crystal
    matrix, frac, numbers = atoms(cell)
    weights = np.asarray(cell.occupancies)[np.asarray(cell.mask)]
    reduced, change = niggli_reduce(matrix)
    n = len(numbers)
    x, w, z = np.full((SIZE, 3), fill), np.zeros(SIZE), np.full(SIZE, fill)
    x[:n], w[:n], z[:n] = frac @ np.linalg.inv(change), weights, numbers
    return tuple(jnp.asarray(one, dtype) for one in (reduced, x, w, z))


def terms(crystal, dtype="float64"):
    """Distance and hand vector of a crystal."""
    distances, hand, complete = compiled(*arrays(crystal, dtype))
    assert bool(complete)
    return np.asarray(distances), np.asarray(hand)


def mirrored(crystal: Crystal) -> Crystal:
    """The other hand."""
    matrix, frac, numbers = atoms(crystal)
    return Crystal.from_arrays(matrix * np.array([1, 1, -1.0]), frac, numbers, dtype="float64")


def central(function, x, direction, eps=1e-7):
    """Derivative by central differences, a step so small that hardly any distances cross."""
    return (function(x + eps * direction) - function(x - eps * direction)) / (2 * eps)


@jax.jit
def projected_gradients(projections, *arguments):
    """Gradients in all four arguments of a weighted sum of both vectors."""

    def total(*given):
        distances, hand, _ = both(*given)
        return jnp.sum(projections[0] * distances) + jnp.sum(projections[1] * hand)

    return jax.grad(total, argnums=(0, 1, 2, 3))(*arguments)


def check_gradients(which, crystal, rng):
    """Gradients of a random projection of one vector against central differences."""
    arguments = arrays(crystal)
    projections = [np.zeros(one.shape) for one in compiled(*arguments)[:2]]
    projections[which] = rng.normal(size=projections[which].shape)
    found = projected_gradients([jnp.asarray(one) for one in projections], *arguments)
    real = np.asarray(arguments[2]) > 0
    for n, (x, gradient) in enumerate(zip(arguments, found, strict=True)):
        direction = rng.normal(size=x.shape)
        if n:
            direction[~real] = 0

        def value(y, n=n):
            moved = [*arguments[:n], y, *arguments[n + 1 :]]
            vector = compiled(*moved)[which]
            return float(np.sum(projections[which] * np.asarray(vector)))

        expected = central(value, x, jnp.asarray(direction))
        got = float(jnp.sum(gradient * direction))
        assert abs(got - expected) < 1e-6 * max(abs(expected), 1.0), (n, got, expected)
