"""Single precision, typed digits, integers: none of them changes what is tied or truncates."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxtal.fields import (
    BasisField,
    Mesh,
    PeriodicField,
    ResamplePlan,
    StarBasis,
    Stars,
    Waves,
    evaluate,
    gradient,
    laplacian,
    resample,
)
from jaxtal.lattice import BravaisLattice, Lattice
from jaxtal.symmetry import SpaceGroup

HEXAGONAL = BravaisLattice.find("hexagonal", 2)
SPACE = BravaisLattice.find("hexagonal", 3)


@pytest.mark.parametrize("a", [1.3, 0.7, 3.33])
def test_a_single_precision_lattice_makes_the_same_stars(a):
    exact = Stars.build((24, 24), HEXAGONAL.host_matrix([a]), "p6mm")
    assert Stars.build((24, 24), HEXAGONAL.lattice(jnp.array([a])), "p6mm") == exact
    exact = Stars.build((12, 12, 12), SPACE.host_matrix([a, 1.1]), "P 6/m m m")
    assert Stars.build((12, 12, 12), SPACE.lattice(jnp.array([a, 1.1])), "P 6/m m m") == exact


def test_a_lattice_of_typed_digits_makes_the_same_stars():
    typed = np.array([[1.0, 0.0], [-0.5, 0.8660254]])
    exact = Stars.build((24, 24), HEXAGONAL.host_matrix([1.0]), "p6mm")
    assert Stars.build((24, 24), typed, "p6mm") == exact


def test_a_single_precision_lattice_without_a_group_keeps_its_ties():
    exact = Waves.build((8, 8), HEXAGONAL.host_matrix([1.3]))
    single = Waves.build((8, 8), HEXAGONAL.lattice(jnp.array([1.3])))
    turned = Lattice(jnp.asarray(HEXAGONAL.host_matrix([1.3])[:, ::-1].copy()))  # left-handed
    for waves in (single, Waves.build((8, 8), turned)):
        np.testing.assert_array_equal(_listed(waves), _listed(exact))


def _listed(waves):
    """The aliases of every wave, ties in any order."""
    return np.unique(np.column_stack([waves.slot, waves.aliases]), axis=0)


def test_ties_of_a_cell_that_no_lattice_type_shows():
    """The primitive cell of a bcc lattice: rhombohedral by its axes, cubic by its group."""
    group = SpaceGroup.find("P m -3 m")
    primitive = (np.ones((3, 3)) - 2 * np.eye(3)) / 2
    change = np.linalg.inv(primitive.T)
    rotations = [np.rint(change @ W @ primitive.T).astype(int) for W in group.rotations]
    cubic = SpaceGroup.from_generators([f"{_xyz(W)}" for W in rotations])
    assert cubic.order == 48
    mesh = Mesh((6, 6, 6))
    values = StarBasis(cubic, mesh, primitive).project(
        jnp.asarray(np.random.default_rng(0).standard_normal(mesh.sizes), jnp.float32)
    )
    field = PeriodicField.from_lattice(np.asarray(values), primitive, cubic)
    x = np.array([0.11, 0.23, 0.42])
    images = np.stack([W @ x for W in cubic.rotations])
    np.testing.assert_allclose(field.at(images)[:, 0], field.at(x)[0], atol=2e-5)


def _xyz(W):
    terms = [
        "".join(f"{'+' if v > 0 else '-'}{'xyz'[j]}" for j, v in enumerate(row) if v) for row in W
    ]
    return ",".join(terms)


@pytest.mark.parametrize("kind", [int, bool])
def test_integer_values_are_numbers_like_others(x32, kind, rng):
    mesh = Mesh((6, 6))
    values = rng.integers(0, 2, mesh.sizes).astype(kind)
    waves = Waves.build(mesh, np.eye(2) * 2.5)
    lattice = Lattice.from_matrix(np.eye(2) * 2.5)
    x = rng.random((4, 2))
    real = jnp.asarray(values, jnp.float32)
    given = jnp.asarray(values)
    plan = ResamplePlan.build((6, 6), (9, 8), np.eye(2))
    for function in (
        lambda f: evaluate(f, x, waves),
        lambda f: gradient(f, lattice, waves),
        lambda f: laplacian(f, lattice, waves),
        lambda f: resample(f, plan),
    ):
        np.testing.assert_allclose(function(given), function(real), atol=1e-6)
    field = PeriodicField.from_arrays(given[None], "square", [2.5])
    assert field.values.dtype == jnp.float32
    assert float(field.parameters[0]) == 2.5


def test_points_far_away_cost_no_accuracy(rng):
    mesh = Mesh((24, 24, 24))
    values = rng.standard_normal(mesh.sizes)
    x = rng.random((50, 3))
    with jax.enable_x64(True):
        waves = Waves.build(mesh, np.eye(3))
        exact = np.asarray(evaluate(jnp.asarray(values), x, waves))
    waves = Waves.build(mesh, np.eye(3))
    # Moved by multiples of 1/4, the points themselves are exact in single precision.
    x = np.round(x * 2**14) / 2**14
    with jax.enable_x64(True):
        exact = np.asarray(evaluate(jnp.asarray(values), x, Waves.build(mesh, np.eye(3))))
    for cells in (0, 3, 30):
        found = evaluate(jnp.asarray(values, jnp.float32), x + cells, waves)
        np.testing.assert_allclose(found, exact, atol=5e-6 * np.abs(exact).max())


def test_no_points():
    waves = Waves.build((4, 4), np.eye(2))
    assert evaluate(jnp.ones((4, 4)), np.zeros((0, 2)), waves).shape == (0,)


def test_a_basis_follows_the_type_of_the_field(x64, rng):
    basis = StarBasis("p4mm", (8, 8), np.eye(2), np.float32)
    values = basis.project(jnp.asarray(rng.standard_normal((8, 8))))
    assert values.dtype == basis.from_mesh(values).dtype == jnp.float64
    with pytest.raises(ValueError, match="floating-point"):
        StarBasis("p4mm", (8, 8), np.eye(2), int)


def test_refusals(rng):
    field = PeriodicField.from_arrays(rng.random((2, 6, 6)), "oblique", [1.0, 2.0, 70.0])
    with pytest.raises(ValueError, match="0 to 1, got 5"):
        field.density(5)
    with pytest.raises(ValueError, match="0 to 1, got -1"):
        field.density(-1)
    basis = StarBasis("p6mm", (6, 6), HEXAGONAL.host_matrix([1.0]))
    with pytest.raises(ValueError, match="does not fit"):
        BasisField.from_field(field, basis, project=True)
    with pytest.raises(ValueError, match="does not fit"):
        PeriodicField.from_arrays(rng.random((1, 6, 6)), "rectangular", [2.5, 2.5005], "p4mm")
    with pytest.raises(ValueError, match="floating-point"):
        PeriodicField.from_arrays(np.ones((1, 4, 4)), "square", [1.0], dtype=int)
    with pytest.raises(ValueError, match="finite"):
        PeriodicField.from_arrays(np.full((1, 4, 4), 1e300), "square", [1.0], dtype=np.float32)


def test_a_small_strain_is_kept_on_request():
    matrix = np.diag([1.0, 1.0, 1 + 5e-7])
    values = np.ones((1, 2, 2, 2))
    assert PeriodicField.from_lattice(values, matrix).bravais.name == "cubic"
    kept = PeriodicField.from_lattice(values, matrix, tol=1e-9)
    assert kept.bravais.name == "tetragonal"
