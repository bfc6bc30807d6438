"""The protocol of the losses: the numbers of their definitions, gradients, policies, precisions."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from cells import finite
from variants import slow_but

from jaxtal.crystal import CrystalArrays, CrystalBatch, prototype
from jaxtal.descriptors import Descriptor
from jaxtal.losses import MetricLoss, PowderLoss, PowerSpectrumLoss, pattern_similarity
from jaxtal.losses._abstract_loss import check_policy, one_of
from jaxtal.metric import CrystalMetric

NAMES = ("alpha-quartz", "rutile", "diamond", "fluorite")
#: What comes in from above; the loss of each crystal has its own.
FACTORS = (1.0, -2.0, 3.0, 0.5)
SETTINGS = {
    PowerSpectrumLoss: {"n_max": 2, "l_max": 2, "q_max": 4.0, "n_bins": 9, "weights": (0.5, 2.0)},
    MetricLoss: {"n_max": 2, "l_max": 2, "q_max": 8.0, "density": 1.0},
    PowderLoss: {"wavelength": "CuKa1", "limits": (15, 45), "n_points": 61, "fwhm": 1.5},
}
LOSSES = pytest.mark.parametrize("kind", list(SETTINGS), ids=lambda kind: kind.__name__)
#: What they have from the class above them.
ONE_LOSS = pytest.mark.parametrize(
    "kind", slow_but([MetricLoss], SETTINGS), ids=lambda kind: kind.__name__
)


def made(kind, crystals, **options):
    return kind(crystals, max_stretch=1.3, **SETTINGS[kind], **options)


def changed(loss, **options):
    """The same loss with another policy or chunk."""
    own = {"weights": loss.weights} if isinstance(loss, PowerSpectrumLoss) else {}
    return type(loss)(loss.plan, **own, **options)


def case(dtype="float32"):
    """Targets' cells and others near them, rubbish in the padding; the last one outgrows plans."""
    batch = CrystalBatch.from_crystals([prototype(n) for n in NAMES], pad_to=12, dtype=dtype)
    rng = np.random.default_rng(5)
    frac = batch.frac_coords + 0.02 * jnp.asarray(rng.standard_normal((4, 12, 3)), dtype)
    frac = jnp.where(batch.mask[:, :, None], frac, 1e10)
    strain = 0.01 * jnp.asarray(rng.standard_normal((4, 3, 3)), dtype)
    matrix = (batch.matrix + batch.matrix @ strain).at[3, 0].multiply(3.0)
    return batch, dataclasses.replace(batch, matrix=matrix, frac_coords=frac)


@eqx.filter_jit
def slope(loss, smooth, others, target):
    """Values and flags, and the gradient of their weighted sum."""

    def total(smooth):
        values, fits = loss(eqx.combine(smooth, others), target)
        return jnp.sum(values * jnp.asarray(FACTORS, values.dtype)), (values, fits)

    gradient, found = jax.grad(total, has_aux=True)(smooth)
    return *found, gradient


@eqx.filter_jit
def slope_in_two_steps(loss, smooth, others, target):
    """The same by `represent` and `between`."""

    def total(smooth):
        values, fits = loss.between(loss.represent(eqx.combine(smooth, others)), target)
        return jnp.sum(values * jnp.asarray(FACTORS, values.dtype)), (values, fits)

    gradient, found = jax.grad(total, has_aux=True)(smooth)
    return *found, gradient


def agree(found, expected, rtol):
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        one, other = np.asarray(one), np.asarray(other)
        np.testing.assert_allclose(one, other, rtol=rtol, atol=rtol * np.abs(other).max())


def by_numpy(loss, found, target):
    """The loss of one crystal by its definition."""
    if isinstance(loss, MetricLoss):
        return np.sum((found.vector - target.vector) ** 2)
    if isinstance(loss, PowderLoss):
        step = loss.plan.specification.step
        return 1 - pattern_similarity(found.intensity, target.intensity, step, loss.width)
    pairs = ((found.power_spectrum, target.power_spectrum), (found.rdf, target.rdf))
    terms = [np.sum((x - x0) ** 2) / np.sum(x0**2) for x, x0 in pairs]
    return np.dot(loss.weights, terms)


