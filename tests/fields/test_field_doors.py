"""What a user calls: a basis from a group, a mesh and a cell; what it prints."""

import numpy as np
import pytest

import jaxtal as jxt
from jaxtal.fields import BasisField, Mesh, PeriodicField, StarBasis, Stars


@pytest.fixture(scope="module")
def basis():
    return jxt.StarBasis("p 4 m m", mesh=(8, 8), cell=("square", [1.5]))


def test_a_basis_takes_cells_of_every_form(basis):
    stars = Stars.build((8, 8), 1.5 * np.eye(2), "p 4 m m")
    for other in (
        StarBasis(stars),
        StarBasis("p 4 m m", Mesh((8, 8)), 1.5 * np.eye(2)),
        StarBasis("p 4 m m", (8, 8), jxt.lattice.BravaisLattice.find("square", 2).lattice([1.5])),
    ):
        assert other.n_basis == basis.n_basis
        np.testing.assert_array_equal(other.waves, basis.waves)
        np.testing.assert_array_equal(other.source, basis.source)
    with pytest.raises(ValueError, match="expected a mesh and a cell beside the group"):
        StarBasis("p 4 m m", mesh=(8, 8))
    with pytest.raises(ValueError, match="expected no mesh and cell beside stars"):
        StarBasis(stars, mesh=(8, 8))


def test_fields_of_a_basis_have_its_cell(basis):
    a = np.zeros(basis.n_basis)
    a[1] = 1.0
    ours, same = BasisField.from_arrays(a, basis), BasisField.from_arrays(a, basis, "square", [1.5])
    assert ours.bravais == same.bravais
    np.testing.assert_array_equal(ours.parameters, same.parameters)
    with pytest.raises(ValueError, match="a lattice type with its parameters, or neither"):
        BasisField.from_arrays(a, basis, "square")


def test_everything_prints_in_a_line(basis):
    field = PeriodicField.from_arrays(np.ones((2, 8, 8)), "square", [1.5], group="p 4 m m")
    assert repr(field) == "PeriodicField(2 fields on 8 x 8, square, a 1.5, p 4 m m)"
    assert repr(basis).startswith("StarBasis(8 x 8, 'p 4 m m': 64 waves")
    for one in (BasisField.from_field(field), field.density(0)):
        assert len(repr(one).splitlines()) == 1


def test_the_density_of_a_field_knows_its_mesh_and_cell(basis):
    a = np.zeros(basis.n_basis)
    a[1] = 1.0
    density = BasisField.from_arrays(a, basis).field().density(0)
    top = density.peaks(limit=1)
    np.testing.assert_array_equal(top.multiplicity, [1])
    cut = density.section(([1, 0], [0, 1]), (4, 4))
    np.testing.assert_allclose(cut.plane.frame, 1.5 * np.eye(2), atol=1e-6)
