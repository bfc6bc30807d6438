"""`CrystalMetric`: reference numbers, invariances, what each term sees, capacity, gradients."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cells import SHEAR, atoms, finite, in_cell, moved, relative, rotation
from tolerances import TOLERANCES
from variants import slow_but

from jaxtal._core import CompileClock
from jaxtal.crystal import Crystal, CrystalArrays, CrystalBatch, prototype
from jaxtal.descriptors import describe
from jaxtal.descriptors.expansion import real_spherical_harmonics
from jaxtal.diffraction import hkl_sphere
from jaxtal.metric import CrystalMetric, Fingerprint, MetricPlan, distance
from jaxtal.metric.terms._nearest_neighbours import neighbour_bounds
from jaxtal.metric.terms._scaled_spectra import SPREADS

#: All terms but those of neighbours, and the metric and capacity that nearly all tests share.
SMALL = CrystalMetric(4, 4, 12.0, composition=0.5, density=0.3)
LOCAL = CrystalMetric(2, 2, 8.0, distances=1, hand=1)
LINES = CrystalMetric(2, 2, 12.0, stacking=0.7)
SIZE, BOUNDS, POINTS, SLOTS = 12, (6, 8, 12), 384, 3
TRACES = []


@eqx.filter_jit
def slope(plan, arguments):
    """Fingerprint, and gradient in cell, coordinates (and weights) of a sum over the vector."""
    lattice, frac, species, mask = arguments

    def total(smooth, species):
        TRACES.append(None)
        lattice, frac, *weights = smooth
        found = plan(CrystalArrays(lattice, frac, weights[0] if weights else species, mask))
        return jnp.sum(found.vector * jnp.cos(jnp.arange(found.vector.size))), found

    smooth = (lattice, frac)
    if jnp.issubdtype(species.dtype, jnp.inexact):
        smooth = (*smooth, species)
    gradient, found = jax.grad(total, has_aux=True)(smooth, species)
    return found, gradient


def plan_of(metric=SMALL, **options):
    return MetricPlan.build(metric, BOUNDS, POINTS, **({"max_species": SLOTS} | options))


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
    harmonics = real_spherical_harmonics(q, metric.l_max, "even")
    parts = []
    for intensity, spread in zip(intensities, SPREADS, strict=True):
        weight = 2 * intensity / n**2 * (1 - (size / metric.q_max) ** 2) ** 3
        moments = (radial * weight) @ harmonics
        ends = np.cumsum([2 * l + 1 for l in range(0, metric.l_max + 1, 2)])[:-1]
        blocks = np.split(moments, ends, axis=1)
        parts.append(np.stack([np.linalg.norm(b, axis=1) for b in blocks], axis=1).ravel() / spread)
    shares = np.bincount(numbers, minlength=119)[1:] / n
    parts += [metric.composition * shares] if metric.composition else []
    if metric.stacking:
        strength = 2 * intensities[2] / n**2 * (1 - (size / metric.q_max) ** 2) ** 3
        samples = np.linspace(0, 8, 41)
        near = np.exp(-((size[:, None] - samples) ** 2) / (2 * 0.2**2))
        parts += [metric.stacking / 1.5 * strength @ near]
    parts += [[metric.density * np.log(volume / n)]] if metric.density else []
    return np.concatenate(parts)


@pytest.fixture(scope="module")
def crystals():
    names = ("diamond", "alpha-quartz", "rutile", "wurtzite", "pyrite", "perovskite")
    return {name: prototype(name).expand() for name in names}


@pytest.mark.parametrize("metric", [SMALL, LINES], ids=["spectrum", "lines"])
def test_numbers_of_the_definition(dtype, crystals, metric):
    for name, crystal in crystals.items():
        found, _ = slope(plan_of(metric), arrays(crystal, dtype, padding=1e10))
        assert bool(found.complete), name
        assert found.vector.dtype == dtype
        expected = by_numpy(metric, crystal)
        assert relative(found.vector, expected) < TOLERANCES[dtype]["invariance"], name


def test_no_cell_origin_or_orientation_matters(crystals, rng):
    cells = {"sheared": SHEAR, "larger": [[1, 1, 0], [0, 2, 0], [0, 0, 1]]}
    cells["left-handed"] = [[0, 1, 0], [1, 0, 0], [0, 0, 1]]
    for name in ("diamond", "alpha-quartz"):
        one = crystals[name]
        others = [in_cell(one, rows) for rows in cells.values()]
        others.append(moved(one, turn=rotation(rng), shift=rng.uniform(-9, 9, 3)))
        vectors = SMALL([one, *others]).vector
        assert relative(vectors[1:], np.tile(vectors[0], (len(others), 1))) < 3e-5


def test_density_matters_only_if_asked_for(crystals):
    matrix, frac, numbers = atoms(crystals["rutile"])
    pair = [Crystal.from_arrays(s * matrix, frac, numbers) for s in (1.0, 1.2)]
    a, b = SMALL(pair).vector
    assert np.allclose(a[:-1], b[:-1], atol=1e-5)
    assert abs(b[-1] - a[-1] - 0.3 * np.log(1.2**3)) < 1e-5


@pytest.mark.slow
def test_what_each_term_sees(crystals):
    chains = [
        Crystal.from_arrays([8.0, 5, 6, 90, 90, 90], np.outer(x, [1 / 8, 0, 0]), [6] * 4)
        for x in np.array([[0, 1, 3, 4], [0, 1, 2, 5]])
    ]
    matrix, frac, numbers = atoms(crystals["alpha-quartz"])
    hands = [Crystal.from_arrays(matrix, s * frac, numbers) for s in (1, -1)]
    vectors = LOCAL([*chains, *hands]).vector
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
    plain, zincblende = SMALL([diamond, Crystal.from_arrays(matrix, frac, decorated)]).vector
    unit = 12  # one spectrum of SMALL
    assert np.abs((plain - zincblende)[:unit]).max() < 1e-4  # positions are the same
    assert np.abs((plain - zincblende)[unit : 3 * unit]).max() > 0.01


def test_in_numpy_as_compiled(x64, crystals, monkeypatch):
    rutile = crystals["rutile"]
    partly = eqx.tree_at(lambda c: c.occupancies, rutile, 0.7 * rutile.occupancies)
    sheared = in_cell(crystals["alpha-quartz"], 3 * SHEAR)
    every = [crystals["diamond"], partly, sheared, rutile]
    clock = CompileClock()
    found = SMALL(every)
    assert clock.seconds == 0
    monkeypatch.setattr("jaxtal.metric._any_size.on_host", lambda n: False)
    compiled = SMALL(every)
    assert clock.seconds > 0
    assert found.complete.all()
    assert compiled.complete.all()
    # The crystals are in single precision.
    assert relative(found.vector, compiled.vector) < 2e-6


@pytest.mark.slow
def test_partly_filled_sites(crystals):
    matrix, frac, numbers = atoms(crystals["rutile"])
    shared = Crystal.from_arrays(
        matrix, np.repeat(frac, 2, axis=0), np.repeat(numbers, 2), occupancies=[0.25, 0.75] * 6
    )
    for metric in (SMALL, LOCAL):
        plain, same = metric([crystals["rutile"], shared]).vector
        assert relative(same, plain) < 3e-5
    mixed = np.tile([22, 40], 6)
    alloy = Crystal.from_arrays(
        matrix, np.repeat(frac, 2, axis=0), mixed, occupancies=[0.5, 0.5] * 6
    )
    vector = SMALL(alloy).vector
    shares = vector[3 * 12 : 3 * 12 + 118]
    assert np.allclose(shares[[21, 39]], 0.25)
    assert np.isclose(shares.sum(), 0.5)


@pytest.mark.slow
def test_species_weights_are_atomic_numbers_when_whole(crystals):
    plan = plan_of(elements=(8, 14, 22))
    lattice, frac, numbers, mask = arrays(crystals["rutile"])
    weights = (numbers[:, None] == plan.numbers[None, :]).astype(jnp.float32)
    weights = jnp.where(mask[:, None], weights, jnp.nan)
    found, gradient = slope(plan, (lattice, frac, weights, mask))
    expected, _ = slope(plan, (lattice, frac, numbers, mask))
    assert bool(found.complete)
    assert bool(expected.complete)
    assert np.allclose(found.vector, expected.vector, atol=1e-6)
    assert finite(gradient)
    whole = jnp.where(mask[:, None], weights, 0.0)
    for bad in (1e-20 * whole, 1e20 * whole, -whole, whole.at[0].multiply(-0.5)):
        found, gradient = slope(plan, (lattice, frac, bad, mask))
        assert not bool(found.complete)
        assert finite((found.vector, gradient))
    with pytest.raises(ValueError, match="one column for each of the 3 elements"):
        plan(CrystalArrays(lattice, frac, weights[:, :2], mask))


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
        found, gradient = slope(plan, arguments)
        assert not bool(found.complete), name
        assert finite((found.vector, gradient)), name
    # Coincident atoms are a crystal like any other.
    found, gradient = slope(plan, (lattice, 0 * frac, numbers, mask))
    assert bool(found.complete)
    assert finite((found.vector, gradient))


def test_one_program_for_a_capacity(crystals, rng):
    slope(plan_of(), arrays(crystals["diamond"]))
    TRACES.clear()
    for crystal in crystals.values():
        slope(plan_of(), arrays(moved(crystal, turn=rotation(rng))))
    assert not TRACES


# The gradient of the hand is that of `hand_vector`, checked with it.
@pytest.mark.parametrize(
    "metric",
    slow_but([LINES], [SMALL, LINES, CrystalMetric(2, 2, 8.0, distances=1)]),
    ids=["spectrum", "lines", "neighbours"],
)
def test_gradients_against_finite_differences(x64, rng, metric):
    crystal = prototype("alpha-quartz").expand()
    lattice, frac, numbers, mask = arrays(crystal, "float64")
    # Ranks of neighbours are not tied in a crystal without symmetry.
    frac = frac + jnp.asarray(rng.normal(0, 0.01, frac.shape))
    lattice = lattice + jnp.asarray(rng.normal(0, 0.05, (3, 3)))
    images = (3, 3, 3) if metric.sees_neighbours else None
    plan = plan_of(metric, elements=(8, 14), images=images)
    weights = jnp.where((numbers[:, None] == plan.numbers[None, :]) & mask[:, None], 0.9, 0.0)
    smooth = (lattice, frac) if metric.sees_neighbours else (lattice, frac, weights)
    content = (numbers,) if metric.sees_neighbours else ()
    found, gradient = slope(plan, (*smooth, *content, mask))
    assert bool(found.complete)
    direction = tuple(jnp.asarray(rng.standard_normal(x.shape)) for x in smooth)
    direction = (*direction[:2], *(jnp.where(mask[:, None], d, 0.0) for d in direction[2:]))
    slopes, eps = [], 1e-6
    for sign in (1, -1):
        there = tuple(x + sign * eps * d for x, d in zip(smooth, direction, strict=True))
        there, _ = slope(plan, (*there, *content, mask))
        slopes.append(float(jnp.sum(there.vector * jnp.cos(jnp.arange(there.vector.size)))))
    expected = (slopes[0] - slopes[1]) / (2 * eps)
    got = sum(float(jnp.sum(g * d)) for g, d in zip(gradient, direction, strict=True))
    assert abs(got - expected) < 1e-6 * max(abs(expected), 1)


def test_of_keeps_the_order_and_says_what_is_wrong(crystals):
    mixture = [*crystals.values(), prototype("diamond")]
    together = SMALL(mixture)
    assert together.vector.shape == (7, 3 * 12 + 119)
    assert np.allclose(together.vector[0], together.vector[-1], atol=1e-5)
    for place in (0, 3):
        alone = SMALL(mixture[place])
        assert np.array_equal(alone.vector, together.vector[place])
    assert together.specification == SMALL
    assert float(distance(SMALL(mixture[0]), SMALL(mixture[-1]))) < 1e-4
    with pytest.raises(ValueError, match=r"composition: 0\.5 and 0\.0"):
        distance(SMALL(mixture[0]), CrystalMetric(4, 4, 12.0, density=0.3)(mixture[0]))
    with pytest.raises(ValueError, match="a Fingerprint and a Description"):
        distance(SMALL(mixture[0]), describe(mixture[0]))
    one = jax.tree.map(jnp.asarray, SMALL(mixture[0]))
    assert float(distance(one, one.vector)) == 0
    with pytest.raises(ValueError, match=r"of one crystal, got vectors of shape \(7, 155\)"):
        distance(together, together)
    with pytest.raises(ValueError, match="crystal 1: expected at least one atom"):
        SMALL([mixture[0], eqx.tree_at(lambda c: c.mask, mixture[1], jnp.zeros(9, bool))])
    for field, value, message in (
        ("occupancies", jnp.full(8, jnp.nan), "crystal 0: occupancies"),
        ("occupancies", jnp.full(8, 1e-5), "crystal 0: expected at least one atom"),
        ("atomic_numbers", jnp.full(8, 119), "crystal 0: atomic_numbers"),
        ("atomic_numbers", jnp.zeros(8, jnp.int32), "crystal 0: atomic_numbers"),
    ):
        bad = eqx.tree_at(lambda c, field=field: getattr(c, field), mixture[0], value)
        with pytest.raises(ValueError, match=message):
            SMALL([bad])
    bad = eqx.tree_at(lambda c: c.lattice.matrix, mixture[0], jnp.ones((3, 3)))
    with pytest.raises(ValueError, match="crystal 0: lattice matrix: expected independent"):
        SMALL([bad])
    misprint = mixture[0].lattice.matrix * jnp.asarray([[4e10, 1.0, 1.0]])
    bad = eqx.tree_at(lambda c: c.lattice.matrix, mixture[0], misprint)
    with pytest.raises(ValueError, match="an axis is too long"):
        SMALL([bad])
    squeezed = mixture[0].lattice.matrix * jnp.asarray([[1.0, 1.0, 3e-5]])
    flat = eqx.tree_at(lambda c: c.lattice.matrix, mixture[0], squeezed)
    found = SMALL([flat, mixture[0]])
    assert found.complete.tolist() == [False, True]
    with pytest.raises(ValueError, match="at least one"):
        SMALL([])


def test_plan_serves_its_crystals(crystals):
    batch = CrystalBatch.from_crystals(list(crystals.values())[:3], pad_to=SIZE)
    plan = SMALL.plan(batch)
    assert plan.max_species == 4
    assert plan.images is None
    assert LOCAL.plan(batch).images is not None
    found = plan(batch)
    assert isinstance(found, Fingerprint)
    assert bool(jnp.all(found.complete))
    expected = SMALL(list(crystals.values())[:3]).vector
    assert relative(found.vector, expected) < 3e-5
    assert np.array_equal(found[jnp.asarray([2, 0])].vector, found.vector[jnp.asarray([2, 0])])
    # Room for other numbers of atoms, and for longer cells.
    assert SMALL.plan(batch, max_atoms=36).box.points > 2 * plan.box.points
    assert SMALL.plan(batch, max_stretch=2).box.bounds > plan.box.bounds
    with pytest.raises(ValueError, match="max_atoms: expected at least the 9"):
        SMALL.plan(batch, max_atoms=3)


def test_every_door_takes_every_crystal(crystals):
    """One crystal without a batch axis, several with one; on the host and by a plan."""
    symmetric = prototype("alpha-quartz")
    one = crystals["alpha-quartz"]
    several = [symmetric, one.to_ase(), one]
    batch = CrystalBatch.from_crystals([one, one])
    plan = SMALL.plan(several)
    expected = np.asarray(plan(one).vector)
    for door in (SMALL, plan):
        for given in (symmetric, one.to_ase(), batch[0]):
            assert relative(door(given).vector, expected) < 3e-5
        for given, n in ((several, 3), (batch, 2)):
            assert relative(door(given).vector, np.tile(expected, (n, 1))) < 3e-5
        for given, message in (
            (3, "got int"),
            ("quartz", "prototype"),
            ([one, None], "crystal 1: expected"),
        ):
            with pytest.raises(ValueError, match=message):
                door(given)
    with pytest.raises(ValueError, match=r"specification.plan\(crystals\)"):
        eqx.filter_jit(SMALL)(one)

    @eqx.filter_grad
    def slope(crystal):
        return jnp.sum(plan(crystal).vector)

    assert np.abs(slope(symmetric).lattice_parameters).max() > 1e-3


def test_vectors_are_taken_compared_and_printed(crystals):
    names = ["diamond", "alpha-quartz", "rutile"]
    found = SMALL([crystals[name] for name in [*names, "rutile"]])
    assert len(found) == 4
    assert repr(found) == (
        "Fingerprint: 4 vectors of 155 numbers; "
        "CrystalMetric(n_max=4, l_max=4, q_max=12.0, composition=0.5, density=0.3)"
    )
    rows, apart = found.nearest(k=2)
    assert rows[2, 0] == 3
    assert apart[3, 0] < 1e-4
    assert apart[0, 0] > 0.1
    rows, apart = found[:3].nearest(k=1, query=found[3])
    assert rows.tolist() == [[2]]
    assert found.groups(0.01).tolist() == [0, 1, 2, 2]
    with pytest.raises(ValueError, match="threshold: expected one"):
        found.groups()
    duplicates = CrystalMetric(composition=1, stacking=1)(
        [crystals["diamond"], prototype("diamond")]
    )
    assert duplicates.groups().tolist() == [0, 0]
    with pytest.raises(ValueError, match=r"query: expected equal settings, got .*n_max: 10 and 4"):
        found.nearest(query=duplicates)
    gap = eqx.tree_at(lambda f: f.complete, found, np.array([True, False, True, True]))
    assert "1 incomplete" in repr(gap)
    with pytest.raises(ValueError, match="row 1: expected a complete"):
        gap.nearest()
    with pytest.raises(IndexError, match="that of one"):
        found[0][0]
    with pytest.raises(TypeError, match="no length"):
        len(found[0])
    with pytest.raises(Exception, match="does not fit its plan"):
        jax.block_until_ready(jax.tree.map(jnp.asarray, gap).checked().vector)


def test_plan_serves_partly_filled_sites(crystals):
    rutile = crystals["rutile"]

    def filled(*share):
        some = jnp.tile(jnp.asarray(share, jnp.float32), 6 // len(share))
        return eqx.tree_at(lambda c: c.occupancies, rutile, some)

    thin = filled(0.5, 0.1)
    plan = LOCAL.plan(thin)
    assert plan.neighbours == 330  # 33 atoms, each at least a tenth
    assert plan.images == neighbour_bounds(thin.lattice.matrix, 6, 330, max_stretch=1.3)
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
        {"stacking": -1.0},
        {"density": float("nan")},
    ):
        with pytest.raises(ValueError, match=next(iter(options))):
            CrystalMetric(**options)
    for options in ({"elements": (6, 6)}, {"elements": (0,)}, {"max_species": 0}):
        with pytest.raises(ValueError, match=next(iter(options))):
            plan_of(**options)
    with pytest.raises(ValueError, match="at least one"):
        SMALL.plan([])
    for images in (None, (1, 2)):
        with pytest.raises(ValueError, match="images: expected"):
            plan_of(LOCAL, images=images)
