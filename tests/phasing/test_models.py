"""Models with known phases: their symmetry, their limits, and independent routes to F."""

import functools

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, special

from jaxtal.crystal import Crystal, prototype
from jaxtal.lattice import Superspace
from jaxtal.phasing import model, model_names
from jaxtal.phasing._wave_vectors import representatives, wave_vectors_within
from jaxtal.phasing.models import _aperiodic as _models
from jaxtal.phasing.models import _crystals as _model_crystals
from jaxtal.phasing.models._aperiodic import (
    decagonal_model,
    homometric_model,
    icosahedral_model,
    modulated_model,
)
from jaxtal.phasing.models._crystals import (
    crystal_model,
    laves_model,
    naphthalene_model,
    quartz_model,
)
from jaxtal.phasing.models._model import (
    Points,
    aperiodic_model,
    ball_transform,
    structure_factors_of,
)
from jaxtal.scattering import FormFactors
from jaxtal.symmetry import SpaceGroup

SMALL = {
    "icosahedral": functools.partial(icosahedral_model, q_max=(5.0, 1.4), i_min=1e-4),
    "centred": functools.partial(
        icosahedral_model, centrosymmetric=True, q_max=(5.0, 1.4), i_min=1e-4
    ),
    "decagonal": functools.partial(decagonal_model, q_max=(6.0, 2.5), i_min=1e-4),
    "modulated": functools.partial(modulated_model, q_max=3.0, i_min=1e-4),
    "2d": functools.partial(homometric_model, q_max=12.0),
    "quartz": functools.partial(quartz_model, 0.9),
    "naphthalene": functools.partial(naphthalene_model, 1.1),
    "laves": functools.partial(laves_model, 0.9),
}


@functools.cache
def small(name):
    return SMALL[name]()


@pytest.mark.parametrize("name", SMALL)
def test_reflections_are_what_a_measurement_of_F_gives(name):
    made = small(name)
    r = made.reflections
    assert len(made.F) == len(made.falloff) == len(r.k) > 50
    np.testing.assert_allclose(r.intensity, np.abs(made.F) ** 2, rtol=1e-12)
    assert (made.falloff > 0).all()
    assert r.sigma is None
    assert r.k.any(axis=1).all()
    # Real orbits lie on their axes.
    f = made.F * np.exp(-2j * np.pi * r.orbits.angle)
    assert np.abs(np.imag(f)[r.orbits.real]).max(initial=0.0) < 1e-12 * np.abs(f).max()


@pytest.mark.parametrize("name", ["icosahedral", "centred", "decagonal", "modulated"])
def test_known_phases_obey_the_group(name):
    """F computed anew at every member of every orbit against the phases of `Orbits`."""
    made = small(name)
    o, space = made.reflections.orbits, made.reflections.space
    points = _points_of(SMALL[name])
    chosen = np.flatnonzero(o.orbit < 100)
    F = structure_factors_of(points, o.members[chosen], space, o.group)
    expected = (made.F / made.falloff)[o.orbit[chosen]] * np.exp(2j * np.pi * o.phase[chosen])
    np.testing.assert_allclose(F, expected, atol=1e-11 * np.abs(F).max())


def _points_of(build):
    """The scatterers of a model, caught on their way to the sum."""
    caught = []

    def catch(space, group, points, **rest):
        caught.extend(points)
        return aperiodic_model(space, group, points, **rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_models, "aperiodic_model", catch)
        build()
    return caught


@pytest.mark.parametrize(("name", "build"), [("quartz", quartz_model), ("laves", laves_model)])
def test_structure_factors_of_crystals_obey_the_group(name, build):
    made = small(name)
    o = made.reflections.orbits
    crystal = prototype("alpha-quartz").expand() if name == "quartz" else _laves()
    factors = FormFactors.build(sorted({"Si", "O"} if name == "quartz" else {"Mg", "Zn"}))
    F = np.asarray(_model_crystals._compiled(crystal, jnp.asarray(o.members), factors))
    expected = made.F[o.orbit] * np.exp(2j * np.pi * o.phase)
    # float32: relative to the strongest reflection.
    np.testing.assert_allclose(F, expected, atol=2e-5 * np.abs(made.F).max())


