"""`CrystalMetric`: reference numbers, invariances, what each term sees, capacity, gradients."""

import json

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cells import SHEAR, atoms, finite, in_cell, moved, relative, rotation
from tolerances import TOLERANCES

from jaxtal.crystal import Crystal, CrystalBatch, prototype
from jaxtal.descriptors import describe
from jaxtal.descriptors.expansion import host_harmonics
from jaxtal.diffraction import hkl_sphere
from jaxtal.losses import descriptor_loss
from jaxtal.metric import CrystalMetric, Fingerprint, MetricPlan, distance, neighbour_bounds
from jaxtal.metric._spectrum_term import SPREADS

#: All terms but those of neighbours, and the metric and capacity that nearly all tests share.
SMALL = CrystalMetric(4, 4, 12.0, composition=0.5, density=0.3)
LOCAL = CrystalMetric(2, 2, 8.0, distances=1, hand=1)
SIZE, BOUNDS, POINTS, SLOTS = 12, (6, 8, 12), 384, 3
TRACES = []


@eqx.filter_jit
def slope(metric, arguments, plan):
    """Fingerprint, and gradient in cell, coordinates (and weights) of a sum over the vector."""
    lattice, frac, species, mask = arguments

    def total(smooth, species):
        TRACES.append(None)
        lattice, frac, *weights = smooth
        found = metric.fingerprint(lattice, frac, weights[0] if weights else species, mask, plan)
        return jnp.sum(found.vector * jnp.cos(jnp.arange(found.vector.size))), found

    smooth = (lattice, frac)
    if jnp.issubdtype(species.dtype, jnp.inexact):
        smooth = (*smooth, species)
    gradient, found = jax.grad(total, has_aux=True)(smooth, species)
    return found, gradient


def plan_of(dtype="float32", **options):
    return MetricPlan.build(BOUNDS, POINTS, **({"slots": SLOTS, "dtype": dtype} | options))


def arrays(crystal, dtype="float32", padding=0.0):
    matrix, frac, numbers = atoms(crystal)
    n = len(numbers)
    x, z = np.full((SIZE, 3), padding), np.zeros(SIZE, np.int32)
    x[:n], z[:n] = frac, numbers
    mask = np.arange(SIZE) < n
    return jnp.asarray(matrix, dtype), jnp.asarray(x, dtype), jnp.asarray(z), jnp.asarray(mask)


def by_numpy(metric, crystal):
    """The vector by its definition, term by term."""
    matrix, frac, numbers = atoms(crystal)
    n, volume = len(numbers), abs(np.linalg.det(matrix))
    matrix = matrix * (n / volume) ** (1 / 3)
    hkl = hkl_sphere(matrix, metric.q_max)
    q = 2 * np.pi * hkl @ np.linalg.inv(matrix).T
    size = np.linalg.norm(q, axis=1)
    waves = np.exp(2j * np.pi * hkl @ frac.T)
    intensities = [
        abs(waves.sum(axis=1)) ** 2,
        abs(waves @ (numbers / numbers.mean())) ** 2,
        sum(abs(waves[:, numbers == z].sum(axis=1)) ** 2 for z in set(numbers)),
    ]
    k = np.arange(1, metric.n_max + 1)[:, None] * np.pi / metric.q_max
    radial = np.sqrt(2 / metric.q_max) * np.sin(k * size) / size
    harmonics = host_harmonics(q, metric.l_max, "even")
    parts = []
    for intensity, spread in zip(intensities, SPREADS, strict=True):
        weight = 2 * intensity / n**2 * (1 - (size / metric.q_max) ** 2) ** 3
        moments = (radial * weight) @ harmonics
        ends = np.cumsum([2 * l + 1 for l in range(0, metric.l_max + 1, 2)])[:-1]
        blocks = np.split(moments, ends, axis=1)
        parts.append(np.stack([np.linalg.norm(b, axis=1) for b in blocks], axis=1).ravel() / spread)
    shares = np.bincount(numbers, minlength=119)[1:] / n
    parts += [metric.composition * shares, [metric.density * np.log(volume / n)]]
    return np.concatenate(parts)


