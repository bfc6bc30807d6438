"""Descriptors: the same crystal written otherwise, presets, distances, `describe`."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cells import SHEAR, finite, in_cell, moved, relative, resized, rotation, stored
from tolerances import TOLERANCES

from jaxtal._core import CompileClock, specification_from_json
from jaxtal.crystal import Crystal, CrystalBatch, diamond_settings, prototype
from jaxtal.descriptors import (
    AbstractRadialBasis,
    ChebyshevBasis,
    Description,
    Descriptor,
    PairDistribution,
    PowerSpectrum,
    RadialDistribution,
    SphericalBesselBasis,
    describe,
    preset,
)
from jaxtal.descriptors.compat import GaussianBasis, PaperBesselBasis, RecpDescriptor
from jaxtal.diffraction import PowderPattern, ReciprocalSpace
from jaxtal.metric import distance, rdf_distance, relative_distance

SMALL = Descriptor(8, 10, 5.0, n_bins=41)


def variants(crystal: Crystal, rng):
    for i in range(3):
        yield f"translation {i}", moved(crystal, shift=rng.uniform(-3, 3, 3))
        yield f"rotation {i}", moved(crystal, turn=rotation(rng))
    yield "both", moved(crystal, turn=rotation(rng), shift=rng.uniform(-3, 3, 3))
    for cells in ((2, 1, 1), (1, 2, 2), (1, 1, 3), (3, 3, 1)):
        yield f"supercell {cells}", in_cell(crystal, np.diag(cells))
    yield "sheared", in_cell(crystal, SHEAR)
    yield "sheared and turned", moved(in_cell(crystal, SHEAR.T), turn=rotation(rng))
    yield "other axes", in_cell(crystal, [[0, 1, 0], [0, 0, 1], [1, 0, 0]])
    yield "left-handed", in_cell(crystal, [[0, 1, 0], [1, 0, 0], [0, 0, 1]])


def check(dtype, uniform, crystals, species):
    """Every crystal of a list of (name, crystal) has the description of the first."""
    limit = TOLERANCES[dtype]["invariance"]
    expected, worst = None, [0.0, 0.0]
    for name, crystal in crystals:
        crystal = resized(crystal, 88)
        found = uniform(SMALL.plan(crystal), 2048, species)(crystal)
        assert found.power_spectrum.dtype == dtype
        assert bool(found.complete), name
        expected = found if expected is None else expected
        errors = (
            relative(found.power_spectrum, expected.power_spectrum),
            relative(found.rdf, expected.rdf),
        )
        assert max(errors) < limit, name
        worst = np.maximum(worst, errors)
    print(f"\n{dtype}: worst relative difference of P {worst[0]:.1e}, of G {worst[1]:.1e}")


@pytest.mark.parametrize("name", ["alpha-quartz", "coesite-like"])
def test_the_same_crystal_in_other_cells(dtype, rng, uniform, name):
    crystal = stored("alpha-quartz")
    if name == "coesite-like":  # no symmetry at all
        frac = crystal.frac_coords + jnp.asarray(0.04 * rng.standard_normal((9, 3)), dtype)
        crystal = eqx.tree_at(lambda c: c.frac_coords, crystal, frac)
    check(dtype, uniform, [("as is", crystal), *variants(crystal, rng)], 2)


def test_diamond_in_twelve_groups_and_primitive_cells(dtype, rng, uniform):
    settings = diamond_settings()
    assert len(settings) == 12
    crystals = [(f"group {n}", c.expand()) for n, c in settings.items()]
    face_centred = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2
    primitive = Crystal.from_arrays(
        3.567 * face_centred, [[0.1, 0.2, 0.3], [0.35, 0.45, 0.55]], [6, 6]
    )
    crystals.append(("primitive", primitive))
    check(dtype, uniform, [*crystals, *variants(primitive, rng)], 2)


@pytest.mark.slow
def test_supercells_of_every_kind_of_intensity(x64):
    # Neutrons have their own normalisation; displacement factors go through the direct sum.
    crystal = prototype("rutile").expand()
    crystal = eqx.tree_at(lambda c: c.u_iso, crystal, 0.01 * jnp.arange(1.0, 7.0))
    doubled = in_cell(crystal, np.diag([1, 1, 2]))
    doubled = eqx.tree_at(lambda c: c.u_iso, doubled, jnp.repeat(crystal.u_iso, 2))
    for options in ({"kind": "neutron"}, {"kind": "electron", "displacements": True}):
        descriptor = Descriptor(4, 4, space=ReciprocalSpace(q_max=5.0, **options), n_bins=21)
        one, other = (descriptor.plan(c)(c) for c in (crystal, doubled))
        assert relative(other.power_spectrum, one.power_spectrum) < 1e-11
        assert relative(other.rdf, one.rdf) < 1e-11


def test_mirror_images_and_homometric_pairs_agree(x64):
    # |F|^2 sees neither the hand nor the difference of these one-dimensional sets.
    quartz = stored("alpha-quartz")
    mirrored = eqx.tree_at(lambda c: c.frac_coords, quartz, -quartz.frac_coords)
    plan = SMALL.plan(quartz)
    one, other = plan(quartz), plan(mirrored)
    assert relative(other.power_spectrum, one.power_spectrum) < 1e-13

    def chain(places):
        frac = [[x / 8, 0, 0] for x in places]
        return Crystal.from_arrays(np.diag([12.0, 3.0, 3.5]), frac, [14] * 4)

    one, other = (describe(chain(p), SMALL) for p in ((0, 1, 3, 4), (0, 1, 2, 5)))
    assert float(relative_distance(one, other)) < 1e-12
    assert float(rdf_distance(one, other)) < 1e-12


def test_presets():
    default, paper, recp = (preset(name, 4, 4, 5.0) for name in ("default", "paper", "recp"))
    assert default == Descriptor(4, 4, 5.0)
    assert isinstance(paper, Descriptor)
    assert isinstance(paper.radial, PaperBesselBasis)
    assert (paper.space.taper, paper.space.kind, paper.histogram) == ("none", "it92", True)
    assert recp == RecpDescriptor(4, 4, 5.0)
    assert len(set(map(hash, (default, paper, recp)))) == 3
    with pytest.raises(ValueError, match="preset: expected one of default, paper, recp"):
        preset("recipe")
    with pytest.raises(ValueError, match="q_max: expected a positive"):
        preset("recp", q_max=0.0)


def test_specifications_are_values():
    seen = [
        Descriptor(4, 4, 5.0),
        Descriptor(5, 4, 5.0),
        Descriptor(4, 5, 5.0),
        Descriptor(4, 4, 5.5),
        Descriptor(4, 4, 5.0, n_bins=51),
        Descriptor(4, 4, 5.0, histogram=True),
        Descriptor(4, 4, 5.0, radial=PaperBesselBasis()),
        Descriptor(4, 4, space=ReciprocalSpace(5.0, kind="neutron")),
        PowerSpectrum(4, 4, 5.0),
        RadialDistribution(51, 5.0),
        PairDistribution(5.0),
        PowderPattern(1.54, limits=(10, 80), fwhm=(0.1, 0.2, 0.3)),
        RecpDescriptor(),
        RecpDescriptor(norm=True),
    ]
    for one in seen:
        again = specification_from_json(one.to_json())
        assert again == one
        assert hash(again) == hash(one)
        assert one.difference(again) == []
        assert repr(one).startswith(type(one).__name__)
        assert len(repr(one)) < 200
        assert all(bool(one.difference(other)) for other in seen if other is not one)
    assert len(set(seen)) == len(seen)
    assert seen[0].difference(seen[3]) == ["q_max: 5.0 and 5.5"]
    assert seen[0].difference(seen[6]) == ["radial: OrthonormalBasis() and PaperBesselBasis()"]
    other = '{"specification": "Descriptor", "x": 1}'
    for text in ("{", "[]", '{"specification": "Nothing"}', other):
        with pytest.raises(ValueError, match="specification: expected settings as JSON"):
            specification_from_json(text)


def test_recp_descriptor(x64):
    crystal = stored("alpha-quartz")
    descriptor = RecpDescriptor(4, 4, 6.0)
    found = describe(crystal, descriptor)
    plan = descriptor.plan([crystal])
    assert relative(plan(crystal).power_spectrum, found.power_spectrum) < 1e-13
    assert found.rdf.shape == descriptor.rdf_centres.shape == (59,)
    assert 0 < descriptor.rdf_centres[0] < descriptor.rdf_centres[-1] < 6.0
    unknown = plan(stored("rutile", pad_to=9))
    assert not bool(unknown.complete)
    assert finite(unknown)
    both = descriptor([crystal, stored("diamond")])
    assert relative(both[0].rdf, found.rdf) < 1e-13
    with pytest.raises(ValueError, match="crystals: expected one"):
        descriptor.plan([crystal, crystal])


def test_describe_accepts_symmetric_crystals_and_options(x64):
    quartz = prototype("alpha-quartz")
    found = describe(quartz, n_max=3, l_max=2, q_max=4.0, n_bins=21)
    descriptor = Descriptor(3, 2, 4.0, n_bins=21)
    expected = descriptor.plan(quartz)(quartz)
    assert relative(found.power_spectrum, expected.power_spectrum) < 1e-13
    assert relative(found.rdf, expected.rdf) < 1e-13
    assert descriptor.rdf_centres.shape == (21,)


def test_describe_errors():
    crystal = stored("diamond")
    with pytest.raises(ValueError, match="give one only"):
        describe(crystal, SMALL, n_max=3)
    with pytest.raises(ValueError, match="n_max: expected at least 1"):
        describe(crystal, n_max=0)
    with pytest.raises(ValueError, match="l_max: expected at least 0"):
        describe(crystal, l_max=-1)
    with pytest.raises(ValueError, match="q_max: expected a positive"):
        describe(crystal, q_max=-2.0)
    with pytest.raises(ValueError, match="plan on the host first"):
        jax.jit(lambda c: describe(c, SMALL).rdf)(crystal)


def described(P, G) -> Description:
    return Description(jnp.asarray(P), jnp.asarray(G), jnp.asarray(True))


def test_distances(x64, rng):
    P, Q = rng.uniform(size=(2, 4, 5))
    G, H = rng.uniform(size=(2, 7))
    one, other = described(P, G), described(Q, H)
    gap = np.linalg.norm(P - Q)
    assert float(distance(one, other)) == pytest.approx(gap, rel=1e-14)
    scale = np.sqrt((np.sum(P**2) + np.sum(Q**2)) / 2)
    assert float(relative_distance(one, other)) == pytest.approx(gap / scale, rel=1e-14)
    scale = np.sqrt((np.sum(G**2) + np.sum(H**2)) / 2)
    assert float(rdf_distance(one, other)) == pytest.approx(np.linalg.norm(G - H) / scale)
    nothing = described(0 * P, 0 * G)
    assert float(relative_distance(one, nothing)) == pytest.approx(np.sqrt(2))
    for function in (distance, relative_distance, rdf_distance):
        assert float(function(one, one)) == 0
        assert float(function(nothing, nothing)) == 0
        slope = jax.grad(lambda a, f=function: f(described(a[0], a[1]), one))((P, G))
        assert finite(slope)
        slope = jax.grad(lambda a, f=function: f(described(a[0], a[1]), nothing))((0 * P, 0 * G))
        assert finite(slope)


def test_distances_of_different_shapes():
    one = described(np.zeros((4, 5)), np.zeros(7))
    other = described(np.zeros((4, 6)), np.zeros(8))
    for function in (distance, relative_distance, rdf_distance):
        with pytest.raises(ValueError, match="expected equal shapes"):
            function(one, other)


def test_distances_of_different_specifications():
    crystal = prototype("diamond")
    # The same shapes all the same.
    one = describe(crystal, Descriptor(2, 2, 4.0, n_bins=9))
    other = describe(crystal, Descriptor(2, 2, 4.5, n_bins=9))
    for function in (distance, relative_distance, rdf_distance):
        with pytest.raises(ValueError, match=r"equal specifications, got q_max: 4\.0 and 4\.5"):
            function(one, other)
        assert float(jax.jit(function)(one, one)) == 0


def test_distances_of_bare_arrays(x64, rng):
    P, Q = (jnp.asarray(x) for x in rng.uniform(size=(2, 4, 5)))
    G, H = (jnp.asarray(x) for x in rng.uniform(size=(2, 7)))
    one, other = described(P, G), described(Q, H)
    assert distance(P, Q) == distance(one, Q) == distance(one, other)
    assert relative_distance(P, Q) == relative_distance(one, other)
    assert rdf_distance(G, H) == rdf_distance(one, other)


TRACES = []


class Counting(AbstractRadialBasis):
    """Constant radial functions that count how often they are traced."""

    def __call__(self, q, n_max, q_max):
        TRACES.append(q.shape)
        return jnp.ones((n_max, *q.shape), q.dtype)


def test_describing_similar_crystals_compiles_once(rng):
    descriptor = Descriptor(2, 2, 5.0, n_bins=9, radial=Counting())
    frac = np.indices((3, 3, 3)).reshape(3, -1).T / 3
    before = len(TRACES)
    for species in ([14, 8], [6, 8], [22, 8, 26]):
        cell = 9.0 * np.eye(3) * np.array([1.0, 1.1, 1.2])[rng.permutation(3)]
        moved_frac = frac + rng.uniform(-0.05, 0.05, (27, 3))
        describe(Crystal.from_arrays(cell, moved_frac, np.resize(species, 27)), descriptor)
    assert len(TRACES) == before + 1


def test_describing_compiles_nothing():
    clock = CompileClock()
    found = Descriptor(3, 4, 6.0)([prototype("rutile"), prototype("diamond")])
    assert np.asarray(found.complete).all()
    assert clock.seconds == 0


@pytest.mark.parametrize(
    "descriptor",
    [
        SMALL,
        Descriptor(4, 5, 7.0, histogram=True, space=ReciprocalSpace(q_max=7.0, kind="neutron")),
        PowerSpectrum(3, 5, space=ReciprocalSpace(q_max=6.0, wavelength=1.54)),
        *(
            pytest.param(PowerSpectrum(n, 4, 6.0, radial=radial), marks=pytest.mark.slow)
            for n, radial in (
                (12, SphericalBesselBasis()),
                (4, ChebyshevBasis()),
                (4, GaussianBasis()),
            )
        ),
        pytest.param(preset("paper", 5, 4, 6.0), marks=pytest.mark.slow),
        RadialDistribution(31, 6.0),
    ],
    ids=repr,
)
def test_in_numpy_as_compiled(x64, rng, descriptor):
    frac = np.indices((2, 2, 2)).reshape(3, -1).T / 2 + rng.uniform(-0.05, 0.05, (8, 3))
    mixed = Crystal.from_arrays(
        [5.0, 6.1, 14.7, 79.0, 95.0, 112.0],
        frac,
        [8, 8, 14, 14, 26, 26, 26, 1],
        occupancies=rng.uniform(0.2, 1, 8),
        charges=[-2, 0, 0, 4, 2, 3, 0, 0],
    )
    crystals = [mixed, in_cell(mixed, SHEAR), prototype("rutile").expand()]
    if descriptor.space.kind == "it92":
        crystals = crystals[2:]
    assert descriptor.takes_numpy
    for crystal in crystals:
        found, compiled = descriptor(crystal), descriptor.plan(crystal, once=True)(crystal)
        assert bool(found.complete)
        assert bool(compiled.complete)
        for name in ("power_spectrum", "rdf"):
            one, other = getattr(found, name), getattr(compiled, name)
            assert (one is None) == (other is None)
            assert one is None or relative(one, other) < 1e-11


def test_every_kind_of_crystal_and_several():
    quartz = prototype("alpha-quartz")
    kinds = [quartz, quartz.expand(), quartz.to_ase(), quartz.to_host()]
    alone = [SMALL(one) for one in kinds]
    for one in alone:
        assert one.specification == SMALL
        assert one.complete.shape == ()
        assert relative(one.power_spectrum, alone[0].power_spectrum) < 1e-5
    together = SMALL(kinds)
    assert together.rdf.shape == (4, 41)
    assert relative(together.rdf[2], alone[0].rdf) < 1e-5
    plan = SMALL.plan(kinds)
    assert relative(plan(kinds).rdf, together.rdf) < 1e-5
    batch = CrystalBatch.from_crystals([quartz, prototype("rutile")])
    assert relative(SMALL(batch).rdf[0], alone[0].rdf) < 1e-5
    assert SMALL(batch)[1].power_spectrum.shape == (8, 11)
    assert repr(together) == (
        "Description of (4,) crystals: power spectrum (8, 11), radial distribution (41,)\n"
        f"  {SMALL!r}"
    )
    with pytest.raises(ValueError, match=r"expected a Crystal.*jxt\.prototype\('quartz'\)"):
        SMALL("quartz")


def test_the_parts_alone():
    quartz = prototype("alpha-quartz")
    both = SMALL(quartz)
    P, G = SMALL.spectrum(quartz), SMALL.distribution(quartz)
    assert P.rdf is None
    assert G.power_spectrum is None
    assert relative(P.power_spectrum, both.power_spectrum) < 1e-6
    assert relative(G.rdf, both.rdf) < 1e-6


def test_distances_of_crystals():
    quartz, beta = prototype("alpha-quartz"), prototype("beta-quartz")
    a, b = describe(quartz), describe(beta)
    assert float(distance(quartz, beta)) == pytest.approx(float(distance(a, b)), rel=1e-5)
    assert float(distance(quartz, b)) == pytest.approx(float(distance(a, b)), rel=1e-5)
    small = describe(quartz, SMALL)
    expected = float(rdf_distance(small, describe(beta, SMALL)))
    assert float(rdf_distance(small, beta)) == pytest.approx(expected, rel=1e-5)
    with pytest.raises(ValueError, match="expected crystals, descriptions, fingerprints or arrays"):
        distance(quartz, "beta")
    with pytest.raises(ValueError, match="with a rdf, got one without"):
        rdf_distance(quartz, SMALL.spectrum(beta))


def test_gradients_through_a_plan_are_those_of_the_parameters():
    quartz = prototype("alpha-quartz")
    plan = SMALL.plan([quartz, prototype("beta-quartz")], max_stretch=1.3)
    slope = eqx.filter_grad(lambda c: jnp.sum(plan(c).power_spectrum))(quartz)
    assert slope.lattice_parameters.shape == (2,)
    assert finite(slope.lattice_parameters)
    assert float(jnp.max(jnp.abs(slope.site_parameters))) > 0