def _laves():
    """MgZn2 from the fractional coordinates of its twelve atoms."""
    x, z = 0.8305, 0.063
    frac = [
        *((1 / 3, 2 / 3, z), (2 / 3, 1 / 3, z + 0.5), (2 / 3, 1 / 3, -z), (1 / 3, 2 / 3, 0.5 - z)),
        *((0, 0, 0), (0, 0, 0.5)),
        *((x, 2 * x, 0.25), (-2 * x, -x, 0.25), (x, -x, 0.25)),
        *((-x, -2 * x, 0.75), (2 * x, x, 0.75), (-x, x, 0.75)),
    ]
    u = [0.010] * 4 + [0.008] * 8
    cell = (5.221, 5.221, 8.567, 90, 90, 120)
    return Crystal.from_arrays(cell, frac, [12] * 4 + [30] * 8, u_iso=u)


def test_naphthalene_is_a_flat_molecule_with_sensible_bonds():
    cell = np.array(Crystal.from_arrays((8.658, 6.003, 8.235, 90, 122.92, 90), [[0] * 3], [6])
                    .lattice.matrix)  # fmt: skip
    half = np.array([x for species, x in _model_crystals._NAPHTHALENE if species == "C"]) @ cell
    carbon = np.concatenate([half, -half])
    distance = np.linalg.norm(carbon[:, None] - carbon, axis=2)
    bonds = distance[np.triu(distance < 1.6, 1)]
    assert len(bonds) == 11
    assert bonds.min() > 1.34
    assert bonds.max() < 1.43
    assert np.linalg.svd(carbon, compute_uv=False)[2] < 0.03


def test_models_by_name_match_their_groups():
    assert {"icosahedral", "decagonal", "modulated", "2d", "3d"} <= set(model_names())
    assert model("2D").name == "2d"
    with pytest.raises(ValueError, match="icosahedral, decagonal"):
        model("octagonal-ish")
    orders = {"icosahedral": 60, "centred": 120, "decagonal": 40, "modulated": 4, "2d": 1}
    for name, order in orders.items():
        assert small(name).reflections.orbits.group.order == order
    counts = small("icosahedral").reflections.orbits.counts
    assert counts["real"] > 0
    assert counts["complex"] > 0
    assert small("centred").reflections.orbits.counts["complex"] == 0


def test_the_icosahedral_model_has_no_centre():
    """No choice of origin among the two centred positions makes its phases real."""
    made = small("icosahedral")
    for half in (np.zeros(6), np.full(6, 0.5)):
        F = made.F * np.exp(-2j * np.pi * (made.reflections.k @ half))
        assert np.abs(np.imag(F)).sum() > 0.1 * np.abs(F).sum()


def test_homometric_partner_has_the_same_moduli():
    made = small("2d")
    k = made.reflections.k
    angle = 2 * np.pi * np.arange(3) / 3
    star = np.stack([np.cos(angle), np.sin(angle)], axis=1)

    def deltas(sign):
        points = (0.2618033 * star[:, None] + sign * 0.1 * star).reshape(-1, 2)
        return np.exp(2j * np.pi * (k @ points.T)).sum(axis=1)

    np.testing.assert_allclose(made.F, deltas(-1), atol=1e-9)
    np.testing.assert_allclose(np.abs(made.F), np.abs(deltas(+1)), atol=1e-9)
    assert np.abs(made.F - deltas(+1)).max() > 1.0
    full = model("2d").reflections
    assert len(full.k) == 1404
    assert full.q_parallel.max() < 30


def test_modulation_is_that_of_jacobi_and_anger():
    """One atom, u sin + v cos: F(h, m) = f exp(2 pi i h.x) J_{-m}(|z|) exp(-i m arg), z complex."""
    points = _points_of(SMALL["modulated"])
    made = small("modulated")
    space, group = made.reflections.space, SpaceGroup.from_generators(["x1,x2,x3,x4"])
    k = made.reflections.k[:300]
    q = np.array([0.0, 0.4142, 0.0])
    total = np.zeros(len(k), dtype=complex)
    for number, x, u, v in _models._MODULATED:
        wave = 2 * np.pi * (k[:, :3] + k[:, 3:] * q)
        sin, cos = wave @ np.array(u), wave @ np.array(v)
        # sin sin(t) + cos cos(t) = z sin(t + phi)
        z, phi, m = np.hypot(sin, cos), np.arctan2(cos, sin), k[:, 3]
        main = np.exp(2j * np.pi * (k[:, :3] @ np.array(x)))
        total += number * main * special.jv(-m, z) * np.exp(-1j * m * phi)
    F = structure_factors_of(points, k, space, group)
    np.testing.assert_allclose(F, total, atol=1e-11 * np.abs(total).max())
    assert (np.abs(made.reflections.k[:, 3]) == 2).any()


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_ball_transform_is_the_integral_over_a_ball(dimension):
    x = np.array([0.0, 1e-3, 0.0099, 0.0101, 0.5, 3.0, 11.0])

    def slices(height):  # area of the slice of a unit ball, relative
        return (1 - height**2) ** ((dimension - 1) / 2)

    whole = integrate.quad(slices, 0, 1)[0]
    direct = [integrate.quad(lambda h, t=t: slices(h) * np.cos(t * h), 0, 1)[0] for t in x]
    np.testing.assert_allclose(ball_transform(x, dimension), np.array(direct) / whole, atol=1e-8)
    with pytest.raises(ValueError, match="0 to 3"):
        ball_transform(x, 4)


