"""Nearest neighbours, close pairs and groups against double precision on everything."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import cdist, pdist

from jaxtal.metric.all_pairs import groups, nearest, pairs_within

BLOCK = 64


@pytest.fixture
def vectors(rng):
    """Far from the origin, with pairs that single precision cannot tell apart without care."""
    x = rng.normal(size=(150, 40)) + 300.0
    near = x[:60] + 1e-3 * rng.normal(size=(60, 40))
    return np.concatenate([x, near, x[:5]]).astype(np.float32)


def full(query, vectors):
    return cdist(query.astype(np.float64), vectors.astype(np.float64))


def test_nearest_is_that_of_all_distances(vectors, rng):
    query = (rng.normal(size=(70, 40)) + 300.0).astype(np.float32)
    every = full(query, vectors)
    indices, distances = nearest(query, vectors, 7, block=BLOCK)
    np.testing.assert_allclose(distances, np.sort(every, axis=1)[:, :7], rtol=1e-12)
    np.testing.assert_array_equal(np.take_along_axis(every, indices, axis=1), distances)


def test_no_vector_is_its_own_neighbour(vectors):
    every = full(vectors, vectors)
    _, with_self = nearest(vectors, vectors, 1, block=BLOCK)
    assert np.all(with_self == 0)
    np.fill_diagonal(every, np.inf)
    indices, distances = nearest(vectors, vectors, 3, block=BLOCK, skip_self=True)
    assert not np.any(indices == np.arange(len(vectors))[:, None])
    np.testing.assert_allclose(distances, np.sort(every, axis=1)[:, :3], rtol=1e-12)
    assert np.all(distances[:5, 0] == 0)  # exact copies


@pytest.mark.parametrize("k", [255, 256, 257, 500])
def test_more_neighbours_than_a_block_holds(rng, k):
    cloud = rng.normal(size=(400, 8))
    every = full(cloud[:3], cloud)
    indices, distances = nearest(cloud[:3], cloud, k, block=BLOCK)
    np.testing.assert_allclose(distances, np.sort(every, axis=1)[:, :k], rtol=1e-12)
    np.testing.assert_array_equal(indices, np.argsort(every, axis=1)[:, :k])
    every = full(cloud, cloud)
    np.fill_diagonal(every, np.inf)
    indices, _ = nearest(cloud, cloud, k, block=BLOCK, skip_self=True)
    np.testing.assert_array_equal(indices, np.argsort(every, axis=1)[:, : min(k, 399)])


def test_many_vectors_at_almost_one_distance(rng):
    """More candidates than are kept lie within the rounding of single precision."""
    directions = rng.normal(size=(300, 8))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    radii = 1.0 + 1e-7 * rng.permutation(300)
    cloud = directions * radii[:, None]
    # Of differences from exactly here, nothing is left of 1e-7 in single precision.
    query = np.zeros((2, 8))
    indices, distances = nearest(query, cloud, 5, block=BLOCK)
    np.testing.assert_array_equal(indices, np.tile(np.argsort(radii)[:5], (2, 1)))
    np.testing.assert_allclose(distances, np.tile(np.sort(radii)[:5], (2, 1)), rtol=1e-12)


def test_clusters_of_near_copies(rng):
    """A hundred copies 1e-5 apart, far from the mean: their order is that of differences."""
    copies = rng.normal(size=8) * 50 + 1e-5 * rng.normal(size=(100, 8))
    x = np.concatenate([copies, rng.normal(size=(200, 8)) * 50])
    every = full(x, x)
    np.fill_diagonal(every, np.inf)
    indices, distances = nearest(x, x, 4, block=BLOCK, skip_self=True)
    np.testing.assert_array_equal(indices, np.argsort(every, axis=1)[:, :4])
    np.testing.assert_allclose(distances, np.sort(every, axis=1)[:, :4], rtol=1e-6)


def test_pairs_are_those_within_the_threshold(vectors):
    every = full(vectors, vectors)
    upper = np.triu(np.ones(every.shape, bool), 1)
    # The threshold is the distance of a pair itself: it counts, the next one does not.
    ranked = np.sort(every[upper])
    for threshold in (0.0, ranked[40], ranked[400], ranked[-1]):
        pairs, distances = pairs_within(vectors, threshold, block=BLOCK)
        expected = np.argwhere(upper & (every <= threshold))
        np.testing.assert_array_equal(pairs, expected)
        np.testing.assert_allclose(distances, every[tuple(expected.T)], rtol=1e-12)


def test_groups_are_single_linkage(vectors):
    distances = pdist(vectors.astype(np.float64))
    tree = linkage(distances, "single")
    for threshold in (0.01, float(np.quantile(distances, 0.005)), float(distances.max())):
        expected = fcluster(tree, threshold, "distance")
        labels = groups(vectors, threshold, block=BLOCK)
        together = expected[:, None] == expected[None, :]
        np.testing.assert_array_equal(labels[:, None] == labels[None, :], together)
        # Numbered by first occurrence.
        _, first = np.unique(labels, return_index=True)
        assert np.all(np.diff(first) > 0)
        assert labels[0] == 0


def test_a_chain_is_one_group_in_any_order(rng):
    line = np.zeros((200, 3), np.float32)
    line[:, 1] = np.arange(200)
    order = rng.permutation(200)
    assert np.all(groups(line[order], 1.0, block=BLOCK) == 0)
    assert len(np.unique(groups(line[order], 0.999, block=BLOCK))) == 200


def test_vectors_may_be_mapped_from_a_file(vectors, tmp_path):
    np.save(tmp_path / "v.npy", vectors)
    mapped = np.load(tmp_path / "v.npy", mmap_mode="r")
    np.testing.assert_array_equal(groups(mapped, 0.05), groups(vectors, 0.05))
    for a, b in zip(nearest(mapped, mapped, 2), nearest(vectors, vectors, 2), strict=True):
        np.testing.assert_array_equal(a, b)


def test_vectors_of_jax_are_compared_in_double_precision(vectors):
    there = jnp.asarray(vectors)
    for a, b in zip(pairs_within(there, 0.05), pairs_within(vectors, 0.05), strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(nearest(there, there, 2), nearest(vectors, vectors, 2), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(groups(there, 0.05), groups(vectors, 0.05))


def test_a_threshold_beyond_everything():
    far = np.array([[1e17], [-1e17], [0.0]])
    for threshold in (1e30, 1e200):
        assert groups(far, threshold).tolist() == [0, 0, 0]
        assert len(pairs_within(far, threshold)[0]) == 3


def test_few_vectors():
    one = np.ones((1, 3), np.float32)
    indices, distances = nearest(one, one, 5)
    assert (indices.tolist(), distances.tolist()) == ([[0]], [[0.0]])
    assert nearest(one, one, 5, skip_self=True)[0].shape == (1, 0)
    none = np.zeros((0, 3), np.float32)
    assert nearest(none, one, 2)[0].shape == (0, 1)
    assert nearest(one, none, 2)[0].shape == (1, 0)
    assert groups(none, 1.0).shape == (0,)
    assert pairs_within(none, 1.0)[0].shape == (0, 2)
    assert groups(one, 0.0).tolist() == [0]


def test_bad_input(vectors):
    broken = vectors.copy()
    broken[17, 3] = np.nan
    with pytest.raises(ValueError, match=r"vectors\[17\]: expected finite"):
        groups(broken, 1.0)
    with pytest.raises(ValueError, match="threshold"):
        pairs_within(vectors, -1.0)
    with pytest.raises(ValueError, match="threshold"):
        groups(vectors, float("nan"))
    with pytest.raises(ValueError, match="length 40, got 39"):
        nearest(vectors[:, :39].copy(), vectors)
    with pytest.raises(ValueError, match="k: expected"):
        nearest(vectors, vectors, 0)
    with pytest.raises(ValueError, match="block: expected"):
        nearest(vectors, vectors, block=0)
    with pytest.raises(ValueError, match=r"query\[1\]: expected a distance"):
        nearest(np.array([[0.0], [1e30]]), np.zeros((3, 1)))
    with pytest.raises(ValueError, match="skip_self: expected 215"):
        nearest(vectors[:3], vectors, skip_self=True)
    with pytest.raises(ValueError, match=r"vectors\[2\]: expected a distance"):
        groups(np.array([[0.0], [1.0], [1e30]]), 1.0)
