"""Pair distribution g(r): neighbour lists of ASE, invariances, gradients, padding, overflow."""

import ase
import ase.build
import ase.neighborlist
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.interpolate import BSpline

from jaxtal.crystal import Crystal, CrystalArrays, CrystalBatch
from jaxtal.descriptors import PairDistribution

QUARTZ_CELL = np.array([[4.9134, 0, 0], [-4.9134 / 2, 4.9134 * np.sqrt(3) / 2, 0], [0, 0, 5.4052]])


def quartz():
    """alpha-quartz, Levien et al. (1980), P 32 2 1 with the origin that puts Si at z = 0."""
    u, (x, y, z) = 0.4697, (0.4135, 0.2669, 0.1191)
    silicon = [[u, 0, 0], [0, u, 2 / 3], [-u, -u, 1 / 3]]
    oxygen = [
        [x, y, z],
        [-y, x - y, z + 2 / 3],
        [y - x, -x, z + 1 / 3],
        [y, x, 2 / 3 - z],
        [x - y, -y, -z],
        [-x, y - x, 1 / 3 - z],
    ]
    return QUARTZ_CELL, np.array(silicon + oxygen), np.array([14] * 3 + [8] * 6)


def arrays(cell, frac, species, mask=None, dtype=None):
    """One crystal as it is; species are atomic numbers or weights."""
    species = np.asarray(species)
    integers = np.issubdtype(species.dtype, np.integer)
    return CrystalArrays(
        jnp.asarray(cell, dtype),
        jnp.asarray(frac, dtype),
        jnp.asarray(species, np.int32 if integers else dtype),
        jnp.ones(len(species), bool) if mask is None else jnp.asarray(mask),
    )


def host(cell, frac, numbers):
    return Crystal.from_arrays(cell, frac, numbers)


def one_hot(plan, numbers):
    return np.equal(np.asarray(numbers)[:, None], np.asarray(plan.species)[None, :]) * 1.0


def compute(cell, frac, numbers, spec=None, **options):
    spec = spec or PairDistribution(6.0, 40)
    plan = spec.plan(host(cell, frac, numbers), **options)
    found = plan(arrays(cell, frac, numbers))
    assert bool(found.complete)
    return np.asarray(found.g)


def reference(cell, frac, numbers, spec):
    """The same g(r) from ASE's neighbour list and SciPy's B-spline."""
    atoms = ase.Atoms(numbers, scaled_positions=frac, cell=cell, pbc=True)
    i, j, d = ase.neighborlist.neighbor_list("ijd", atoms, spec.r_max)
    spline = BSpline.basis_element(np.arange(-2, 3), extrapolate=False)
    kernel = np.nan_to_num(spline((d[:, None] - spec.r[None]) / spec.dr))
    fine = np.linspace(-2, 2, 4001)
    shells = [
        np.trapezoid(4 * np.pi * (r + fine * spec.dr) ** 2 * spline(fine), fine) * spec.dr
        for r in spec.r
    ]
    rows = []
    species = np.unique(numbers)
    for index, a in enumerate(species):
        for b in species[index:]:
            hits = kernel[(numbers[i] == a) & (numbers[j] == b)].sum(axis=0)
            pairs = np.sum(numbers == a) * np.sum(numbers == b)
            rows.append(atoms.get_volume() / pairs * hits / np.array(shells))
    return np.array(rows)


SHEAR = np.array([[1, 3, 0], [0, 1, 4], [0, 0, 1]])


def test_equals_ase_neighbour_list(x64):
    cell, frac, numbers = quartz()
    rattled = frac + np.random.default_rng(1).normal(0, 0.03, frac.shape)
    spec = PairDistribution(5.0, 37)
    for m, x in ((cell, rattled), (SHEAR @ cell, rattled @ np.linalg.inv(SHEAR))):
        expected = reference(m, x, numbers, spec)
        np.testing.assert_allclose(compute(m, x, numbers, spec), expected, rtol=1e-6, atol=1e-9)
    plan = spec.plan(host(cell, frac, numbers))
    assert plan.pairs == ((8, 8), (8, 14), (14, 14))
    # The first Si-O shell of quartz: four neighbours at 1.61 A.
    si_o = reference(cell, frac, numbers, spec)[1]
    assert abs(spec.r[np.argmax(si_o)] - 1.61) < spec.dr


