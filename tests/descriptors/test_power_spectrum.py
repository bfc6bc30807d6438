"""The power spectrum: independent routes, identities, symmetry, transforms, gradients."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cells import CRYSTALS, SHEAR, atoms, finite, in_cell, relative, resized, stored
from providers import listing
from scipy.special import jv
from tolerances import TOLERANCES
from variants import slow_but

from jaxtal.crystal import Crystal, WyckoffCrystal, diamond_settings, prototype
from jaxtal.descriptors import (
    Descriptor,
    DescriptorPlan,
    PowerSpectrum,
    preset,
)
from jaxtal.descriptors.expansion import real_spherical_harmonics
from jaxtal.diffraction import ReciprocalSpace, hkl_sphere
from jaxtal.lattice import Lattice
from jaxtal.scattering import FormFactors

SMALL = Descriptor(6, 6, 5.0, n_bins=41)


def by_numpy(crystal: Crystal, *, kind: str, paper: bool, q_max: float, n_max=6, l_max=6):
    """Eqs. 4-16 in NumPy: every reflection, every degree, every m."""
    matrix, frac, numbers = atoms(crystal)
    hkl = hkl_sphere(matrix, q_max, half=False)
    q = 2 * np.pi * hkl @ np.linalg.inv(matrix).T
    size = np.linalg.norm(q, axis=1)
    species = sorted(set(numbers.tolist()))
    factors = FormFactors.build(species, kind=kind)
    f = np.asarray(factors(jnp.asarray((size / (4 * np.pi)) ** 2)))
    f0 = np.asarray(factors(jnp.zeros(1)))[:, 0]
    row = [species.index(z) for z in numbers.tolist()]
    F = np.sum(f[row].T * np.exp(2j * np.pi * hkl @ frac.T), axis=1)
    intensity = np.abs(F) ** 2 / np.sum(f0[row]) ** 2
    x = size / q_max
    if paper:
        radial = [np.sqrt(2 / q_max) * jv(n, np.pi * x) for n in range(n_max)]
    else:
        intensity *= (1 - x**2) ** 3
        radial = [np.sqrt(2 / q_max) * np.sin((n + 1) * np.pi * x) / size for n in range(n_max)]
    Y = real_spherical_harmonics(q, l_max)
    A = (np.stack(radial) * intensity) @ Y
    blocks = [A[:, l * l : (l + 1) ** 2] for l in range(l_max + 1)]
    return np.stack([np.sum(b**2, axis=1) for b in blocks], axis=1)


@pytest.mark.parametrize("paper", [False, True], ids=["default", "paper"])
def test_against_the_equations(x64, paper):
    crystal = stored("alpha-quartz")
    descriptor = preset("paper", 6, 6, 5.0) if paper else SMALL
    got = descriptor.plan(crystal)(crystal).power_spectrum
    kind = "it92" if paper else "waasmaier-kirfel"
    expected = by_numpy(crystal, kind=kind, paper=paper, q_max=5.0)
    assert got.shape == (6, 7)
    assert relative(got, expected) < 1e-12
    # The sum over the whole sphere makes odd degrees vanish (Friedel's law).
    assert np.abs(expected[:, 1::2]).max() < 1e-20 * expected.max()
    assert not np.any(np.asarray(got)[:, 1::2])


def full_sphere(plan: DescriptorPlan) -> DescriptorPlan:
    """Both reflections of each pair, and all degrees."""
    old = listing(plan)
    new = dataclasses.replace(
        old,
        hkl=jnp.concatenate([old.hkl, -old.hkl]),
        multiplicity=jnp.tile(old.multiplicity / 2, 2),
        box_index=None,
    )
    return DescriptorPlan(plan.specification, new, None)


def test_odd_degrees_vanish_in_the_full_sphere(x64):
    crystal = prototype("wurtzite").expand()
    plan = SMALL.plan(crystal)
    half = np.asarray(plan(crystal).power_spectrum)
    full = np.asarray(full_sphere(plan)(crystal).power_spectrum)
    assert relative(full[:, ::2], half[:, ::2]) < 1e-13
    assert np.abs(full[:, 1::2]).max() < 1e-25 * full.max()


def test_dispersion_fills_odd_degrees(x64):
    crystal = prototype("wurtzite").expand()
    bright = Descriptor(6, 6, space=ReciprocalSpace(5.0, wavelength=1.54), n_bins=41)
    plan = bright.plan(crystal)
    found = plan(crystal)
    P = np.asarray(found.power_spectrum)
    # Wurtzite is polar, so even l = 1 is there.
    assert np.all(P[:, 1::2].max(axis=0) > 1e-10 * P.max())
    # Turning the crystal changes nothing, inverting it neither (squares), G has no direction.
    turn, _ = np.linalg.qr(np.random.default_rng(3).standard_normal((3, 3)))
    turned = eqx.tree_at(lambda c: c.lattice, crystal, Lattice(crystal.lattice.matrix @ turn))
    assert relative(plan(turned).power_spectrum, P) < 1e-12


# Every third of the twelve groups: each takes two programs.
SYMMETRIC = [*CRYSTALS, *(f"diamond in {n}" for n in list(diamond_settings())[::3])]


@pytest.mark.slow
def test_laue_symmetry_thins_every_crystal(x64, uniform):
    thinned_sizes, full_sizes = [], []
    for name in SYMMETRIC:
        if name.startswith("diamond in"):
            symmetric = diamond_settings()[int(name.split()[-1])]
        else:
            symmetric = WyckoffCrystal.from_crystal(stored(name), symprec=1e-4)
        crystal = resized(symmetric.expand(), 72 if name == "alpha-quartz-rattled" else 32)
        full = SMALL.plan(crystal)
        thin = SMALL.plan(crystal, laue=symmetric.group.laue_rotations)
        if symmetric.group.number > 2:
            thinned_sizes.append(len(listing(thin).hkl))
            full_sizes.append(len(listing(full).hkl))
        size = 1536 if name == "alpha-quartz-rattled" else 896
        expected = uniform(full, size, 3)(crystal)
        got = uniform(thin, size, 3)(crystal)
        assert bool(got.complete), name
        assert bool(expected.complete), name
        assert relative(got.power_spectrum, expected.power_spectrum) < 1e-11, name
        assert relative(got.rdf, expected.rdf) < 1e-11, name
    assert sum(thinned_sizes) < sum(full_sizes) / 2


def test_laue_harmonics_on_rhombohedral_axes(x64):
    # On these axes the threefold axis turns with alpha; the plan is made at another alpha.
    def corundum(alpha: float) -> WyckoffCrystal:
        sites = [("Al", "4c", (0.352, 0.352, 0.352)), ("O", "6e", (0.556, 0.944, 0.25))]
        return WyckoffCrystal.build("R -3 c :R", (5.128, alpha), sites)

    reference, strained = corundum(55.28), corundum(61.0)
    laue = reference.group.laue_rotations
    thin = SMALL.plan(reference, max_stretch=1.2, laue=laue)
    full = SMALL.plan(strained)
    got = thin(strained.expand())
    expected = full(strained.expand())
    assert bool(got.complete)
    assert relative(got.power_spectrum, expected.power_spectrum) < 1e-12
    assert np.asarray(expected.power_spectrum)[:, 2].max() > 1e-3 * float(
        jnp.max(expected.power_spectrum)
    )


def scan(descriptor, crystal: Crystal, n: int = 81):
    """P and G while the cell grows by 0.005 % a step."""
    plan = descriptor.plan(crystal, max_stretch=1.01)
    scales = 1 + 5e-5 * np.arange(n)

    @jax.jit
    def along(matrices):
        def one(matrix):
            return plan(eqx.tree_at(lambda c: c.lattice, crystal, Lattice(matrix)))

        return jax.vmap(one)(matrices)

    found = along(jnp.asarray(scales)[:, None, None] * crystal.lattice.matrix[None])
    assert np.all(np.asarray(found.complete))
    return np.asarray(found.power_spectrum), np.asarray(found.rdf)


def jumps(values: np.ndarray) -> float:
    """Largest second difference, relative to the largest value."""
    return float(np.abs(np.diff(values, 2, axis=0)).max() / np.abs(values).max())


@pytest.mark.slow
def test_nothing_jumps_as_reflections_leave(x64):
    # Reflections (with |h|^2 = 28 or less) cross the sphere in the middle of the scan.
    crystal = Crystal.from_arrays(3 * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5]], [11, 17])
    q_max = 2 * np.pi / 3 * np.sqrt(12) / 1.002
    smooth_P, smooth_G = scan(Descriptor(4, 6, q_max, n_bins=41), crystal)
    hard_P, hard_G = scan(preset("paper", 4, 6, q_max), crystal)
    assert jumps(smooth_P) < 1e-6
    assert jumps(smooth_G) < 1e-5
    assert jumps(hard_P) > 1e-2
    assert jumps(hard_G) > 1e-1


def test_transforms(x64, rng):
    crystal = stored("rutile")
    descriptor = Descriptor(3, 4, 4.0, n_bins=21)
    plan = descriptor.plan(crystal, max_stretch=1.3)
    batch = [
        eqx.tree_at(
            lambda c: (c.lattice, c.frac_coords),
            crystal,
            (
                Lattice(crystal.lattice.matrix * (1 + 0.02 * i)),
                crystal.frac_coords + 0.02 * rng.standard_normal((6, 3)),
            ),
        )
        for i in range(4)
    ]
    traces = 0

    def count(one, plan):
        nonlocal traces
        traces += 1
        return plan(one)

    jitted = eqx.filter_jit(count)
    looped = [jitted(one, plan) for one in batch]
    assert traces == 1
    # Another crystal and plan of the same shapes and species.
    again = descriptor.plan(batch[1], max_stretch=1.3)
    assert listing(again).hkl.shape == listing(plan).hkl.shape
    jitted(batch[1], again)
    assert traces == 1

    eager = plan(batch[0])
    stacked = jax.tree.map(lambda *x: jnp.stack(x), *batch)
    mapped = eqx.filter_jit(lambda plan, all: jax.vmap(plan)(all))(plan, stacked)
    listed = plan(batch)
    assert relative(eager.power_spectrum, looped[0].power_spectrum) < 1e-13
    assert relative(eager.rdf, looped[0].rdf) < 1e-13
    for i, one in enumerate(looped):
        assert relative(mapped.power_spectrum[i], one.power_spectrum) < 1e-13
        assert relative(mapped.rdf[i], one.rdf) < 1e-13
        assert relative(listed.rdf[i], one.rdf) < 1e-13
        assert bool(mapped.complete[i])


@pytest.mark.parametrize("value", slow_but([1e10], [1e10, np.nan]))
def test_padding_is_never_used(x64, value):
    crystal = stored("rutile")
    padded = stored("rutile", pad_to=9)
    spoil = ~padded.mask
    padded = eqx.tree_at(
        lambda c: (c.frac_coords, c.occupancies, c.u_iso),
        padded,
        (
            jnp.where(spoil[:, None], value, padded.frac_coords),
            jnp.where(spoil, value, padded.occupancies),
            jnp.where(spoil, value, padded.u_iso),
        ),
    )
    plan = SMALL.plan(crystal)

    @eqx.filter_jit
    @eqx.filter_value_and_grad
    def loss(one):
        found = plan(one)
        return jnp.sum(jnp.log(found.power_spectrum[:, ::2])) + jnp.sum(
            jnp.square(jnp.asarray(found.rdf))
        )

    (value, slope), (expected, wanted) = loss(padded), loss(crystal)
    assert relative(value, expected) < 1e-13
    assert finite(slope)
    assert relative(slope.frac_coords[:6], wanted.frac_coords) < 1e-10
    assert relative(slope.lattice.matrix, wanted.lattice.matrix) < 1e-12


def difference(function, values: list, i: int, direction, eps: float) -> float:
    ahead, behind = list(values), list(values)
    ahead[i] = values[i] + eps * direction
    behind[i] = values[i] - eps * direction
    return float(function(ahead) - function(behind)) / (2 * eps)


@pytest.mark.parametrize("thinned", slow_but([True], [False, True]), ids=["full", "thinned"])
def test_gradients_of_wyckoff_parameters(x64, rng, thinned):
    quartz = prototype("alpha-quartz")
    laue = quartz.group.laue_rotations if thinned else None
    plan = SMALL.plan(quartz, max_stretch=1.05, laue=laue)
    weights = jnp.asarray(rng.standard_normal((6, 7)))

    @jax.jit
    def loss(values):
        one = eqx.tree_at(
            lambda c: (c.lattice_parameters, c.site_parameters, c.occupancies), quartz, values
        )
        found = plan(one)
        return jnp.sum(jnp.asarray(found.power_spectrum) * weights) + jnp.sum(
            jnp.square(jnp.asarray(found.rdf))
        )

    values = [quartz.lattice_parameters, quartz.site_parameters, 0.9 * quartz.occupancies]
    slopes = jax.jit(jax.grad(loss))(values)
    for i, slope in enumerate(slopes):
        for k in range(slope.shape[0]):
            direction = np.eye(slope.shape[0])[k]
            expected = difference(loss, values, i, direction, 1e-5)
            limit = TOLERANCES["float64"]["gradient"] * float(jnp.max(jnp.abs(slope)))
            assert abs(float(slope[k]) - expected) < limit


def test_gradients_of_cell_and_atoms(x64, rng):
    crystal = stored("alpha-quartz")
    plan = SMALL.plan(crystal)
    weights = jnp.asarray(rng.standard_normal((6, 7)))

    def parts(c: Crystal):
        return [c.lattice.matrix, c.frac_coords, c.occupancies]

    @jax.jit
    def loss(values):
        found = plan(eqx.tree_at(parts, crystal, values))
        return jnp.sum(jnp.asarray(found.power_spectrum) * weights) + jnp.sum(
            jnp.square(jnp.asarray(found.rdf))
        )

    values = parts(crystal)
    slopes = jax.jit(jax.grad(loss))(values)
    for i, slope in enumerate(slopes):
        for _ in range(3):
            direction = rng.standard_normal(slope.shape)
            expected = difference(loss, values, i, direction, 1e-5)
            got = float(jnp.sum(slope * direction))
            assert abs(got - expected) < TOLERANCES["float64"]["gradient"] * abs(expected)
    # Translations and rotations leave P and G alone.
    assert np.abs(np.sum(slopes[1], axis=0)).max() < 1e-12 * np.abs(slopes[1]).max()
    spin = np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 0]])
    turned = float(jnp.sum(slopes[0] * (values[0] @ spin)))
    assert abs(turned) < 1e-12 * np.abs(slopes[0]).max() * np.abs(values[0]).max()


def test_gradients_at_special_positions_are_finite(dtype):
    # Every atom fixed by symmetry, extinct reflections (|F| = 0), and one atom alone.
    for crystal in (stored("diamond"), Crystal.from_arrays(3 * np.eye(3), [[0, 0, 0]], [6])):
        plan = SMALL.plan(crystal)

        @eqx.filter_jit
        @eqx.filter_grad
        def slope(one, plan=plan):
            found = plan(one)
            return jnp.sum(found.power_spectrum) + jnp.sum(found.rdf)

        got = slope(crystal)
        assert got.frac_coords.dtype == dtype
        assert finite(got)
        # Nothing pulls an atom off a special position.
        largest = float(jnp.max(jnp.abs(got.lattice.matrix)))
        assert float(jnp.max(jnp.abs(got.frac_coords))) < 1e-4 * largest


def test_a_crystal_that_outgrows_its_plan_is_flagged(x64):
    crystal = stored("rutile")
    spectrum = PowerSpectrum(2, 2, 4.0)
    plan = spectrum.plan(crystal)
    grown = eqx.tree_at(lambda c: c.lattice, crystal, Lattice(1.2 * crystal.lattice.matrix))
    assert finite(plan(crystal).checked().power_spectrum)
    found = plan(grown)
    assert not bool(found.complete)
    assert finite(found)
    with pytest.raises(eqx.EquinoxRuntimeError, match="outgrown its plan"):
        found.checked()


@pytest.mark.parametrize("name", slow_but(["alpha-quartz"], ["alpha-quartz", "diamond"]))
def test_at_the_full_resolution(dtype, name):
    crystal = stored(name)
    descriptor = Descriptor()
    skewed = in_cell(crystal, SHEAR)
    one, other = (descriptor.plan(c)(c) for c in (crystal, skewed))
    limit = TOLERANCES[dtype]["invariance"]
    assert relative(other.power_spectrum, one.power_spectrum) < limit
    assert relative(other.rdf, one.rdf) < limit
