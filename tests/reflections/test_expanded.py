"""A list merged under a Laue group, expanded to a subgroup."""

import numpy as np
import pytest

from jaxtal.lattice import Superspace
from jaxtal.reflections import Reflections
from jaxtal.symmetry import SpaceGroup

CELL = [5.0, 5.0, 7.0, 90, 90, 120]
K = np.array([[1, 0, 0], [1, 1, 0], [2, 1, 3], [0, 0, 2]])
I = np.array([10.0, 20.0, 30.0, 40.0])


def test_in_p1_every_equivalent_has_the_value_of_its_representative():
    merged = Reflections.from_arrays(CELL, "P 6/m m m", K, I, sigma=I / 10)
    found = merged.expanded()
    assert found.group.order == 1
    assert len(found) == 3 + 3 + 12 + 1  # half of the equivalents: Friedel mates are implied
    assert found.n_reflections == merged.n_reflections
    assert not found.real.any()
    assert found.sigma is not None
    np.testing.assert_allclose(found.sigma, found.intensity / 10)
    for k, value in zip(K, I, strict=True):
        images = {tuple(h) for h in k @ merged.group.laue_rotations}
        rows = [tuple(h) in images or tuple(-h) in images for h in found.k]
        assert sum(rows) == len(images) / 2
        np.testing.assert_array_equal(found.intensity[rows], value)
    assert "4 orbits before" in found.report.text()


def test_a_subgroup_in_between_and_back():
    merged = Reflections.from_arrays(CELL, "P 6/m m m", K, I)
    middle = merged.expanded("P -3")
    assert len(middle) == 1 + 1 + 4 + 1
    assert middle.expanded().n_reflections == merged.n_reflections
    again = Reflections.from_arrays(CELL, "P 6/m m m", middle.k, middle.intensity)
    assert len(again) == len(merged)
    assert again.report.r_int == 0
    with pytest.raises(ValueError, match=r"rotations of .* alone"):
        middle.expanded("P 6/m m m")


def test_centring_may_stay_and_modulated_crystals_expand():
    centred = Reflections.from_arrays([5, 6, 7, 90, 90, 90], "C m m m", [[1, 1, 1]], [3.0])
    assert len(centred.expanded()) == len(centred.expanded("C 1")) == 4
    with pytest.raises(ValueError, match="extinguishes"):
        centred.expanded("I 1")
    group = SpaceGroup.from_generators(["-x1,-x2,x3,x4"])
    modulated = Superspace.modulated([5, 6, 7, 90, 90, 90], [[0, 0, 0.3]])
    found = Reflections.from_arrays(modulated, group, [[1, 2, 3, 1]], [2.0]).expanded()
    assert sorted(map(tuple, np.abs(found.k))) == [(1, 2, 3, 1)] * 2