def test_a_cell_smaller_than_the_range(x64):
    spec = PairDistribution(7.0, 30)
    copper = ase.build.bulk("Cu")
    cell, frac = copper.cell.array, copper.get_scaled_positions()
    expected = reference(cell, frac, copper.numbers, spec)
    np.testing.assert_allclose(
        compute(cell, frac, copper.numbers, spec), expected, rtol=1e-6, atol=1e-9
    )


def test_invariances(x64):
    cell, frac, numbers = quartz()
    rng = np.random.default_rng(2)
    plain = compute(cell, frac, numbers)
    spin = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    cases = {
        "translation": (cell, frac + rng.uniform(size=3), numbers),
        "unwrapped": (cell, frac + rng.integers(-3, 4, frac.shape), numbers),
        "rotation": (cell @ spin, frac, numbers),
        "order": (cell, frac[::-1].copy(), numbers[::-1].copy()),
        "inversion": (cell, -frac, numbers),
        "sheared": (SHEAR @ cell, frac @ np.linalg.inv(SHEAR), numbers),
    }
    for repeats in ((2, 1, 1), (1, 2, 2)):
        atoms = ase.Atoms(numbers, scaled_positions=frac, cell=cell, pbc=True).repeat(repeats)
        cases[str(repeats)] = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    for name, case in cases.items():
        np.testing.assert_allclose(compute(*case), plain, rtol=1e-10, atol=1e-10, err_msg=name)


@pytest.mark.slow
def test_random_gas_is_one_everywhere(x64):
    rng = np.random.default_rng(3)
    spec = PairDistribution(4.0, 10)
    cell = np.array([[9.0, 0, 0], [2.0, 9.0, 0], [-1.0, 3.0, 9.0]])
    numbers = np.repeat([6, 14], 100)
    gas = lambda: arrays(cell, rng.uniform(size=(200, 3)), numbers)  # noqa: E731
    plan = spec.plan(gas(), max_shrink=1.3)
    found = [plan(gas()) for _ in range(30)]
    assert all(bool(one.complete) for one in found)
    samples = [np.asarray(one.g) for one in found]
    mean = np.mean(samples, axis=0)
    error = np.std(samples, axis=0) / np.sqrt(len(samples))
    assert (np.abs(mean - 1) < 5 * error + 1e-3).all()
    assert np.abs(mean[:, 4:] - 1).max() < 0.05


def test_partial_occupancies(x64):
    cell, frac, numbers = quartz()
    spec = PairDistribution(5.0, 30)
    plan = spec.plan(host(cell, frac, numbers))
    full = plan(arrays(cell, frac, numbers)).g
    # A uniform occupancy cancels between the pairs and their normalisation.
    half = Crystal.from_arrays(cell, frac, numbers, occupancies=np.full(9, 0.5))
    np.testing.assert_allclose(plan(half).g, full, rtol=1e-12)
    np.testing.assert_allclose(plan(arrays(cell, frac, one_hot(plan, numbers) / 2)).g, full)
    # Si and O mixed evenly on every site: all partials are the total g(r).
    mixed = plan(arrays(cell, frac, np.full((9, 2), 0.5))).g
    np.testing.assert_allclose(mixed[0], mixed[1], rtol=1e-12)
    np.testing.assert_allclose(mixed[0], compute(cell, frac, np.full(9, 6), spec)[0], rtol=1e-10)


def central(function, x, eps=1e-5):
    flat = np.asarray(x).ravel()
    slopes = np.zeros_like(flat)
    for k in range(flat.size):
        step = np.zeros_like(flat)
        step[k] = eps
        ends = [float(function(jnp.asarray((flat + s * step).reshape(x.shape)))) for s in (1, -1)]
        slopes[k] = (ends[0] - ends[1]) / (2 * eps)
    return slopes.reshape(x.shape)


