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

from jaxtal.descriptors._pair_distribution import PairDistribution

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


@eqx.filter_jit
def run(spec, *arguments):
    return spec(*arguments)


def compute(cell, frac, numbers, spec=None, **options):
    spec = spec or PairDistribution(6.0, 40)
    plan = spec.plan(cell, frac, numbers, **options)
    g, overflow = run(spec, jnp.asarray(cell), jnp.asarray(frac), plan.weights(numbers), plan)
    assert not overflow
    return np.asarray(g)


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
    plan = spec.plan(cell, frac, numbers)
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


def test_one_centre_per_orbit_suffices(x64):
    cell, frac, numbers = quartz()
    some = compute(cell, frac, numbers, centers=[0, 3], multiplicities=[3, 6])
    np.testing.assert_allclose(some, compute(cell, frac, numbers), rtol=1e-10, atol=1e-10)
    spec = PairDistribution()
    capacities = [
        spec.plan(cell, frac, numbers, **options).capacity
        for options in ({}, {"centers": [0, 3], "multiplicities": [3, 6]})
    ]
    assert capacities[1] < capacities[0]


def test_random_gas_is_one_everywhere(x64):
    rng = np.random.default_rng(3)
    spec = PairDistribution(4.0, 10)
    cell = np.array([[9.0, 0, 0], [2.0, 9.0, 0], [-1.0, 3.0, 9.0]])
    numbers = np.repeat([6, 14], 100)
    plan = spec.plan(cell, rng.uniform(size=(200, 3)), numbers, margin=1.3)
    weights = plan.weights(numbers)
    samples = [
        run(spec, jnp.asarray(cell), jnp.asarray(rng.uniform(size=(200, 3))), weights, plan)
        for _ in range(30)
    ]
    assert not any(bool(overflow) for _, overflow in samples)
    mean = np.mean([g for g, _ in samples], axis=0)
    error = np.std([g for g, _ in samples], axis=0) / np.sqrt(len(samples))
    assert (np.abs(mean - 1) < 5 * error + 1e-3).all()
    assert np.abs(mean[:, 4:] - 1).max() < 0.05


def test_partial_occupancies(x64):
    cell, frac, numbers = quartz()
    spec = PairDistribution(5.0, 30)
    plan = spec.plan(cell, frac, numbers)
    full, _ = run(spec, jnp.asarray(cell), jnp.asarray(frac), plan.weights(numbers), plan)
    # A uniform occupancy cancels between the pairs and their normalisation.
    half = plan.weights(numbers, jnp.full(9, 0.5))
    np.testing.assert_allclose(
        run(spec, jnp.asarray(cell), jnp.asarray(frac), half, plan)[0], full, rtol=1e-12
    )
    # Si and O mixed evenly on every site: all partials are the total g(r).
    mixed, _ = run(spec, jnp.asarray(cell), jnp.asarray(frac), jnp.full((9, 2), 0.5), plan)
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
    plan = spec.plan(cell, frac, numbers)
    weights = plan.weights(numbers) * 0.9 + 0.05
    probe = jnp.asarray(np.random.default_rng(5).normal(size=(3, 20)))

    @jax.jit
    def loss(m, x, w):
        return jnp.sum(probe * spec(m, x, w, plan)[0])

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
    plan = spec.plan(np.eye(3) * 12.0, [[0, 0, 0], [0.1, 0, 0]], [1, 1], margin=1.5)
    weights = plan.weights(np.array([1, 1]))

    def g(d):
        frac = jnp.stack([jnp.zeros(3), jnp.array([1.0, 0.0, 0.0]) * (d / 12.0)])
        return spec(cell, frac, weights, plan)[0][0]

    curvature = jax.jit(jax.vmap(jax.jacfwd(jax.jacfwd(g))))
    coarse = curvature(jnp.linspace(0.02, 3.2, 401))
    fine = curvature(jnp.linspace(0.02, 3.2, 1601))
    jumps = [float(jnp.abs(jnp.diff(c, axis=0)).max()) for c in (coarse, fine)]
    assert float(jnp.abs(coarse).max()) > 1.0
    assert jumps[1] < 0.3 * jumps[0]
    assert float(jnp.abs(fine[-1]).max()) == 0.0


@eqx.filter_jit
def square_and_gradients(spec, *arguments):
    """Sum of g^2 and its gradients in cell, coordinates and weights."""

    def total(three):
        g, overflow = spec(*three, *arguments[3:])
        return jnp.sum(g**2), (g, overflow)

    return jax.value_and_grad(total, has_aux=True)(arguments[:3])


def test_padding_holds_anything(x64):
    cell, frac, numbers = quartz()
    spec = PairDistribution(5.0, 30)
    plain = compute(cell, frac, numbers, spec)
    mask = np.arange(12) < 9
    z = np.concatenate([numbers, np.zeros(3, int)])
    for junk in (0.0, 1e10, np.nan, np.inf):
        padded = np.concatenate([frac, np.full((3, 3), junk)])
        plan = spec.plan(cell, padded, z, mask=mask)
        assert plan.species == (8, 14)
        (_, (g, overflow)), grads = square_and_gradients(
            spec,
            jnp.asarray(cell),
            jnp.asarray(padded),
            plan.weights(z),
            plan,
            jnp.asarray(mask),
        )
        assert not overflow
        np.testing.assert_allclose(g, plain, rtol=1e-12, atol=1e-12)
        for grad in grads:
            assert np.isfinite(grad).all()
        assert (np.asarray(grads[1])[9:] == 0).all()


