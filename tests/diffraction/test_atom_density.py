"""Densities from atoms: PSCF's input densities, real space against reciprocal space, symmetry."""

import functools
import json

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cells import finite
from pscf_cases import ATOMS, cell_of, reference, table_after

from jaxtal.crystal import Crystal, WyckoffCrystal
from jaxtal.diffraction import AtomDensity, field_from_crystal, gaussian_density, structure_factors
from jaxtal.diffraction._gaussian_density import gaussian_images
from jaxtal.fields import Mesh, Waves
from jaxtal.lattice import BravaisLattice, Lattice
from jaxtal.scattering import FormFactors
from jaxtal.symmetry import pscf_group


@pytest.fixture
def quartz():
    return WyckoffCrystal.build(
        "P 32 2 1",
        [4.913, 5.405],
        [("Si", "3a", (0.4697, 0, 2 / 3)), ("O", "6c", (0.4135, 0.2669, 0.7858))],
        u_iso=[0.007, 0.012],
    )


def orbit(group, x):
    """Distinct images of a point modulo lattice translations."""
    images = np.array([op(np.array(x)) for op in group.operations]) % 1
    apart = images[:, None] - images[None]
    apart -= np.round(apart)
    return images[(np.abs(apart) < 1e-9).all(axis=-1).argmax(axis=1) == np.arange(len(images))]


@pytest.mark.parametrize("case", ATOMS)
def test_gaussians_against_reference_densities(x64, data_dir, case):
    made = json.loads(reference(data_dir, case, "atoms.json").read_text())
    sizes = made["mesh"]
    D = len(sizes)
    bravais, cell = cell_of([made["lattice"], *made["cell"]], D)
    group = pscf_group(made["group"], D)
    rows = []
    for site in made["asymmetric_unit"]:
        points = orbit(group, site["x"])
        assert len(points) == site["multiplicity"]
        rows += [[site["field"], site["amplitude"], site["sigma"], *x] for x in points]
    field, amplitude, sigma, *x = np.array(rows).T
    columns = table_after("mesh", reference(data_dir, case, "density_in.rf")).T
    lattice, x, sigma = bravais.lattice(cell), jnp.asarray(np.stack(x, axis=1)), jnp.asarray(sigma)
    for i, column in enumerate(columns):
        # Atoms of the other field have no height, so that one program serves both.
        heights = jnp.asarray(np.where(field == i, amplitude, 0.0))
        density = gaussian_density(Mesh(sizes), lattice, x, heights, sigma)
        expected = np.reshape(column, sizes, order="F")
        np.testing.assert_allclose(density, expected, atol=1e-13)


@pytest.mark.parametrize(
    ("name", "cell", "sizes"),
    [("lamellar", [1.2], (40,)), ("oblique", [1.1, 1.4, 65.0], (32, 40)), (None, [], (14,) * 4)],
)
def test_gaussians_against_their_fourier_series(x64, rng, name, cell, sizes):
    D, mesh = len(sizes), Mesh(sizes)
    matrix = BravaisLattice.find(name, D).host_matrix(cell) if name else 1.1 * np.eye(D)
    lattice = Lattice.from_matrix(matrix)
    x, height = rng.normal(size=(3, D)), rng.normal(size=3)
    sigma = np.array([0.13, 0.15, 0.2]) if D < 4 else np.array([0.26, 0.28, 0.3])
    found = gaussian_density(mesh, lattice, *map(jnp.asarray, (x, height, sigma)))
    # Waves from twice the mesh, which fold onto the nodes as they must.
    wide = Mesh(tuple(2 * n for n in sizes)) if D < 4 else mesh
    n = wide.indices() - np.array(wide.sizes) // 2
    G = n @ (2 * np.pi * np.linalg.inv(matrix).T)
    size = height * (2 * np.pi) ** (D / 2) * sigma**D / np.linalg.det(matrix)
    decay = np.exp(-0.5 * sigma**2 * (G * G).sum(axis=1)[:, None])
    c = np.sum(size * decay * np.exp(-2j * np.pi * n @ x.T), axis=1)
    waves = np.zeros(mesh.size, complex)
    np.add.at(waves, mesh.ranks(n), c)
    expected = np.fft.ifftn(waves.reshape(sizes), norm="forward").real
    tolerance = 1e-12 if D < 4 else 1e-6  # the small mesh leaves waves out
    np.testing.assert_allclose(found, expected, atol=tolerance)


