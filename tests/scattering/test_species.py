"""Species labels and keys."""

import numpy as np
import pytest

from jaxtal.scattering import parse_species, species_label
from jaxtal.scattering._species import species_keys


@pytest.mark.parametrize(
    ("species", "key", "label"),
    [
        ("Si", (14, 0, 0), "Si"),
        ("Si4+", (14, 4, 0), "Si4+"),
        ("Si+4", (14, 4, 0), "Si4+"),
        ("O2-", (8, -2, 0), "O2-"),
        ("Na+", (11, 1, 0), "Na1+"),
        ("H-", (1, -1, 0), "H1-"),
        ("D", (1, 0, 2), "D"),
        ("2H", (1, 0, 2), "D"),
        ("D+", (1, 1, 2), "D1+"),
        ("3H", (1, 0, 3), "T"),
        ("18O2-", (8, -2, 18), "18O2-"),
        (14, (14, 0, 0), "Si"),
        (np.int64(8), (8, 0, 0), "O"),
        ((26,), (26, 0, 0), "Fe"),
        ((26, 3), (26, 3, 0), "Fe3+"),
        ((26, 3, 57), (26, 3, 57), "57Fe3+"),
    ],
)
def test_label_and_key_agree(species, key, label):
    assert parse_species(species) == key
    assert species_label(species) == label
    assert parse_species(label) == key


@pytest.mark.parametrize(
    ("species", "message"),
    [
        ("Xx", "element symbol"),
        ("si", "species label"),
        ("SI", "species label"),
        ("Si4", "species label"),
        ("", "species label"),
        ("Q", "element symbol"),
        ("3D", "contradicts"),
        ("99Si", "mass number 22"),
        (0, "1 to 118"),
        (119, "1 to 118"),
        ((1, 2), "exceeds"),
        ((1, 0, 2, 3), "mass number"),
    ],
)
def test_bad_species_are_named(species, message):
    with pytest.raises(ValueError, match=message):
        parse_species(species)


def test_keys_of_several_species():
    keys = species_keys(["Si4+", 8, "D"])
    np.testing.assert_array_equal(keys, [[14, 4, 0], [8, 0, 0], [1, 0, 2]])
    assert species_keys([]).shape == (0, 3)