@pytest.fixture(scope="module")
def crystals():
    names = ("diamond", "alpha-quartz", "rutile", "wurtzite", "pyrite", "perovskite")
    return {name: prototype(name).expand() for name in names}


def test_numbers_of_the_definition(dtype, crystals):
    for name, crystal in crystals.items():
        found, _ = slope(SMALL, arrays(crystal, dtype, padding=1e10), plan_of(dtype))
        assert bool(found.complete), name
        assert found.vector.dtype == dtype
        expected = by_numpy(SMALL, crystal)
        assert relative(found.vector, expected) < TOLERANCES[dtype]["invariance"], name


def test_no_cell_origin_or_orientation_matters(crystals, rng):
    cells = {"sheared": SHEAR, "larger": [[1, 1, 0], [0, 2, 0], [0, 0, 1]]}
    cells["left-handed"] = [[0, 1, 0], [1, 0, 0], [0, 0, 1]]
    for name in ("diamond", "alpha-quartz"):
        one = crystals[name]
        others = [in_cell(one, rows) for rows in cells.values()]
        others.append(moved(one, turn=rotation(rng), shift=rng.uniform(-9, 9, 3)))
        vectors = SMALL.of([one, *others]).vector
        assert relative(vectors[1:], np.tile(vectors[0], (len(others), 1))) < 3e-5


def test_density_matters_only_if_asked_for(crystals):
    matrix, frac, numbers = atoms(crystals["rutile"])
    pair = [Crystal.from_arrays(s * matrix, frac, numbers) for s in (1.0, 1.2)]
    a, b = SMALL.of(pair).vector
    assert np.allclose(a[:-1], b[:-1], atol=1e-5)
    assert abs(b[-1] - a[-1] - 0.3 * np.log(1.2**3)) < 1e-5


def test_what_each_term_sees(crystals):
    chains = [
        Crystal.from_arrays([8.0, 5, 6, 90, 90, 90], np.outer(x, [1 / 8, 0, 0]), [6] * 4)
        for x in np.array([[0, 1, 3, 4], [0, 1, 2, 5]])
    ]
    matrix, frac, numbers = atoms(crystals["alpha-quartz"])
    hands = [Crystal.from_arrays(matrix, s * frac, numbers) for s in (1, -1)]
    vectors = LOCAL.of([*chains, *hands]).vector
    spectrum, distances, hand = (slice(0, 12), slice(12, 12 + 128), slice(12 + 128, None))
    (a, b), (left, right) = vectors[:2], vectors[2:]
    scale = np.abs(vectors[:, spectrum]).max()
    assert np.abs((a - b)[spectrum]).max() < 2e-5 * scale
    assert np.linalg.norm((a - b)[distances]) > 0.04
    assert np.abs((left - right)[:140]).max() < 2e-5 * scale
    assert np.linalg.norm((left - right)[hand]) > 1
    assert np.allclose(left[hand], -right[hand], atol=1e-4)
    # Zincblende as diamond: other elements on the same places.
    diamond = crystals["diamond"]
    matrix, frac, numbers = atoms(diamond)
    decorated = numbers.copy()
    decorated[np.isclose(frac[:, 0] * 4 % 2, frac[0, 0] * 4 % 2)] = 14
    assert 0 < np.sum(decorated == 14) < len(numbers)
    plain, zincblende = SMALL.of([diamond, Crystal.from_arrays(matrix, frac, decorated)]).vector
    unit = 12  # one spectrum of SMALL
    assert np.abs((plain - zincblende)[:unit]).max() < 1e-4  # positions are the same
    assert np.abs((plain - zincblende)[unit : 3 * unit]).max() > 0.01