def test_gradients_in_cell_coordinates_and_occupancies(x64):
    cell, frac, numbers = quartz()
    frac = frac + np.random.default_rng(4).normal(0, 0.02, frac.shape)
    spec = PairDistribution(4.0, 20)
    plan = spec.plan(host(cell, frac, numbers))
    weights = jnp.asarray(one_hot(plan, numbers) * 0.9 + 0.05)
    probe = jnp.asarray(np.random.default_rng(5).normal(size=(3, 20)))

    @jax.jit
    def loss(m, x, w):
        return jnp.sum(probe * plan(CrystalArrays(m, x, w, jnp.ones(9, bool))).g)

    arguments = (jnp.asarray(cell), jnp.asarray(frac), weights)
    grads = jax.jit(jax.grad(loss, argnums=(0, 1, 2)))(*arguments)
    for index, grad in enumerate(grads):

        def along(value, index=index):
            return loss(*(value if k == index else a for k, a in enumerate(arguments)))

        expected = central(along, np.asarray(arguments[index]))
        scale = np.abs(expected).max()
        np.testing.assert_allclose(grad, expected, rtol=1e-6, atol=1e-6 * scale)


def test_bins_are_twice_differentiable(x64):
    # A dimer is stretched through bins and out of the range: value, slope and curvature of every
    # bin move continuously, in steps that shrink with the step of the stretch.
    spec = PairDistribution(3.0, 12)
    cell = jnp.eye(3) * 12.0
    plan = spec.plan(host(np.eye(3) * 12.0, [[0, 0, 0], [0.1, 0, 0]], [1, 1]), max_shrink=1.5)

    def g(d):
        frac = jnp.stack([jnp.zeros(3), jnp.array([1.0, 0.0, 0.0]) * (d / 12.0)])
        return plan(CrystalArrays(cell, frac, jnp.asarray([1, 1], np.int32), jnp.ones(2, bool))).g[
            0
        ]

    curvature = jax.jit(jax.vmap(jax.jacfwd(jax.jacfwd(g))))
    coarse = curvature(jnp.linspace(0.02, 3.2, 401))
    fine = curvature(jnp.linspace(0.02, 3.2, 1601))
    jumps = [float(jnp.abs(jnp.diff(c, axis=0)).max()) for c in (coarse, fine)]
    assert float(jnp.abs(coarse).max()) > 1.0
    assert jumps[1] < 0.3 * jumps[0]
    assert float(jnp.abs(fine[-1]).max()) == 0.0


@eqx.filter_jit
def square_and_gradients(plan, crystal):
    """Sum of g^2 with what it is made of, and its gradients in cell, coordinates and weights."""

    def total(smooth):
        matrix, frac_coords, species = smooth
        found = plan(CrystalArrays(matrix, frac_coords, species, crystal.mask))
        return jnp.sum(found.g**2), found

    smooth = (crystal.matrix, crystal.frac_coords, crystal.species)
    return jax.value_and_grad(total, has_aux=True)(smooth)


def test_padding_holds_anything(x64):
    cell, frac, numbers = quartz()
    spec = PairDistribution(5.0, 30)
    plain = compute(cell, frac, numbers, spec)
    plan = spec.plan(host(cell, frac, numbers))
    mask = np.arange(12) < 9
    for junk in (0.0, 1e10, np.nan, np.inf):
        padded = np.concatenate([frac, np.full((3, 3), junk)])
        weights = np.concatenate([one_hot(plan, numbers), np.full((3, 2), junk)])
        (_, found), grads = square_and_gradients(plan, arrays(cell, padded, weights, mask))
        assert bool(found.complete)
        np.testing.assert_allclose(found.g, plain, rtol=1e-12, atol=1e-12)
        for grad in grads:
            assert np.isfinite(grad).all()
        assert (np.asarray(grads[1])[9:] == 0).all()


