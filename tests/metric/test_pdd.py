"""Pointwise distance distributions against the package average-minimum-distance."""

import itertools
import json
import pathlib

import numpy as np
import pytest
from cells import atoms, in_cell, moved, rotation, stored
from scipy.optimize import linear_sum_assignment

from jaxtal.crystal import Crystal, prototype
from jaxtal.metric import pdd_distance, pointwise_distances

REFERENCE = json.loads(
    (pathlib.Path(__file__).parent.parent / "reference" / "pdd.json").read_text()
)
K = REFERENCE["k"]


@pytest.fixture
def tables(x64):
    return {name: pointwise_distances(stored(name), K) for name in REFERENCE["names"]}


def test_equals_the_package(tables):
    for name, expected in REFERENCE["crystals"].items():
        shares, rows = tables[name]
        assert np.allclose(shares, expected["weights"], atol=1e-9), name
        assert np.allclose(rows, expected["rows"], atol=1e-8), name
        assert np.allclose(shares @ rows, expected["amd"], atol=1e-8), name


def test_earth_movers_distance_equals_the_package(tables):
    names = REFERENCE["names"]
    for (i, a), (j, b) in itertools.combinations(enumerate(names), 2):
        found = pdd_distance(tables[a], tables[b])
        assert abs(found - REFERENCE["emd"][i][j]) < 1e-7, (a, b)
    assert all(pdd_distance(tables[name], tables[name]) < 1e-12 for name in names)


def test_equals_an_assignment_of_as_many_atoms(x64, rng):
    matrix = 5.0 * np.eye(3)
    a, b = (
        pointwise_distances(Crystal.from_arrays(matrix, rng.uniform(size=(9, 3)), [6] * 9), 6)
        for _ in range(2)
    )
    assert len(a[0]) == len(b[0]) == 9
    cost = np.sqrt(((a[1][:, None] - b[1][None]) ** 2).mean(axis=-1))
    rows, columns = linear_sum_assignment(cost)
    assert np.isclose(pdd_distance(a, b, metric="rms"), cost[rows, columns].mean(), atol=1e-9)


def test_no_choice_of_cell_changes_it(x64, rng):
    quartz = prototype("alpha-quartz").expand()
    expected = pointwise_distances(quartz, 15)
    assert len(expected[0]) == 2  # silicon and oxygen
    assert np.allclose(np.sort(expected[0]), [1 / 3, 2 / 3])
    others = [
        in_cell(quartz, np.diag([2, 1, 1])),
        in_cell(quartz, [[1, 3, 0], [0, 1, 4], [0, 0, 1]]),
        moved(quartz, turn=rotation(rng), shift=rng.uniform(size=3)),
    ]
    for other in others:
        found = pointwise_distances(other, 15)
        assert np.allclose(found[0], expected[0])
        assert np.allclose(found[1], expected[1], atol=1e-6)
        assert pdd_distance(found, expected) < 1e-6


def test_moved_atoms_change_it_no_more_than_they_move(x64, rng):
    quartz = prototype("alpha-quartz").expand()
    matrix, frac, numbers = atoms(quartz)
    for size in (1e-6, 1e-3, 0.1):
        step = rng.normal(size=frac.shape)
        step *= size / np.linalg.norm(step, axis=1).max()
        other = Crystal.from_arrays(matrix, frac + step @ np.linalg.inv(matrix), numbers)
        found = pdd_distance(
            pointwise_distances(quartz, 15, tolerance=0),
            pointwise_distances(other, 15, tolerance=0),
        )
        assert 0 < found <= 2 * size * (1 + 1e-6) + 1e-9


def test_rows_of_the_tolerance_are_one(x64):
    one = Crystal.from_arrays(3.0 * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5001]], [6, 6])
    assert len(pointwise_distances(one, 4)[0]) == 1
    assert len(pointwise_distances(one, 4, tolerance=0)[0]) == 2


def test_bad_input_is_refused(x64):
    half = Crystal.from_arrays(np.eye(3) * 3, [[0, 0, 0]], [6], occupancies=[0.5])
    with pytest.raises(ValueError, match="occupancy 1"):
        pointwise_distances(half, 4)
    full = Crystal.from_arrays(np.eye(3) * 3, [[0, 0, 0]], [6])
    with pytest.raises(ValueError, match="k: expected"):
        pointwise_distances(full, 0)
    with pytest.raises(ValueError, match="tolerance"):
        pointwise_distances(full, 4, tolerance=-1.0)
    a, b = pointwise_distances(full, 4), pointwise_distances(full, 5)
    with pytest.raises(ValueError, match="equal length"):
        pdd_distance(a, b)
    with pytest.raises(ValueError, match="metric"):
        pdd_distance(a, a, metric="taxi")
    with pytest.raises(ValueError, match="add up to 1"):
        pdd_distance((0.5 * a[0], a[1]), a)
