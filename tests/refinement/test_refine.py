"""Refinement of simulated intensities: what was put in comes out, with honest uncertainties."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from jaxtal.refinement import (
    Measurements,
    Model,
    Restraint,
    complete_model,
    fix_distances,
    flack_parameter,
    inverted,
    refine,
    rigid_bonds,
    similar_distances,
)
from jaxtal.refinement._least_squares import Problem
from jaxtal.refinement._normal_equations import normal_equations
from jaxtal.refinement._parameters import Parameters
from jaxtal.refinement._restraints import RestraintTerms, restraint_program
from jaxtal.refinement._sites import null_space, polar_directions, site_of
from jaxtal.symmetry import SpaceGroup, absent

CELL = (6.5, 7.4, 8.6, 90, 90, 90)


def model_of(group="P 21 21 21", species=("S", "C", "C", "O"), seed=3, cell=CELL) -> Model:
    rng = np.random.default_rng(seed)
    frac = rng.random((len(species), 3))
    return Model.build(cell, group, list(species), frac, u_iso=0.03).replace(scale=3.0)


def simulated(model, seed=0, noise=0.02, wavelength=1.54, d_min=0.85, weights=(0.0, 0.0)):
    """Intensities of a model with normal noise of known size."""
    rng = np.random.default_rng(seed)
    lengths = np.linalg.norm(model.matrix, axis=1)
    axes = [np.arange(-int(a / d_min), int(a / d_min) + 1) for a in lengths]
    hkl = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    ones = np.ones(len(hkl))
    options = {"wavelength": wavelength, "d_min": d_min}
    data = Measurements.from_arrays(model.matrix, model.group, hkl, ones, ones, **options)
    exact = Problem(data).calculate(model).intensity
    sigma = noise * (exact + 0.3 * exact.mean())
    measured = exact + sigma * rng.normal(size=len(exact))
    return dataclasses.replace(data, intensity=measured, sigma=sigma)


def shaken(model: Model, by=0.03, seed=1) -> Model:
    rng = np.random.default_rng(seed)
    free = Parameters.of(model)
    cart = by * rng.normal(size=(len(model), 3)) / np.sqrt(3)
    numbers = free.numbers(model)
    numbers[: 3 * len(model)] += (cart @ np.linalg.inv(model.matrix)).T.ravel()
    return free.with_numbers(model, numbers).replace(scale=None)


@pytest.mark.parametrize("group", ["P 21 21 21", "P 21/c", "P 1", "C 2", "P 31 c"])
def test_a_model_comes_back(group):
    cell = {"P 21/c": (6.5, 7.4, 8.6, 90, 101, 90), "C 2": (9.5, 7.4, 8.6, 90, 101, 90)}.get(
        group, CELL
    )
    cell = (7.5, 7.5, 8.6, 90, 90, 120) if group == "P 31 c" else cell
    truth = model_of(group, cell=cell).with_tensors()
    data = simulated(truth, noise=1e-6)
    found = refine(data, shaken(truth).isotropic().with_tensors(), weights=(0, 0), cycles=40)
    assert found.converged
    assert found.R1 < 1e-4
    shift = found.model.frac - truth.frac
    # Along polar axes the whole structure may have moved.
    free = polar_directions(truth.group)
    mean = shift.mean(axis=0)
    np.testing.assert_allclose(shift - (mean if free.shape[1] else 0), 0, atol=1e-5)
    np.testing.assert_allclose(found.model.u_aniso, truth.u_aniso, atol=1e-5)
    assert found.model.scale == pytest.approx(3.0, rel=1e-4)


def test_uncertainties_are_honest():
    """Pulls (found - true) / uncertainty over seeds have mean 0 and variance 1."""
    truth = model_of("P 21/c", cell=(6.5, 7.4, 8.6, 90, 101, 90))
    pulls = []
    for seed in range(25):
        data = simulated(truth, seed=seed, noise=0.05, d_min=1.0)
        found = refine(data, truth, weights=(0.0, 0.0))
        assert 0.8 < found.gof < 1.2
        error = found.esds
        pulls.append(((found.model.frac - truth.frac) / error["frac"]).ravel())
        pulls.append((found.model.u_iso - truth.u_iso) / error["u_iso"])
    pulls = np.concatenate(pulls)
    # 25 seeds of 16 parameters: the spread of a variance is (2 / 400)^(1/2) = 0.07.
    assert abs(pulls.mean()) < 0.2
    assert 0.75 < pulls.var() < 1.3


def test_single_precision_is_for_the_way():
    """What comes back is from double precision; steps on the way are as good as needed."""
    truth = model_of("P 21/c", cell=(6.5, 7.4, 8.6, 90, 101, 90)).with_tensors()
    data = simulated(truth, noise=0.02)
    fast = refine(data, shaken(truth), precision="single", weights=(0.0, 0.0))
    found = refine(data, shaken(truth), weights=(0.0, 0.0), tolerance=1e-4)
    assert fast.converged
    assert found.converged
    error = found.esds
    assert (np.abs(fast.model.frac - found.model.frac) < 0.02 * error["frac"]).all()
    np.testing.assert_allclose(fast.esds["frac"], error["frac"], rtol=1e-2)
    exact = normal_equations(found.problem, found.model, found.parameters)
    rough = normal_equations(found.problem, found.model, found.parameters, np.float32)
    scale = np.sqrt(np.diag(exact.matrix))
    np.testing.assert_allclose((rough.matrix - exact.matrix) / np.outer(scale, scale), 0, atol=1e-5)
    np.testing.assert_allclose(rough.calculated.intensity, exact.calculated.intensity, rtol=1e-4)
    np.testing.assert_allclose(
        found.covariance, np.linalg.inv(exact.matrix) * found.gof**2, rtol=1e-6
    )
    with pytest.raises(ValueError, match="precision"):
        refine(data, truth, precision="half")


def test_elements_without_a_composition():
    """Relative scattering power tells them, the typical atom taken for carbon; and it is said."""
    species = ("S", "O", "O", *["C"] * 7)
    truth = model_of("P 21/c", species, seed=1, cell=(9.5, 9.4, 8.6, 90, 101, 90))
    data = simulated(truth, noise=0.01)
    start = truth.replace(species=("C",) * len(truth), scale=None)
    found = complete_model(data, start, unknown=True, hydrogens=False, anisotropic=False)
    assert found.model.species == species
    assert found.R1 < 0.02
    assert any("no composition" in warning for warning in found.warnings)


def test_neutrons_see_hydrogen_atoms_as_any_other():
    """Holes of the difference density become hydrogen, with tensors where that is asked for."""
    species, x = ("C", "O", "N", "H"), [[0.1, 0.2, 0.3], [0.3, 0.2, 0.3], [0.1, 0.39, 0.3]]
    cell = (6.5, 7.4, 8.6, 90, 101, 90)
    x = np.array([*x, [0.1, 0.2, 0.425]])
    truth = Model.build(cell, "P 21/c", list(species), x, u_iso=0.03).with_tensors([True] * 4)
    long = truth.u_aniso.copy()
    long[3, 0, 0] = 0.06
    truth = truth.replace(u_aniso=long, scale=3.0)
    kind = {"radiation": "neutron", "wavelength": 1.0}
    data = dataclasses.replace(simulated(truth, wavelength=1.0, d_min=0.7), **kind)
    exact = Problem(data).calculate(truth).intensity
    sigma = 0.02 * (exact + 0.1 * exact.mean())
    noise = np.random.default_rng(0).normal(size=len(exact))
    data = dataclasses.replace(data, intensity=exact + sigma * noise, sigma=sigma)
    start = truth.isotropic().take([0, 1, 2]).replace(scale=None)
    found = complete_model(data, start, composition="C H N O", anisotropic="all")
    hydrogen = found.model.species.index("H")
    assert found.model.anisotropic.all()
    U, error = found.model.u_aniso[hydrogen], found.esds["u_aniso"][hydrogen]
    assert abs(U[0, 0] - 0.06) < 5 * error[0, 0]
    assert 0 < error[0, 0] < 0.01
    assert not complete_model(data, start, composition="C H N O").model.anisotropic[hydrogen]
    with pytest.raises(ValueError, match="anisotropic"):
        complete_model(data, start, anisotropic="some")


def test_extinction_and_twin_are_found_again():
    law = np.diag([1.0, -1.0, -1.0])
    cell = (6.5, 7.4, 8.6, 90, 90.0, 90)
    truth = model_of("P 1 21 1", cell=cell)
    truth = truth.replace(extinction=0.4, twin_laws=(law,), twin_fractions=(0.27,))
    data = simulated(truth, noise=0.005)
    start = truth.replace(extinction=0.0, twin_fractions=(0.5,))
    found = refine(data, shaken(start, 0.02), weights=(0.0, 0.0), cycles=40)
    esds = found.esds
    assert abs(found.model.extinction - 0.4) < 4 * esds["extinction"][0]
    assert abs(found.model.twin_fractions[0] - 0.27) < 4 * esds["twin_fractions"][0]
    assert esds["twin_fractions"][0] < 0.02
    assert esds["extinction"][0] < 0.1


def test_an_occupancy_is_found_again():
    truth = model_of()
    occupancies = np.array([1.0, 0.6, 1.0, 1.0])
    truth = truth.replace(occupancies=occupancies)
    data = simulated(truth, noise=0.005)
    start = truth.replace(occupancies=np.ones(4))
    found = refine(data, start, weights=(0, 0), occupancies=["C1"], cycles=40)
    assert found.model.occupancies[1] == pytest.approx(0.6, abs=5 * found.esds["occupancies"][1])
    assert 0 < found.esds["occupancies"][1] < 0.02


@pytest.mark.parametrize("hand", [0, 1])
def test_flack_tells_the_hand(hand):
    truth = model_of()
    data = simulated(truth, noise=0.01)
    if hand:
        data, model = inverted(data, truth)
    else:
        model = truth
    found = refine(data, model, weights=(0.0, 0.0))
    flack = flack_parameter(data, found.calculated.intensity)
    assert flack is not None
    assert flack.decided
    assert flack.value == pytest.approx(hand, abs=5 * flack.esd)
    # The share of the inverted domain, refined, is the same number.
    twin = model.replace(twin_laws=(-np.eye(3),), twin_fractions=(0.5,))
    refined = refine(data, twin, weights=(0.0, 0.0), cycles=40)
    assert refined.model.twin_fractions[0] == pytest.approx(hand, abs=0.1)


def test_the_other_hand_of_p61_is_p65():
    truth = model_of("P 61", cell=(7.5, 7.5, 9.0, 90, 90, 120))
    data = simulated(truth, noise=0.01)
    other, model = inverted(data, truth)
    assert other.group.number == 170
    assert model.group.number == 170
    again = inverted(other, model)[1]
    assert again.group.number == 169
    # The same moduli without anomalous scattering: compared where there is none.
    neutral = {"radiation": "neutron"}
    F = Problem(dataclasses.replace(data, **neutral)).calculate(truth).intensity
    G = Problem(dataclasses.replace(other, **neutral)).calculate(model).intensity
    np.testing.assert_allclose(F, G, rtol=1e-9, atol=1e-9)


def test_weights_make_the_fit_flat():
    truth = model_of()
    data = simulated(truth, noise=0.04)
    k = truth.scale
    underrated = dataclasses.replace(data, sigma=0.3 * data.sigma)
    found = refine(underrated, truth, weights="fit")
    assert 0.9 < found.gof < 1.1
    assert found.model.weights[0] > 0.01
    assert k > 0


@pytest.mark.parametrize(
    ("group", "point", "share", "free_x", "free_u"),
    [
        ("F m -3 m", (0, 0, 0), 1 / 48, 0, 1),
        ("F d -3 m", (0.125, 0.125, 0.125), 1 / 24, 0, 1),
        ("P -4 3 n", (0.16, 0.16, 0.16), 1 / 3, 1, 2),
        ("R -3 m", (0.3, 0.15, 0.1), 1 / 2, 2, 4),
        ("P 21/c", (0.005, -0.003, 0.002), 1 / 2, 0, 6),
        ("P 4/m m m", (0.2, 0.2, 0.0), 1 / 4, 1, 3),
    ],
)
def test_sites(group, point, share, free_x, free_u):
    group = SpaceGroup.find(group)
    cells = {"cubic": (8, 8, 8, 90, 90, 90), "trigonal": (5, 5, 12, 90, 90, 120)}
    cells |= {"tetragonal": (6, 6, 9, 90, 90, 90), "monoclinic": (6, 7, 8, 90, 103, 90)}
    model = Model.build(cells[group.crystal_system], group, ["C"], [point])
    site = site_of(model.frac[0], group, model.matrix)
    assert site.share == pytest.approx(share)
    assert site.positions.shape[1] == free_x
    assert site.displacements.shape[1] == free_u
    # A tensor within the map is invariant: |F|^2 of equivalent reflections is equal.
    rng = np.random.default_rng(0)
    six = np.array([0.03, 0.03, 0.03, 0, 0, 0]) + site.displacements @ (0.01 * rng.random(free_u))
    hkl = rng.integers(-4, 5, (60, 3))
    hkl = hkl[~absent(hkl, group)]
    columns = [(hkl @ W) for W in group.point_rotations]
    six = site.displacements @ np.linalg.lstsq(site.displacements, six, rcond=None)[0]
    U = np.zeros((3, 3))
    U[(0, 1, 2, 0, 0, 1), (0, 1, 2, 1, 2, 2)] = U[(0, 1, 2, 1, 2, 2), (0, 1, 2, 0, 0, 1)] = six
    model = Model.build(model.matrix, group, ["C"], [site.frac], u_aniso=[U]).replace(scale=1.0)
    values = []
    for h in columns:
        ones = np.ones(len(h))
        data = dataclasses.replace(simulated(model, d_min=3.0), hkl=h, intensity=ones, sigma=ones)
        values.append(Problem(data).calculate(model).intensity)
    for other in values[1:]:
        np.testing.assert_allclose(other, values[0], rtol=1e-9, atol=1e-9)


def test_null_space_is_exact():
    basis = null_space(np.array([[1, -2, 0], [0, 0, 3]]))
    np.testing.assert_array_equal(basis, [[1], [0.5], [0]])
    assert null_space(np.zeros((1, 3), int)).shape == (3, 3)
    np.testing.assert_array_equal(polar_directions(SpaceGroup.find("P 21")), [[0], [1], [0]])


def test_restraints_hold_and_have_right_gradients(x64):
    truth = model_of(species=("C", "C", "C", "O")).with_tensors()
    data = simulated(truth, noise=0.05)
    target = 2.0
    terms = [
        fix_distances(truth, [("C1", "C2")], target, 1e-3),
        similar_distances(truth, [("C1", "C3"), ("C2", "C3")], 1e-3),
        rigid_bonds(truth, [("C1", "C2")], 1e-4),
        Restraint(lambda v: jnp.trace(v.u("O1")) / 3 - 0.03, 1e-3),
        Restraint(lambda v: v.frac[v.index["C3"]][0] - 0.3, 1e-3),
    ]
    free = Parameters.of(truth)
    program = restraint_program(terms, truth, free)
    found = RestraintTerms.of(program, truth, free)
    rng = np.random.default_rng(0)
    step = rng.normal(size=free.count)
    eps = 1e-6
    ahead, behind = (
        RestraintTerms.of(program, free.shifted(truth, s * eps * step), free).residuals
        for s in (1, -1)
    )
    np.testing.assert_allclose((ahead - behind) / (2 * eps), found.jacobian @ step, rtol=1e-5)
    held = refine(data, truth, restraints=terms[:1], cycles=40)
    other = {label: i for i, label in enumerate(truth.labels)}
    d = held.model.frac[other["C2"]] - held.model.frac[other["C1"]]
    d -= np.round(truth.frac[other["C2"]] - truth.frac[other["C1"]])
    assert np.linalg.norm(d @ truth.matrix) == pytest.approx(target, abs=0.1)


@pytest.mark.usefixtures("float64_stays_as_it_is")
def test_restraints_do_not_leave_float64_on():
    truth = model_of()
    data = simulated(truth, noise=0.05)
    refine(data, truth, restraints=[fix_distances(truth, [("C1", "C2")], 1.5)], cycles=2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": "best"}, "expected two numbers or 'fit'"),
        ({"occupancies": ["X9"]}, "no atoms are called"),
    ],
)
def test_bad_settings(change, message):
    truth = model_of()
    with pytest.raises(ValueError, match=message):
        refine(simulated(truth), truth, **change)


def test_too_many_parameters_are_refused():
    truth = model_of().with_tensors()
    data = simulated(truth, d_min=3.5)
    with pytest.raises(ValueError, match="fewer parameters than observations"):
        refine(data, truth)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"radiation": "muon"}, "radiation"),
        ({"wavelength": -1.0}, "wavelength"),
        ({"d_min": 50.0}, "none is left"),
    ],
)
def test_bad_measurements(options, message):
    hkl, ones = np.array([[1, 0, 0], [0, 2, 0]]), np.ones(2)
    with pytest.raises(ValueError, match=message):
        Measurements.from_arrays(CELL, "P 1", hkl, ones, ones, **options)


def test_rows_without_uncertainty_and_absences_are_counted():
    hkl = np.array([[0, 1, 0], [0, 2, 0], [1, 0, 0], [1, 0, 0], [0, 0, 0], [2, 0, 0]])
    sigma = np.array([1.0, 1, 1, 1, 1, 0])
    data = Measurements.from_arrays(CELL, "P 1 21 1", hkl, np.arange(6.0), sigma)
    assert data.dropped == {"origin": 1, "sigma": 1, "absent": 1}
    assert len(data) == 2
    assert data.rows == 6
    assert data.r_int == pytest.approx(1 / 5)


def test_the_cell_is_that_of_the_intensities():
    """Models of crystals in single precision have it nearly; another one is a mistake."""
    truth = model_of()
    data = simulated(truth, noise=0.02)
    nearly = truth.replace(matrix=truth.matrix.astype(np.float32).astype(float))
    found = refine(data, nearly, cycles=2)
    np.testing.assert_array_equal(found.model.matrix, data.matrix)
    with pytest.raises(ValueError, match="cell: expected that of the intensities"):
        refine(data, truth.replace(matrix=1.02 * truth.matrix), cycles=1)
