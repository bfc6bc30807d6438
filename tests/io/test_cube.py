"""Fields as Gaussian cube and CCP4 files."""

import ase
import ase.io.cube
import numpy as np
import pytest

from jaxtal import io
from jaxtal.fields import PeriodicField
from jaxtal.io._cube import write_cube

pytestmark = pytest.mark.usefixtures("x64")


@pytest.fixture
def field(rng):
    values = rng.normal(size=(2, 4, 5, 7))
    return PeriodicField.from_arrays(values, "triclinic", [3.0, 4.0, 5.0, 30.0, 10.0, 80.0])


@pytest.mark.parametrize("atoms", [None, ase.Atoms("SiO", positions=[[0, 0, 0], [1.0, 2.0, 0.5]])])
def test_ase_reads_the_cube(tmp_path, field, atoms):
    write_cube(tmp_path / "w.cube", field, 1, atoms=atoms)
    with open(tmp_path / "w.cube") as file:
        found = ase.io.cube.read_cube(file)
    np.testing.assert_allclose(np.asarray(found["data"]), field.values[1], rtol=1e-12)
    np.testing.assert_allclose(found["atoms"].cell.array, field.host_matrix(), atol=1e-10)
    if atoms is not None:
        assert found["atoms"].numbers.tolist() == [14, 8]
        np.testing.assert_allclose(found["atoms"].positions, atoms.positions, atol=1e-10)


@pytest.mark.parametrize("hand", [1, -1])
def test_atoms_of_a_turned_cell(tmp_path, field, rng, hand):
    """Fractional coordinates are kept, those outside of the cell too."""
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turn *= hand * np.sign(np.linalg.det(turn))
    x = np.array([[0.1, 0.7, 0.4], [-0.25, 0.5, 1.5]])
    cell = field.host_matrix() @ turn
    assert np.abs(cell - field.host_matrix()).max() > 1.0
    atoms = ase.Atoms("SiO", scaled_positions=x, cell=cell, pbc=True)
    write_cube(tmp_path / "w.cube", field, atoms=atoms)
    with open(tmp_path / "w.cube") as file:
        found = ase.io.cube.read_cube(file)["atoms"]
    np.testing.assert_allclose(found.get_scaled_positions(wrap=False), x, atol=1e-10)
    np.testing.assert_allclose(found.positions, x @ field.host_matrix(), atol=1e-9)


def test_atoms_that_do_not_belong(tmp_path, field):
    cell = field.host_matrix()
    for other in (1.001 * cell, cell[[1, 0, 2]], np.eye(3)):
        atoms = ase.Atoms("Si", positions=[[0, 0, 0]], cell=other)
        with pytest.raises(
            ValueError, match=r"w\.cube: atoms: expected the cell of the field, \[3"
        ):
            write_cube(tmp_path / "w.cube", field, atoms=atoms)
    lost = ase.Atoms("Si", positions=[[0, np.nan, 0]])
    with pytest.raises(ValueError, match=r"w\.cube: atoms\[0, 1\]: expected a finite"):
        write_cube(tmp_path / "w.cube", field, atoms=lost)
    assert not list(tmp_path.iterdir())


def test_ccp4_keeps_the_field(tmp_path, field):
    io.write_field(tmp_path / "w.ccp4", field, index=1)
    found = io.read_field(tmp_path / "w.ccp4")
    np.testing.assert_allclose(found.values[0], field.values[1], rtol=1e-6)
    np.testing.assert_allclose(
        found.host_matrix() @ found.host_matrix().T,
        field.host_matrix() @ field.host_matrix().T,
        rtol=1e-5,
    )


def test_bad_input(tmp_path, field, rng):
    flat = PeriodicField.from_arrays(rng.normal(size=(1, 4, 4)), "square", [1.0])
    for name in ("w.cube", "w.ccp4"):
        with pytest.raises(ValueError, match=rf"{name}: .*3 dimensions, got one in 2"):
            io.write_field(tmp_path / name, flat)
    for index in (2, -1, "0", None, True):
        message = rf"w\.cube: index: expected an integer from 0 to 1, got {index!r}"
        with pytest.raises(ValueError, match=message):
            write_cube(tmp_path / "w.cube", field, index)
    with pytest.raises(ValueError, match=r"w\.cube: comment: expected one line"):
        write_cube(tmp_path / "w.cube", field, comment="a\nb")
    assert not list(tmp_path.iterdir())
