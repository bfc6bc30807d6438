"""Bravais lattices by name: PSCF's numbers, derivatives, parameters of matrices, bad input."""

import functools
import json
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxtal.lattice import BravaisLattice, Lattice, cell_to_matrix

NAMES = {
    1: {"lamellar": "a"},
    2: {
        "square": "a",
        "hexagonal": "a",
        "rectangular": "a b",
        "rhombic": "a gamma",
        "oblique": "a b gamma",
    },
    3: {
        "cubic": "a",
        "tetragonal": "a c",
        "hexagonal": "a c",
        "rhombohedral": "a beta",
        "orthorhombic": "a b c",
        "monoclinic": "a b c beta",
        "triclinic": "a b c phi theta gamma",
    },
}
ALL = [(D, name) for D, names in NAMES.items() for name in names]
LABELS = ("a", "b", "c", "gamma", "beta", "phi", "theta")
VALUES = dict(zip(LABELS, (1.3, 1.7, 2.1, 103.0, 101.0, -130.0, 21.0), strict=True))


def parameters_for(lattice: BravaisLattice) -> np.ndarray:
    return np.array([VALUES[label] for label in lattice.parameter_names])


# --- the program's numbers -------------------------------------------------------------------


@pytest.fixture(scope="module")
def unit_cells(data_dir):
    """Lattice, parameters in degrees, scale of the derivatives (radians there), table entry."""
    entries = json.loads((data_dir / "fields/unitcells/unitcells.json").read_text())
    found = []
    for entry in entries:
        name, *words = entry["cell"].split()
        lattice = BravaisLattice.find(name, entry["D"])
        parameters = np.array([float(word) for word in words])
        scale = np.ones(lattice.n_parameters)
        scale[lattice.n_lengths :] = 180 / np.pi
        found.append((lattice, parameters * scale, scale, entry))
    return found


def test_vectors_of_the_program(unit_cells):
    assert {(lattice.dimension, lattice.name) for lattice, *_ in unit_cells} == set(ALL)
    for lattice, parameters, _, entry in unit_cells:
        matrix = lattice.host_matrix(parameters)
        np.testing.assert_allclose(matrix, entry["a"], atol=1e-14)
        np.testing.assert_allclose(2 * np.pi * np.linalg.inv(matrix).T, entry["b"], atol=1e-13)
        np.testing.assert_allclose(np.linalg.det(matrix), entry["volume"], rtol=1e-14)


@functools.partial(jax.jit, static_argnums=0)
def _squared_and_jacobian(lattice, parameters, G):
    """|G|^2, and the derivatives of the matrix and of |G|^2 in the parameters."""

    def derived(parameters):
        cell = lattice.lattice(parameters)
        squared = jnp.sum(jnp.square(cell.q(G)), axis=-1)
        return (cell.matrix, squared), squared

    jacobian, squared = jax.jacfwd(derived, has_aux=True)(parameters)
    return squared, jacobian


