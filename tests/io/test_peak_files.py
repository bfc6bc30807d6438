"""Peaks of a density as CIF, SHELX's .res and xyz."""

import re

import ase
import ase.io
import gemmi
import numpy as np
import pytest

import jaxtal as jxt
from jaxtal.density import Peaks
from jaxtal.lattice import Superspace
from jaxtal.symmetry import SpaceGroup

CELL = (5.0, 6.0, 7.0, 90.0, 100.0, 90.0)
PEAKS = Peaks(np.array([[0.1, 0.2, 0.3], [0.0, 0.0, 0.0]]), np.array([9.5, 4.25]), np.array([4, 2]))
GROUP = SpaceGroup.find("P 21/c")
SPACE = Superspace.periodic(CELL)


def test_cif_has_cell_operations_and_peaks(tmp_path):
    jxt.io.write_peaks(PEAKS, tmp_path / "q.cif", SPACE, GROUP)
    block = gemmi.cif.read(str(tmp_path / "q.cif")).sole_block()
    assert float(block.find_value("_cell_angle_beta")) == CELL[4]
    operations = block.find_values("_space_group_symop_operation_xyz")
    assert len(operations) == 4
    rows = block.find("_atom_site_", ["label", "type_symbol", "fract_y"])
    assert [list(row) for row in rows] == [["Q1", "?", "0.20000"], ["Q2", "?", "0.00000"]]


def test_res_lists_q_peaks_as_shelx_does(tmp_path):
    jxt.io.write_peaks(PEAKS, tmp_path / "q.res", SPACE, GROUP)
    text = (tmp_path / "q.res").read_text()
    assert "CELL 0.71073 5.0000 6.0000 7.0000 90.0000 100.0000 90.0000" in text
    assert "LATT 1\n" in text
    assert len(re.findall("^SYMM", text, re.M)) == 1
    lines = [line.split() for line in text.splitlines() if line.startswith("Q")]
    assert lines[0] == ["Q1", "1", "0.10000", "0.20000", "0.30000", "11.00000", "0.05", "9.50"]
    assert lines[1][5] == "10.50000"
    assert text.endswith("HKLF 4\nEND\n")


@pytest.mark.parametrize(
    "name", ["P 1", "C 2/c", "F d -3 m:1", "F d -3 m:2", "R -3 c", "I a -3 d", "P 43", "A m a 2"]
)
def test_lattice_and_operations_of_shelx_generate_the_group(tmp_path, name):
    group = SpaceGroup.find(name)
    jxt.io.write_peaks(PEAKS, tmp_path / "q.res", SPACE, group)
    text = (tmp_path / "q.res").read_text()
    found = re.search(r"^LATT (-?\d)", text, re.M)
    number = int(found[1])
    operations = [gemmi.Op("x,y,z")]
    operations += [gemmi.Op(line.lower()) for line in re.findall("^SYMM (.*)", text, re.M)]
    if number > 0:
        operations += [gemmi.Op("-x,-y,-z") * op for op in operations]
    shifts = {
        1: ["x,y,z"],
        2: ["x,y,z", "x+1/2,y+1/2,z+1/2"],
        3: ["x,y,z", "x+2/3,y+1/3,z+1/3", "x+1/3,y+2/3,z+2/3"],
        4: ["x,y,z", "x,y+1/2,z+1/2", "x+1/2,y,z+1/2", "x+1/2,y+1/2,z"],
        5: ["x,y,z", "x,y+1/2,z+1/2"],
        6: ["x,y,z", "x+1/2,y,z+1/2"],
        7: ["x,y,z", "x+1/2,y+1/2,z"],
    }[abs(number)]
    whole = {(gemmi.Op(s) * op).wrap().triplet() for s in shifts for op in operations}
    assert len(operations) * len(shifts) == group.order
    assert whole == {gemmi.Op(op.to_xyz()).wrap().triplet() for op in group.operations}


def test_xyz_holds_the_whole_cell(tmp_path):
    jxt.io.write_peaks(PEAKS, tmp_path / "q.xyz", SPACE, GROUP)
    atoms = ase.io.read(tmp_path / "q.xyz", index=0)
    assert isinstance(atoms, ase.Atoms)
    np.testing.assert_allclose(atoms.cell.cellpar(), CELL, atol=1e-4)
    assert len(atoms) == 6
    assert sorted(atoms.arrays["height"]) == [4.25] * 2 + [9.5] * 4


def test_what_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"\.cif, \.res, \.xyz, got \.pdb"):
        jxt.io.write_peaks(PEAKS, tmp_path / "q.pdb", SPACE)
    with pytest.raises(ValueError, match="3 dimensions"):
        jxt.io.write_peaks(PEAKS, tmp_path / "q.cif", Superspace.icosahedral(5.0))
    with pytest.raises(ValueError, match="without blanks"):
        jxt.io.write_peaks(PEAKS, tmp_path / "q.cif", SPACE, name="a b")
