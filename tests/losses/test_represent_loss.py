"""Losses with their gradients: those of the two steps they stand for, and finite differences."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cells import finite

from jaxtal.crystal import CrystalBatch, map_crystals, per_crystal_loss, prototype
from jaxtal.descriptors import Descriptor, RepresentPlan, represent_batch
from jaxtal.losses import descriptor_loss, fingerprint_loss, represent_loss
from jaxtal.metric import CrystalMetric

NAMES = ("alpha-quartz", "rutile", "diamond", "fluorite")
DESCRIPTOR = Descriptor(2, 2, 4.0, n_bins=9)
METRIC = CrystalMetric(2, 2, 8.0, density=1)
WEIGHTS = (0.5, 2.0)
#: What comes in from above; the loss of each crystal has its own.
FACTORS = (1.0, -2.0, 3.0, 0.5)


def crystals():
    return [prototype(name).expand() for name in NAMES]


def case(dtype="float64"):
    """Targets' cells and others near them, rubbish in the padding; the last one outgrows plans."""
    batch = CrystalBatch.from_crystals(crystals(), pad_to=12, dtype=dtype)
    rng = np.random.default_rng(5)
    frac = batch.frac_coords + 0.02 * jnp.asarray(
        rng.standard_normal(batch.frac_coords.shape), dtype
    )
    frac = jnp.where(batch.mask[:, :, None], frac, 1e10)
    strain = 0.01 * jnp.asarray(rng.standard_normal((4, 3, 3)), dtype)
    matrix = (batch.matrix + batch.matrix @ strain).at[3].multiply(3.0)
    return batch, dataclasses.replace(batch, matrix=matrix, frac_coords=frac)


def weighted(batch, elements):
    """The arrays of a batch with species weights, 0.9 at each atom and 0.1 of another element."""
    own = batch.atomic_numbers[:, :, None] == jnp.asarray(elements, jnp.int32)[None, None, :]
    weights = jnp.where(own, 0.8, 0.0) + jnp.asarray([0.1, 0.1, 0, 0, 0, 0])[None, None, :]
    return (
        batch.matrix,
        batch.frac_coords,
        jnp.where(batch.mask[:, :, None], weights, 0.0),
        batch.mask,
    )


@eqx.filter_jit
def slope(losses, smooth, others, *rest):
    """Losses and flags, and the gradient of their weighted sum."""

    def total(smooth):
        found = losses(eqx.combine(smooth, others), *rest)
        return jnp.sum(found[0] * jnp.asarray(FACTORS, found[0].dtype)), found

    gradient, found = jax.grad(total, has_aux=True)(smooth)
    return *found, gradient


def in_two_steps(batch, target, plan):
    found = represent_batch(batch, plan)
    return descriptor_loss(found, target, WEIGHTS), found.complete & target.complete


def at_once(batch, target, plan, chunk):
    return represent_loss(batch, target, plan, weights=WEIGHTS, chunk=chunk)


def metric_in_two_steps(batch, target, plan):
    found = METRIC.fingerprints(batch, plan)
    return descriptor_loss(found, target), found.complete & target.complete


def metric_at_once(batch, target, plan, chunk):
    return fingerprint_loss(batch, target, METRIC, plan, chunk=chunk)


def ones(describe, batch, plan):
    """A target of ones, and complete; nothing is compiled for it."""
    shapes = eqx.filter_eval_shape(describe, batch, plan)
    return jax.tree.map(lambda x: jnp.ones(x.shape, x.dtype), shapes)


def agree(found, expected, rtol):
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        one, other = np.asarray(one), np.asarray(other)
        np.testing.assert_allclose(one, other, rtol=rtol, atol=rtol * np.abs(other).max())


def test_equals_the_two_steps(x64, rng):
    """In cells, coordinates and species weights; then the gradient against differences."""
    start, moved = case()
    plan = RepresentPlan.for_crystals(
        DESCRIPTOR, start, margin=1.5, elements=[6, 8, 9, 14, 20, 22], slots=6, dtype="float64"
    )
    target = ones(represent_batch, weighted(start, plan.elements), plan)
    smooth, others = eqx.partition(weighted(moved, plan.elements), eqx.is_inexact_array)
    expected = slope(in_two_steps, smooth, others, target, plan)
    assert expected[1].tolist() == [True, True, True, False]
    for chunk in (1, None):
        found = slope(at_once, smooth, others, target, plan, chunk)
        agree(found, expected, 1e-10)
        losses, _, gradient = found
        assert finite(found)
        assert bool(jnp.all(losses[:3] > 1e-5))
        assert losses[3] == 0
        assert not any(np.asarray(g[3]).any() for g in gradient if g is not None)
        assert not np.asarray(gradient[1])[~np.asarray(moved.mask)].any()
    real = moved.mask[:, :, None]
    along = [jnp.asarray(rng.standard_normal(x.shape)) for x in smooth[:3]]
    along = [along[0], *(jnp.where(real, x, 0.0) for x in along[1:])]
    sums, eps = [], 1e-6
    for sign in (1, -1):
        there = tuple(x + sign * eps * d for x, d in zip(smooth, along, strict=False))
        there = slope(at_once, (*there, None), others, target, plan, None)[0]
        sums.append(float(jnp.sum(there * jnp.asarray(FACTORS))))
    slopes = [float(jnp.sum(g * d)) for g, d in zip(gradient, along, strict=False)]
    assert sum(slopes) == pytest.approx((sums[0] - sums[1]) / (2 * eps), rel=1e-5)