@pytest.mark.slow
def test_derivatives_of_the_program_and_where_it_is_wrong(x64, unit_cells):
    """Three hand-coded derivatives of the program are wrong; differences are ours."""
    wrong = set()
    for lattice, parameters, scale, entry in unit_cells:
        G = np.array([row["G"] for row in entry["ksq"]], float)

        squared, jacobian = _squared_and_jacobian(lattice, jnp.asarray(parameters), jnp.asarray(G))
        np.testing.assert_allclose(squared, [row["ksq"] for row in entry["ksq"]], rtol=1e-13)
        d_matrix, d_squared = (
            np.moveaxis(np.asarray(j), -1, 0) * scale.reshape(-1, *[1] * (j.ndim - 1))
            for j in jacobian
        )
        printed = np.array([row["dksq"] for row in entry["ksq"]]).T
        differences = np.array([row["dksq_finite_difference"] for row in entry["ksq"]]).T
        size = np.abs(differences).max()
        np.testing.assert_allclose(d_squared, differences, atol=2e-7 * size)
        step = 1e-5
        for i in range(lattice.n_parameters):
            shift = step * scale[i] * np.eye(lattice.n_parameters)[i]
            ends = [lattice.host_matrix(parameters + s * shift) for s in (1, -1)]
            slope = (ends[0] - ends[1]) / (2 * step)
            np.testing.assert_allclose(d_matrix[i], slope, atol=1e-9)
            if i in entry["pscf_wrong_derivative_params"]:
                wrong.add((lattice.name, lattice.parameter_names[i]))
                assert np.abs(np.array(entry["da_dparam"][i]) - slope).max() > 0.1
                assert np.abs(printed[i] - differences[i]).max() > 1e-2 * size
            else:
                np.testing.assert_allclose(d_matrix[i], entry["da_dparam"][i], atol=1e-14)
                np.testing.assert_allclose(d_squared[i], printed[i], atol=1e-12 * size)
    assert wrong == {
        ("oblique", "b"),
        ("oblique", "gamma"),
        ("rhombohedral", "beta"),
        ("monoclinic", "beta"),
    }


# --- matrices --------------------------------------------------------------------------------


@pytest.mark.parametrize(("dimension", "name"), ALL)
def test_names_orientation_and_reciprocal_vectors(dimension, name):
    lattice = BravaisLattice.find(name.capitalize(), dimension)
    assert (lattice.name, lattice.dimension) == (name, dimension)
    assert lattice.parameter_names == tuple(NAMES[dimension][name].split())
    assert lattice.n_lengths == sum(label in "abc" for label in lattice.parameter_names)
    assert lattice == BravaisLattice(name, dimension)
    assert hash(lattice) == hash(BravaisLattice(name, dimension))
    parameters = parameters_for(lattice)
    matrix = lattice.host_matrix(parameters)
    assert np.linalg.det(matrix) > 0.1
    cell = lattice.lattice(jnp.asarray(parameters, jnp.float32))
    assert cell.matrix.dtype == jnp.float32
    np.testing.assert_allclose(cell.matrix, matrix, atol=1e-6)
    product = np.asarray(cell.matrix) @ np.asarray(cell.reciprocal).T
    np.testing.assert_allclose(product, 2 * np.pi * np.eye(dimension), atol=2e-5)
    # The lattice room's own cell, but for the orientation of two of them.
    standard = cell_to_matrix(np.asarray(Lattice.from_matrix(matrix).cell, float))
    if name == "rhombohedral":
        np.testing.assert_allclose(matrix.sum(axis=0)[:2], 0, atol=1e-14)
    else:
        np.testing.assert_allclose(matrix, standard, atol=2e-6)


def test_names_are_listed():
    assert {D: set(BravaisLattice.names(D)) for D in NAMES} == {D: set(NAMES[D]) for D in NAMES}
    for D in NAMES:
        counts = [BravaisLattice.find(n, D).n_parameters for n in BravaisLattice.names(D)]
        assert counts == sorted(counts)