@LOSSES
def test_numbers_and_gradients(kind, x64, rng):
    """Of the definition and of finite differences."""
    start, moved = case("float64")
    loss = made(kind, start)
    target = loss.represent(start)
    assert bool(jnp.all(target.complete))
    smooth, others = eqx.partition(moved, eqx.is_inexact_array)
    values, fits, gradient = slope(loss, smooth, others, target)
    assert fits.tolist() == [True, True, True, False]
    assert values[3] == 0
    assert finite((values, gradient))
    assert not any(np.asarray(g[3]).any() for g in jax.tree.leaves(gradient))
    assert not np.asarray(gradient.frac_coords)[~np.asarray(moved.mask)].any()
    found = loss.represent(moved)
    for b in range(3):
        expected = by_numpy(loss, found[b], target[b])
        assert float(values[b]) == pytest.approx(float(expected), rel=1e-6)
    real = moved.mask[:, :, None]
    along = [jnp.asarray(rng.standard_normal(x.shape)) for x in (moved.matrix, moved.frac_coords)]
    along[1] = jnp.where(real, along[1], 0.0)
    sums, eps = [], 1e-6
    for sign in (1, -1):
        there = eqx.tree_at(
            lambda c: (c.matrix, c.frac_coords),
            smooth,
            tuple(x + sign * eps * d for x, d in zip(jax.tree.leaves(smooth), along, strict=True)),
        )
        there = slope(loss, there, others, target)[0]
        sums.append(float(jnp.sum(there * jnp.asarray(FACTORS))))
    slopes = [float(jnp.sum(g * d)) for g, d in zip(jax.tree.leaves(gradient), along, strict=True)]
    assert sum(slopes) == pytest.approx((sums[0] - sums[1]) / (2 * eps), rel=1e-5)


@ONE_LOSS
def test_two_steps_and_chunks_change_nothing(kind, x64):
    start, moved = case("float64")
    loss = made(kind, start)
    target = loss.represent(start)
    smooth, others = eqx.partition(moved, eqx.is_inexact_array)
    expected = slope(loss, smooth, others, target)
    agree(slope_in_two_steps(loss, smooth, others, target), expected, 1e-9)
    side_by_side = changed(loss, chunk=None)
    agree(slope(side_by_side, smooth, others, target), expected, 1e-9)


def test_species_weights_are_differentiated(x64, rng):
    start, moved = case("float64")
    kind = PowerSpectrumLoss
    settings = {k: v for k, v in SETTINGS[kind].items() if k != "weights"}
    elements = (6, 8, 9, 14, 20, 22)
    plan = Descriptor(**settings).plan(
        start, max_stretch=1.3, reflections="found", elements=elements, max_species=6
    )
    loss = kind(plan)
    own = moved.atomic_numbers[:, :, None] == jnp.asarray(elements, jnp.int32)[None, None, :]
    shares = jnp.where(own, 0.8, 0.0) + jnp.asarray([0.1, 0.1, 0, 0, 0, 0])[None, None, :]
    weights = jnp.where(moved.mask[:, :, None], shares, 0.0)
    target = loss.represent(start)

    @jax.jit
    def total(weights):
        mixed = CrystalArrays(moved.matrix, moved.frac_coords, weights, moved.mask)
        return jnp.sum(loss(mixed, target)[0])

    along = jnp.where(moved.mask[:, :, None], jnp.asarray(rng.standard_normal(weights.shape)), 0.0)
    expected = (total(weights + 1e-6 * along) - total(weights - 1e-6 * along)) / 2e-6
    found = jnp.sum(jax.jit(jax.grad(total))(weights) * along)
    assert float(found) == pytest.approx(float(expected), rel=1e-5)


@ONE_LOSS
@pytest.mark.parametrize("dtype", ["bfloat16", pytest.param("float16", marks=pytest.mark.slow)])
def test_half_precision_gets_gradients_of_its_own(kind, dtype):
    """A step of an optimiser inside jit, as a mixed-precision training loop has it."""
    start, _ = case()
    loss = made(kind, start)
    target = loss.represent(start)
    plain = jnp.where(start.mask[:, :, None], start.frac_coords, 0.0)
    half = dataclasses.replace(
        start, matrix=start.matrix.astype(dtype), frac_coords=(plain + 0.01).astype(dtype)
    )
    optimiser = optax.sgd(1e-3)

    @eqx.filter_jit
    def step(loss, parameters, rest, state):
        def mean(parameters):
            values, fits = loss(eqx.combine(parameters, rest), target)
            return jnp.sum(values) / jnp.sum(fits).astype(values.dtype)

        value, gradient = jax.value_and_grad(mean)(parameters)
        with jax.numpy_dtype_promotion("standard"):  # optax needs it
            updates, state = optimiser.update(gradient, state)
        return value, gradient, optax.apply_updates(parameters, updates)

    parameters, rest = eqx.partition(half, eqx.is_inexact_array)
    value, gradient, after = step(loss, parameters, rest, optimiser.init(parameters))
    assert value.dtype == jnp.float32
    assert 0 < float(value) < 1
    for one in (*jax.tree.leaves(gradient), *jax.tree.leaves(after)):
        assert one.dtype == dtype
        assert bool(jnp.all(jnp.isfinite(one)))
    assert any(np.asarray(g, np.float32).any() for g in jax.tree.leaves(gradient))