def test_partly_filled_sites(crystals):
    matrix, frac, numbers = atoms(crystals["rutile"])
    shared = Crystal.from_arrays(
        matrix, np.repeat(frac, 2, axis=0), np.repeat(numbers, 2), occupancies=[0.25, 0.75] * 6
    )
    for metric in (SMALL, LOCAL):
        plain, same = metric.of([crystals["rutile"], shared]).vector
        assert relative(same, plain) < 3e-5
    mixed = np.tile([22, 40], 6)
    alloy = Crystal.from_arrays(
        matrix, np.repeat(frac, 2, axis=0), mixed, occupancies=[0.5, 0.5] * 6
    )
    vector = SMALL.of(alloy).vector
    shares = vector[3 * 12 : 3 * 12 + 118]
    assert np.allclose(shares[[21, 39]], 0.25)
    assert np.isclose(shares.sum(), 0.5)


def test_species_weights_are_atomic_numbers_when_whole(crystals):
    plan = plan_of(elements=(8, 14, 22))
    lattice, frac, numbers, mask = arrays(crystals["rutile"])
    weights = (numbers[:, None] == plan.numbers[None, :]).astype(jnp.float32)
    weights = jnp.where(mask[:, None], weights, jnp.nan)
    found, gradient = slope(SMALL, (lattice, frac, weights, mask), plan)
    expected, _ = slope(SMALL, (lattice, frac, numbers, mask), plan)
    assert bool(found.complete)
    assert bool(expected.complete)
    assert np.allclose(found.vector, expected.vector, atol=1e-6)
    assert finite(gradient)
    whole = jnp.where(mask[:, None], weights, 0.0)
    for bad in (1e-20 * whole, 1e20 * whole, -whole, whole.at[0].multiply(-0.5)):
        found, gradient = slope(SMALL, (lattice, frac, bad, mask), plan)
        assert not bool(found.complete)
        assert finite((found.vector, gradient))
    with pytest.raises(ValueError, match="one column for each of the 3 elements"):
        SMALL.fingerprint(lattice, frac, weights[:, :2], mask, plan)


def test_what_does_not_fit_is_said_and_finite(crystals):
    quartz = crystals["alpha-quartz"]
    plan = plan_of()
    lattice, frac, numbers, mask = arrays(quartz)
    bad = {
        "too long": (lattice * jnp.asarray([[1.0], [1.0], [9.0]]), frac, numbers, mask),
        "flat": (lattice.at[2].set(lattice[1] * (1 + 1e-7)), frac, numbers, mask),
        "zero": (0 * lattice, frac, numbers, mask),
        "not finite": (lattice, frac.at[0, 0].set(jnp.nan), numbers, mask),
        "no atom": (lattice, frac, numbers, jnp.zeros_like(mask)),
        "four elements": (lattice, frac, numbers.at[:3].set(jnp.asarray([1, 2, 3])), mask),
        "no element": (lattice, frac, numbers.at[0].set(0), mask),
    }
    for name, arguments in bad.items():
        found, gradient = slope(SMALL, arguments, plan)
        assert not bool(found.complete), name
        assert finite((found.vector, gradient)), name
    # Coincident atoms are a crystal like any other.
    found, gradient = slope(SMALL, (lattice, 0 * frac, numbers, mask), plan)
    assert bool(found.complete)
    assert finite((found.vector, gradient))


def test_one_program_for_a_capacity(crystals, rng):
    slope(SMALL, arrays(crystals["diamond"]), plan_of())
    TRACES.clear()
    for crystal in crystals.values():
        slope(SMALL, arrays(moved(crystal, turn=rotation(rng))), plan_of())
    assert not TRACES