SPECIAL = [
    ("cubic", [2.0]),
    ("hexagonal", [2.0, 3.0]),
    ("rhombohedral", [2.0, 90.0]),
    ("rhombohedral", [2.0, 60.0]),
    ("monoclinic", [2.0, 3.0, 4.0, 90.0]),
    ("triclinic", [2.0, 3.0, 4.0, 0.0, 0.0, 90.0]),
    ("triclinic", [2.0, 3.0, 4.0, 90.0, 0.0, 100.0]),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradients_are_finite_and_right_at_right_angles(x64, dtype):
    for name, parameters in SPECIAL:
        lattice = BravaisLattice.find(name, 3)
        values = jnp.asarray(parameters, dtype)
        jacobian = np.asarray(jax.jit(jax.jacrev(lattice.matrix))(values))
        assert jacobian.dtype == dtype
        host = np.array(parameters)
        for i, unit in enumerate(np.eye(lattice.n_parameters)):
            slope = lattice.host_matrix(host + 1e-4 * unit) - lattice.host_matrix(
                host - 1e-4 * unit
            )
            np.testing.assert_allclose(
                jacobian[..., i], slope / 2e-4, atol=1e-6 if dtype == "float32" else 1e-9
            )


def test_right_angles_are_exact():
    np.testing.assert_array_equal(
        BravaisLattice.find("triclinic", 3).host_matrix([2, 3, 4, 0, 0, 90]), np.diag([2, 3, 4])
    )
    values = jnp.asarray([2.0, 3.0, 4.0, 90.0], jnp.float32)
    matrix = BravaisLattice.find("monoclinic", 3).matrix(values)
    np.testing.assert_array_equal(matrix, np.diag([2, 3, 4]))


def test_works_under_jit_and_vmap_as_a_static_argument():
    lattice = BravaisLattice.find("rhombohedral", 3)
    batch = jnp.asarray([[1.3, 101.0], [2.0, 60.0], [1.0, 90.0]], jnp.float32)

    def mapped(lattice, batch):
        return jax.vmap(lattice.matrix)(batch)

    matrices: Any = jax.jit(mapped, static_argnums=0)

    expected = [lattice.host_matrix(np.asarray(row, float)) for row in batch]
    np.testing.assert_allclose(matrices(lattice, batch), expected, atol=1e-6)
    matrices(BravaisLattice.find("rhombohedral", 3), batch)
    assert matrices._cache_size() == 1


# --- parameters of a matrix ------------------------------------------------------------------


@pytest.mark.parametrize(("dimension", "name"), ALL)
def test_parameters_of_a_turned_matrix(rng, dimension, name):
    lattice = BravaisLattice.find(name, dimension)
    parameters = parameters_for(lattice)
    turn = np.linalg.qr(rng.standard_normal((dimension, dimension)))[0]
    turn[0] *= np.sign(np.linalg.det(turn))
    matrix = lattice.host_matrix(parameters) @ turn
    np.testing.assert_allclose(lattice.parameters_of(matrix), parameters, rtol=1e-10)
    found, same = BravaisLattice.of(matrix)
    assert found == lattice
    np.testing.assert_array_equal(same, lattice.parameters_of(matrix))
    # A general lattice fits its most general name alone, and that fits everything.
    names = BravaisLattice.names(dimension)
    general = BravaisLattice.find(names[-1], dimension)
    again = general.host_matrix(general.parameters_of(matrix))
    np.testing.assert_allclose(again @ again.T, matrix @ matrix.T, atol=1e-12)
    if name == names[-1]:
        for other in names[:-1]:
            with pytest.raises(ValueError, match=f"expected the {other} lattice.*differs by"):
                BravaisLattice.find(other, dimension).parameters_of(matrix)


def test_rounding_is_averaged_and_axes_are_taken_as_they_stand():
    cubic, tetragonal = BravaisLattice.find("cubic", 3), BravaisLattice.find("tetragonal", 3)
    nearly = np.diag([2.0, 2.0 + 1e-7, 2.0 - 1e-7])
    np.testing.assert_allclose(cubic.parameters_of(nearly), [2.0], rtol=1e-12)
    assert BravaisLattice.of(np.diag([2.0, 2.0, 2.01]))[0] == tetragonal
    assert BravaisLattice.of(np.diag([2.0, 2.0, 2.01]), tol=0.05)[0] == cubic
    assert BravaisLattice.of(np.diag([2.01, 2.0, 2.0]))[0].name == "orthorhombic"
    primitive = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) * 1.5
    assert np.linalg.det(primitive) > 0
    found, parameters = BravaisLattice.of(primitive)
    assert found.name == "rhombohedral"
    np.testing.assert_allclose(parameters, [1.5 * np.sqrt(2), 60.0])
    unique_a = cell_to_matrix(np.array([2.0, 3.0, 4.0, 95.0, 90.0, 90.0]))
    assert BravaisLattice.of(unique_a)[0].name == "triclinic"


