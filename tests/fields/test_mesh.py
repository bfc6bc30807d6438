"""The mesh: transforms, storage, aliases, and which groups act on it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxtal.fields import Mesh
from jaxtal.fields._mesh import rotated_ranks
from jaxtal.symmetry import SpaceGroup

SIZES = [(7,), (8,), (6, 5), (5, 6), (4, 6, 5), (3, 5, 4), (2, 1, 3), (3, 4, 2, 5)]


@pytest.mark.usefixtures("x64")
class TestTransform:
    @pytest.mark.parametrize("sizes", SIZES)
    def test_definition_round_trip_parseval(self, sizes, rng):
        mesh = Mesh(sizes)
        f, g = rng.standard_normal((2, *sizes))
        F, G = (np.asarray(mesh.to_waves(jnp.asarray(x))) for x in (f, g))
        n, r = mesh.half_indices().reshape(-1, mesh.dimension), mesh.points()
        phases = np.exp(-2j * np.pi * np.einsum("nd,...d->n...", n, r))
        direct = (phases * f).reshape(len(n), -1).mean(axis=1).reshape(mesh.half_shape)
        np.testing.assert_allclose(F, direct, atol=1e-14)
        np.testing.assert_allclose(mesh.to_values(jnp.asarray(F)), f, atol=1e-14)
        assert F.flat[0] == pytest.approx(f.mean(), abs=1e-15)
        product = (mesh.half_weights() * np.real(F * G.conj())).sum()
        assert product == pytest.approx((f * g).mean(), abs=1e-14)

    @pytest.mark.parametrize("sizes", SIZES)
    def test_friedel_and_shift(self, sizes, rng):
        mesh = Mesh(sizes)
        f = rng.standard_normal(sizes)
        full = np.fft.fftn(f, norm="forward").reshape(-1)
        n = mesh.indices()
        np.testing.assert_allclose(full[mesh.ranks(-n)], full.conj(), atol=1e-15)
        half = np.asarray(mesh.to_waves(jnp.asarray(f)))
        stored = mesh.stored(n)
        np.testing.assert_allclose(half.flat[mesh.half_ranks(n[stored])], full[stored], atol=1e-14)
        shift = rng.integers(-9, 9, mesh.dimension)
        moved = jnp.asarray(np.roll(f, shift, axis=tuple(range(mesh.dimension))))
        turn = np.exp(-2j * np.pi * (mesh.half_indices() / np.array(sizes)) @ shift)
        np.testing.assert_allclose(mesh.to_waves(moved), half * turn, atol=1e-14)

    def test_jit_vmap_and_gradient(self, rng):
        mesh = Mesh((5, 6))
        f = jnp.asarray(rng.standard_normal((3, 5, 6)))
        batched = jax.jit(jax.vmap(mesh.to_waves))(f)
        np.testing.assert_allclose(batched[1], mesh.to_waves(f[1]), atol=1e-16)
        # Parseval again: the gradient of mean f^2 is 2 f / M, through both transforms.
        slope = jax.grad(lambda x: jnp.mean(mesh.to_values(mesh.to_waves(x)) ** 2))(f[0])
        np.testing.assert_allclose(slope, 2 * f[0] / mesh.size, atol=1e-15)


def test_float32_stays_float32():
    mesh = Mesh((6, 5))
    f = jnp.ones(mesh.sizes, jnp.float32)
    assert mesh.to_waves(f).dtype == jnp.complex64
    assert mesh.to_values(mesh.to_waves(f)).dtype == jnp.float32


def test_equal_meshes_are_equal():
    assert Mesh([4, 5]) == Mesh((4, 5))
    assert hash(Mesh(np.array([4, 5]))) == hash(Mesh((4, 5)))
    assert Mesh((4, 5)) != Mesh((5, 4))
    assert str(Mesh((4, 5))) == "4 x 5"


def test_grid_has_the_same_nodes_and_slots():
    mesh = Mesh((4, 3))
    grid = mesh.grid()
    nodes = np.indices(mesh.sizes).reshape(2, -1).T
    np.testing.assert_allclose(grid.points(nodes), mesh.points().reshape(-1, 2))
    k = np.array([[-1, 2], [5, -4]])
    assert (grid.flat(k) == mesh.ranks(k)).all()


@pytest.mark.parametrize(
    ("name", "sizes"), [("P 61 2 2", (6, 6, 12)), ("I a -3 d", (8, 8, 8)), ("P 21/c", (5, 4, 6))]
)
def test_rotated_ranks(name, sizes):
    mesh, group = Mesh(sizes), SpaceGroup.find(name)
    for R in group.point_rotations:
        assert (rotated_ranks(mesh, R) == mesh.ranks(mesh.indices() @ R)).all()


class TestGroupFit:
    def test_fitting_meshes_pass(self):
        Mesh((16, 16, 16)).check_group(SpaceGroup.find("I a -3 d"))
        Mesh((5, 7, 9)).check_group(SpaceGroup.find("P m m m"))
        Mesh((9, 9, 12)).check_group(SpaceGroup.find("R -3 m:H"))

    @pytest.mark.parametrize(
        ("name", "sizes", "named"),
        [
            ("I a -3 d", (18, 18, 18), "20 x 20 x 20"),  # quarters along every axis
            ("I a -3 d", (16, 16, 12), "16 x 16 x 16"),  # a threefold axis ties all three
            ("P 21 21 21", (7, 8, 8), "8 x 8 x 8"),  # along the first axis too
            ("P 61 2 2", (6, 6, 10), "6 x 6 x 12"),
            ("P 4/n m m:2", (6, 8, 5), "8 x 8 x 5"),
        ],
    )
    def test_others_are_refused_with_a_mesh_that_would_do(self, name, sizes, named):
        group = SpaceGroup.find(name)
        with pytest.raises(ValueError, match=f"{named} would do") as error:
            Mesh(sizes).check_group(group)
        assert str(Mesh(sizes)) in str(error.value)
        Mesh([int(n) for n in named.split(" x ")]).check_group(group)

    def test_fitting_is_no_coarser_and_leaves_a_fitting_mesh_alone(self):
        group = SpaceGroup.find("P 61 2 2")
        assert Mesh((12, 12, 18)).fitting(group) == Mesh((12, 12, 18))
        assert Mesh((7, 5, 13)).fitting(group) == Mesh((8, 8, 18))
        assert Mesh((7, 11, 13)).fitting(SpaceGroup.find("P 1")) == Mesh((8, 12, 15))

    def test_dimension(self):
        with pytest.raises(ValueError, match="2 dimensions"):
            Mesh((4, 4)).check_group(SpaceGroup.find("P 1"))


@pytest.mark.parametrize("sizes", [(), (0,), (4, -1), (2.5,), ((3, 4),), ("a",)])
def test_bad_sizes(sizes):
    with pytest.raises(ValueError, match="sizes"):
        Mesh(sizes)


def test_bad_arguments():
    mesh = Mesh((4, 6))
    with pytest.raises(ValueError, match=r"expected shape \(4, 6\)"):
        mesh.to_waves(jnp.zeros((6, 4)))
    with pytest.raises(ValueError, match=r"expected shape \(4, 4\)"):
        mesh.to_values(jnp.zeros((4, 6), jnp.complex64))
    with pytest.raises(ValueError, match="integers"):
        mesh.ranks(np.zeros((2, 2)))
    with pytest.raises(ValueError, match=r"\[1, 5\]"):
        mesh.half_ranks(np.array([[0, 1], [1, 5]]))