def test_coincident_and_equal_atoms_have_finite_gradients(x64):
    spec = PairDistribution(4.0, 20)
    cell = np.eye(3) * 3.5
    for frac in ([[0.1, 0.2, 0.3]] * 3, [[0, 0, 0], [0.5, 0.5, 0.5], [0, 0, 0]]):
        crystal = arrays(cell, np.array(frac, float), [6, 6, 8])
        plan = spec.plan(crystal)
        weights = arrays(cell, np.array(frac, float), one_hot(plan, [6, 6, 8]))
        (value, found), grads = square_and_gradients(plan, weights)
        assert bool(found.complete)
        assert float(found.g.max()) > 0
        assert np.isfinite(value)
        assert all(np.isfinite(grad).all() for grad in grads)


def test_what_makes_it_incomplete():
    cell, frac, numbers = quartz()
    spec = PairDistribution(5.0, 30)
    plan = spec.plan(host(cell, frac, numbers), max_shrink=1.1)

    def complete(matrix, x=frac, species=numbers):
        found = plan(arrays(matrix, x, species, dtype=np.float32))
        assert np.isfinite(np.asarray(found.g)).all()
        return bool(found.complete)

    for scale, expected in ((1.0, True), (1 / 1.09, True), (1.3, True), (0.6, False)):
        assert complete(cell * scale) is expected, scale
    assert not complete(cell * np.array([1.0, 1.0, 0.3]))
    assert not complete(np.full((3, 3), np.nan))
    lost = frac.copy()
    lost[4, 1] = np.nan
    assert not complete(cell, lost)
    assert not complete(cell, species=np.where(np.arange(9) == 2, 6, numbers))
    many = np.concatenate([frac] * 4) + np.repeat([0.0, 0.1, 0.2, 0.3], 9)[:, None]
    assert not complete(2 * cell, many, np.tile(numbers, 4))


def test_several_crystals_and_types(x32):
    cell, frac, numbers = quartz()
    spec = PairDistribution(5.0, 30)
    rng = np.random.default_rng(6)
    cells = np.stack([cell * s for s in (1.0, 1.02, 0.97)]).astype(np.float32)
    fracs = (frac + rng.normal(0, 0.02, (3, 9, 3))).astype(np.float32)
    crystals = [host(m, x, numbers) for m, x in zip(cells, fracs, strict=True)]
    plan = spec.plan(crystals)
    together = plan(crystals)
    assert together.g.dtype == jnp.float32
    assert np.asarray(together.complete).all()
    assert together.pairs == plan.pairs == ((8, 8), (8, 14), (14, 14))
    mapped = eqx.filter_jit(lambda plan, all: jax.vmap(plan)(all))(
        plan, CrystalBatch.from_crystals(crystals)
    )
    np.testing.assert_allclose(mapped.g, together.g, rtol=1e-4, atol=1e-4)
    for k, crystal in enumerate(crystals):
        one = spec(crystal)
        np.testing.assert_allclose(together.g[k], one.g, rtol=1e-4, atol=1e-4)
        double = reference(cells[k].astype(float), fracs[k].astype(float), numbers, spec)
        np.testing.assert_allclose(one.g, double, rtol=1e-3, atol=2e-3)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="r_max"):
        PairDistribution(r_max=0.0)
    with pytest.raises(ValueError, match="n_bins"):
        PairDistribution(n_bins=0)
    cell, frac, numbers = quartz()
    spec = PairDistribution()
    crystal = host(cell, frac, numbers)
    with pytest.raises(ValueError, match="max_shrink: expected a number of at least 1"):
        spec.plan(crystal, max_shrink=0.5)
    with pytest.raises(ValueError, match="expected a Crystal"):
        spec.plan(cell)
    plan = spec.plan(crystal)
    with pytest.raises(ValueError, match="one column for each of the 2 species"):
        plan(arrays(cell, frac, np.ones((9, 3))))
    with pytest.raises(ValueError, match="plan on the host first"):
        eqx.filter_jit(spec)(crystal)
