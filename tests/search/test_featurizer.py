"""Columns for pipelines of other libraries, whose objects are had by their attributes alone."""

import collections
import copy
import types

import numpy as np
import pytest

import jaxtal as jxt
from jaxtal.descriptors import Descriptor
from jaxtal.diffraction import PowderPattern
from jaxtal.metric import CrystalMetric
from jaxtal.search import Featurizer

Element = collections.namedtuple("Element", "Z")
SMALL = Descriptor(3, 4, 4.0, n_bins=5)


@pytest.fixture(scope="module")
def crystals():
    return [jxt.prototype(name) for name in ("diamond", "zincblende", "rutile")]


def test_columns_are_those_of_the_descriptor(crystals):
    made = Featurizer(SMALL)
    columns = made.fit(crystals).transform(crystals)
    names = made.get_feature_names_out()
    assert columns.shape == (3, len(names)) == (3, 3 * 3 + 5)
    assert names[:4].tolist() == ["P n=0 l=0", "P n=0 l=2", "P n=0 l=4", "P n=1 l=0"]
    assert names[-1] == "G 4"
    assert made.feature_labels() == names.tolist()
    found = SMALL(crystals)
    np.testing.assert_array_equal(columns[:, 4], found.power_spectrum[:, 1, 2])
    np.testing.assert_array_equal(columns[:, -1], found.rdf[:, 4])
    np.testing.assert_allclose(made.featurize(crystals[1]), columns[1], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("specification", "name"),
    [
        (CrystalMetric(2, 2, 8.0, composition=1), "fingerprint 0"),
        (PowderPattern(n_points=100, fwhm=1.0), "pattern 0"),
    ],
)
def test_any_specification(crystals, specification, name):
    made = Featurizer(specification)
    assert made.get_feature_names_out()[0] == name
    assert made.fit_transform(crystals).shape == (3, len(made.get_feature_names_out()))


def test_structures_of_pymatgen_are_taken_by_what_they_have(crystals):
    atoms = crystals[1].to_ase()
    structure = types.SimpleNamespace(
        lattice=types.SimpleNamespace(matrix=atoms.cell.array),
        frac_coords=atoms.get_scaled_positions(),
        species_and_occu=[{Element(int(z)): 1.0} for z in atoms.numbers],
    )
    ours, theirs = Featurizer(SMALL).transform([crystals[1], structure])
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_it_can_be_cloned_as_estimators_are(crystals):
    made = Featurizer(SMALL)
    again = type(made)(**copy.deepcopy(made.get_params(deep=False)))
    assert again.specification == made.specification
    assert again.set_params(specification=None).specification is None
    with pytest.raises(ValueError, match="expected the parameter specification, got n_max"):
        again.set_params(n_max=3)


def test_what_is_refused(crystals):
    with pytest.raises(ValueError, match="at least one, got none"):
        Featurizer(SMALL).transform([])
    with pytest.raises(ValueError, match="crystal"):
        Featurizer(SMALL).transform([crystals[0], 3])
