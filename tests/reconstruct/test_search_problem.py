"""The objective as arrays: equal to that of `WyckoffCrystal`, and one program for many crystals."""

import jax
import jax.monitoring
import jax.numpy as jnp
import numpy as np
import pytest
from variants import slow_but

from jaxtal.crystal import WyckoffCrystal, prototype
from jaxtal.descriptors import Descriptor, describe
from jaxtal.diffraction import ReciprocalSpace
from jaxtal.reconstruct import Adam, Objective, PropertyTerm, from_descriptor
from jaxtal.reconstruct._cell_variables import CellVariables
from jaxtal.reconstruct._search_plan import search_problem
from jaxtal.reconstruct._verify import verified_loss

SMALL = Descriptor(4, 4, 5.0, n_bins=26)
#: Atoms that overlap in what is tried here.
OBJECTIVE = Objective(distance_weight=1.0, distance_factor=0.8)
SITES = [("Zr", "4e", (0.275, 0.04, 0.208)), ("O", "4e", (0.07, 0.33, 0.345))]
CRYSTALS = {
    "corundum": lambda: prototype("corundum"),
    "fluorite": lambda: prototype("fluorite"),
    "alpha-quartz": lambda: prototype("alpha-quartz"),
    "rhombohedral axes": lambda: WyckoffCrystal.build(
        "R -3 m:R", (3.5, 60.0), [("As", "2c", (0.227,) * 3)]
    ),
    "monoclinic, unique axis b": lambda: WyckoffCrystal.build(14, (5.1, 5.2, 5.3, 99.2), SITES),
    "monoclinic, unique axis c": lambda: WyckoffCrystal.build(
        "P 1 1 21/b", (5.1, 5.2, 5.3, 99.2), SITES
    ),
    "triclinic, a shared site": lambda: WyckoffCrystal.build(
        1,
        (3.1, 4.2, 5.3, 80, 95, 101),
        [("C", "1a", (0, 0, 0)), ("N", "1a", (0, 0, 0)), ("Si", "1a", (0.3, 0.4, 0.2))],
        occupancies=[0.7, 0.3, 1.0],
    ),
}


def moved(crystal: WyckoffCrystal, rng: np.random.Generator) -> np.ndarray:
    start = np.asarray(crystal.to_variables(), np.float64)
    steps = rng.standard_normal(len(start))
    is_cell = np.arange(len(start)) < crystal.lattice_parameters.shape[0]
    return start + np.where(is_cell, 0.03, 0.1) * steps


def arrays(*arguments):
    found = search_problem(*arguments)
    assert found is not None
    return found


@jax.jit
def compiled(problem, variables, blur, slopes):
    found = problem.evaluated(variables, blur, slopes=slopes)
    return found.loss, found.gradient, found.rows()


def evaluate(problem, variables, blur=0.0, slopes=False):
    """Loss, gradient and residuals; or the derivatives of these."""
    padded = np.pad(variables, (0, problem.maps.shape[2] - len(variables)))
    found = compiled(problem, *map(jnp.asarray, (padded, blur, slopes)))
    loss, gradient, rows = (np.asarray(x) for x in found)
    return rows if slopes else (loss, gradient, rows[0])


@pytest.mark.parametrize("name", slow_but(["alpha-quartz", "triclinic, a shared site"], CRYSTALS))
def test_equal_to_the_objective_of_the_crystal(name, x64, rng):
    """The loss afresh knows neither symmetry nor padding, absences or Legendre polynomials."""
    crystal = CRYSTALS[name]()
    target = describe(crystal, SMALL)
    problem, cell = arrays(OBJECTIVE, target, crystal, 1.5)
    start = np.asarray(crystal.to_variables(), np.float64)
    for variables in (start, moved(crystal, rng), moved(crystal, rng)):
        own = cell.from_public(variables[None])[0]
        loss, _, residuals = evaluate(problem, own)
        expected = verified_loss(OBJECTIVE, target, crystal.with_variables(variables))
        np.testing.assert_allclose(loss, expected, rtol=1e-10, atol=1e-24)
        np.testing.assert_allclose(np.sum(residuals**2), loss, rtol=1e-12, atol=1e-24)


