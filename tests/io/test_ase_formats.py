"""Files that ASE reads, and ASE's own objects."""

import ase.io
import gemmi
import numpy as np
import pytest
from ase import Atoms
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


def test_isotopes_as_others_read_them(x64, tmp_path):
    crystal = WyckoffCrystal.build(
        225, 5.0, [("D", "8c", (0.25,) * 3), ("18O2-", "4a", (0, 0, 0)), ("T", "4b", (0.5,) * 3)]
    )
    write_cif(crystal, tmp_path / "a.cif")
    back = read(tmp_path / "a.cif")
    assert sorted(back.species) == ["18O2-", "D", "T"]
    with_gemmi = gemmi.read_small_structure(str(tmp_path / "a.cif"))
    assert {site.element.name for site in with_gemmi.sites} == {"D", "O", "H"}
    with_ase = ase.io.read(tmp_path / "a.cif")
    assert isinstance(with_ase, Atoms)
    assert with_ase.get_chemical_formula() == "H12O4"
    np.testing.assert_allclose(np.unique(with_ase.get_masses()), [1.008, 2.014, 15.999], atol=1e-3)
    # ASE knows the deuterium of a CIF by its mass.
    assert (Crystal.from_ase(with_ase).isotopes == 2).sum() == 8
    write_cif(WyckoffCrystal.build(221, 3.0, [("164Dy", "1a", (0, 0, 0))]), tmp_path / "b.cif")
    assert list(read(tmp_path / "b.cif").species) == ["164Dy"]


def test_isotopes_keep_their_mass_in_ase(x64):
    crystal = Crystal.from_arrays(np.eye(3) * 4, np.eye(3) / 2, [1, 8, 14], isotopes=[2, 18, 0])
    atoms = crystal.to_ase()
    np.testing.assert_allclose(atoms.get_masses(), [2.0141, 17.9992, 28.085], atol=1e-3)
    back = Crystal.from_ase(atoms)
    np.testing.assert_array_equal(back.isotopes, [2, 18, 0])


def test_an_unknown_mass_number_is_named(tmp_path):
    crystal = WyckoffCrystal.build(221, 3.0, [("18O", "1a", (0, 0, 0))])
    write_cif(crystal, tmp_path / "a.cif")
    text = (tmp_path / "a.cif").read_text().replace("Uiso 18", "Uiso 99")
    (tmp_path / "a.cif").write_text(text)
    with pytest.raises(ValueError, match=r"atom O1: _jaxtal_atom_site_mass_number: .*isotope of O"):
        read(tmp_path / "a.cif")
