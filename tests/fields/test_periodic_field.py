"""The container: what it checks, what it delegates, how it goes through transformations."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxtal.density import Plane
from jaxtal.fields import Mesh, PeriodicField, ResamplePlan, gradient
from jaxtal.lattice import BravaisLattice, Lattice
from jaxtal.symmetry import SpaceGroup


@pytest.fixture
def gyroid():
    """The gyroid's first wave, in I a -3 d, and its square, on a mesh that admits the group."""
    x = 2 * np.pi * np.moveaxis(Mesh((8, 8, 8)).points(), -1, 0)
    s, c = np.sin(x), np.cos(x)
    wave = sum(s[i] * c[(i + 1) % 3] for i in range(3))
    return PeriodicField.from_arrays(
        np.stack([wave**2, 0 * wave + 1.5]), "cubic", [3.0], "I a -3 d"
    )


def test_what_it_holds(x64, gyroid):
    assert gyroid.n_fields == 2
    assert gyroid.mesh == Mesh((8, 8, 8))
    assert gyroid.bravais == BravaisLattice.find("cubic", 3)
    assert gyroid.group == SpaceGroup.find(230)
    np.testing.assert_allclose(gyroid.lattice.matrix, 3.0 * np.eye(3))
    np.testing.assert_allclose(gyroid.host_matrix(), 3.0 * np.eye(3))
    half = gyroid.waves()
    assert half.shape == (2, 8, 8, 5)
    np.testing.assert_allclose(half[:, 0, 0, 0], np.mean(gyroid.values, axis=(1, 2, 3)))
    doubled = gyroid.scaled(2.0)
    np.testing.assert_allclose(doubled.values, 2 * gyroid.values)
    np.testing.assert_allclose(gyroid.scaled([1.0, 3.0]).values[1], 4.5)
    assert doubled.group == gyroid.group


def test_one_field_and_dtypes(x32, rng):
    square = BravaisLattice.find("square", 2)
    one = PeriodicField.from_arrays(rng.normal(size=(4, 5)), square, 2.0)
    assert one.values.shape == (1, 4, 5)
    assert one.values.dtype == one.parameters.dtype == jnp.float32
    named = PeriodicField.from_arrays(one.values[0], " Square", 2.0)
    assert named.values.shape == (1, 4, 5)
    with jax.enable_x64(True):
        low = PeriodicField.from_arrays(jnp.ones((4, 5), jnp.float32), square, [2.0])
        assert low.values.dtype == low.parameters.dtype == jnp.float32
        assert PeriodicField.from_arrays(np.ones((4, 5)), square, 2.0).values.dtype == jnp.float64
        half = PeriodicField.from_arrays(np.ones((4, 5)), square, 2.0, dtype=jnp.float32)
        assert half.values.dtype == jnp.float32


def test_a_cell_by_its_matrix(x64, rng):
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    hexagonal = BravaisLattice.find("hexagonal", 3).host_matrix([1.5, 2.5])
    for given in (hexagonal @ turn, Lattice.from_matrix(hexagonal)):
        field = PeriodicField.from_lattice(np.ones((6, 6, 4)), given, "P 6/m m m")
        assert field.bravais.name == "hexagonal"
        np.testing.assert_allclose(field.parameters, [1.5, 2.5])
    plane = PeriodicField.from_lattice(np.ones((6, 6)), hexagonal[:2, :2], "p 6 m m")
    assert plane.group is not None
    assert plane.group.dimension == 2


def test_methods_are_the_functions(x64, gyroid, rng):
    waves = gyroid.wave_plan()
    expected = gradient(gyroid.values[0], gyroid.lattice, waves)
    np.testing.assert_allclose(gyroid.gradient()[0], expected, atol=1e-14)
    np.testing.assert_allclose(gyroid.gradient(waves)[1], 0.0, atol=1e-13)
    np.testing.assert_allclose(gyroid.laplacian()[0].mean(), 0.0, atol=1e-12)
    nodes = gyroid.mesh.points()
    np.testing.assert_allclose(gyroid.at(nodes)[..., 0], gyroid.values[0], atol=1e-13)
    fine = gyroid.resample((12, 12, 12))
    assert fine.group == gyroid.group
    np.testing.assert_allclose(fine.values[1], 1.5, atol=1e-13)
    np.testing.assert_allclose(fine.resample((8, 8, 8)).values, gyroid.values, atol=1e-13)
    plan = ResamplePlan.build(gyroid.mesh, fine.mesh, gyroid.host_matrix())
    np.testing.assert_allclose(gyroid.resample((12, 12, 12), plan).values, fine.values)
    shown = gyroid.section(Plane.rational([1, 0, 0], [0, 1, 0]), 0, (8, 8))
    np.testing.assert_allclose(shown.values, gyroid.values[0, :, :, 0], atol=1e-13)


