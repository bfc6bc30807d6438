"""Descriptions of lists of reflections, as they are measured."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxtal.crystal import prototype
from jaxtal.descriptors import Descriptor
from jaxtal.diffraction import ReciprocalSpace, hkl_sphere, structure_factors
from jaxtal.lattice import Superspace
from jaxtal.reflections import Reflections
from jaxtal.scattering import FormFactors

SPEC = Descriptor(4, 4, 6.0, n_bins=20)


@pytest.fixture(scope="module")
def measured():
    """Every reflection of quartz beyond the sphere, and the square of its electrons."""
    crystal = prototype("alpha-quartz")
    atoms = crystal.expand()
    matrix = np.asarray(atoms.lattice.matrix, np.float64)
    hkl = hkl_sphere(matrix, 6.5).astype(np.int64)
    factors = FormFactors.build(["Si", "O"])
    F = np.asarray(structure_factors(atoms, jnp.asarray(hkl), factors), complex)
    intensity = np.abs(F) ** 2
    found = Reflections.from_arrays(
        Superspace.periodic(matrix), crystal.group, hkl, intensity, merge="mean", extinct="drop"
    )
    assert found.n_reflections > 200
    return crystal, found, float((3 * factors.f0[0] + 6 * factors.f0[1]) ** 2)


def test_a_measured_list_is_the_description_of_its_crystal(measured):
    crystal, reflections, forward = measured
    ours, theirs = SPEC.from_reflections(reflections, forward=forward), SPEC(crystal)
    assert bool(ours.complete)
    np.testing.assert_allclose(
        np.asarray(ours.power_spectrum), np.asarray(theirs.power_spectrum), rtol=2e-3, atol=1e-5
    )
    np.testing.assert_allclose(np.asarray(ours.rdf), np.asarray(theirs.rdf), rtol=2e-3, atol=1e-5)
    assert ours.specification == SPEC


def test_a_list_that_ends_too_early_is_not_complete(measured):
    _, reflections, forward = measured
    far = Descriptor(4, 4, space=ReciprocalSpace(q_max=7.5))
    assert not bool(far.from_reflections(reflections, forward=forward).complete)
    with pytest.raises(ValueError, match=r"within q_max 0\.1"):
        Descriptor(q_max=0.1).from_reflections(reflections, forward=forward)
    with pytest.raises(ValueError, match=r"forward: expected .*, got 0"):
        SPEC.from_reflections(reflections, forward=0)
