"""Minimal indices, ties, and |G|^2 in a changing cell."""

import itertools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pscf_cases import matrix_of

from jaxtal.fields import Mesh, Waves
from jaxtal.fields._waves import minimal_indices
from jaxtal.lattice import Lattice

HEXAGONAL = np.array([[1.3, 0, 0], [-0.65, 0.65 * np.sqrt(3), 0], [0, 0, 1.4]])
SKEWED = np.array([[1.0, 0.0, 0.0], [0.9, 0.5, 0.0], [-0.7, 0.3, 0.4]])
CASES = [
    ((9,), np.array([[1.7]])),
    ((8,), np.array([[1.7]])),
    ((8, 8), np.array([[1.0, 0.0], [-0.5, np.sqrt(0.75)]])),
    ((6, 9), np.array([[1.0, 0.0], [0.97, 0.2]])),
    ((6, 6, 8), HEXAGONAL),
    ((8, 6, 10), SKEWED),
    ((6, 6, 6), np.ones((3, 3)) - 2 * np.eye(3)),  # the primitive cell of a bcc lattice
]


def brute_force(mesh, matrix, reach=6):
    """Every alias within a wide window; those of least length, by the definition."""
    B = 2 * np.pi * np.linalg.inv(matrix).T
    shifts = np.array(list(itertools.product(range(-reach, reach + 1), repeat=mesh.dimension)))
    for n in mesh.indices():
        aliases = n + shifts * np.array(mesh.sizes)
        squared = np.square(aliases @ B).sum(axis=1)
        yield aliases[squared < squared.min() + 1e-9]


@pytest.mark.parametrize(("sizes", "matrix"), CASES)
def test_against_brute_force(sizes, matrix):
    mesh = Mesh(sizes)
    expected = list(brute_force(mesh, matrix))
    largest = [max(map(tuple, aliases.tolist())) for aliases in expected]
    assert (minimal_indices(mesh, matrix) == np.array(largest)).all()

    waves = Waves.build(mesh, matrix)
    stored = np.flatnonzero(mesh.stored(mesh.indices()))
    slots = mesh.half_ranks(mesh.indices()[stored])
    aliases, slot = np.asarray(waves.aliases), np.asarray(waves.slot)
    assert len(slot) == sum(len(expected[i]) for i in stored)
    mean = np.asarray(waves.mean).reshape(-1, mesh.dimension)
    for i, place in zip(stored[::3], slots[::3], strict=True):
        ours = aliases[slot == place]
        assert {*map(tuple, ours.tolist())} == {*map(tuple, expected[i].tolist())}
        assert np.allclose(waves.share[slot == place], 1 / len(expected[i]))
        np.testing.assert_allclose(mean[place], expected[i].mean(axis=0), atol=1e-6)
    flat = np.asarray(waves.minimal).reshape(-1, mesh.dimension)
    assert (flat[slots] == np.array(largest)[stored]).all()


def test_examples_of_the_convention():
    hexagonal = np.array([[1.0, 0.0], [-0.5, np.sqrt(0.75)]])
    assert minimal_indices(Mesh((8, 8)), hexagonal, np.array([[-4, 5]])).tolist() == [[4, -3]]
    assert minimal_indices(Mesh((8,) * 3), np.eye(3), np.array([[-4, 4, 7]])).tolist() == [
        [4, 4, -1]
    ]


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_ties_are_found_in_any_unit_of_length(scale):
    mesh = Mesh((6, 6, 8))
    expected = minimal_indices(mesh, HEXAGONAL)
    assert (minimal_indices(mesh, scale * HEXAGONAL) == expected).all()


def test_reference_of_pscf(data_dir):
    cases = json.loads((data_dir / "fields/unitcells/min_images.json").read_text())
    assert len(cases) == 16
    for case in cases:
        matrix = matrix_of(case["cell"].split(), case["D"])
        found = minimal_indices(Mesh(case["mesh"]), matrix, np.array(case["in"]))
        assert found.tolist() == case["pscf_min_image"], case["cell"]


def test_a_mesh_of_four_dimensions():
    mesh = Mesh((4, 3, 2, 5))
    minimal = minimal_indices(mesh, np.eye(4))
    centred = mesh.indices() - np.where(2 * mesh.indices() > mesh.sizes, mesh.sizes, 0)
    assert (minimal == centred).all()


@pytest.mark.usefixtures("x64")
def test_squared_lengths_and_their_cell_derivatives():
    mesh = Mesh((6, 5, 4))
    waves = Waves.build(mesh, SKEWED)
    lattice = Lattice.from_matrix(SKEWED)
    squared = np.asarray(waves.squared(lattice))
    direct = np.square(np.asarray(waves.minimal) @ np.asarray(lattice.reciprocal)).sum(-1)
    np.testing.assert_allclose(squared, direct, rtol=1e-14)
    np.testing.assert_allclose(
        waves.vectors(lattice), np.asarray(waves.mean) @ np.asarray(lattice.reciprocal), atol=1e-12
    )

    def total(matrix):
        return jnp.sum(jnp.exp(-1e-3 * waves.squared(Lattice(matrix))))

    slope = np.asarray(jax.jit(jax.grad(total))(lattice.matrix))
    step = 1e-5
    for i, j in itertools.product(range(3), repeat=2):
        moved = np.zeros((3, 3))
        moved[i, j] = step
        ends = [float(total(jnp.asarray(SKEWED + s * moved))) for s in (1, -1)]
        assert slope[i, j] == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-6)


def test_dtypes():
    waves = Waves.build(Mesh((4, 4)), np.eye(2), dtype=np.float32)
    lattice = Lattice.from_matrix(np.eye(2), dtype=np.float32)
    assert waves.share.dtype == waves.mean.dtype == jnp.float32
    assert waves.squared(lattice).dtype == jnp.float32


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.eye(3), r"\(2, 2\)"),
        (np.array([[1.0, 0.0], [2.0, 0.0]]), "independent"),
        (np.array([[1.0, np.nan], [0.0, 1.0]]), "finite"),
    ],
)
def test_bad_lattices(matrix, message):
    with pytest.raises(ValueError, match=message):
        Waves.build(Mesh((4, 4)), matrix)


def test_traced_lattices_are_refused():
    with pytest.raises(ValueError, match="outside jit"):
        jax.jit(lambda m: Waves.build(Mesh((4, 4)), m).mean)(jnp.eye(2))