# The gradient of the hand is that of `hand_vector`, checked with it.
@pytest.mark.parametrize(
    "metric", [SMALL, CrystalMetric(2, 2, 8.0, distances=1)], ids=["spectrum", "neighbours"]
)
def test_gradients_against_finite_differences(x64, rng, metric):
    crystal = prototype("alpha-quartz").expand()
    lattice, frac, numbers, mask = arrays(crystal, "float64")
    # Ranks of neighbours are not tied in a crystal without symmetry.
    frac = frac + jnp.asarray(rng.normal(0, 0.01, frac.shape))
    lattice = lattice + jnp.asarray(rng.normal(0, 0.05, (3, 3)))
    images = None if metric is SMALL else (3, 3, 3)
    plan = plan_of("float64", elements=(8, 14), images=images)
    weights = jnp.where((numbers[:, None] == plan.numbers[None, :]) & mask[:, None], 0.9, 0.0)
    smooth = (lattice, frac, weights) if metric is SMALL else (lattice, frac)
    content = () if metric is SMALL else (numbers,)
    found, gradient = slope(metric, (*smooth, *content, mask), plan)
    assert bool(found.complete)
    direction = tuple(jnp.asarray(rng.standard_normal(x.shape)) for x in smooth)
    direction = (*direction[:2], *(jnp.where(mask[:, None], d, 0.0) for d in direction[2:]))
    slopes, eps = [], 1e-6
    for sign in (1, -1):
        there = tuple(x + sign * eps * d for x, d in zip(smooth, direction, strict=True))
        there, _ = slope(metric, (*there, *content, mask), plan)
        slopes.append(float(jnp.sum(there.vector * jnp.cos(jnp.arange(there.vector.size)))))
    expected = (slopes[0] - slopes[1]) / (2 * eps)
    got = sum(float(jnp.sum(g * d)) for g, d in zip(gradient, direction, strict=True))
    assert abs(got - expected) < 1e-6 * max(abs(expected), 1)


def test_of_keeps_the_order_and_says_what_is_wrong(crystals):
    mixture = [*crystals.values(), prototype("diamond")]
    together = SMALL.of(mixture)
    assert together.vector.shape == (7, 3 * 12 + 119)
    assert np.allclose(together.vector[0], together.vector[-1], atol=1e-5)
    for place in (0, 3):
        alone = SMALL.of(mixture[place])
        assert np.array_equal(alone.vector, together.vector[place])
    assert json.loads(together.specification)["composition"] == 0.5
    assert float(distance(SMALL.of(mixture[0]), SMALL.of(mixture[-1]))) < 1e-4
    with pytest.raises(ValueError, match=r"composition: 0\.5 and 0\.0"):
        distance(SMALL.of(mixture[0]), CrystalMetric(4, 4, 12.0, density=0.3).of(mixture[0]))
    with pytest.raises(ValueError, match="a Fingerprint and a Description"):
        distance(SMALL.of(mixture[0]), describe(mixture[0]))
    one = jax.tree.map(jnp.asarray, SMALL.of(mixture[0]))
    assert float(distance(one, one.vector)) == 0
    with pytest.raises(ValueError, match=r"of one crystal, got vectors of shape \(7, 155\)"):
        distance(together, together)
    with pytest.raises(ValueError, match="crystal 1: expected at least one atom"):
        SMALL.of([mixture[0], eqx.tree_at(lambda c: c.mask, mixture[1], jnp.zeros(9, bool))])
    for field, value, message in (
        ("occupancies", jnp.full(8, jnp.nan), "crystal 0: occupancies"),
        ("occupancies", jnp.full(8, 1e-5), "crystal 0: expected at least one atom"),
        ("atomic_numbers", jnp.full(8, 119), "crystal 0: expected atomic numbers"),
        ("atomic_numbers", jnp.zeros(8, jnp.int32), "crystal 0: expected atomic numbers"),
    ):
        bad = eqx.tree_at(lambda c, field=field: getattr(c, field), mixture[0], value)
        with pytest.raises(ValueError, match=message):
            SMALL.of([bad])
    bad = eqx.tree_at(lambda c: c.lattice.matrix, mixture[0], jnp.ones((3, 3)))
    with pytest.raises(ValueError, match="crystal 0: expected independent"):
        SMALL.of([bad])
    misprint = mixture[0].lattice.matrix * jnp.asarray([[4e10, 1.0, 1.0]])
    bad = eqx.tree_at(lambda c: c.lattice.matrix, mixture[0], misprint)
    with pytest.raises(ValueError, match="an axis is too long"):
        SMALL.of([bad])
    squeezed = mixture[0].lattice.matrix * jnp.asarray([[1.0, 1.0, 3e-5]])
    flat = eqx.tree_at(lambda c: c.lattice.matrix, mixture[0], squeezed)
    found = SMALL.of([flat, mixture[0]])
    assert found.complete.tolist() == [False, True]
    with pytest.raises(ValueError, match="at least one"):
        SMALL.of([])


