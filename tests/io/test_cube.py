"""Fields as Gaussian cube and CCP4 files."""

import ase
import ase.io.cube
import numpy as np
import pytest

from jaxtal import io
from jaxtal.fields import PeriodicField

pytestmark = pytest.mark.usefixtures("x64")


@pytest.fixture
def field(rng):
    values = rng.normal(size=(2, 4, 5, 7))
    return PeriodicField.from_arrays(values, "triclinic", [3.0, 4.0, 5.0, 30.0, 10.0, 80.0])


@pytest.mark.parametrize("atoms", [None, ase.Atoms("SiO", positions=[[0, 0, 0], [1.0, 2.0, 0.5]])])
def test_ase_reads_the_cube(tmp_path, field, atoms):
    io.write_cube(tmp_path / "w.cube", field, 1, atoms=atoms)
    with open(tmp_path / "w.cube") as file:
        found = ase.io.cube.read_cube(file)
    np.testing.assert_allclose(found["data"], field.values[1], rtol=1e-12)
    np.testing.assert_allclose(found["atoms"].cell.array, field.host_matrix(), atol=1e-10)
    if atoms is not None:
        assert found["atoms"].numbers.tolist() == [14, 8]
        np.testing.assert_allclose(found["atoms"].positions, atoms.positions, atol=1e-10)


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
        with pytest.raises(ValueError, match="3 dimensions, got one in 2"):
            io.write_field(tmp_path / name, flat)
        with pytest.raises(ValueError, match="index: expected 0 to 1, got 2"):
            io.write_field(tmp_path / name, field, index=2)
    with pytest.raises(ValueError, match="comment: expected one line"):
        io.write_cube(tmp_path / "w.cube", field, comment="a\nb")
    assert not list(tmp_path.iterdir())