def test_gaussians_are_differentiable_and_follow_the_type(x64, rng):
    mesh, bravais = Mesh((6, 5)), BravaisLattice.find("oblique", 2)
    cell, x = jnp.array([1.1, 1.4, 65.0]), jnp.asarray(rng.random((2, 2)))
    height, sigma = jnp.array([1.0, 0.5]), jnp.array([0.2, 0.15])
    images = jnp.asarray(gaussian_images(bravais.host_matrix(np.asarray(cell)), sigma))
    weight = jnp.asarray(rng.normal(size=mesh.sizes))

    @jax.jit
    @functools.partial(jax.value_and_grad, argnums=(0, 1, 2, 3))
    def scalar(cell, x, height, sigma):
        density = gaussian_density(mesh, bravais.lattice(cell), x, height, sigma, images)
        return jnp.sum(weight * density)

    at = (cell, x, height, sigma)
    slopes = scalar(*at)[1]
    for i in range(4):
        step = 1e-4 * rng.normal(size=at[i].shape)

        def moved(t, i=i, step=step):
            return float(scalar(*(a + t * step if j == i else a for j, a in enumerate(at)))[0])

        change = (8 * (moved(1) - moved(-1)) - (moved(2) - moved(-2))) / 12
        assert change == pytest.approx(float(jnp.sum(slopes[i] * step)), rel=1e-7)
    low = [a.astype(jnp.float32) for a in at]
    found = gaussian_density(mesh, Lattice(bravais.matrix(low[0])), *low[1:])
    assert found.dtype == jnp.float32
    exact = gaussian_density(mesh, bravais.lattice(cell), *at[1:])
    np.testing.assert_allclose(found, exact, atol=1e-5)


def test_no_atoms_and_whole_numbers(x32):
    mesh, lattice = Mesh((4, 3)), Lattice.from_matrix(np.diag([1.0, 1.3]))
    none = jnp.zeros(0)
    empty = gaussian_density(mesh, lattice, jnp.zeros((0, 2)), none, none)
    np.testing.assert_array_equal(empty, np.zeros(mesh.sizes))
    assert gaussian_images(lattice, none).shape == (0, 2)
    whole = gaussian_density((4, 3), lattice, jnp.array([[0, 1]]), jnp.array([2]), jnp.array([1]))
    assert whole.dtype == jnp.float32
    at, one = jnp.array([[0.0, 1.0]]), jnp.ones(1)
    np.testing.assert_array_equal(whole, gaussian_density(mesh, lattice, at, 2 * one, one))


@pytest.mark.parametrize("displacements", [True, False])
def test_density_is_the_series_of_structure_factors(x64, quartz, displacements):
    mesh, crystal = Mesh((7, 7, 9)), quartz.expand()
    plan = AtomDensity(mesh, displacements=displacements).plan(quartz)
    assert (plan.box_index is None) == displacements
    rho = plan(quartz).values
    assert rho.shape == mesh.sizes
    waves = Waves.build(mesh, crystal.lattice)
    k = np.asarray(waves.aliases)
    F = eqx.filter_jit(structure_factors)(
        crystal, waves.aliases, plan.form_factors, displacements=displacements
    )
    slot, share = np.asarray(waves.slot), np.asarray(waves.share)
    weight = share * mesh.half_weights().reshape(-1)[slot]
    turns = np.exp(-2j * np.pi * mesh.points() @ k.T)
    expected = np.real(turns @ (np.asarray(F) * weight)) / float(crystal.volume)
    np.testing.assert_allclose(rho, expected, atol=1e-11)


def test_electrons_symmetry_and_group(x64, quartz):
    field = field_from_crystal(quartz, (12, 12, 18), kind="recp", blur=0.02)
    rho = np.asarray(field.values[0])
    # The table "recp" has f(0) = Z exactly: three formula units of 14 + 2 * 8 electrons.
    assert rho.mean() * float(quartz.lattice.volume) == pytest.approx(90.0, rel=1e-12)
    assert field.group == quartz.group
    assert field.bravais.name == "hexagonal"
    np.testing.assert_allclose(field.parameters, [4.913, 5.405])
    nodes, N = field.mesh.points().reshape(-1, 3), np.array(field.mesh.sizes)
    for op in quartz.group.operations:
        image = np.rint(op(nodes) * N).astype(int) % N
        np.testing.assert_allclose(rho[tuple(image.T)], rho.reshape(-1), atol=1e-11)
    # Silicon is the highest point.
    top = nodes[rho.argmax()]
    silicon = np.asarray(quartz.expand().frac_coords[:3])
    apart = (top - silicon - np.round(top - silicon)) @ np.asarray(quartz.lattice.matrix)
    assert np.linalg.norm(apart, axis=1).min() < 0.4


def test_float32_has_the_symmetry_too(x32, quartz):
    assert quartz.lattice_parameters.dtype == jnp.float32
    for crystal in (quartz, quartz.expand()):
        field = field_from_crystal(crystal, (12, 12, 12), displacements=False)
        assert field.values.dtype == jnp.float32
        rho = np.asarray(field.values[0])
        nodes = field.mesh.points().reshape(-1, 3)
        for op in quartz.group.operations:
            image = np.rint(op(nodes) * 12).astype(int) % 12
            error = np.abs(rho[tuple(image.T)] - rho.reshape(-1)).max()
            assert error < 2e-5 * rho.max()
    assert field.group is None


