"""The programs that a user writes first, as they stand in the documentation of the package."""

import warnings

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtal as jxt


@pytest.fixture
def quartz():
    return jxt.prototype("alpha-quartz")


@pytest.fixture
def beta():
    return jxt.prototype("beta-quartz")


SMALL = {"n_max": 4, "l_max": 4, "q_max": 5.0}


class TestDescribe:
    def test_print(self, quartz, tmp_path):
        jxt.io.write_cif(quartz, tmp_path / "quartz.cif")
        again = jxt.io.read(tmp_path / "quartz.cif")
        assert str(again) == ("P 32 2 1 (154): Si 3a, O 6c; a 4.916, c 5.405 A; 6 free parameters")

    def test_distances_of_crystals(self, quartz, beta):
        assert float(jxt.distance(quartz, quartz)) == 0
        assert float(jxt.distance(quartz, beta)) > 0
        a, b = jxt.describe(quartz), jxt.describe(beta)
        assert float(jxt.distance(a, b)) == pytest.approx(float(jxt.distance(quartz, beta)))

    def test_specification_plan_gradient(self, quartz, beta):
        spectrum = jxt.Descriptor(**SMALL)
        assert spectrum(quartz).power_spectrum.shape == (4, 5)
        plan = spectrum.plan([quartz, beta], max_stretch=1.3)
        gradient = eqx.filter_grad(lambda c: plan(c).power_spectrum.sum())(quartz)
        assert np.all(np.isfinite(gradient.lattice_parameters))
        assert np.any(np.asarray(gradient.site_parameters) != 0)

    @pytest.mark.parametrize(
        "specification",
        [
            jxt.Descriptor(**SMALL),
            jxt.PowerSpectrum(**SMALL),
            jxt.RadialDistribution(21, space=jxt.diffraction.ReciprocalSpace(q_max=5.0)),
            jxt.diffraction.ReciprocalSpace(q_max=5.0),
            jxt.descriptors.PairDistribution(r_max=4.0, n_bins=20),
            jxt.diffraction.PowderPattern(limits=(20, 60), n_points=401),
            jxt.CrystalMetric(4, 4, 12.0),
        ],
        ids=lambda s: type(s).__name__,
    )
    def test_every_specification_takes_every_kind_of_crystal(self, specification, quartz):
        kinds = quartz, quartz.expand(), quartz.to_ase()
        arrays = [
            np.concatenate([np.ravel(x) for x in jax.tree.leaves(specification(one))])
            for one in kinds
        ]
        for found in arrays[1:]:
            np.testing.assert_allclose(found, arrays[0], rtol=1e-4, atol=1e-4 * arrays[0].max())
        assert specification(quartz).complete
        assert specification.plan(quartz)(quartz).complete
        with pytest.raises(ValueError, match=r"expected .*got"):
            specification("alpha-quartz")


class TestReconstruct:
    def test_from_what_describe_makes(self, quartz):
        target = jxt.describe(quartz, jxt.Descriptor(**SMALL))
        found = jxt.reconstruct.from_descriptor(target, like=quartz, starts=8, progress=False)
        assert found.success
        assert "converged" in found.message
        assert jxt.crystal.match_crystals(found.best, quartz).rmsd < 0.02
        assert str(found).count("\n") <= 2


class TestMany:
    def test_fingerprints(self, quartz, beta):
        vectors = jxt.fingerprints([quartz, beta, quartz])
        rows, apart = vectors.nearest(k=2)
        assert rows.shape == apart.shape == (3, 2)
        assert vectors.groups().tolist() == [0, 1, 0]

    def test_batches(self, quartz, beta):
        batch = jxt.crystal.CrystalBatch.from_crystals([quartz, beta])
        assert len(list(batch)) == 2
        assert batch[0].frac_coords.shape == batch.frac_coords[0].shape

    def test_loss(self, quartz, beta):
        batch = jxt.crystal.CrystalBatch.from_crystals([quartz, beta])
        loss = jxt.losses.MetricLoss([quartz, beta], n_max=4, l_max=4, q_max=12.0, max_stretch=1.5)
        targets = loss.represent(batch)
        rows = jnp.array([1, 0])
        values, fits = loss(batch, targets[rows])
        assert values.shape == fits.shape == (2,)
        again, _ = loss(batch, targets[[1, 0]])  # a list takes rows as well
        np.testing.assert_array_equal(again, values)
        assert np.all(np.asarray(values) > 0)

        @jax.jit
        @jax.grad
        def step(matrix, batch, targets):
            values, _ = loss(eqx.tree_at(lambda b: b.matrix, batch, matrix), targets)
            return values.mean()

        assert np.all(np.isfinite(step(batch.matrix, batch, targets[rows])))


class TestMeasured:
    @pytest.mark.slow
    def test_phase(self):
        model = jxt.phasing.model("laves")
        phased = jxt.phase(model.reflections, starts=2, progress=False)
        assert phased.families
        assert phased.message
        assert str(phased).count("\n") <= 2
        assert len(phased.density.peaks(limit=3).height) == 3
        assert phased.density.section(((1, 0, 0), (0, 1, 0))).values.ndim == 2

    def test_a_quasicrystal_by_names(self):
        space = jxt.Superspace.icosahedral(5.689)
        k = np.array([[2, 1, 1, 1, 1, 1], [2, 2, 1, 0, 0, 1]])
        found = jxt.Reflections.from_arrays(space, "icosahedral P235", k, np.array([1.0, 2.0]))
        assert len(found) == 2

    def test_a_basis(self):
        basis = jxt.StarBasis("I a -3 d", mesh=(16, 16, 16), cell=("cubic", [3.5]))
        assert basis.n_basis > 10
        assert str(basis).count("\n") <= 2


def test_everything_prints_in_three_lines(quartz):
    batch = jxt.crystal.CrystalBatch.from_crystals([quartz])
    field = jxt.fields.PeriodicField.from_arrays(np.zeros((1, 4, 4, 4)), "cubic", [3.0])
    described = jxt.describe(quartz, jxt.Descriptor(**SMALL))
    for one in (quartz, quartz.expand(), batch, field, described):
        for text in (str(one), repr(one)):
            assert text.count("\n") <= 2
            assert len(text) < 300


def test_nothing_warns(quartz):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        jxt.describe(quartz, jxt.Descriptor(**SMALL))