def test_the_metric_likewise():
    """Through a `CrystalBatch`, in float32, as a training step has it."""
    start, moved = case("float32")
    plan = METRIC.plan(start, margin=1.3)
    target = ones(METRIC.fingerprints, start, plan)
    # Another volume per atom has another density, but the crystal of three times the size fits.
    matrix = moved.matrix.at[2].set(0.0).at[3].divide(3.0)
    moved = dataclasses.replace(moved, matrix=matrix)
    smooth, others = eqx.partition(moved, eqx.is_inexact_array)
    expected = slope(metric_in_two_steps, smooth, others, target, plan)
    found = slope(metric_at_once, smooth, others, target, plan, 2)
    assert found[1].tolist() == [True, True, False, True]
    agree(found, expected, 1e-3)
    assert finite(found)
    assert found[0][2] == 0
    assert not np.asarray(found[2].matrix)[2].any()
    assert np.asarray(found[2].frac_coords)[3].any()


def test_wrong_targets_are_refused():
    start, _ = case("float32")
    plan = RepresentPlan.for_crystals(DESCRIPTOR, start)
    target = ones(represent_batch, start, plan)
    other = RepresentPlan.for_crystals(Descriptor(2, 2, 3.0, n_bins=9), start)
    for said, wrong, by in (
        ("one for each of 4 crystals", jax.tree.map(lambda x: x[:2], target), plan),
        ("one for each of 4 crystals", jax.tree.map(lambda x: x[0], target), plan),
        ("equal specifications", target, other),
        ("equal shapes", eqx.tree_at(lambda t: t.rdf, target, target.rdf[:, 1:]), plan),
    ):
        with pytest.raises(ValueError, match=said):
            eqx.filter_eval_shape(represent_loss, start, wrong, by)
    with pytest.raises(ValueError, match="chunk: expected at least 1"):
        eqx.filter_eval_shape(represent_loss, start, target, plan, chunk=0)


CALLS = []


def well(smooth, fixed, shared):
    """A loss of one crystal whose every evaluation is noted."""
    jax.debug.callback(lambda: CALLS.append(None))
    x, y = smooth["x"], smooth["y"]
    return shared * jnp.sum(x**3) * y - fixed, y > 0


@pytest.mark.parametrize("chunk", [1, 2, 3, None])
def test_each_crystal_is_evaluated_once(chunk):
    smooth = {"x": jnp.arange(10.0).reshape(5, 2), "y": jnp.arange(-2.0, 3.0)}
    factors = jnp.arange(1.0, 6.0)

    @jax.jit
    def descent(smooth, shared):
        def total(smooth):
            losses, flags = per_crystal_loss(well, smooth, factors, shared, chunk=chunk)
            return jnp.sum(losses * factors), (losses, flags)

        def step(smooth, _):
            (_, aux), gradient = jax.value_and_grad(total, has_aux=True)(smooth)
            return jax.tree.map(lambda x, g: x - 1e-3 * g, smooth, gradient), (aux, gradient)

        return jax.lax.scan(step, smooth, None, length=2)

    CALLS.clear()
    end, ((losses, flags), gradient) = jax.block_until_ready(descent(smooth, jnp.asarray(2.0)))
    jax.effects_barrier()
    if chunk == 1:
        assert len(CALLS) == 10
    x, y = smooth["x"], smooth["y"]
    np.testing.assert_allclose(losses[0], 2 * jnp.sum(x**3, axis=1) * y - factors)
    np.testing.assert_array_equal(flags[0], y > 0)
    np.testing.assert_allclose(gradient["x"][0], 6 * x**2 * (y * factors)[:, None])
    np.testing.assert_allclose(gradient["y"][0], 2 * jnp.sum(x**3, axis=1) * factors)
    np.testing.assert_allclose(end["y"], y - 1e-3 * jnp.sum(gradient["y"], axis=0), rtol=1e-5)


def test_limits():
    smooth = {"x": jnp.ones((3, 2)), "y": jnp.ones(3)}

    def losses(smooth, shared):
        return per_crystal_loss(well, smooth, jnp.zeros(3), shared)[0]

    with pytest.raises(TypeError, match="forward-mode"):
        jax.jvp(losses, (smooth, 1.0), (smooth, 1.0))
    by_shared = jax.grad(lambda shared: jnp.sum(losses(smooth, shared)))(1.0)
    assert by_shared == 0
    for chunk in (1, 2, None):
        assert map_crystals(jnp.sum, smooth["x"], chunk=chunk).tolist() == [2, 2, 2]
