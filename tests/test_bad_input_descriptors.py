"""Bad input to diffraction and descriptors: each a clear error, nothing passes silently."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from cells import finite, stored

from jaxtal.crystal import Crystal
from jaxtal.descriptors import (
    Descriptor,
    PowerSpectrum,
    RadialDistribution,
    describe,
    preset,
)
from jaxtal.descriptors.compat import RecpDescriptor
from jaxtal.diffraction import ReciprocalSpace, hkl_sphere

MAKERS = {
    "reflections": lambda q_max: hkl_sphere(np.eye(3), q_max),
    "space": lambda q_max: ReciprocalSpace(q_max=q_max),
    "spectrum": lambda q_max: PowerSpectrum(q_max=q_max),
    "distribution": lambda q_max: RadialDistribution(q_max=q_max),
    "descriptor": lambda q_max: Descriptor(q_max=q_max),
    "paper": lambda q_max: preset("paper", q_max=q_max),
    "recp": lambda q_max: RecpDescriptor(q_max=q_max),
    "preset": lambda q_max: preset("default", q_max=q_max),
    "describe": lambda q_max: describe(stored("diamond"), q_max=q_max),
}


@pytest.mark.parametrize("q_max", [0.0, -1.0, float("nan"), float("inf")])
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_q_max_must_be_positive(make, q_max):
    with pytest.raises(ValueError, match=r"q_max: expected a positive number of 1/angstrom, got"):
        make(q_max)


@pytest.mark.parametrize(
    ("numbers", "kind", "message"),
    [
        ([99], "waasmaier-kirfel", "Es"),
        ([118], "electron", "Og"),
        ([6], "no such table", "kind: expected one of"),
    ],
)
def test_unknown_species_and_tables(numbers, kind, message):
    crystal = Crystal.from_arrays(3 * np.eye(3), [[0, 0, 0]], numbers)
    with pytest.raises(ValueError, match=message):
        ReciprocalSpace(kind=kind).plan(crystal)


def test_nan_coordinates_do_not_enter():
    with pytest.raises(ValueError, match=r"frac_coords\[0, 1\]: expected a finite number, got nan"):
        Crystal.from_arrays(3 * np.eye(3), [[0, np.nan, 0]], [6])


def test_nan_lattice_in_a_plan():
    crystal = stored("diamond")
    broken = eqx.tree_at(
        lambda c: c.lattice.matrix, crystal, crystal.lattice.matrix.at[1, 2].set(jnp.nan)
    )
    with pytest.raises(ValueError, match=r"lattice matrix\[1, 2\]: expected a finite number"):
        Descriptor().plan(broken)
    # At run time a NaN is not covered by any plan.
    descriptor = Descriptor(2, 2, 4.0, n_bins=11)
    for reflections in ("listed", "found"):
        found = descriptor.plan(crystal, reflections=reflections)(broken)
        assert not bool(found.complete)
        assert finite(found)


def test_nothing_to_plan():
    with pytest.raises(ValueError, match="crystals: expected at least one, got none"):
        Descriptor().plan([])


@pytest.mark.parametrize(
    ("leaf", "message"),
    [
        (lambda c: c.frac_coords, r"frac_coords\[0, 0\]: expected a finite number, got nan"),
        (lambda c: c.occupancies, r"occupancies\[0\]: expected a finite number, got nan"),
        (lambda c: c.lattice.matrix, r"lattice matrix\[0, 0\]: expected a finite number, got nan"),
    ],
)
def test_numbers_that_became_nan(leaf, message):
    crystal = stored("diamond")
    with pytest.raises(ValueError, match=message):
        describe(eqx.tree_at(leaf, crystal, leaf(crystal) * jnp.nan))


@pytest.mark.parametrize("other", ["diamond", 3, None])
def test_what_is_no_crystal(other):
    with pytest.raises(ValueError, match=r"crystals: expected a Crystal, WyckoffCrystal, .* got"):
        describe(other)