def test_peaks_of_a_field(x64, gyroid):
    density = gyroid.density(0)
    peaks = density.peaks(grid=gyroid.mesh.grid(), group=gyroid.group, above=0.9)
    # (sum sin cos)^2 is largest, 2.25, at the nodes of the two networks: 16 b of I a -3 d.
    np.testing.assert_allclose(peaks.position, [[0.125, 0.125, 0.125]], atol=1e-6)
    np.testing.assert_allclose(peaks.height, [2.25], rtol=1e-9)
    assert peaks.multiplicity.tolist() == [16]


def test_through_jit_grad_and_vmap(x64, gyroid):
    waves = gyroid.wave_plan()
    traces = []

    @eqx.filter_jit
    def energy(field, waves):
        traces.append(1)
        slopes = field.gradient(waves)
        return jnp.mean(jnp.sum(slopes * slopes, axis=-1)) * field.lattice.volume

    # |grad|^2 V is proportional to a.
    value, slope = eqx.filter_value_and_grad(energy)(gyroid, waves)
    np.testing.assert_allclose(slope.parameters, value / 3.0, rtol=1e-12)
    assert slope.values.shape == gyroid.values.shape
    assert slope.group == gyroid.group
    traced = len(traces)
    for factor in (2.0, 3.0):
        np.testing.assert_allclose(energy(gyroid.scaled(factor), waves), factor**2 * value)
    assert len(traces) == traced
    several = jax.tree.map(lambda x: jnp.stack([x, 2 * x]), gyroid)
    mapped = eqx.filter_vmap(energy, in_axes=(0, None))(several, waves)
    np.testing.assert_allclose(mapped, [value, 8 * value])
    with pytest.raises(ValueError, match="build the plan outside"):
        eqx.filter_jit(lambda f: f.gradient())(gyroid)


def test_what_is_refused(gyroid):
    def made(values=None, name="cubic", cell=3.0, group=None):
        values = np.ones((1, 8, 8, 8)) if values is None else values
        return PeriodicField.from_arrays(values, name, cell, group)

    bad = np.ones((1, 8, 8, 8))
    bad[0, 1, 2, 3] = np.nan
    with pytest.raises(ValueError, match=r"values\[0, 1, 2, 3\]: expected a finite number"):
        made(bad)
    with pytest.raises(ValueError, match="got complex ones"):
        made(bad + 1j)
    with pytest.raises(ValueError, match="in 3 dimensions on a cubic lattice"):
        made(np.ones((8, 8)), BravaisLattice.find("cubic", 3))
    with pytest.raises(ValueError, match="among"):
        made(name="cube")
    with pytest.raises(ValueError, match="positive length a"):
        made(cell=-3.0)
    with pytest.raises(ValueError, match="1 "):
        made(cell=[3.0, 4.0])
    with pytest.raises(ValueError, match="12 x 12 x 12 would do"):
        made(np.ones((1, 9, 9, 9)), group="I a -3 d")
    with pytest.raises(ValueError, match="does not fit space group"):
        made(name="tetragonal", cell=[3.0, 4.0], group="I a -3 d")
    with pytest.raises(ValueError, match="expected one in 3 dimensions"):
        made(group=SpaceGroup.find("p 6 m m", dimension=2))
    with pytest.raises(ValueError, match="would do"):
        gyroid.resample((9, 9, 9))
    with pytest.raises(ValueError, match="plan: expected one for mesh"):
        gyroid.resample((12, 12, 12), ResamplePlan.build(gyroid.mesh, gyroid.mesh, 3 * np.eye(3)))
    with pytest.raises(ValueError, match="right-handed"):
        PeriodicField.from_lattice(np.ones((1, 4, 4, 4)), -np.eye(3))
