"""Distances atom by atom: homometric crystals, partly filled sites, continuity, gradients."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cells import atoms, finite, in_cell, moved, rotation
from local_terms import RANKS, SIZE, arrays, both, check_gradients, compiled, terms

from jaxtal.crystal import Crystal, prototype
from jaxtal.descriptors import describe
from jaxtal.metric import distance, pointwise_distances
from jaxtal.metric.terms._local_distances import local_distance_vector, local_distances
from jaxtal.metric.terms._nearest_neighbours import nearest_neighbours


@pytest.fixture
def quartz(x64) -> Crystal:
    return prototype("alpha-quartz").expand()


@eqx.filter_jit
def program(matrix, frac, weights):
    near = nearest_neighbours(matrix, frac, weights > 0, 32, (3, 3, 3))
    return local_distance_vector(near, weights, 8)


def vector(matrix, frac, weights=None):
    """The vector of eight ranks of a crystal of at most eight atoms."""
    n = len(frac)
    x, w = np.zeros((8, 3)), np.zeros(8)
    x[:n], w[:n] = frac, 1.0 if weights is None else weights
    values, complete = program(*(jnp.asarray(one) for one in (matrix, x, w)))
    assert bool(complete)
    return np.asarray(values)


def chain(points):
    return np.diag([8.0, 5.0, 6.0]), np.array([[x / 8, 0, 0] for x in points])


def test_homometric_pair_is_told_apart(x64):
    """{0, 1, 3, 4} and {0, 1, 2, 5} modulo 8: equal |F|, equal pooled distances."""
    cells = [chain(points) for points in ((0, 1, 3, 4), (0, 1, 2, 5))]
    a, b = (Crystal.from_arrays(*cell, [6] * 4) for cell in cells)
    assert float(distance(describe(a), describe(b))) < 1e-9 * np.linalg.norm(
        describe(a).power_spectrum
    )
    v, w = vector(*cells[0]), vector(*cells[1])
    assert np.linalg.norm(v - w) > 0.1
    # So large a difference comes of moving atoms by about a fifth of an angstrom.
    rng = np.random.default_rng(3)
    moves = [
        np.linalg.norm(vector(cells[0][0], cells[0][1] + rng.normal(size=(4, 3)) * 0.02 / 8) - v)
        for _ in range(3)
    ]
    assert max(moves) < 0.2 * np.linalg.norm(v - w)


def test_equals_the_rows_of_the_host(quartz):
    shares, rows = pointwise_distances(quartz, RANKS, tolerance=0)
    matrix, frac, _ = atoms(quartz)
    unit = np.cbrt(abs(np.linalg.det(matrix)) / len(frac))
    values = terms(quartz)[0].reshape(RANKS, 4)
    # Of 9 atoms a quarter is 2.25.
    edges, ordered = np.arange(10) / 9, np.sort(rows, axis=0)
    for s in range(4):
        share = np.minimum(edges[1:], (s + 1) / 4) - np.maximum(edges[:-1], s / 4)
        expected = 4 * np.maximum(share, 0) @ ordered / unit / np.sqrt(4 * RANKS)
        assert np.allclose(values[:, s], expected, atol=1e-12)
    amd = shares @ rows / unit
    assert np.allclose(values.mean(axis=1) * np.sqrt(4 * RANKS), amd, atol=1e-12)


def test_is_at_most_the_earth_movers_distance(x64):
    names = ("diamond", "rutile", "alpha-quartz", "rock-salt", "wurtzite")
    found = {}
    for name in names:
        cell = prototype(name).expand()
        matrix, frac, numbers = atoms(cell)
        unit = np.cbrt(abs(np.linalg.det(matrix)) / len(frac))
        scaled = Crystal.from_arrays(matrix / unit, frac, numbers)
        found[name] = terms(cell)[0], pointwise_distances(scaled, RANKS)
    for a, b in itertools.combinations(names, 2):
        (v, p), (w, q) = found[a], found[b]
        # Of order 2: squares of the costs of rows; the greatest of few rows bounds it as well.
        bound = np.sqrt(pdd_squared(p, q))
        assert 0 < np.linalg.norm(v - w) <= bound * (1 + 1e-9), (a, b)


def pdd_squared(p, q):
    """Earth mover's distance whose cost is the mean square difference."""
    from scipy.optimize import linprog

    cost = ((p[1][:, None] - q[1][None]) ** 2).mean(axis=-1)
    n, m = cost.shape
    sums = np.concatenate([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    return linprog(cost.ravel(), A_eq=sums, b_eq=np.concatenate([p[0], q[0]])).fun


def test_invariances(quartz, rng):
    expected = terms(quartz)[0]
    others = [
        in_cell(quartz, np.diag([1, 1, 2])),
        in_cell(quartz, [[1, 3, 0], [0, 1, 4], [0, 0, 1]]),
        moved(quartz, turn=rotation(rng), shift=rng.uniform(size=3)),
    ]
    matrix, frac, numbers = atoms(quartz)
    others.append(Crystal.from_arrays(1.3 * matrix, frac, numbers))
    for other in others:
        assert np.allclose(terms(other)[0], expected, atol=1e-6)


def test_a_shared_site_is_one_atom(x64):
    """Iron and nickel half each on the sites of copper; then a site of two, and a vacancy."""
    matrix = 3.6 * np.eye(3)
    frac = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    expected = vector(matrix, frac)
    halves = vector(matrix, np.repeat(frac, 2, axis=0), [0.3, 0.7] * 4)
    assert np.allclose(halves, expected, atol=1e-12)
    split = frac[[0, 0, 1, 2, 3]]
    assert np.allclose(vector(matrix, split, [0.5, 0.5, 1, 1, 1]), expected, atol=1e-12)
    # Occupancies change it continuously, down to an atom that is not there.
    gone = vector(matrix, frac[1:])
    steps = [np.linalg.norm(vector(matrix, frac, [e, 1, 1, 1]) - gone) for e in (0.1, 0.01, 1e-5)]
    assert steps[2] < 1e-4 < steps[1] < steps[0] < 0.2
    assert np.linalg.norm(vector(matrix, frac, [1 - 1e-5, 1, 1, 1]) - expected) < 1e-4


@pytest.mark.slow
def test_changes_continuously_where_neighbours_change_places(x64):
    """Along a line on which ranks cross and the cell is written anew, small steps do little."""
    cell = prototype("rutile").expand()
    matrix, frac, numbers = atoms(cell)
    rng = np.random.default_rng(5)
    direction = rng.normal(size=frac.shape)
    direction /= np.linalg.norm(direction @ matrix, axis=1).max()
    step = 0.005
    path = [
        terms(Crystal.from_arrays(matrix, frac + t * direction, numbers))
        for t in np.arange(0, 0.5, step)
    ]
    unit = np.cbrt(abs(np.linalg.det(matrix)) / len(frac))
    for which, largest in ((0, 2 * step / unit), (1, 20 * step)):
        jumps = [np.linalg.norm(b[which] - a[which]) for a, b in itertools.pairwise(path)]
        assert 0 < max(jumps) <= largest


def test_gradients(quartz, rng):
    # Away from its symmetry, where the order of distances is ambiguous.
    matrix, frac, numbers = atoms(quartz)
    moved_atoms = frac + rng.normal(size=frac.shape) * 0.02
    # At full occupancy the derivatives in occupancies differ on the two sides.
    filled = rng.uniform(0.9, 0.98, len(numbers))
    check_gradients(0, Crystal.from_arrays(matrix, moved_atoms, numbers, occupancies=filled), rng)


@pytest.mark.parametrize("name", ["float32", "float64"])
def test_padding_holds_anything(name, request):
    if name == "float64":
        request.getfixturevalue("x64")
    crystal = prototype("rutile").expand()
    plain, filled = arrays(crystal, name), arrays(crystal, name, fill=1e10)
    for a, b in zip(compiled(*plain), compiled(*filled), strict=True):
        assert (np.asarray(a) == np.asarray(b)).all()
    distances, hand, complete = compiled(*plain)
    assert distances.dtype == hand.dtype == name
    assert bool(complete)


def gradients_of_everything():
    def total(*arguments):
        distances, hand, complete = both(*arguments)
        return jnp.sum(jnp.sin(distances)) + jnp.sum(jnp.sin(hand)), (distances, hand, complete)

    return jax.jit(jax.vmap(jax.value_and_grad(total, argnums=(0, 1, 2, 3), has_aux=True)))


@pytest.mark.slow
def test_values_and_gradients_are_finite(rng):
    """Coincident atoms, ties, equal atoms, garbage padding, empty, singular and noisy cells."""
    cube = 3.0 * np.eye(3)
    flat = np.array([[3.0, 0, 0], [3.0, 1e-7, 0], [0, 0, 3.0]])
    cases = [
        (cube, np.zeros((3, 3)), [1, 1, 1]),
        (cube, np.array([[0, 0, 0], [0.5, 0.5, 0.5]]), [1, 1]),
        (cube, np.zeros((2, 3)), [0.5, 0.5]),
        (cube, np.array([[0, 0, 0], [0, 0, 1e-6]]), [0.5, 0.5]),
        (flat, np.zeros((2, 3)), [1, 1]),
        (np.zeros((3, 3)), np.zeros((2, 3)), [1, 1]),
        (cube, np.full((2, 3), np.nan), [1, 1]),
        (cube, np.zeros((2, 3)), [np.nan, np.inf]),
        (cube, np.zeros((0, 3)), []),
    ]
    cases += [
        (rng.normal(size=(3, 3)) * 10 ** rng.uniform(-2, 2), rng.normal(size=(4, 3)), [1] * 4)
        for _ in range(55)
    ]
    batch = []
    for matrix, frac, weights in cases:
        x, w, z = np.full((SIZE, 3), 1e10), np.zeros(SIZE), np.full(SIZE, 1e10)
        x[: len(frac)], w[: len(frac)], z[: len(frac)] = frac, weights, 14
        batch.append([jnp.asarray(one, jnp.float32) for one in (matrix, x, w, z)])
    columns = [jnp.stack(column) for column in zip(*batch, strict=True)]
    (_, (distances, hand, complete)), gradients = gradients_of_everything()(*columns)
    for b in range(len(cases)):
        assert finite([distances[b], hand[b], *(g[b] for g in gradients)]), cases[b]
    assert not np.asarray(complete)[4:9].any()
    assert not np.asarray(distances)[8].any()


def test_too_few_neighbours_are_reported(x64):
    @jax.jit
    def complete(weights):
        near = nearest_neighbours(
            3 * jnp.eye(3), jnp.zeros((1, 3)), jnp.ones(1, bool), 12, (2, 2, 2)
        )
        return [local_distances(near, weights, k)[1] for k in (5, 12, 13)]

    assert [bool(one) for one in complete(jnp.ones(1))] == [True, True, False]
    assert [bool(one) for one in complete(jnp.full(1, 0.5))] == [True, False, False]
