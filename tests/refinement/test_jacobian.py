"""The analytical Jacobian against finite differences and against JAX."""

import jax
import numpy as np
import pytest

from jaxtal.refinement import Measurements, Model, Residuals
from jaxtal.refinement._least_squares import Problem
from jaxtal.refinement._normal_equations import jacobian, normal_equations
from jaxtal.refinement._parameters import Parameters, ride
from jaxtal.refinement._riding import HydrogenGroup

#: Group, cell, and sites: general ones, and special ones of every kind.
CASES = {
    "centric": ("P 21/c", (7.1, 8.2, 9.3, 90, 105, 90), {"C": (0.11, 0.22, 0.33), "S": (0, 0, 0)}),
    "acentric": (
        "P 21 21 21",
        (5.2, 6.3, 7.4, 90, 90, 90),
        {"S": (0.1, 0.2, 0.3), "O": (0.4, 0.1, 0.7)},
    ),
    "polar": ("P 1", (4.1, 5.2, 6.3, 80, 95, 103), {"S": (0.1, 0.2, 0.3), "O": (0.4, 0.1, 0.7)}),
    "hexagonal": (
        "P 61",
        (6.5, 6.5, 9.1, 90, 90, 120),
        {"Zn": (0.33, 0.1, 0.2), "O": (0.6, 0.1, 0.4)},
    ),
    "cubic": (
        "P -4 3 n",
        (8.9, 8.9, 8.9, 90, 90, 90),
        {"Ga": (0.25, 0.5, 0), "P": (0.16, 0.16, 0.16), "O": (0.1, 0.2, 0.35)},
    ),
    "centred": (
        "R -3 m",
        (5.0, 5.0, 12.0, 90, 90, 120),
        {"Zn": (0, 0, 0.2), "O": (0.3, 0.15, 0.1)},
    ),
}


def small(name: str, **settings) -> tuple[Measurements, Model]:
    """A model with tensors on its first atoms, and reflections with noise."""
    group, cell, atoms = CASES[name]
    rng = np.random.default_rng(5)
    frac = list(atoms.values())
    model = Model.build(cell, group, list(atoms), frac, u_iso=0.03, occupancies=0.9)
    model = model.with_tensors().replace(anisotropic=np.arange(len(model)) != len(model) - 1)
    hkl = np.stack(np.meshgrid(*[np.arange(-3, 4)] * 3), axis=-1).reshape(-1, 3)
    ones = np.ones(len(hkl))
    data = Measurements.from_arrays(cell, group, hkl, ones, ones, wavelength=1.2)
    model = model.replace(scale=2.5, **settings)
    # Everything that may move does, the tensors too.
    free = Parameters.of(model)
    numbers = free.numbers(model) + free.map @ (0.004 * rng.normal(size=free.count))
    return data, free.with_numbers(model, numbers)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("more", ["plain", "extinction and twin"])
def test_jacobian_is_that_of_finite_differences(name, more):
    settings = {}
    if more != "plain":
        law = np.diag([-1.0, -1.0, -1.0])
        settings = {"extinction": 2.0, "twin_laws": (law,), "twin_fractions": (0.3,)}
    data, model = small(name, **settings)
    problem = Problem(data)
    free = Parameters.of(model, occupancies=model.labels[:1])
    J = jacobian(problem, model, free)
    numbers, eps = free.numbers(model), 1e-5
    for column, parameter in enumerate(free.names):
        step = eps * free.map[:, [column]].toarray().ravel()
        ahead, behind = (
            problem.calculate(free.with_numbers(model, numbers + sign * step)).intensity
            for sign in (1, -1)
        )
        expected = (ahead - behind) / (2 * eps)
        scale = np.abs(expected).max() + 1e-3 * np.abs(J).max()
        np.testing.assert_allclose(J[:, column], expected, atol=2e-6 * scale, err_msg=parameter)


