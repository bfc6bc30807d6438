"""The neighbour search: against scipy and ASE, complete or flagged, finite for every input."""

import ase
import ase.neighborlist
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cells import CRYSTALS, SHEAR, finite
from scipy.spatial import KDTree

from jaxtal.lattice import niggli_reduce
from jaxtal.metric.terms._nearest_neighbours import nearest_neighbours, neighbour_bounds

K = 12
jitted = eqx.filter_jit(nearest_neighbours)
search = eqx.filter_jit(lambda m, x, mask: nearest_neighbours(m, x, mask, K, (2, 2, 2)))


def padded(matrix, frac, size=8, fill=1e10, dtype="float64"):
    x = np.full((size, 3), fill)
    x[: len(frac)] = frac
    mask = jnp.asarray(np.arange(size) < len(frac))
    return jnp.asarray(matrix, dtype), jnp.asarray(x, dtype), mask


def random_cells(rng, number):
    """Cells of 1 to 8 atoms, reduced."""
    for _ in range(number):
        matrix = 4 * np.eye(3) + rng.uniform(-1.2, 1.2, (3, 3))
        yield niggli_reduce(matrix)[0], rng.uniform(-3, 3, (rng.integers(1, 9), 3))


def reference(matrix, frac, k):
    """Sorted distances, and indices of neighbours, from a large block of cells."""
    axis = np.arange(-5, 6)
    images = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    x = frac - np.floor(frac)
    points = (x[None] + images[:, None]).reshape(-1, 3) @ matrix
    distances, index = KDTree(points).query(x @ matrix, k=k + 1)
    return distances[:, 1:], np.asarray(index)[:, 1:] % len(x)


def test_equals_a_tree_search(x64, rng):
    for matrix, frac in random_cells(rng, 12):
        near = search(*padded(matrix, frac))
        n = len(frac)
        distances, index = reference(matrix, frac, K)
        vectors = np.asarray(near.vectors)[:n]
        if bool(near.complete):
            assert np.allclose(near.distances[:n], distances, atol=1e-9)
        else:
            # What is flagged lacks something: only very few atoms in a cell.
            assert n <= 2
            continue
        assert np.allclose(np.linalg.norm(vectors, axis=2), distances, atol=1e-9)
        # Vectors lead from an atom to an image of the neighbour that the index names.
        steps = (vectors + (frac @ matrix)[:, None]) @ np.linalg.inv(matrix)
        steps = steps - frac[np.asarray(near.index)[:n]]
        assert np.abs(steps - np.rint(steps)).max() < 1e-9
        assert (np.asarray(near.index)[:n] == index).all()
        assert np.isclose(near.volume, abs(np.linalg.det(matrix)))
        assert not np.asarray(near.found)[n:].any()
        assert not np.asarray(near.distances)[n:].any()


def test_equals_ase_neighbour_list(x64):
    entry = CRYSTALS["rutile"]
    crystal = ase.Atoms(
        entry["numbers"], scaled_positions=entry["frac"], cell=entry["matrix"], pbc=True
    )
    first, distances = ase.neighborlist.neighbor_list("id", crystal, 5.0)
    near = search(*padded(entry["matrix"], entry["frac"]))
    assert bool(near.complete)
    for i in range(len(crystal)):
        expected = np.sort(distances[first == i])[:K]
        assert len(expected) == K
        assert np.allclose(near.distances[i], expected, atol=1e-9)


def test_bounds_suffice_wherever_the_atoms_are(rng):
    for matrix, frac in random_cells(rng, 40):
        k = int(rng.integers(1, 60))
        bounds = neighbour_bounds(matrix, len(frac), k)
        lengths = np.linalg.norm(matrix, axis=1)
        spacing = 1 / np.linalg.norm(np.linalg.inv(matrix), axis=0)
        reach = np.min((np.array(bounds) + 0.5) * spacing[np.argsort(lengths)])
        assert reference(matrix, frac, k)[0].max() <= reach + 1e-9
        # All atoms on one point is the worst case.
        together = np.zeros_like(frac)
        assert reference(matrix, together, k)[0].max() <= reach + 1e-9
    assert neighbour_bounds(4.0 * np.eye(3)[None], [200], 32) == (1, 1, 1)
    tall, cube = np.diag([20.0, 3.0, 4.0]), 3.0 * np.eye(3)
    together = neighbour_bounds(np.stack([tall, cube]), [12, 1], 12)
    each = np.array([neighbour_bounds(tall, 12, 12), neighbour_bounds(cube, 1, 12)])
    assert together == tuple(each.max(axis=0))
    assert each[0][0] > each[0][2]


