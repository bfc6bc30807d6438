"""Crystals from their descriptors alone: recovery, honesty, ambiguity, bad input."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from variants import slow_but

from jaxtal.crystal import WyckoffCrystal, match_crystals, prototype
from jaxtal.descriptors import Descriptor, describe
from jaxtal.reconstruct import LBFGS, Adam, LevenbergMarquardt, from_descriptor
from jaxtal.reconstruct import _run_chunk as module

DESCRIPTOR = Descriptor(8, 8, 6.0, n_bins=61)
SMALL = Descriptor(4, 4, 4.0, n_bins=26)
PAPER = {
    "alpha-quartz": (0.02, 0.5),
    "beta-quartz": (0.3, 1.6),
    "diamond": (0.1, 0.3),
    "h-diamond": (0.15, 0.45),
}


def rebuild(name, **options):
    crystal = prototype(name)
    target = describe(crystal, DESCRIPTOR)
    found = from_descriptor(target, like=crystal, progress=False, **options)
    return crystal, found


@pytest.mark.parametrize(
    "name",
    slow_but(["diamond"], PAPER),
)
def test_recovery_from_the_papers_perturbations(name):
    crystal, found = rebuild(name, starts=8, key=jax.random.key(1), perturbation=PAPER[name])
    match = match_crystals(crystal, found.best)
    assert found.success
    assert match is not None
    assert match.rmsd < 0.01
    assert match.cell_error < 1e-3
    assert found.converged.sum() >= 4
    assert len(found.solutions) == 1
    # The first stage ends where the second one can take over.
    assert found.history.shape[0] == 8
    assert 50 < found.history.shape[1] < 500


@pytest.mark.slow
def test_recovery_from_random_parameters():
    """Alpha-quartz, all six parameters random: about four starts in ten get there."""
    crystal, found = rebuild("alpha-quartz", starts=24, key=jax.random.key(0))
    match = match_crystals(crystal, found.best)
    assert found.success
    assert match is not None
    assert match.rmsd < 0.01
    assert match.cell_error < 1e-3
    assert found.converged.sum() >= 4


@pytest.mark.slow
def test_free_atoms_of_diamond():
    """P1: the loss rises with the fourth power of what breaks the cubic symmetry."""
    diamond = WyckoffCrystal.from_crystal(prototype("diamond").expand(), symmetry=False)
    found = from_descriptor(
        describe(diamond, DESCRIPTOR),
        diamond,
        starts=8,
        perturbation=(0.1, 0.3),
        progress=False,
    )
    match = match_crystals(diamond, found.best)
    assert found.success
    assert match is not None
    assert match.rmsd < 0.01
    assert match.cell_error < 1e-3


@pytest.mark.slow
def test_the_default_descriptor_of_describe_works_too():
    """`describe` and `from_descriptor` agree on their defaults (q_max 10, n_max = l_max = 10)."""
    crystal = prototype("h-diamond")
    found = from_descriptor(
        describe(crystal.expand()), crystal, starts=8, perturbation=(0.1, 0.3), progress=False
    )
    match = match_crystals(crystal, found.best)
    assert found.success
    assert match is not None
    assert match.rmsd < 0.01


def test_homometric_crystals_are_both_reported():
    """{0,1,3,4} and {0,1,2,5} mod 8 along c have the same |F|^2 and are not superposable."""

    def chain(places):
        sites = [("C", "1a", (0.0, 0.0, z / 8)) for z in places]
        return WyckoffCrystal.build(1, (3.0, 3.3, 8.0, 90, 90, 90), sites)

    a, b = chain((0, 1, 3, 4)), chain((0, 1, 2, 5))
    both = np.stack([a.to_variables(), b.to_variables()])
    found = from_descriptor(
        describe(a, SMALL),
        a,
        initial=both,
        optimiser=LevenbergMarquardt(steps=5),
        polish=None,
        progress=False,
    )
    assert found.converged.all()
    assert len(found.solutions) == 2
    other = found.solutions[1].match
    assert other is None or other.rmsd > 0.1


def test_failure_is_a_value_and_says_so():
    _, found = rebuild(
        "alpha-quartz", starts=2, key=jax.random.key(2), optimiser=Adam(steps=5), polish=None
    )
    assert repr(found).startswith("Reconstruction: not converged: the best of 2 starts has loss")
    assert repr(found).count("\n") == 1
    assert not found.success
    assert not found.converged.any()
    assert found.solutions == ()
    assert "not converged" in found.message


def test_same_seed_same_result():
    options = {"starts": 2, "optimiser": Adam(steps=5), "polish": None}
    _, a = rebuild("alpha-quartz", key=jax.random.key(2), **options)
    _, b = rebuild("alpha-quartz", key=jax.random.key(2), **options)
    np.testing.assert_array_equal(a.variables, b.variables)


@pytest.mark.slow
def test_lbfgs_as_optimiser():
    crystal, found = rebuild(
        "h-diamond", starts=8, perturbation=(0.05, 0.1), optimiser=LBFGS(steps=25), polish=None
    )
    match = match_crystals(crystal, found.best)
    assert found.success
    assert match is not None
    assert match.rmsd < 0.01


def test_interrupted_run_keeps_what_it_found(monkeypatch):
    original = module.run_chunk
    calls = []

    def stop_in_the_third(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(*arguments)

    # The first call compiles and makes no step.
    monkeypatch.setattr(module, "run_chunk", stop_in_the_third)
    _, found = rebuild(
        "alpha-quartz",
        starts=8,
        key=jax.random.key(1),
        perturbation=(0.02, 0.5),
        polish=None,
    )
    assert found.interrupted
    assert found.history.shape == (8, 50)
    assert np.isfinite(found.losses).all()


def test_mirror_image_is_told_apart_by_the_match_only():
    right = prototype("alpha-quartz")
    mirrored = right.expand()
    crystal = WyckoffCrystal.from_crystal(
        type(mirrored).from_arrays(
            mirrored.lattice.matrix, -mirrored.frac_coords, mirrored.atomic_numbers
        )
    )
    assert {right.group.number, crystal.group.number} == {152, 154}
    match = match_crystals(right, crystal)
    assert match is not None
    assert match.improper
    assert match.rmsd < 1e-3


def test_bad_input():
    crystal = prototype("h-diamond")
    target = describe(crystal.expand(), DESCRIPTOR)
    unknown = type(target)(target.power_spectrum, target.rdf, target.complete)
    with pytest.raises(ValueError, match="expected the description of a Descriptor"):
        from_descriptor(unknown, crystal)
    with pytest.raises(ValueError, match="starts: expected at least 1, got 0"):
        from_descriptor(target, crystal, starts=0)
    with pytest.raises(ValueError, match="perturbation: expected"):
        from_descriptor(target, crystal, perturbation=(3.0, 0.1))
    with pytest.raises(ValueError, match=r"initial: expected shape \(starts, 3\)"):
        from_descriptor(target, crystal, initial=jnp.zeros((2, 5)))
    broken = eqx.tree_at(lambda d: d.power_spectrum, target, replace_fn=lambda P: P * jnp.nan)
    with pytest.raises(ValueError, match="expected finite numbers in power_spectrum"):
        from_descriptor(broken, crystal)
    with pytest.raises(ValueError, match="steps: expected a positive number, got 0"):
        Adam(steps=0)
    with pytest.raises(ValueError, match="like: expected a Crystal"):
        from_descriptor(target, "diamond")


def test_both_hands_of_one_crystal_are_counted_together():
    """Four atoms at random in P1: the structure and its inverse have the same descriptor."""
    frac = np.random.default_rng(3).uniform(size=(4, 3))
    sites = [("C", "1a", x) for x in frac]
    crystal = WyckoffCrystal.build(1, (4.1, 4.6, 5.2, 83, 95, 102), sites)
    start = np.asarray(crystal.to_variables())
    inverse = np.concatenate([start[:6], -start[6:]])
    found = from_descriptor(
        describe(crystal, SMALL),
        crystal,
        initial=np.stack([start, inverse]),
        optimiser=LevenbergMarquardt(steps=5),
        polish=None,
        progress=False,
    )
    assert found.converged.all()
    (only,) = found.solutions
    assert len(only.starts) == 2
    assert len(only.mirrored) == 1
    assert "both hands" in found.message


def test_the_rate_of_adam_goes_with_the_displacement():
    rates = [Adam.from_displaced(d).learning_rate for d in (0.0, 0.5, 1.0, 2.0, 6.4)]
    assert rates == pytest.approx([0.02, 0.03, 0.06, 0.12, 0.12])
    assert Adam.from_displaced(1.0, steps=7).steps == 7


@pytest.mark.slow
def test_quartz_comes_back_from_two_angstroms():
    crystal = prototype("alpha-quartz")
    target = describe(crystal, Descriptor(8, 8, 6.0, n_bins=61))
    for seed in range(4):
        options = {"starts": 8, "perturbation": (0.08, 2.0), "key": seed, "progress": False}
        assert from_descriptor(target, crystal, **options).success
