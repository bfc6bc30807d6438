"""The entry for training loops: the numbers of `describe`, flags, padding, gradients, retraces."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cells import SHEAR, finite, in_cell, moved, relative, resized, rotation
from providers import finding
from tolerances import TOLERANCES

from jaxtal.crystal import Crystal, CrystalArrays, CrystalBatch, prototype, prototype_names
from jaxtal.descriptors import (
    Descriptor,
    DescriptorPlan,
    describe,
)
from jaxtal.descriptors.compat import PaperBesselBasis
from jaxtal.diffraction import ReciprocalSpace
from jaxtal.diffraction._found_reflections import FoundReflections
from jaxtal.losses import PowerSpectrumLoss

SMALL = Descriptor(4, 6, 5.0, n_bins=21)
#: One capacity and one batch size for nearly all tests, so that they share compiled programs.
BOUNDS, POINTS, SLOTS, SIZE, BATCH = (5, 12, 20), 384, 3, 24, 8
TRACES = []


def plan_of(descriptor=SMALL, dtype="float32", bounds=BOUNDS, points=POINTS, slots=SLOTS):
    return built(descriptor, bounds, points, max_species=slots, dtype=dtype)


def built(descriptor, bounds, points, **options) -> DescriptorPlan:
    room = FoundReflections.build(descriptor.space, bounds, points, **options)
    return DescriptorPlan(descriptor, room, None)


def objective(lattice, frac, species, mask, plan):
    """Something of everything, of order one, and the description itself."""
    TRACES.append(None)
    found = plan(CrystalArrays(lattice, frac, species, mask))
    P, G = found.power_spectrum, found.rdf
    value = jnp.sum(jnp.sqrt(1 + P)) + jnp.sum(jnp.arange(G.size, dtype=G.dtype) * G)
    return value, found


@eqx.filter_jit
def slope(arguments, plan):
    """Values and gradients in lattice, coordinates (and species weights) of a batch."""
    lattice, frac, species, mask = arguments

    def total(smooth, species):
        lattice, frac, *weights = smooth
        species = weights[0] if weights else species
        value, found = jax.vmap(objective, in_axes=(0, 0, 0, 0, None))(
            lattice, frac, species, mask, plan
        )
        return jnp.sum(value), (value, found)

    smooth = (lattice, frac)
    if jnp.issubdtype(species.dtype, jnp.inexact):
        smooth = (*smooth, species)
    gradient, (value, found) = jax.grad(total, has_aux=True)(smooth, species)
    return value, found, gradient


@eqx.filter_jit
def run(batch, plan, chunk=None):
    return plan(batch, chunk=chunk)


def arrays(batch):
    return batch.matrix, batch.frac_coords, batch.atomic_numbers, batch.mask


def written_otherwise(rng, dtype):
    """Prototypes, skewed, larger, left-handed and turned cells, and random ones."""
    quartz, diamond = (prototype(name).expand() for name in ("alpha-quartz", "diamond"))
    yield from (prototype(name).expand() for name in prototype_names())
    yield in_cell(quartz, SHEAR)
    yield in_cell(quartz, [[1, 0, 0], [0, 2, 0], [0, 0, 1]])
    yield in_cell(quartz, [[0, 1, 0], [1, 0, 0], [0, 0, 1]])  # left-handed
    yield in_cell(diamond, [[1, 1, 0], [0, 1, 2], [0, 0, 1]])
    yield moved(quartz, turn=rotation(rng), shift=rng.uniform(-30, 30, 3))
    for _ in range(4):
        yield some_crystal(rng, dtype)


def some_crystal(rng, dtype="float32"):
    """A random cell of 60..250 cubic angstrom, 2..9 atoms."""
    while True:
        matrix = rng.standard_normal((3, 3))
        n = int(rng.integers(2, 10))
        matrix *= (rng.uniform(60, 250) / abs(np.linalg.det(matrix))) ** (1 / 3)
        lengths = np.sort(np.linalg.norm(matrix, axis=1))
        if lengths[0] > 2 and np.all(lengths < (7, 16, 26)):
            numbers = rng.choice([1, 6, 92], n)
            return Crystal.from_arrays(matrix, rng.uniform(0, 1, (n, 3)), numbers, dtype=dtype)


def some_batch(rng, dtype="float32"):
    return CrystalBatch.from_crystals(
        [some_crystal(rng, dtype) for _ in range(BATCH)], pad_to=SIZE, dtype=dtype
    )


def test_equals_the_descriptor_of_one_crystal(dtype, rng, uniform):
    crystals = [c for c in written_otherwise(rng, dtype) if len(c.mask) <= SIZE]
    assert len(crystals) == 18 + 9
    crystals = crystals[dtype == "float64" :: 2]
    plan, worst = plan_of(dtype=dtype), 0.0
    for start in range(0, len(crystals), BATCH):
        some = crystals[start : start + BATCH]
        fill = [some[0]] * (BATCH - len(some))
        found = run(CrystalBatch.from_crystals(some + fill, pad_to=SIZE), plan)
        assert found.rdf.dtype == dtype
        assert bool(jnp.all(found.complete))
        for b, crystal in enumerate(some):
            expected = uniform(SMALL.plan(crystal), 512, 4)(resized(crystal, SIZE))
            assert bool(expected.complete)
            assert found.specification == expected.specification
            worst = max(worst, relative(found.power_spectrum[b], expected.power_spectrum))
            worst = max(worst, relative(found.rdf[b], expected.rdf))
    print(f"\n{dtype}: {len(crystals)} crystals, worst relative difference {worst:.1e}")
    assert worst < TOLERANCES[dtype]["invariance"]


def test_equals_describe_for_another_descriptor():
    space = ReciprocalSpace(q_max=4.0, kind="neutron", taper="none")
    descriptor = Descriptor(3, 4, n_bins=11, space=space, radial=PaperBesselBasis(), histogram=True)
    crystal = prototype("rutile").expand()
    batch = CrystalBatch.from_crystals([crystal])
    plan = descriptor.plan(batch, max_stretch=1, reflections="found")
    found, expected = run(batch, plan), describe(crystal, descriptor)
    assert bool(found.complete[0])
    assert relative(found.power_spectrum[0], expected.power_spectrum) < 2e-5
    assert relative(found.rdf[0], expected.rdf) < 2e-5


def test_plan_for_crystals_serves_them_and_larger_ones(rng):
    crystals = [some_crystal(rng) for _ in range(BATCH)]
    batch = CrystalBatch.from_crystals(crystals, pad_to=SIZE)
    plan = SMALL.plan(batch, max_stretch=1.1)
    room = finding(plan)
    assert room.max_species == 4
    assert room.elements[:3] == (1, 2, 3)
    assert room.form_factors.c.dtype == "float32"
    again = SMALL.plan(crystals, max_stretch=1.1).reflections
    for attribute in ("bounds", "max_points", "max_species"):
        assert getattr(again, attribute) == getattr(room, attribute)
    for factor, serves in ((1.0, True), (1.1, True), (1.3, False)):
        larger = eqx.tree_at(lambda b: b.matrix, batch, batch.matrix * factor)
        assert bool(jnp.all(run(larger, plan).complete)) is serves


@pytest.mark.slow
def test_room_that_is_rarely_needed_changes_nothing(x64, rng):
    """The places beyond `usual_points` count where they are needed, in values and in slopes."""
    lattice, frac, species, mask = arrays(some_batch(rng, "float64"))
    found = []
    for usual in (None, 128):
        plan = built(SMALL, BOUNDS, POINTS, usual_points=usual, dtype="float64")

        def total(smooth, plan=plan):
            values, described = jax.lax.map(lambda one: objective(*one, plan=plan), smooth)
            return jnp.sum(values), described

        def run(lattice, frac, total=total):
            return total((lattice, frac, species, mask))

        gradient = jax.grad(run, argnums=(0, 1), has_aux=True)
        found.append(jax.jit(gradient)(lattice, frac))
        assert np.all(found[-1][1].complete)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9), *found)
    points = plan.reflections(CrystalArrays(lattice, frac, species, mask))
    there = np.sum(np.asarray(points.multiplicity) > 0, axis=1)
    assert there.min() < 128 < there.max()


def test_species_weights(rng):
    """Elements by one-hot rows, mixed sites, and a plan of a few elements."""
    batch = some_batch(rng)
    plan = built(SMALL, BOUNDS, POINTS, elements=["H", "C", 92])
    one_hot = jnp.asarray(
        np.equal(np.asarray(batch.atomic_numbers)[:, :, None], finding(plan).elements), "float32"
    )
    _, by_number, _ = slope(arrays(batch), plan_of())
    _, found, _ = slope((batch.matrix, batch.frac_coords, one_hot, batch.mask), plan)
    assert bool(jnp.all(found.complete))
    assert relative(found.power_spectrum, by_number.power_spectrum) < 2e-5
    for factor in (1e20, 1e-20):
        value, nothing, gradient = slope(
            (batch.matrix, batch.frac_coords, factor * one_hot, batch.mask), plan
        )
        assert not bool(jnp.any(nothing.complete))
        assert not np.asarray(nothing.power_spectrum).any()
        assert all(np.isfinite(np.asarray(x)).all() for x in (value, *gradient))
    # The same crystal with pairs of half-occupied sites.
    twice = [
        jnp.concatenate([x[:, : SIZE // 2]] * 2, axis=1)
        for x in (batch.frac_coords, one_hot / 2, batch.mask)
    ]
    _, doubled, _ = slope((batch.matrix, *twice), plan)
    assert relative(doubled.rdf, found.rdf) < 2e-5
    with pytest.raises(ValueError, match="one column for each of the 3 elements"):
        plan(CrystalArrays(batch.matrix[0], batch.frac_coords[0], one_hot[0, :, :2], batch.mask[0]))


@pytest.mark.parametrize("junk", [1e10, np.nan, np.inf])
def test_padding_may_hold_anything(rng, junk):
    batch, plan = some_batch(rng), plan_of()
    batch = eqx.tree_at(lambda b: b.mask, batch, batch.mask.at[0].set(False))
    mask = batch.mask
    dirty = (
        batch.matrix.at[0].set(junk),
        jnp.where(mask[:, :, None], batch.frac_coords, junk),
        jnp.where(mask, batch.atomic_numbers, np.iinfo(np.int32).max),
        mask,
    )
    value, found, gradient = slope(arrays(batch), plan)
    value_2, found_2, gradient_2 = slope(dirty, plan)
    assert not bool(found.complete[0])
    assert bool(jnp.all(found.complete[1:]))
    np.testing.assert_array_equal(np.asarray(found_2.complete), np.asarray(found.complete))
    np.testing.assert_array_equal(np.asarray(value_2), np.asarray(value))
    for one, other in zip(gradient, gradient_2, strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))
    assert not np.asarray(gradient[1])[~np.asarray(mask)].any()
    assert np.asarray(gradient[1])[1, 0].any()


def test_padding_of_weights_may_hold_anything(rng):
    batch = some_batch(rng)
    plan = built(SMALL, BOUNDS, POINTS, elements=["H", "C", 92])
    one_hot = jnp.asarray(
        np.equal(np.asarray(batch.atomic_numbers)[:, :, None], finding(plan).elements), "float32"
    )
    dirty = jnp.where(batch.mask[:, :, None], one_hot, np.nan)
    frac = jnp.where(batch.mask[:, :, None], batch.frac_coords, np.nan)
    clean = slope((batch.matrix, batch.frac_coords, one_hot, batch.mask), plan)
    found = slope((batch.matrix, frac, dirty, batch.mask), plan)
    assert finite(found)
    np.testing.assert_array_equal(np.asarray(found[0]), np.asarray(clean[0]))
    assert np.asarray(found[2][2])[np.asarray(batch.mask)].any()


def test_every_lack_of_capacity_is_flagged(rng):
    """One crystal of the batch is spoilt in each way; numbers and gradients stay finite."""
    batch = CrystalBatch.from_crystals([prototype("alpha-quartz").expand()] * BATCH, pad_to=SIZE)
    matrix, frac, species, mask = (np.array(x) for x in arrays(batch))
    matrix[0] = np.diag([3, 5, 27])  # the bound 20 is passed at 26.4 angstrom
    matrix[1] = np.diag([7, 9, 8])  # within the bounds, but 530 points
    species[2, :4] = [1, 2, 3, 4]
    species[3, 0] = 118
    matrix[4] = [[5, 0, 0], [0, 5, 0], [5, 0, 1e-4]]
    frac[5, 2, 1] = np.nan
    species[6, 1] = -1
    spoilt = (jnp.asarray(matrix), jnp.asarray(frac), jnp.asarray(species), jnp.asarray(mask))
    value, found, gradient = slope(spoilt, plan_of())
    np.testing.assert_array_equal(np.asarray(found.complete), [False] * 7 + [True])
    assert finite((value, found, gradient))
    assert not np.asarray(found.rdf)[[4, 5]].any()
    # With the room that each of them needs they are complete.
    found = run(CrystalBatch(*spoilt), plan_of(bounds=(5, 12, 22), points=640, slots=6))
    np.testing.assert_array_equal(np.asarray(found.complete), [True] * 3 + [False] * 4 + [True])


def test_degenerate_cells_are_flagged(rng):
    batch = some_batch(rng)
    matrix = np.array(batch.matrix)
    matrix[0] = 0
    matrix[1, 2] = matrix[1, 0] + matrix[1, 1]
    matrix[2, 1] = 1e-20
    matrix[3] *= 1e30
    matrix[4] = np.nan
    matrix[5, 0, 0] = np.inf
    matrix[6] *= 1e-3
    value, found, gradient = slope((jnp.asarray(matrix), *arrays(batch)[1:]), plan_of())
    np.testing.assert_array_equal(np.asarray(found.complete), [False] * 7 + [True])
    assert finite((value, found, gradient))
    assert not np.asarray(gradient[0])[:7].any()


def noisy(rng, count):
    """Lattices and coordinates such as an early step of diffusion has; some are singular."""
    matrix = rng.standard_normal((count, 3, 3))
    matrix /= np.linalg.norm(matrix, axis=2, keepdims=True)
    matrix *= np.exp(rng.uniform(np.log(0.1), np.log(50), (count, 3, 1)))
    flat = 10 ** rng.uniform(-9, 0, (count, 1))
    mixture = rng.standard_normal((count, 1, 2)) @ matrix[:, :2]
    near = rng.uniform(size=count) < 0.3
    matrix[near, 2] = (mixture[:, 0] + flat * matrix[:, 2])[near]
    frac = 3 * rng.standard_normal((count, 8, 3))
    frac[rng.uniform(size=(count, 8)) < 0.2] = 0  # atoms on one point
    species = rng.integers(1, 99, (count, 8))
    mask = np.arange(8) < rng.integers(0, 9, (count, 1))
    return (
        jnp.asarray(matrix, jnp.float32),
        jnp.asarray(frac, jnp.float32),
        jnp.asarray(species, jnp.int32),
        jnp.asarray(mask),
    )


@pytest.mark.parametrize("count", [1000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_noise_gives_finite_values_and_gradients(rng, count):
    plan = plan_of(Descriptor(2, 2, 4.0, n_bins=9), bounds=(3, 4, 6), points=64)
    value, found, gradient = slope(noisy(rng, count), plan)
    assert finite((value, found, gradient))
    share = float(jnp.mean(found.complete))
    print(f"\n{count} noisy cells: {share:.0%} complete")
    assert 0.1 < share < 0.9


def test_no_retrace_within_a_bucket(rng):
    plan = plan_of()
    slope(arrays(some_batch(rng)), plan)
    before = len(TRACES)
    for _ in range(3):
        slope(arrays(some_batch(rng)), plan)
    others = CrystalBatch.from_crystals(
        [prototype(name).expand() for name in ("rutile", "calcite", "magnesium")][::2] * 4,
        pad_to=SIZE,
    )
    slope(arrays(others), plan)
    slope(arrays(others), plan_of())  # another plan of the same capacity
    assert len(TRACES) == before
    slope(arrays(others), plan_of(points=POINTS + 1))
    assert len(TRACES) == before + 1


def test_gradients_against_finite_differences(x64, rng):
    batch = some_batch(rng, "float64")
    plan = built(SMALL, BOUNDS, POINTS, elements=["H", "C", 92])
    numbers = np.asarray(batch.atomic_numbers)[:, :, None]
    species = np.equal(numbers, finding(plan).elements) * 0.7 + 0.1
    point = (batch.matrix, batch.frac_coords, jnp.asarray(species))
    _, found, gradient = slope((*point, batch.mask), plan)
    assert bool(jnp.all(found.complete))
    real = np.asarray(batch.mask)[:, :, None]
    for i, eps in enumerate((1e-4, 1e-5, 1e-4)):
        step = rng.standard_normal(point[i].shape) * (real if i else 1)
        ends = []
        for sign in (1, -1):
            moved = [x + sign * eps * step if j == i else x for j, x in enumerate(point)]
            ends.append(np.asarray(slope((*moved, batch.mask), plan)[0]))
        expected = (ends[0] - ends[1]) / (2 * eps)
        got = np.sum(np.asarray(gradient[i]) * step, axis=(1, 2))
        # Cubic splines have a third derivative that jumps: the difference is of second order.
        np.testing.assert_allclose(got, expected, rtol=2e-5, atol=1e-6 * np.abs(expected).max())


def test_transforms_agree(rng):
    batch, plan = some_batch(rng), plan_of()
    together = run(batch, plan)
    apart = run(batch, plan, BATCH // 2)
    assert relative(apart.power_spectrum, together.power_spectrum) < 1e-5
    np.testing.assert_array_equal(np.asarray(apart.complete), np.asarray(together.complete))
    assert apart.specification == together.specification

    @jax.jit
    def walk(batch, plan):
        def step(total, one):
            found = plan(CrystalArrays(*one))
            return total + found.rdf, found.complete

        return jax.lax.scan(step, jnp.zeros_like(together.rdf[0]), arrays(batch))

    total, complete = walk(batch, plan)
    assert relative(total, jnp.sum(together.rdf, axis=0)) < 1e-5
    assert bool(jnp.all(complete))
    with pytest.raises(ValueError, match="chunk: expected at least 1"):
        plan(batch, chunk=0)


def test_loss_of_a_batch(rng):
    plan, first, second = plan_of(), some_batch(rng), some_batch(rng)
    second = eqx.tree_at(lambda b: b.matrix, second, second.matrix.at[2].set(0.0))
    a, b = run(first, plan), run(second, plan)
    losses = PowerSpectrumLoss(plan, weights=(0.5, 2.0))
    loss, fits = losses.between(a, b)
    P, P0, G, G0 = (np.asarray(x) for x in (a.power_spectrum, b.power_spectrum, a.rdf, b.rdf))
    for i in range(BATCH):
        expected = 0.5 * np.sum((P - P0)[i] ** 2) / np.sum(P0[i] ** 2) if i != 2 else 0.0
        expected += 2 * np.sum((G - G0)[i] ** 2) / np.sum(G0[i] ** 2) if i != 2 else 0.0
        assert float(loss[i]) == pytest.approx(expected, rel=1e-4)
    assert not bool(b.complete[2])
    assert fits.tolist() == [i != 2 for i in range(BATCH)]
    assert not np.asarray(losses.between(a, a)[0]).any()
    assert float(losses.between(a[1], b[1])[0]) == pytest.approx(float(loss[1]))
    other = dataclasses.replace(b, specification=Descriptor(4, 6, 4.0, n_bins=21))
    with pytest.raises(ValueError, match="equal settings"):
        losses.between(a, other)


def test_loss_has_finite_gradients_at_equality_and_for_broken_crystals(rng):
    plan, batch = plan_of(), some_batch(rng)
    target = run(batch, plan)
    broken = batch.matrix.at[1].set(0.0).at[2].multiply(3.0)

    @jax.jit
    def total(matrix, frac, target, plan):
        pred = plan(CrystalBatch(matrix, frac, batch.atomic_numbers, batch.mask))
        return jnp.sum(PowerSpectrumLoss(plan).between(pred, target)[0]), pred.complete

    slopes = jax.grad(total, argnums=(0, 1), has_aux=True)
    gradient, complete = slopes(broken, batch.frac_coords, target, plan)
    np.testing.assert_array_equal(np.asarray(complete), [True, False, False] + [True] * 5)
    assert finite(gradient)
    assert max(float(jnp.max(jnp.abs(x))) for x in gradient) < 1e-3  # zero but for rounding
    assert not np.asarray(gradient[0])[1:3].any()
    gradient, _ = slopes(broken, batch.frac_coords + 0.01 * batch.frac_coords**2, target, plan)
    assert finite(gradient)
    assert float(jnp.max(jnp.abs(gradient[1][0]))) > 1e-3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"space": ReciprocalSpace(displacements=True)},
            'reflections: expected "listed" for displacement',
        ),
        ({"bounds": (3, -1, 4)}, "bounds: expected an integer of at least 0, got -1"),
        ({"bounds": (3, 4)}, r"bounds: expected three, got \(3, 4\)"),
        ({"max_points": 0}, "points: expected an integer of at least 1"),
        ({"max_species": 0}, "max_species: expected an integer of at least 1"),
        ({"usual_points": 0}, "usual_points: expected an integer of at least 1"),
        ({"elements": ["Xx"]}, "element symbol"),
        ({"elements": []}, "at least one species"),
        ({"elements": ["C", "Si4+"]}, "elements: expected neutral atoms, each once"),
        ({"elements": ["C", 6]}, "elements: expected neutral atoms, each once"),
    ],
)
def test_bad_plans_are_refused(change, message):
    options = {"space": SMALL.space, "bounds": (3, 4, 5), "max_points": 64, **change}
    with pytest.raises(ValueError, match=message):
        FoundReflections.build(**options)


def test_bad_stretches_are_refused():
    crystal = prototype("diamond")
    for stretch in (0.9, np.nan):
        with pytest.raises(ValueError, match="max_stretch: expected a number of at least 1"):
            SMALL.plan(crystal, max_stretch=stretch, reflections="found")
    with pytest.raises(ValueError, match="crystals: expected at least one"):
        SMALL.plan([])