def test_too_small_bounds_are_reported(x64):
    cube = 3.0 * np.eye(3)
    assert not bool(search(*padded(SHEAR @ cube, [[0.1, 0.2, 0.3]])).complete)
    assert bool(search(*padded(cube, [[0.1, 0.2, 0.3]])).complete)
    few = jitted(*padded(cube, [[0, 0, 0]]), 30, (1, 1, 1))
    assert not bool(few.complete)
    assert int(few.found.sum()) == 26
    assert (np.diff(few.distances[0]) >= -1e-12).all()
    assert finite(few)
    # Fewer candidates than neighbours asked for, padding included.
    none = jitted(*padded(cube, [[0, 0, 0]], size=1), 4, (0, 0, 0))
    assert none.distances.shape == (1, 4)
    assert not bool(none.complete)
    assert not none.found.any()


def test_blocks_and_axis_order_change_nothing(x64, rng, monkeypatch):
    matrix, frac = np.diag([9.0, 3.0, 5.0]), rng.uniform(size=(8, 3))
    whole = jitted(*padded(matrix, frac), K, (2, 1, 1))
    monkeypatch.setattr("jaxtal.metric.terms._nearest_neighbours.BLOCK", 3 * 8 * 45)
    # Another number of neighbours: another program, traced with blocks of three atoms.
    parts = jitted(*padded(matrix, frac), K + 1, (2, 1, 1))
    assert bool(whole.complete)
    assert (np.asarray(whole.index) == np.asarray(parts.index)[:, :K]).all()
    assert np.allclose(whole.vectors, parts.vectors[:, :K], atol=1e-12)
    assert np.allclose(whole.distances, reference(matrix, frac, K)[0], atol=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"], indirect=True)
def test_follows_the_dtype_and_is_batched(dtype, rng):
    cells = [padded(m, x, dtype=dtype) for m, x in random_cells(rng, 3)]
    batch = [jnp.stack(columns) for columns in zip(*cells, strict=True)]
    many = jax.jit(jax.vmap(lambda m, x, w: nearest_neighbours(m, x, w, K, (2, 2, 2))))(*batch)
    assert many.vectors.dtype == many.distances.dtype == many.volume.dtype == dtype
    for b, cell in enumerate(cells):
        one = search(*cell)
        assert np.allclose(many.distances[b], one.distances, atol=1e-5 if dtype == "float32" else 0)


def degenerate_inputs():
    cube, point = 3.0 * np.eye(3), [[0.2, 0.2, 0.2]]
    flat = np.array([[3.0, 0, 0], [3.0, 1e-7, 0], [0, 0, 3.0]])
    yield "coincident", cube, point * 3
    yield "ties", cube, [[0, 0, 0], [0.5, 0.5, 0.5]]
    yield "near-singular", flat, point * 2
    yield "zero cell", np.zeros((3, 3)), point
    yield "not finite", cube, [[np.nan, 0, 0], [0, 0, 0]]
    yield "infinite cell", np.diag([np.inf, 3, 3]), point
    yield "no atoms", cube, np.zeros((0, 3))


def test_values_and_gradients_are_finite(rng):
    @jax.jit
    def gradients(matrix, frac, mask):
        def total(m, x):
            near = nearest_neighbours(m, x, mask, K, (2, 2, 2))
            return jnp.sum(near.vectors**2) + jnp.sum(near.distances) + near.volume, near

        (_, near), found = jax.value_and_grad(total, argnums=(0, 1), has_aux=True)(matrix, frac)
        return found, near

    for name, matrix, frac in degenerate_inputs():
        found, near = gradients(*padded(matrix, frac, dtype="float32"))
        assert finite((found, near)), name
        assert bool(near.complete) == (name in ("coincident", "ties")), name
    for _ in range(100):
        matrix = rng.normal(size=(3, 3)) * 10 ** rng.uniform(-3, 3)
        assert finite(gradients(*padded(matrix, rng.normal(size=(4, 3)) * 10, dtype="float32")))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"matrices": np.eye(2)}, "expected shape"),
        ({"matrices": np.ones((3, 3))}, "singular"),
        ({"matrices": np.nan * np.eye(3)}, "finite"),
        ({"n_atoms": 0}, "at least 1"),
        ({"k": 0}, "at least 1"),
        ({"max_stretch": 0.5}, "max_stretch"),
    ],
)
def test_bad_input_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        neighbour_bounds(**({"matrices": np.eye(3), "n_atoms": 2, "k": 4} | change))