def test_one_atom_is_its_gaussians_in_real_space(x64):
    # f(s) = c + sum a exp(-b s^2) and exp(-8 pi^2 U s^2) are Gaussians of width b / 8 pi^2 + U.
    cell, mesh, U = (
        np.array([[3.0, 0, 0], [0.4, 3.1, 0], [-0.3, 0.2, 2.9]]),
        Mesh((21, 20, 20)),
        0.14,
    )
    atom = Crystal.from_arrays(cell, [[0.21, 0.4, 0.77]], [8], u_iso=[0.05])
    plan = AtomDensity(mesh, kind="it92", blur=U - 0.05).plan(atom)
    factors = FormFactors.build([8], kind="it92")
    a = np.append(np.asarray(factors.a[0]), factors.c[0])
    variance = np.append(np.asarray(factors.b[0]), 0.0) / (8 * np.pi**2) + U
    gaussians = gaussian_density(
        mesh,
        atom.lattice,
        jnp.tile(atom.frac_coords, (len(a), 1)),
        jnp.asarray(a * (2 * np.pi * variance) ** -1.5),
        jnp.asarray(np.sqrt(variance)),
    )
    rho = plan(atom).values
    np.testing.assert_allclose(rho, gaussians, atol=1e-8 * float(rho.max()))


def test_gradients_in_the_crystal(x64, quartz, rng):
    mesh = Mesh((6, 6, 8))
    plan = AtomDensity(mesh, kind="electron", blur=0.05).plan(quartz)
    weight = jnp.asarray(rng.normal(size=mesh.sizes))

    @eqx.filter_jit
    @eqx.filter_value_and_grad
    def scalar(crystal):
        return jnp.sum(weight * plan(crystal).values)

    slopes = scalar(quartz)[1]

    def free(c):
        return (c.lattice_parameters, c.site_parameters, c.occupancies, c.u_iso)

    for i, (value, slope) in enumerate(zip(free(quartz), free(slopes), strict=True)):
        step = 2e-4 * rng.normal(size=value.shape)

        def moved(t, i=i, value=value, step=step):
            return float(scalar(eqx.tree_at(lambda c: free(c)[i], quartz, value + t * step))[0])

        change = (8 * (moved(1) - moved(-1)) - (moved(2) - moved(-2))) / 12
        assert change == pytest.approx(float(jnp.sum(slope * step)), rel=1e-7)


def test_neutrons_missing_species_and_padding(x64, quartz):
    crystal = quartz.expand()
    plan = AtomDensity((6, 6, 6), kind="neutron", displacements=False).plan(crystal)
    total = float(plan(crystal).values.mean() * crystal.volume)
    assert total == pytest.approx(
        float(jnp.sum(jnp.array([3.0, 6.0]) * plan.form_factors.f0[::-1]))
    )
    carbon = eqx.tree_at(lambda c: c.atomic_numbers, crystal, crystal.atomic_numbers.at[0].set(6))
    found = plan(carbon)
    assert not bool(found.complete)
    assert finite(found)
    assert bool(plan(crystal).complete)


def test_what_is_refused(quartz):
    with pytest.raises(ValueError, match="three dimensions"):
        AtomDensity((6, 6))
    with pytest.raises(ValueError, match="blur: expected"):
        AtomDensity((6, 6, 6), blur=-1.0)
    with pytest.raises(ValueError, match="would do"):
        field_from_crystal(quartz, (6, 6, 8))
    left = Crystal.from_arrays(-np.eye(3) * 4, [[0.0, 0, 0]], [6])
    with pytest.raises(ValueError, match="right-handed"):
        field_from_crystal(left, (6, 6, 6))
    assert AtomDensity((6, 6, 6)).plan(left).waves.mesh == Mesh((6, 6, 6))
    one = jnp.ones(1)
    with pytest.raises(ValueError, match=r"coordinates \(N, 2\)"):
        gaussian_density(Mesh((4, 4)), Lattice.from_matrix(np.eye(2)), jnp.zeros((1, 3)), one, one)
    square, at = Lattice.from_matrix(np.eye(2)), jnp.zeros((1, 2))
    with pytest.raises(ValueError, match="positive widths"):
        gaussian_density(Mesh((4, 4)), square, at, one, 0 * one)
    for flat in (jnp.ones((2, 3)), jnp.ones((3, 2))):
        with pytest.raises(ValueError, match=r"expected a lattice \(2, 2\) .* got shapes \(\d, \d"):
            gaussian_density(
                Mesh((4, 4)), eqx.tree_at(lambda a: a.matrix, square, flat), at, one, one
            )
        with pytest.raises(ValueError, match=r"expected shape \(D, D\)"):
            gaussian_images(flat, [1.0])
    with pytest.raises(ValueError, match="independent lattice vectors"):
        gaussian_density(Mesh((4, 4)), Lattice(jnp.ones((2, 2))), at, one, one)
    for images in (jnp.zeros((1, 3), int), jnp.zeros((1, 1), int)):
        with pytest.raises(ValueError, match=r"images: expected translations \(T, 2\), got shape"):
            gaussian_density(Mesh((4, 4)), square, at, one, one, images)
    for width in (1e3, 1e9, 1e30):
        with pytest.raises(ValueError, match=r"sigma: .* too wide for a cell .*at most 1000000"):
            gaussian_images(0.5 * np.eye(3), [0.1, width])