@pytest.mark.parametrize(
    "name", ["hexagonal", *(pytest.param(n, marks=pytest.mark.slow) for n in ("centric", "cubic"))]
)
def test_jax_gives_the_same_values_and_derivatives(name, x64):
    law = np.array([[0.0, 1, 0], [1, 0, 0], [0, 0, -1]])
    settings = {"extinction": 2.0, "twin_laws": (law,), "twin_fractions": (0.3,)}
    data, model = small(name, **(settings if name == "hexagonal" else {}))
    residuals = Residuals.build(data, model, occupancies=model.labels[:1])
    problem, free = Problem(data), Parameters.of(model, occupancies=model.labels[:1])
    assert residuals.names == free.names
    found = residuals.intensities(residuals.start)
    np.testing.assert_allclose(found, problem.calculate(model).intensity, rtol=1e-9, atol=1e-9)
    J = jax.jit(jax.jacfwd(residuals.intensities))(residuals.start)
    np.testing.assert_allclose(J, jacobian(problem, model, free), rtol=1e-7, atol=1e-7)
    value = lambda shift: (residuals(shift) ** 2).sum()  # noqa: E731
    gradient = jax.jit(jax.grad(value))(residuals.start)
    normal = normal_equations(problem, model, free)
    np.testing.assert_allclose(gradient, -2 * normal.gradient, rtol=1e-7, atol=1e-6)


def test_gradients_are_finite_where_nothing_scatters(x64):
    data, model = small("acentric")
    residuals = Residuals.build(data, model.replace(occupancies=np.zeros(len(model))))
    gradient = jax.jit(jax.grad(lambda shift: (residuals(shift) ** 2).sum()))(residuals.start)
    assert np.isfinite(np.asarray(gradient)).all()


def test_hydrogen_atoms_ride_and_turn():
    cell = (7, 8, 9, 90, 90, 90)
    frac = [
        (0.1, 0.1, 0.1),
        (0.1, 0.29, 0.1),
        (0.25, 0.35, 0.2),
        (0.1, 0, 0.2),
        (0, 0, 0),
        (0.2, 0, 0),
    ]
    model = Model.build(cell, "P 1", ["C", "C", "O", "H", "H", "H"], frac)
    eye, zero = np.eye(3), np.zeros(3)
    methyl = HydrogenGroup("CH3", 0, (3, 4, 5), ((1, eye, zero), (2, eye, zero)), 0.98, 0.4, 1.5)
    model = ride(
        model.replace(hydrogens=(methyl,), scale=1.0).with_tensors(
            [True, True, True, False, False, False]
        )
    )
    bonds = (model.frac[3:] - model.frac[0]) @ model.matrix
    axis = (model.frac[0] - model.frac[1]) @ model.matrix
    np.testing.assert_allclose(np.linalg.norm(bonds, axis=1), 0.98)
    np.testing.assert_allclose(bonds @ axis / np.linalg.norm(axis) / 0.98, 1 / 3, atol=1e-9)
    np.testing.assert_allclose(model.u_iso[3:], 1.5 * model.u_eq[0])
    free = Parameters.of(model)
    assert "C1.torsion" in free.names
    assert "H1.x" not in free.names
    shift = np.zeros(free.count)
    shift[free.names.index("C1.x")], shift[free.names.index("C1.torsion")] = 1e-4, 1e-4
    moved = free.shifted(model, shift)
    linear = free.numbers(model) + free.map @ shift
    np.testing.assert_allclose(free.numbers(moved)[:18], linear[:18], atol=2e-4)
    assert moved.hydrogens[0].torsion == pytest.approx(0.4001)
    hkl = np.stack(np.meshgrid(*[np.arange(-3, 4)] * 3), axis=-1).reshape(-1, 3)
    data = Measurements.from_arrays(cell, "P 1", hkl, np.ones(len(hkl)), np.ones(len(hkl)))
    problem = Problem(data)
    column = free.names.index("C1.torsion")
    step = np.zeros(free.count)
    step[column] = 1e-5
    ahead, behind = (problem.calculate(free.shifted(model, s * step)).intensity for s in (1, -1))
    J = jacobian(problem, model, free)[:, column]
    np.testing.assert_allclose(J, (ahead - behind) / 2e-5, rtol=1e-4, atol=1e-4 * np.abs(J).max())