@ONE_LOSS
def test_policies(kind):
    start, moved = case()
    # Degenerate cells, numbers that are none, and a place that only fills the batch.
    broken = dataclasses.replace(
        moved,
        matrix=moved.matrix.at[0, 0].set(moved.matrix[0, 1]),
        frac_coords=moved.frac_coords.at[1, 0, 0].set(jnp.nan),
        mask=moved.mask.at[2].set(False),
    )
    ignoring = made(kind, start)
    target = ignoring.represent(start)
    smooth, others = eqx.partition(broken, eqx.is_inexact_array)
    values, fits, gradient = slope(ignoring, smooth, others, target)
    assert fits.tolist() == [False] * 4
    assert values.tolist() == [0] * 4
    assert not any(np.asarray(g).any() for g in jax.tree.leaves(gradient))
    far = changed(ignoring, outgrown="far off")
    values, fits, gradient = slope(far, smooth, others, target)
    expected = [float(far.far_off(target[b])) for b in (0, 1, 3)]
    np.testing.assert_allclose(values[jnp.asarray([0, 1, 3])], expected, rtol=1e-6)
    assert values[2] == 0
    assert min(expected) >= 1
    assert not fits.any()
    assert not any(np.asarray(g).any() for g in jax.tree.leaves(gradient))
    # What cannot be reached is nobody's fault.
    unknown = eqx.tree_at(lambda t: t.complete, target, jnp.asarray([False, True, True, True]))
    values, fits, _ = slope(far, *eqx.partition(start, eqx.is_inexact_array), unknown)
    assert fits.tolist() == [False, True, True, True]
    assert values[0] == 0
    raising = changed(ignoring, outgrown="raise")
    values, _ = raising(start, target)
    assert np.abs(values).max() < 1e-4
    with pytest.raises(Exception, match="does not fit the plan of the loss"):
        jax.block_until_ready(raising(moved, target))
    with pytest.raises(ValueError, match="outgrown: expected one of"):
        check_policy("never")  # here, since the type hook refuses it at the door


@ONE_LOSS
def test_any_crystal_and_one_target(kind):
    """Symmetric crystals in their parameters, lists, one crystal, one target for all."""
    quartz, rutile = (prototype(name) for name in ("alpha-quartz", "rutile"))
    loss = made(kind, [quartz, rutile])
    target = loss.represent(rutile)
    value, fits = loss(quartz, target)
    assert value.shape == fits.shape == ()
    assert bool(fits)
    values, _ = loss([quartz.expand(), rutile.to_ase()], target)
    np.testing.assert_allclose(values, [float(value), 0], rtol=1e-4, atol=1e-5)
    gradient = eqx.filter_jit(eqx.filter_grad(lambda crystal: loss(crystal, target)[0]))(quartz)
    assert np.abs(gradient.lattice_parameters).max() > 0
    assert finite(jax.tree.leaves(eqx.filter(gradient, eqx.is_inexact_array)))


@ONE_LOSS
def test_one_program_and_vmap(kind):
    start, moved = case()
    loss = made(kind, start)
    target = loss.represent(start)
    traces = []

    @eqx.filter_jit
    def step(loss, batch, target):
        traces.append(None)
        return loss(batch, target)[0]

    expected = step(loss, moved, target)
    for rows in ([3, 2, 1, 0], [0, 0, 1, 1]):
        found = step(loss, moved[rows], target[jnp.asarray(rows)])
        np.testing.assert_allclose(found, expected[jnp.asarray(rows)], rtol=1e-4, atol=1e-6)
    step(made(kind, start), moved, target)
    assert len(traces) == 1
    arrays = CrystalArrays.of_batch(moved)
    values, fits = jax.jit(jax.vmap(loss))(arrays, target)
    np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-6)
    assert fits.tolist() == [True, True, True, False]


def test_wrong_settings_and_targets_are_refused():
    start, _ = case()
    loss = made(MetricLoss, start)
    target = loss.represent(start)
    metric = loss.plan.specification
    for said, call in (
        ("that of 4 crystals or of one", lambda: loss(start, target[:2])),
        ("equal settings, got n_max: 2 and 3", lambda: MetricLoss(start, n_max=3)(start, target)),
        ("what `represent` of the loss returns", lambda: loss(start, target.vector)),
        ("both", lambda: MetricLoss(start, metric, density=2.0)),
        ("CrystalMetric: ", lambda: MetricLoss(start, density_weight=2.0)),
        # Past the type hook, which refuses it at the door.
        ("expected a CrystalMetric, got str", lambda: one_of("x", {}, CrystalMetric, "metric")),
        ("chunk: expected at least 1", lambda: changed(loss, chunk=0)(start, target)),
        ("max_stretch", lambda: MetricLoss(start, max_stretch=0.9)),
    ):
        with pytest.raises(ValueError, match=said):
            call()
    powder = made(PowderLoss, start)
    with pytest.raises(ValueError, match="patterns of 61 points, got shape"):
        powder(start, jnp.ones((4, 60)))


def test_measured_patterns_of_any_scale():
    start, moved = case()
    loss = made(PowderLoss, start)
    patterns = loss.represent(start)
    expected, _ = loss(moved, patterns)
    values, _ = loss(moved, 7 * patterns.intensity)
    np.testing.assert_allclose(values, expected, rtol=1e-3, atol=1e-6)
    values, _ = loss(moved, np.asarray(patterns.intensity[0]))
    assert float(values[0]) == pytest.approx(float(expected[0]), rel=1e-3)
    assert float(values[1]) > 0.1
