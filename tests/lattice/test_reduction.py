"""Niggli reduction: the same lattice, compact, in the same orientation."""

import numpy as np
import pytest
from ase.geometry import cell_to_cellpar

from jaxtal.lattice import niggli_reduce

SHEARS = [
    [[1, 3, 0], [0, 1, 4], [0, 0, 1]],
    [[1, 0, 0], [-5, 1, 0], [2, 7, 1]],
    [[2, 1, 0], [1, 1, 0], [0, 3, 1]],
]


@pytest.mark.parametrize("shear", SHEARS)
@pytest.mark.parametrize("scale", [0.01, 1.0, 50.0])
@pytest.mark.parametrize("hand", [1, -1])
def test_sheared_cells_come_back(shear, scale, hand):
    matrix = scale * hand * np.array([[4.0, 0.1, 0], [0.3, 5.0, 0.2], [0.4, -0.3, 6.0]])
    reduced, transform = niggli_reduce(np.array(shear) @ matrix)
    np.testing.assert_allclose(reduced, transform @ np.array(shear) @ matrix, rtol=1e-12)
    assert transform.dtype == np.int64
    assert round(np.linalg.det(transform)) == 1
    # The same orientation and lattice: the rows are whole combinations of the first ones.
    whole = reduced @ np.linalg.inv(matrix)
    np.testing.assert_allclose(whole, np.rint(whole), atol=1e-9)
    expected = cell_to_cellpar(niggli_reduce(matrix)[0])
    np.testing.assert_allclose(cell_to_cellpar(reduced), expected, rtol=1e-6)


def test_reduced_form_of_the_face_centred_lattice():
    reduced, _ = niggli_reduce(0.5 * 3.567 * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]))
    a = 3.567 / np.sqrt(2)
    np.testing.assert_allclose(cell_to_cellpar(reduced), (a, a, a, 60, 60, 60), rtol=1e-10)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.ones((3, 3)), "independent rows"),
        (np.eye(2), "shape"),
        (np.full((3, 3), np.inf), "finite"),
    ],
)
def test_bad_input(matrix, message):
    with pytest.raises(ValueError, match=message):
        niggli_reduce(matrix)
