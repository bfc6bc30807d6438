"""Finer and coarser meshes: evaluation at new nodes, there and back, symmetry, cut-off."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from naive_series import series

from jaxtal.fields import Mesh, ResamplePlan, Waves, resample
from jaxtal.lattice import BravaisLattice
from jaxtal.symmetry import SpaceGroup, SymOp

HEXAGONAL = BravaisLattice.find("hexagonal", 2).host_matrix([1.0])
TRICLINIC = BravaisLattice.find("triclinic", 3).host_matrix([1.1, 1.3, 1.6, 40.0, 12.0, 83.0])
#: Coarse and fine sizes: odd and even, hexagonal corners with three ties among them.
PAIRS = [
    (np.eye(1), (6,), (8,)),
    (np.eye(1), (6,), (7,)),
    (HEXAGONAL, (6, 6), (9, 9)),
    (HEXAGONAL, (5, 5), (6, 6)),
    (np.diag([1.0, 2.0]), (4, 6), (4, 9)),
    (TRICLINIC, (4, 5, 6), (8, 10, 12)),
]


@pytest.mark.parametrize(("matrix", "coarse", "fine"), PAIRS)
def test_refining_evaluates_and_coming_back_is_the_identity(x64, rng, matrix, coarse, fine):
    a, b = Mesh(coarse), Mesh(fine)
    values = jnp.asarray(rng.normal(size=coarse))
    up, down = ResamplePlan.build(a, b, matrix), ResamplePlan.build(b, a, matrix)
    assert up.n_lost == 0
    assert up.is_reversible
    refined = resample(values, up)
    expected = series(values, b.points(), Waves.build(a, matrix))
    np.testing.assert_allclose(refined, expected, atol=1e-12)
    np.testing.assert_allclose(resample(refined, down), values, atol=1e-12)


def test_symmetry_is_kept_both_ways(x64, rng):
    group = SpaceGroup.from_generators([SymOp([[1, -1], [1, 0]]), SymOp([[0, 1], [1, 0]])])
    assert group.order == 12

    def asymmetry(values):
        mesh = Mesh(values.shape)
        nodes, n = mesh.points().reshape(-1, 2), mesh.sizes[0]
        images = [np.rint(op(nodes) * n).astype(int) % n for op in group.operations]
        return max(np.abs(values[tuple(i.T)] - values.reshape(-1)).max() for i in images)

    for sizes, others in (((12, 12), [(18, 18), (6, 6), (7, 7), (9, 9)]), ((9, 9), [(6, 6)])):
        mesh = Mesh(sizes)
        nodes, n = mesh.points().reshape(-1, 2), sizes[0]
        noise = rng.normal(size=sizes)
        images = [np.rint(op(nodes) * n).astype(int) % n for op in group.operations]
        values = np.sum([noise[tuple(i.T)] for i in images], axis=0).reshape(sizes)
        assert asymmetry(values) < 1e-13
        for other in others:
            plan = ResamplePlan.build(mesh, Mesh(other), HEXAGONAL)
            assert asymmetry(np.asarray(resample(jnp.asarray(values), plan))) < 1e-12


def test_what_the_target_cannot_hold_is_cut_off_not_folded(x64):
    a, b = Mesh((12, 12)), Mesh((6, 6))
    x = a.points()
    plan = ResamplePlan.build(a, b, np.eye(2))
    long_, short = (jnp.asarray(np.cos(2 * np.pi * x @ np.array(k))) for k in ([5, 1], [2, -1]))
    np.testing.assert_allclose(resample(long_, plan), 0.0, atol=1e-13)
    kept = np.cos(2 * np.pi * b.points() @ np.array([2, -1]))
    np.testing.assert_allclose(resample(long_ + short + 3.0, plan), kept + 3.0, atol=1e-13)
    # 49 of 144 waves (and 13 ties more among the aliases of the source) fit.
    assert plan.n_lost == 13 * 13 - 7 * 7


def test_finer_along_one_axis_and_coarser_along_another(x64, rng):
    a, b = Mesh((12, 5)), Mesh((6, 10))
    x, y = a.points(), b.points()
    plan = ResamplePlan.build(a, b, np.diag([1.0, 1.5]))
    waves = [([2, 2], True), ([0, 1], True), ([5, 1], False), ([-1, 2], True)]
    f = sum(np.cos(2 * np.pi * (x @ np.array(k) + 0.1)) for k, _ in waves)
    g = sum(np.cos(2 * np.pi * (y @ np.array(k) + 0.1)) for k, kept in waves if kept)
    np.testing.assert_allclose(resample(jnp.asarray(f), plan), g, atol=1e-12)


def test_a_skewed_cell_refined_along_one_axis_is_still_evaluated(x64, rng):
    # Shortest waves of the coarse mesh are no longer shortest on the fine one.
    matrix = np.array([[1.0, 0.0], [1.6, 0.4]])
    a, b = Mesh((6, 6)), Mesh((6, 7))
    plan = ResamplePlan.build(a, b, matrix)
    assert not plan.is_reversible
    assert plan.n_lost == 0
    values = jnp.asarray(rng.normal(size=a.sizes))
    expected = series(values, b.points(), Waves.build(a, matrix))
    np.testing.assert_allclose(resample(values, plan), expected, atol=1e-12)


def test_linear_differentiable_mapped_and_single(x64, rng):
    a, b = Mesh((6, 6)), Mesh((9, 9))
    plan = ResamplePlan.build(a, b, HEXAGONAL)
    f, step = jnp.asarray(rng.normal(size=(2, 6, 6)))
    value, change = jax.jvp(lambda f: resample(f, plan), (f,), (step,))
    np.testing.assert_allclose(change, resample(step, plan), atol=1e-12)
    back = jax.grad(lambda f: jnp.sum(resample(f, plan) * value))(f)
    assert float(jnp.sum(back * step)) == pytest.approx(float(jnp.sum(value * change)), rel=1e-12)
    same = ResamplePlan.build(a, a, HEXAGONAL)
    np.testing.assert_allclose(resample(f, same), f, atol=1e-13)
    mapped = jax.jit(jax.vmap(resample, in_axes=(0, None)))(jnp.stack([f, step]), plan)
    np.testing.assert_allclose(mapped[1], change, atol=1e-12)
    low = resample(f.astype(jnp.float32), plan)
    assert low.dtype == jnp.float32
    np.testing.assert_allclose(low, value, atol=1e-5)


def test_bad_meshes(rng):
    with pytest.raises(ValueError, match="meshes of one dimension"):
        ResamplePlan.build(Mesh((4, 4)), Mesh((4,)), np.eye(2))
    plan = ResamplePlan.build(Mesh((4, 4)), Mesh((6, 6)), np.eye(2))
    with pytest.raises(ValueError, match=r"expected shape \(4, 4\)"):
        resample(jnp.zeros((6, 6)), plan)
