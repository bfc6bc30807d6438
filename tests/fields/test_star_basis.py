"""The symmetry-adapted basis: definition, projection, derivatives, gradients, precision."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxtal.fields import Mesh, StarBasis, Waves
from jaxtal.lattice import BravaisLattice, Lattice
from jaxtal.phasing import Transform
from jaxtal.symmetry import SpaceGroup

HEXAGONAL = np.array([[1.3, 0, 0], [-0.65, 0.65 * np.sqrt(3), 0], [0, 0, 1.4]])
CASES = [
    ("P 1", (7,), np.array([[1.3]])),
    ("P -1", (8,), np.array([[1.3]])),
    ("p 3", (6, 6), HEXAGONAL[:2, :2]),
    ("P 31 2 1", (6, 6, 6), HEXAGONAL),  # closed and open stars, thirds of a turn
    ("I 41 3 2", (8, 8, 8), np.eye(3)),
    ("P 21/c", (5, 4, 6), np.array([[1.0, 0, 0], [0, 1.2, 0], [-0.3, 0, 0.9]])),
]


def build(case, dtype=None):
    name, sizes, matrix = case
    group = SpaceGroup.find(name, dimension=len(sizes))
    return StarBasis(group, Mesh(sizes), matrix, dtype)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
class TestBasis:
    def test_orthonormal_symmetric_eigenfunctions(self, case, rng):
        basis = build(case)
        mesh = basis.mesh
        f = np.asarray(jax.jit(jax.vmap(basis.to_mesh))(jnp.eye(basis.n_basis)))
        axes = tuple(range(1, f.ndim))
        gram = np.tensordot(f, f, axes=(axes, axes)) / mesh.size
        np.testing.assert_allclose(gram, np.eye(len(f)), atol=1e-13)
        # f(R r + t) = f(r), node by node.
        nodes = np.indices(mesh.sizes).reshape(mesh.dimension, -1).T
        flat = f.reshape(len(f), -1)
        for op in basis.group.operations:
            images = np.rint(op(nodes / np.array(mesh.sizes)) * np.array(mesh.sizes)).astype(int)
            np.testing.assert_allclose(flat[:, mesh.ranks(images)], flat, atol=1e-13)
        # All symmetric fields are spanned: as many functions as orbits of nodes.
        orbits = {
            tuple(sorted(mesh.ranks(np.rint(
                np.array([op(x) for op in basis.group.operations]) * mesh.sizes
            ).astype(int)).tolist()))
            for x in nodes / np.array(mesh.sizes)
        }  # fmt: skip
        assert len({o[0] for o in orbits}) == basis.n_basis
        # Eigenfunctions of the Laplacian.
        lattice = Lattice.from_matrix(case[2])
        waves = Waves.build(mesh, case[2])
        a = jnp.asarray(rng.standard_normal(basis.n_basis))
        factor = -waves.squared(lattice).astype(complex)
        direct = mesh.to_values(factor * basis.to_waves(a))
        np.testing.assert_allclose(basis.to_mesh(basis.laplacian(a, lattice)), direct, atol=1e-10)

    def test_round_trip_projection_and_phasing(self, case, rng):
        basis = build(case)
        mesh = basis.mesh
        a, b = jnp.asarray(rng.standard_normal((2, basis.n_basis)))
        f, g = basis.to_mesh(a), basis.to_mesh(b)
        np.testing.assert_allclose(basis.from_mesh(f), a, atol=1e-13)
        assert float(jnp.mean(f * g)) == pytest.approx(float(a @ b), abs=1e-12)
        assert float(jnp.mean(f)) == pytest.approx(float(a[0]), abs=1e-13)
        assert float(basis.asymmetry(f)) < 1e-13

        # The projection is the average over the group, computed on the nodes.
        values = rng.standard_normal(mesh.sizes)
        nodes = np.indices(mesh.sizes).reshape(mesh.dimension, -1).T
        images = [
            mesh.ranks(np.rint(op(nodes / np.array(mesh.sizes)) * mesh.sizes).astype(int))
            for op in basis.group.operations
        ]
        average = np.mean([values.reshape(-1)[i] for i in images], axis=0).reshape(mesh.sizes)
        np.testing.assert_allclose(basis.project(jnp.asarray(values)), average, atol=1e-13)
        worst = np.abs(values - average).max()
        assert float(basis.asymmetry(jnp.asarray(values))) == pytest.approx(worst, abs=1e-12)

        # The same orbits constrain phasing, whose transform then makes the same projection.
        present = ~basis.stars.cancelled[basis.stars.orbit_star]
        orbits = basis.stars.orbits
        if present.all():
            transform = Transform.build(orbits, mesh.grid(), dtype=np.float64)
            other = transform.to_density(transform.to_amplitudes(jnp.asarray(values)))
            np.testing.assert_allclose(other, average, atol=1e-13)


@pytest.mark.usefixtures("x64")
def test_gradients_in_coefficients_and_cell(rng):
    """Basis -> mesh -> scalar, with |G|^2 of a hexagonal cell: central differences to 1e-7."""
    bravais = BravaisLattice.find("hexagonal", 3)
    cell = jnp.asarray([1.3, 1.4])
    basis = StarBasis("P 31 2 1", Mesh((6, 6, 6)), bravais.host_matrix(np.array([1.3, 1.4])))

    @eqx.filter_jit
    def energy(basis, a, cell):
        lattice = bravais.lattice(cell)
        f = basis.to_mesh(a * jnp.exp(-1e-3 * basis.squared(lattice)))
        steep = basis.to_mesh(basis.laplacian(a, lattice))
        return jnp.mean(jnp.exp(f) - 1e-4 * f * steep) * lattice.volume

    a = jnp.asarray(rng.standard_normal(basis.n_basis)) / 10
    slopes = jax.jit(jax.grad(lambda a, c: energy(basis, a, c), argnums=(0, 1)))(a, cell)
    for axis in range(2):
        direction = [jnp.zeros_like(a), jnp.zeros_like(cell)]
        direction[axis] = jnp.asarray(rng.standard_normal(direction[axis].shape))
        step = 1e-5
        ends = [
            float(energy(basis, a + s * direction[0], cell + s * direction[1]))
            for s in (step, -step)
        ]
        expected = (ends[0] - ends[1]) / (2 * step)
        assert float(slopes[axis] @ direction[axis]) == pytest.approx(expected, rel=1e-7)


def test_float32_agrees_and_stays(rng):
    case = ("I a -3 d", (16, 16, 16), 3.5 * np.eye(3))
    basis = build(case)
    a = rng.standard_normal(basis.n_basis)
    low = basis.to_mesh(jnp.asarray(a, jnp.float32))
    assert low.dtype == basis.from_mesh(low).dtype == jnp.float32
    with jax.enable_x64(True):
        high = build(case).to_mesh(jnp.asarray(a))
    scale = np.abs(high).max()
    np.testing.assert_allclose(low, high, atol=1e-5 * scale)
    np.testing.assert_allclose(basis.from_mesh(low), a, atol=1e-5)
    explicit = build(case, np.float32)
    assert explicit.scale.dtype == jnp.float32


def test_a_basis_built_again_does_not_compile_again():
    traces = []

    @eqx.filter_jit
    def norm(basis, a):
        traces.append(1)
        return jnp.sum(basis.to_mesh(a) ** 2)

    for edge in (3.5, 3.6):
        basis = StarBasis("I m -3 m", Mesh((8, 8, 8)), edge * np.eye(3))
        norm(basis, jnp.ones(basis.n_basis))
    assert len(traces) == 1


def test_several_fields_by_vmap(rng):
    basis = build(CASES[2])
    a = jnp.asarray(rng.standard_normal((3, basis.n_basis)), jnp.float32)
    many = jax.vmap(basis.to_mesh)(a)
    np.testing.assert_allclose(many[2], basis.to_mesh(a[2]), atol=1e-6)
    np.testing.assert_allclose(jax.vmap(basis.from_mesh)(many), a, atol=1e-5)


def test_bad_shapes():
    basis = build(CASES[1])
    with pytest.raises(ValueError, match="expected 5 coefficients"):
        basis.to_mesh(jnp.zeros(6))
    with pytest.raises(ValueError, match=r"expected shape \(8,\)"):
        basis.from_mesh(jnp.zeros(9))
    with pytest.raises(ValueError, match=r"expected shape \(5,\)"):
        basis.from_waves(jnp.zeros(8, jnp.complex64))
