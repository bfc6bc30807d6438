"""Files that ASE reads, and ASE's own objects."""

import ase.io
import numpy as np
import pytest
from ase.build import bulk

from jaxtal.crystal import Crystal, WyckoffCrystal, prototype
from jaxtal.io import read, write_cif


@pytest.mark.parametrize("file", ["POSCAR", "a.extxyz", "a.xsf", "a.traj"])
@pytest.mark.parametrize("name", ["alpha-quartz", "rutile"])
def test_formats(x64, tmp_path, file, name):
    atoms = prototype(name).to_ase()
    atoms.info.clear()
    del atoms.arrays["spacegroup_kinds"]
    ase.io.write(tmp_path / file, atoms)
    crystal = read(tmp_path / file)
    assert crystal.group.number == prototype(name).group.number
    assert sorted(crystal.plan.letters) == sorted(prototype(name).plan.letters)
    free = read(tmp_path / file, symmetry="P1")
    assert free.group.number == 1
    assert len(free.plan.letters) == len(atoms)


def test_tolerance_is_passed_on(tmp_path, rng):
    atoms = bulk("Si", cubic=True)
    atoms.positions += 0.01 * rng.uniform(-1, 1, atoms.positions.shape)
    ase.io.write(tmp_path / "a.extxyz", atoms)
    assert read(tmp_path / "a.extxyz").group.number == 1
    assert read(tmp_path / "a.extxyz", symprec=0.1).group.number == 227


def test_atoms_in_and_out(x64):
    crystal = WyckoffCrystal.from_ase(bulk("NaCl", "rocksalt", a=5.64))
    assert crystal.group.number == 225
    assert crystal.to_ase().get_chemical_formula() == "Cl4Na4"
    cell = Crystal.from_ase(bulk("NaCl", "rocksalt", a=5.64))
    assert len(cell.mask) == 2
    np.testing.assert_allclose(cell.to_ase().cell.array, cell.lattice.matrix)


def test_occupancies_as_ase_reads_them_from_our_cif(x64, tmp_path):
    crystal = WyckoffCrystal.build(
        225,
        4.2,
        [("Mg", "4a", (0, 0, 0)), ("Fe", "4a", (0, 0, 0)), ("O", "4b", (0.5, 0.5, 0.5))],
        occupancies=[0.7, 0.3, 0.9],
    )
    write_cif(crystal, tmp_path / "a.cif")
    atoms = ase.io.read(tmp_path / "a.cif", fractional_occupancies=True)
    assert crystal.to_ase().info["occupancy"] == {
        "0": {"Mg": pytest.approx(0.7), "Fe": pytest.approx(0.3)},
        "2": {"O": pytest.approx(0.9)},
    }
    for back in (WyckoffCrystal.from_ase(atoms), WyckoffCrystal.from_ase(crystal.to_ase())):
        assert back.group.number == 225
        assert sorted(
            zip(back.species, np.round(np.asarray(back.occupancies), 6).tolist(), strict=True)
        ) == [
            ("Fe", 0.3),
            ("Mg", 0.7),
            ("O", 0.9),
        ]