def test_coincident_and_equal_atoms_have_finite_gradients(x64):
    spec = PairDistribution(4.0, 20)
    cell = np.eye(3) * 3.5
    for frac in ([[0.1, 0.2, 0.3]] * 3, [[0, 0, 0], [0.5, 0.5, 0.5], [0, 0, 0]]):
        plan = spec.plan(cell, frac, [6, 6, 8])
        (value, (g, overflow)), grads = square_and_gradients(
            spec,
            jnp.asarray(cell),
            jnp.asarray(frac, float),
            plan.weights(np.array([6, 6, 8])),
            plan,
        )
        assert not overflow
        assert float(g.max()) > 0
        assert np.isfinite(value)
        assert all(np.isfinite(grad).all() for grad in grads)


def test_overflow_is_reported():
    cell, frac, numbers = quartz()
    spec = PairDistribution(5.0, 30)
    plan = spec.plan(cell, frac, numbers, margin=1.1)
    weights = plan.weights(numbers)
    x = jnp.asarray(frac, jnp.float32)
    for scale, expected in ((1.0, False), (1 / 1.09, False), (1.3, False), (0.6, True)):
        _, overflow = run(spec, jnp.asarray(cell * scale, jnp.float32), x, weights, plan)
        assert bool(overflow) is expected, scale
    squashed = cell * np.array([1.0, 1.0, 0.3])
    assert bool(run(spec, jnp.asarray(squashed, jnp.float32), x, weights, plan)[1])
    assert bool(run(spec, jnp.full((3, 3), jnp.nan, jnp.float32), x, weights, plan)[1])
    lost = x.at[4, 1].set(jnp.nan)
    assert bool(run(spec, jnp.asarray(cell, jnp.float32), lost, weights, plan)[1])


def test_jit_vmap_dtype():
    cell, frac, numbers = quartz()
    spec = PairDistribution(5.0, 30)
    rng = np.random.default_rng(6)
    cells = np.stack([cell * s for s in (1.0, 1.02, 0.97)]).astype(np.float32)
    fracs = (frac + rng.normal(0, 0.02, (3, 9, 3))).astype(np.float32)
    plan = spec.plan(cells, fracs, np.stack([numbers] * 3))
    weights = plan.weights(numbers)
    batched, overflow = eqx.filter_jit(jax.vmap(spec, in_axes=(0, 0, None, None)))(
        jnp.asarray(cells), jnp.asarray(fracs), weights, plan
    )
    assert batched.dtype == jnp.float32
    assert not np.asarray(overflow).any()
    for k in range(3):
        one, _ = run(spec, jnp.asarray(cells[k]), jnp.asarray(fracs[k]), weights, plan)
        np.testing.assert_allclose(batched[k], one, rtol=1e-4, atol=1e-4)
        double = reference(cells[k].astype(float), fracs[k].astype(float), numbers, spec)
        np.testing.assert_allclose(one, double, rtol=1e-3, atol=2e-3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"matrix": np.zeros((3, 3))}, "volume 0"),
        ({"matrix": np.eye(2)}, "matrix"),
        ({"frac": np.full((9, 3), np.nan)}, "frac"),
        ({"atomic_numbers": [14]}, "atomic_numbers"),
        ({"mask": np.zeros(9, bool)}, "mask"),
        ({"margin": 0.5}, "margin"),
        ({"centers": [0, 3]}, "need multiplicities"),
        ({"multiplicities": [3, 6]}, "need centers"),
        ({"centers": [0, 9], "multiplicities": [3, 6]}, "atom indices"),
        ({"centers": [0, 3], "multiplicities": [3, 5]}, "6 atoms with Z = 8"),
    ],
)
def test_bad_input_is_refused(change, message):
    cell, frac, numbers = quartz()
    arguments = {"matrix": cell, "frac": frac, "atomic_numbers": numbers} | change
    with pytest.raises(ValueError, match=message):
        PairDistribution().plan(**arguments)


def test_bad_specification_is_refused():
    with pytest.raises(ValueError, match="r_max"):
        PairDistribution(r_max=0.0)
    with pytest.raises(ValueError, match="n_bins"):
        PairDistribution(n_bins=0)
    cell, frac, numbers = quartz()
    spec = PairDistribution()
    plan = spec.plan(cell, frac, numbers)
    with pytest.raises(ValueError, match="as in the plan"):
        spec(jnp.asarray(cell), jnp.asarray(frac[:5]), plan.weights(numbers[:5]), plan)
    with pytest.raises(ValueError, match="host"):
        jax.jit(lambda x: spec.plan(cell, x, numbers).images)(jnp.asarray(frac))