def test_left_handed_matrices_are_refused():
    mirrored = np.diag([1.0, 2.0, 3.0])[[1, 0, 2]]
    for attempt in (BravaisLattice.of, BravaisLattice.find("triclinic", 3).parameters_of):
        with pytest.raises(ValueError, match=r"right-handed rows.*got volume -6"):
            attempt(mirrored)


# --- bad input -------------------------------------------------------------------------------

BAD = [
    (1, "lamellar", [-1.0], "positive length a, got -1"),
    (1, "lamellar", [], "expected 1 .a. of the lamellar lattice, got 0"),
    (3, "cubic", [np.nan], r"\[0\]: expected a finite number"),
    (3, "cubic", [1.0, 1.0], "expected 1 .a. of the cubic lattice, got 2"),
    (3, "tetragonal", [[1.0, 1.0]], "got shape"),
    (3, "orthorhombic", [1.0, 0.0, 2.0], "positive length b"),
    (2, "oblique", [1.0, 1.0, 180.0], "0 < gamma < 180 degrees in the oblique lattice, got 180"),
    (2, "rhombic", [1.0, -60.0], "0 < gamma < 180"),
    (2, "rhombic", [1.0, 1e-10], "enclose no volume"),
    (3, "rhombohedral", [1.0, 120.0], "0 < beta < 120"),
    (3, "monoclinic", [1.0, 1.0, 1.0, 200.0], "0 < beta < 180"),
    (3, "triclinic", [1.0, 1.0, 1.0, 10.0, 90.0, 80.0], "-90 < theta < 90"),
    (3, "triclinic", [1.0, 1.0, 1.0, 10.0, 20.0, 0.0], "0 < gamma < 180"),
    (3, "triclinic", [1.0, 1.0, 1.0, np.inf, 20.0, 80.0], r"\[3\]: expected a finite"),
    (3, "cubic", ["x"], "expected numbers"),
]


@pytest.mark.parametrize(("dimension", "name", "parameters", "message"), BAD)
def test_bad_parameters(dimension, name, parameters, message):
    lattice = BravaisLattice.find(name, dimension)
    for attempt in (lattice.check, lattice.host_matrix, lattice.lattice):
        with pytest.raises(ValueError, match=message):
            attempt(parameters)


def test_bad_names_matrices_and_traced_values():
    with pytest.raises(ValueError, match=r"in 2 dimensions among square, .*; got 'cubic'"):
        BravaisLattice.find("cubic", 2)
    with pytest.raises(ValueError, match="did you mean 'hexagonal'"):
        BravaisLattice.find("hexagonl", 3)
    with pytest.raises(ValueError, match="expected 1, 2 or 3 dimensions, got 4"):
        BravaisLattice.find("cubic", 4)
    cubic = BravaisLattice.find("cubic", 3)
    assert BravaisLattice.find(cubic, 3) is cubic
    with pytest.raises(ValueError, match="in 2 dimensions, got cubic in 3"):
        BravaisLattice.find(cubic, 2)
    with pytest.raises(ValueError, match=r"expected shape \(3, 3\) of the cubic lattice"):
        cubic.parameters_of(np.eye(2))
    with pytest.raises(ValueError, match="with D = 1, 2 or 3"):
        BravaisLattice.of(np.eye(4))
    with pytest.raises(ValueError, match="independent right-handed rows"):
        BravaisLattice.of(np.ones((2, 2)))
    with pytest.raises(ValueError, match="finite"):
        BravaisLattice.of(np.full((2, 2), np.nan))
    with pytest.raises(ValueError, match="expected 1 parameters"):
        cubic.matrix(jnp.ones(2))
    with pytest.raises(ValueError, match="must be known on the host"):
        jax.jit(cubic.check)(jnp.ones(1))
