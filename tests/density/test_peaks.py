"""Peaks: atoms are found where they were put, once each, on grids of any kind."""

import numpy as np
import pytest

from jaxtal.density import Density
from jaxtal.grids import Grid
from jaxtal.lattice import Superspace
from jaxtal.symmetry import Orbits, SpaceGroup, SymOp

CELL = [6.0, 7.0, 8.0, 90.0, 105.0, 90.0]
SITES = np.array([[0.11, 0.23, 0.37], [0.4, 0.05, 0.8], [0.0, 0.0, 0.0]])
WEIGHTS = np.array([2.0, 4.0, 3.0])
WIDTH = 0.55  # of the Gaussian atoms, angstrom


@pytest.fixture(scope="module")
def structure():
    group, space = SpaceGroup.find("P 21/c"), Superspace.periodic(CELL)
    k = np.stack(np.meshgrid(*[np.arange(-8, 9)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    k = k[(k[:, 1] >= 0) & ((k[:, 2] > 0) | ((k[:, 2] == 0) & (k[:, 0] >= 0)))]
    q = np.linalg.norm(space.q_parallel(k), axis=1)
    k, q = k[q < 5.5], q[q < 5.5]
    orbits = Orbits.build(group, k)
    keep = orbits.kind < 2
    orbits, q = Orbits.build(group, k[keep]), q[keep]
    F = 0
    for site, weight in zip(SITES, WEIGHTS, strict=True):
        images = group.rotations @ site + group.translations / group.denominator
        images = np.unique(np.round(images % 1, 9) % 1, axis=0)
        F = F + weight * np.exp(2j * np.pi * orbits.k @ images.T).sum(axis=1)
    f = F * np.exp(-2j * np.pi * orbits.angle - (q * WIDTH) ** 2 / 2)
    edges = np.linalg.inv(space.parallel / (2 * np.pi)).T
    volume = abs(np.linalg.det(edges))
    return group, edges @ edges.T, Density.from_orbits(orbits, f, volume)


@pytest.mark.parametrize(
    "grid",
    [
        Grid(np.eye(3, dtype=int), (20, 24, 27)),
        Grid(np.array([[1], [20], [480]]), (12960,), np.array([0.1, 0.2, 0.3])),
    ],
    ids=["regular", "cyclic"],
)
def test_atoms_of_p21c(structure, grid):
    group, metric, density = structure
    peaks = density.peaks(grid=grid, group=group, metric=metric, above=0.3, radius=2 * WIDTH)
    # Truncation at 5.5 / A moves maxima by a few thousandths of an angstrom.
    assert len(peaks.height) == 3
    order = [1, 2, 0]
    for position, site in zip(peaks.position, SITES[order], strict=True):
        images = group.rotations @ site + group.translations / group.denominator
        d = images - position
        d -= np.round(d)
        assert np.sqrt(np.einsum("oi,ij,oj->o", d, metric, d).min()) < 0.03
    np.testing.assert_array_equal(peaks.multiplicity, [4, 2, 4])
    np.testing.assert_array_equal(peaks.position[1], [0, 0, 0])
    np.testing.assert_allclose(
        peaks.height, WEIGHTS[order] / (2 * np.pi * WIDTH**2) ** 1.5, rtol=0.05
    )
    # 73.9 % of a Gaussian lie within two of its widths.
    assert peaks.integral is not None
    np.testing.assert_allclose(peaks.integral, 0.7385 * WEIGHTS[order], rtol=0.06)
    assert np.abs(density.taylor(peaks.position)[1]).max() < 1e-3
    assert (peaks.position >= 0).all()
    assert (peaks.position < 1).all()


def test_without_a_group_every_equivalent_is_listed(structure):
    _, metric, density = structure
    grid = Grid(np.eye(3, dtype=int), (20, 24, 27))
    peaks = density.peaks(grid=grid, group=SpaceGroup.find("P 1"), metric=metric, above=0.3)
    assert len(peaks.height) == 10
    assert (peaks.multiplicity == 1).all()
    assert (np.diff(peaks.height) <= 0).all()
    assert len(density.peaks(4, grid=grid, group=SpaceGroup.find("P 1"), metric=metric).height) == 4


def test_icosahedral_deltas_in_six_dimensions(rng):
    swap = SymOp(np.eye(6, dtype=int)[[2, 0, 1, 5, 3, 4]])
    five = np.eye(6, dtype=int)[[0, 4, 1, 2, 5, 3]] * np.array([1, 1, 1, 1, -1, -1])[:, None]
    five[4], five[5] = -np.eye(6, dtype=int)[5], -np.eye(6, dtype=int)[3]
    group = SpaceGroup.from_generators([swap, SymOp(five)])
    assert group.order == 60
    k = rng.integers(-2, 3, (4000, 6))
    k = k[(k**2).sum(axis=1) <= 6]
    images = np.einsum("ni,pij->npj", k, group.laue_rotations)
    keys = (images + 2) @ 5 ** np.arange(6)
    k = np.unique(images[np.arange(len(k)), keys.argmax(axis=1)], axis=0)
    orbits = Orbits.build(group, k)
    sites = np.array([[0.0] * 6, [0.5] * 6])
    F = np.exp(2j * np.pi * orbits.k @ sites.T) @ [1.0, 2.0] * np.exp(-0.2 * (k**2).sum(axis=1))
    density = Density.from_orbits(orbits, F)
    grid = Grid(rng.integers(0, 30011, (6, 1)), (30011,), rng.random(6))
    peaks = density.peaks(grid=grid, group=group, above=0.4)
    np.testing.assert_allclose(peaks.position, [[0.5] * 6, [0.0] * 6], atol=1e-6)
    np.testing.assert_array_equal(peaks.multiplicity, [1, 1])
    assert peaks.integral is None


def test_bad_input(structure):
    _, metric, density = structure
    grid = Grid(np.eye(3, dtype=int), (4, 4, 4))
    with pytest.raises(ValueError, match="metric"):
        density.peaks(grid=grid, metric=-metric)
    with pytest.raises(ValueError, match="above"):
        density.peaks(grid=grid, above=1.0)
    with pytest.raises(ValueError, match="group: expected 3"):
        density.peaks(grid=grid, group=SpaceGroup.from_operations([SymOp.identity(2)]))
    with pytest.raises(ValueError, match="radius"):
        density.peaks(grid=grid, radius=0.0)