@pytest.mark.slow
def test_blurred_losses_are_those_of_the_plan(x64, rng):
    crystal = prototype("alpha-quartz")
    target = describe(crystal, SMALL)
    problem, cell = arrays(OBJECTIVE, target, crystal, 1.5)
    plan = OBJECTIVE.plan(target, crystal, max_stretch=1.5)
    variables = moved(crystal, rng)
    expected = plan(crystal.with_variables(variables), 0.4)
    loss, _, _ = evaluate(problem, cell.from_public(variables[None])[0], 0.4)
    np.testing.assert_allclose(loss, expected, rtol=1e-10)
    assert abs(evaluate(problem, cell.from_public(variables[None])[0])[0] / loss - 1) > 1e-3


@pytest.mark.parametrize("name", ["rhombohedral axes", "monoclinic, unique axis b"])
def test_gradient_against_finite_differences(name, x64, rng):
    crystal = CRYSTALS[name]()
    problem, cell = arrays(OBJECTIVE, describe(crystal, SMALL), crystal, 1.5)
    variables = cell.from_public(moved(crystal, rng)[None])[0]
    gradient = evaluate(problem, variables, 0.2)[1]
    step = 1e-6
    for i, shift in enumerate(step * np.eye(len(variables))):
        above, below = (evaluate(problem, variables + s, 0.2)[0] for s in (shift, -shift))
        np.testing.assert_allclose(gradient[i], (above - below) / (2 * step), rtol=1e-6, atol=1e-7)
    assert np.all(gradient[len(variables) :] == 0)
    rows = evaluate(problem, variables, 0.2, slopes=True)
    np.testing.assert_allclose(2 * rows[1:] @ rows[0], gradient, rtol=1e-9, atol=1e-12)


def test_gradient_is_finite_where_atoms_coincide(x64):
    crystal = prototype("alpha-quartz")
    problem, cell = arrays(OBJECTIVE, describe(crystal, SMALL), crystal, 1.5)
    variables = np.asarray(crystal.to_variables()).copy()
    variables[2:] = [0.4697, 0.4697, 0.0, 2 / 3]  # O on Si
    loss, gradient, _ = evaluate(problem, cell.from_public(variables[None])[0])
    assert loss > 0.1
    assert np.all(np.isfinite(gradient))


@pytest.mark.parametrize("name", CRYSTALS)
def test_variables_of_the_cell(name, x64, rng):
    crystal = CRYSTALS[name]()
    cell = CellVariables.build(crystal)
    assert cell is not None
    variables = moved(crystal, rng)
    own = cell.from_public(variables[None])
    np.testing.assert_allclose(cell.to_public(own)[0], variables, rtol=1e-12, atol=1e-12)
    matrix = cell.matrix(own[0, : crystal.lattice_parameters.shape[0]])
    expected = np.asarray(crystal.with_variables(variables).lattice.matrix)
    np.testing.assert_allclose(matrix @ matrix.T, expected @ expected.T, rtol=1e-10, atol=1e-10)


def test_what_is_not_made_of_arrays():
    crystal = prototype("rutile")
    warm = Descriptor(4, 4, space=ReciprocalSpace(5.0, displacements=True), n_bins=26)
    term = PropertyTerm(lambda crystal, plan: crystal.lattice.volume, 60.0)
    for descriptor, objective in ((warm, OBJECTIVE), (SMALL, OBJECTIVE + term)):
        assert search_problem(objective, describe(crystal, descriptor), crystal, 1.3) is None


def test_crystals_of_other_groups_compile_nothing_anew():
    compilations = []

    def heard(event: str, duration: float, **kwargs: str | int) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            compilations.append(event)

    jax.monitoring.register_event_duration_secs_listener(heard)
    counts = []
    for name in ("rutile", "anatase", "wurtzite"):
        crystal = prototype(name)
        target = describe(crystal, Descriptor(3, 2, 4.0, n_bins=13))
        before = len(compilations)
        from_descriptor(target, crystal, starts=4, optimiser=Adam(steps=60), progress=False)
        counts.append(len(compilations) - before)
    assert counts[0] == 1
    assert counts[1:] == [0, 0]