def test_plan_serves_its_crystals(crystals):
    batch = CrystalBatch.from_crystals(list(crystals.values())[:3], pad_to=SIZE)
    plan = SMALL.plan(batch)
    assert plan.slots == 4
    assert plan.images is None
    assert LOCAL.plan(batch).images is not None
    found = eqx.filter_jit(SMALL.fingerprints)(batch, plan)
    assert isinstance(found, Fingerprint)
    assert bool(jnp.all(found.complete))
    expected = SMALL.of(list(crystals.values())[:3]).vector
    assert relative(found.vector, expected) < 3e-5
    away = eqx.tree_at(lambda f: f.vector, found, found.vector + 0.1)
    loss = descriptor_loss(found, away)
    assert np.allclose(loss, 0.01 * found.vector.shape[1], rtol=1e-4)
    unknown = eqx.tree_at(lambda f: f.complete, away, jnp.asarray([True, False, True]))
    assert np.array_equal(descriptor_loss(found, unknown) > 0, [True, False, True])
    with pytest.raises(ValueError, match="equal shapes"):
        descriptor_loss(found, jax.tree.map(lambda x: x[0], away))
    with pytest.raises(ValueError, match="two fingerprints, got a Fingerprint and a tuple"):
        descriptor_loss(found, (found.vector, found.vector))


def test_plan_serves_partly_filled_sites(crystals):
    rutile = crystals["rutile"]

    def filled(*share):
        some = jnp.tile(jnp.asarray(share, jnp.float32), 6 // len(share))
        return eqx.tree_at(lambda c: c.occupancies, rutile, some)

    thin = filled(0.5, 0.1)
    plan = LOCAL.plan(thin)
    assert plan.neighbours == 330  # 33 atoms, each at least a tenth
    assert plan.images == neighbour_bounds(thin.lattice.matrix, 6, 330, margin=1.3)
    assert LOCAL.plan(rutile).neighbours == 32
    for share, message in ((0.0, "at least one, got none"), (-0.5, "got -0.5"), (1e-3, "of neigh")):
        with pytest.raises(ValueError, match=message):
            LOCAL.plan(filled(share))
    with pytest.raises(ValueError, match="finite"):
        LOCAL.plan(filled(float("nan")))


def test_bad_settings():
    for options in (
        {"n_max": 0},
        {"l_max": -1},
        {"q_max": 0.0},
        {"q_max": np.inf},
        {"hand": -1.0},
        {"density": float("nan")},
    ):
        with pytest.raises(ValueError, match=next(iter(options))):
            CrystalMetric(**options)
    for options in ({"elements": (6, 6)}, {"elements": (0,)}, {"images": (1, 2)}, {"slots": 0}):
        with pytest.raises(ValueError, match=next(iter(options))):
            plan_of(**options)
    with pytest.raises(ValueError, match="at least one"):
        SMALL.plan([])
    matrix = jnp.eye(3)
    with pytest.raises(ValueError, match="without `images`"):
        LOCAL.fingerprint(
            matrix, jnp.zeros((1, 3)), jnp.ones(1, jnp.int32), jnp.ones(1, bool), plan_of()
        )