def test_wave_vectors_within_are_all_and_only_those():
    space = Superspace.icosahedral(5.7)
    found = wave_vectors_within(space, 2.6, 1.0)
    box = np.stack(np.meshgrid(*[np.arange(-4, 5)] * 6, indexing="ij"), axis=-1).reshape(-1, 6)
    inside = np.linalg.norm(space.q_parallel(box), axis=1) <= 2.6
    inside &= np.linalg.norm(space.q_perpendicular(box), axis=1) <= 1.0
    np.testing.assert_array_equal(found, box[inside])
    assert np.abs(found).max() < 4
    # A skewed cell, whose rows need to be reduced.
    skewed = Superspace.periodic(np.array([[3.0, 0, 0], [14.0, 4.0, 0], [-9.0, 21.0, 5.0]]))
    found = wave_vectors_within(skewed, 3.0)
    box = np.stack(np.meshgrid(*[np.arange(-13, 14)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    np.testing.assert_array_equal(found, box[np.linalg.norm(skewed.q_parallel(box), axis=1) <= 3.0])


def test_representatives_are_one_of_each_orbit():
    space = Superspace.icosahedral(5.7)
    group = small("icosahedral").reflections.orbits.group
    k = wave_vectors_within(space, 3.5, 1.2)
    chosen = representatives(k, group)
    images = np.einsum("ni,pij->npj", k[chosen], group.laue_rotations)
    orbits = [np.unique(i, axis=0) for i in images]
    assert sum(map(len, orbits)) == len(k)
    np.testing.assert_array_equal(np.unique(np.concatenate(orbits), axis=0), k)


def test_noise_is_seeded_and_of_the_stated_size():
    exact = small("icosahedral")
    noisy = SMALL["icosahedral"](noise=0.1, seed=3)
    again = SMALL["icosahedral"](noise=0.1, seed=3)
    np.testing.assert_array_equal(noisy.reflections.intensity, again.reflections.intensity)
    np.testing.assert_array_equal(noisy.reflections.k, exact.reflections.k)
    np.testing.assert_array_equal(noisy.F, exact.F)
    pull = (noisy.reflections.intensity - exact.reflections.intensity) / noisy.reflections.sigma
    assert 0.85 < pull.std() < 1.15
    assert (noisy.reflections.sigma >= 0.1 * exact.reflections.intensity).all()


def test_models_stay_inside_their_limits():
    r = small("decagonal").reflections
    assert r.q_parallel.max() <= 6.0
    assert r.q_perpendicular.max() <= 2.5
    assert r.intensity.min() > 1e-4 * r.intensity.max()


def test_points_on_symmetry_elements_and_their_weights():
    group = SpaceGroup.find("P -1")
    k = np.array([[1, 0, 0], [2, 1, 3]])
    general = Points(np.array([[0.1, 0.2, 0.3]]), 2.0).sum(k, group)
    np.testing.assert_allclose(general, 4 * np.cos(2 * np.pi * k @ [0.1, 0.2, 0.3]), atol=1e-12)
    np.testing.assert_allclose(Points(np.zeros((1, 3))).sum(k, group), 2.0)


def test_bad_input():
    space = Superspace.icosahedral(5.7)
    with pytest.raises(ValueError, match="q_perpendicular"):
        wave_vectors_within(space, 3.0)
    with pytest.raises(ValueError, match="positive"):
        wave_vectors_within(space, -3.0, 1.0)
    with pytest.raises(ValueError, match="dense"):
        wave_vectors_within(Superspace.from_matrices(space.parallel), 3.0)
    with pytest.raises(ValueError, match="noise"):
        SMALL["icosahedral"](noise=-1.0)
    with pytest.raises(ValueError, match="none"):
        model("icosahedral", q_max=(0.1, 0.1))
    crystal = prototype("alpha-quartz")
    with pytest.raises(ValueError, match="brings its own"):
        crystal_model(crystal, 1.0, group="P 1")
    with pytest.raises(ValueError, match="symmetries of the atoms"):
        crystal_model(crystal.expand(), 1.0, group=180)
    assert crystal_model(crystal.expand(), 1.2).reflections.orbits.group.order == 1
