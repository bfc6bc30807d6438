"""Every way in which a file can be wrong, and what is said about it."""

import pytest
from ase import Atoms
from ase.io import write as ase_write

from jaxtal.io import read, read_cif

GOOD = """data_bad
_cell_length_a 5.0
_cell_length_b 5.0
_cell_length_c 7.0
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
loop_
_space_group_symop_operation_xyz
'x,y,z'
'-x,-y,z'
'-y,x,z'
'y,-x,z'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
_atom_site_U_iso_or_equiv
Si1 Si 0.1 0.2 0.3 1 0.01
O1 O 0.4 0.2 0.1 1 0.01
"""
ANISO = """loop_
_atom_site_aniso_label
_atom_site_aniso_U_11
_atom_site_aniso_U_22
_atom_site_aniso_U_33
_atom_site_aniso_U_12
_atom_site_aniso_U_13
_atom_site_aniso_U_23
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "bad.cif"


def test_the_good_file_is_good(path):
    path.write_text(GOOD)
    assert read(path).group.number == 75


@pytest.mark.parametrize("digits", ["9" * 5000, "9" * 10])
def test_a_count_that_is_none_is_passed_over(path, digits):
    text = GOOD.replace("_atom_site_occupancy", "_atom_site_site_symmetry_multiplicity")
    path.write_text(text.replace(" 1 0.01", f" {digits} 0.01") + f"_cell_formula_units_Z {digits}")
    assert read(path).group.number == 75


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "_cell_length_a 5.0\n_cell_length_b 5.0\n_cell_length_c 7.0\n",
            "",
            "expected a cell, got none",
        ),
        ("_cell_length_b 5.0\n", "", "_cell_length_b: expected a number, got [?] or [.]"),
        ("_cell_length_a 5.0", "_cell_length_a 0.0", "positive length a"),
        (
            "_cell_length_a 5.0",
            "_cell_length_a five",
            r":2: data_bad: _cell_length_a: .* got 'five'",
        ),
        ("_cell_angle_beta 90", "_cell_angle_beta ?", "_cell_angle_beta: expected a number"),
        (
            "_cell_length_c 7.0",
            "_cell_length_c nan",
            "_cell_length_c: expected a number, got 'nan'",
        ),
        ("_cell_length_a 5.0", "_cell_length_a 5.3", "does not fit space group"),
        ("_cell_angle_gamma 90", "_cell_angle_gamma 91", "does not fit space group"),
        (
            "Si1 Si 0.1 0.2 0.3 1 0.01\nO1 O 0.4 0.2 0.1 1 0.01\n",
            "",
            r"_atom_site_fract_x: expected atoms",
        ),
        ("Si1 Si 0.1", "Si1 Xx 0.1", "atom Si1: _atom_site_type_symbol: unknown element 'Xx'"),
        ("Si1 Si 0.1", "Si1 Wap 0.1", "unknown element 'Wap'"),
        ("Si1 Si 0.1", "Si1 Si ?", "atom Si1: _atom_site_fract_x: expected a number, got [?]"),
        ("Si1 Si 0.1", "Si1 Si .", "atom Si1: _atom_site_fract_x"),
        ("0.4 0.2 0.1", "0.4 nan 0.1", "atom O1: _atom_site_fract_y: expected a number, got 'nan'"),
        ("0.4 0.2 0.1", "0.4 inf 0.1", "atom O1: _atom_site_fract_y"),
        ("0.4 0.2 0.1", "0.4 0,2 0.1", "atom O1: _atom_site_fract_y: .* got '0,2'"),
        ("0.4 0.2 0.1", "0.4 1e999 0.1", "atom O1: _atom_site_fract_y: expected a finite number"),
        ("0.4 0.2 0.1 1 ", "0.4 0.2 0.1 all ", "atom O1: _atom_site_occupancy"),
        ("0.4 0.2 0.1 1 ", "0.4 0.2 0.1 1.5 ", "atom O1: expected an occupancy 0..1, got 1.5"),
        ("0.4 0.2 0.1 1 0.01", "0.4 0.2 0.1 1 x", "atom O1: _atom_site_u_iso_or_equiv"),
        ("O1 O 0.4 0.2 0.1", "O1 O 0.1 0.2 0.31", "atom Si1 and atom O1: .* 0.1 A, got 0.0700 A"),
        ("O1 O 0.4 0.2 0.1", "Si1 Si 0.1 0.2 0.3", "atom Si1 and atom Si1: .* got 0.0000 A"),
        ("O1 O 0.4 0.2 0.1", "O1 O 0.006 0 0.1", "atom O1 and atom O1: expected a distance"),
        ("'-y,x,z'\n", "", "expected a complete group, got 3 operations"),
        ("'-y,x,z'", "'-y,x,q'", "_space_group_symop_operation_xyz: .*q"),
        ("'-y,x,z'", "'-y,x'", "_space_group_symop_operation_xyz"),
        ("'-y,x,z'", "'-y,x,z+x/3'", "_space_group_symop_operation_xyz"),
        ("'-y,x,z'", f"'-y,x+{2**63}y,z'", "_space_group_symop_operation_xyz: .*integers of 64"),
        ("'-y,x,z'", f"'-y,x+{2**40}y,z'", "_space_group_symop_operation_xyz: .*at most 1048576"),
        ("'-y,x,z'", f"'-y,x,z+1/{3**41}'", "_space_group_symop_operation_xyz: .*of 64 bits"),
        ("'-y,x,z'", f"'-y,x,z+1/{'9' * 5000}'", "_space_group_symop_operation_xyz"),
        ("'x,y,z'\n", "", "expected the identity"),
        (
            "loop_\n_space",
            "_space_group_IT_number 76\nloop_\n_space",
            "expected space group 75.* got 76",
        ),
        ("loop_\n_space", "_space_group_IT_number 300\nloop_\n_space", "number 1..230"),
        (
            "loop_\n_space",
            "_space_group_name_H-M_alt 'P 41'\nloop_\n_space",
            "expected space group 75.* got 76",
        ),
        ("data_bad", "", "expected a CIF"),
        ("_cell_length_a 5.0", "_cell_length_a 'five", r"expected a CIF, got a syntax error: .*:2"),
        ("0.4 0.2 0.1 1 0.01", "0.4 0.2 0.1 1", "expected a CIF, got a syntax error"),
    ],
)
def test_bad_cif(path, old, new, message):
    assert old in GOOD
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(ValueError, match=message) as caught:
        read(path)
    assert "bad.cif" in str(caught.value)


def _without_loop(text: str, tag: str) -> str:
    return "loop_\n".join(part for part in text.split("loop_\n") if tag not in part)


def test_no_atoms(path):
    path.write_text(_without_loop(GOOD, "_atom_site_label"))
    with pytest.raises(
        ValueError, match=r"bad\.cif: no block one with atoms .* the blocks are bad"
    ):
        read(path)


def test_no_fractional_coordinates(path):
    path.write_text(GOOD.replace("fract", "Cartn"))
    with pytest.raises(ValueError, match="expected atoms with fractional coordinates, got none"):
        read(path)


def test_only_dummies(path):
    path.write_text(
        GOOD.replace("_atom_site_occupancy", "_atom_site_calc_flag").replace(" 1 0.01", " dum 0.01")
    )
    with pytest.raises(ValueError, match="only dummy atoms"):
        read(path)


@pytest.mark.parametrize(
    ("symmetry", "message"),
    [
        ("_space_group_name_H-M_alt 'P q'", "_space_group_name_h-m_alt: .*'P q'"),
        ("_space_group_name_Hall 'Q 7'", "_space_group_name_hall: unknown symbol"),
        ("_space_group_IT_number four", "_space_group_it_number: expected a number"),
        ("_space_group_name_H-M_alt 'P 2/m -3'", "does not fit|expected a space-group symbol"),
        ("", "expected a space group"),
    ],
)
def test_bad_symbols(path, symmetry, message):
    path.write_text(_without_loop(GOOD, "symop").replace("loop_", symmetry + "\nloop_", 1))
    with pytest.raises(ValueError, match=message):
        read(path)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("Si1 0.01 0.01 0.01 0 0 ?", "atom Si1: _atom_site_aniso_u_23: expected a number"),
        ("Si1 0.01 a 0.01 0 0 0", "atom Si1: _atom_site_aniso_u_22: .* got 'a'"),
        ("Si9 0.01 0.01 0.01 0 0 0", "_atom_site_aniso_label: no atom of this label: 'Si9'"),
    ],
)
def test_bad_tensors(path, row, message):
    """Such a row is left out, with a warning; the atom keeps the isotropic displacement."""
    path.write_text(GOOD + ANISO + row + "\n")
    with pytest.warns(UserWarning, match=message):
        crystal = read(path)
    assert crystal.u_aniso is None
    assert crystal.u_iso.tolist() == pytest.approx([0.01, 0.01])


def test_tensor_against_the_site_symmetry(path):
    text = GOOD.replace("Si1 Si 0.1 0.2 0.3", "Si1 Si 0 0 0.3")
    path.write_text(text + ANISO + "Si1 0.05 0.01 0.01 0 0 0\n")
    with pytest.warns(UserWarning, match=r"atom Si1: .* the site symmetry allows"):
        crystal = read(path)
    assert crystal.u_aniso is None
    assert float(crystal.u_iso[0]) == pytest.approx(0.01)
    path.write_text(text + ANISO + "Si1 0.0101 0.0100 0.01 0 0 0\n")
    crystal = read(path)
    assert crystal.u_aniso is not None
    assert float(crystal.u_aniso[0, 0, 0]) == pytest.approx(0.01005, abs=1e-8)


@pytest.mark.parametrize("label", ["CA1", "CO2", "HO1", "CD"])
def test_labels_that_could_be_two_elements(path, label):
    text = (
        GOOD.replace("_atom_site_type_symbol\n", "").replace("Si1 Si", label).replace("O1 O", "O1")
    )
    path.write_text(text)
    with pytest.raises(ValueError, match="begins with one element"):
        read(path)


def test_missing_files_and_folders(tmp_path):
    for name in ("none.cif", "POSCAR"):
        with pytest.raises(FileNotFoundError, match=name):
            read(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        read(tmp_path)
    with pytest.raises(FileNotFoundError, match="none"):
        read_cif(tmp_path / "none.cif")


@pytest.mark.parametrize("content", [b"", b"hello world", b"\x00\x01\x02", b"\x89PNG\r\n"])
def test_not_a_cif(path, content):
    path.write_bytes(content)
    with pytest.raises(ValueError, match="expected a CIF"):
        read(path)


def test_other_formats(tmp_path):
    ase_write(tmp_path / "molecule.xyz", Atoms("CO", positions=[[0, 0, 0], [0, 0, 1.1]]))
    with pytest.raises(ValueError, match=r"molecule\.xyz: .*three independent vectors"):
        read(tmp_path / "molecule.xyz")
    (tmp_path / "POSCAR").write_text("nonsense\n")
    with pytest.raises(ValueError, match="POSCAR: expected a file that ASE reads"):
        read(tmp_path / "POSCAR")
    (tmp_path / "what.ever").write_text("?")
    with pytest.raises(ValueError, match=r"what\.ever: expected a file that ASE reads"):
        read(tmp_path / "what.ever")
    close = Atoms("C2", positions=[[0, 0, 0], [0, 0, 0.05]], cell=[4, 4, 4], pbc=True)
    ase_write(tmp_path / "close.extxyz", close)
    with pytest.raises(ValueError, match=r"close\.extxyz: atoms 0 and 1: .*0\.0500 A"):
        read(tmp_path / "close.extxyz")
    (tmp_path / "model.res").write_text("TITL x\n")
    with pytest.raises(ValueError, match="asymmetric unit"):
        read(tmp_path / "model.res")


@pytest.mark.parametrize(
    ("letter", "good"), [("d", True), ("4d", True), ("e", False), ("A", False)]
)
def test_stated_letters_are_those_of_the_group(path, letter, good):
    text = GOOD.replace("_atom_site_occupancy", "_atom_site_Wyckoff_symbol\n_atom_site_occupancy")
    path.write_text(text.replace("0.2 0.3 1", f"0.2 0.3 {letter} 1").replace("0.1 1 ", "0.1 ? 1 "))
    if good:
        assert read(path).plan.letters == ("4d", "4d")
        return
    with pytest.raises(
        ValueError, match=f"atom Si1: space group P 4 has no .*'{letter}'.* a b c d"
    ):
        read(path)
