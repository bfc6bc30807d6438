"""What a CIF states about its symmetry is used, and must not contradict itself."""

import pytest
from awkward_cifs import CUBIC, SKEW, cif, content, content_of

from jaxtal.io import read

ROCK_SALT = "Na1 Na 0 0 0\nCl1 Cl .5 .5 .5"
SALT = ({"Na": 4.0, "Cl": 4.0}, 225)
DIAMOND = (3.567, 3.567, 3.567, 90, 90, 90)
HEX = (4.99, 4.99, 17.06, 90, 90, 120)
RHOMB = (6.36, 6.36, 6.36, 46.1, 46.1, 46.1)
CALCITE = "Ca1 Ca 0 0 0\nC1 C 0 0 .25\nO1 O .2570 0 .25"
CALCITE_R = "Ca1 Ca 0 0 0\nC1 C .25 .25 .25\nO1 O .507 -.007 .25"
OPS = "loop_\n_symmetry_equiv_pos_as_xyz\n"


@pytest.mark.parametrize(
    ("symmetry", "rows", "cell", "group"),
    [
        ("'x,y,z'\n'-x,y+.5,-z'", "Si1 Si .1 .2 .3", SKEW, ({"Si": 2}, 4)),
        ("'x,y,z'\n'-x,.5+y,-z'", "Si1 Si .1 .2 .3", SKEW, ({"Si": 2}, 4)),
        ("'x,y,z'\n'-x,y+1./2.,-z'", "Si1 Si .1 .2 .3", SKEW, ({"Si": 2}, 4)),
        ("'1 x,y,z'\n'2 -x,y+1/2,-z'", "Si1 Si .1 .2 .3", SKEW, ({"Si": 2}, 4)),
        ("'+x,+y,+z'\n'-x,+y+0.50,-z'", "Si1 Si .1 .2 .3", SKEW, ({"Si": 2}, 4)),
        ("x,y,z\n-y,x-y,z+.33\n-x+y,-x,z+.67", "Si1 Si .1 .25 .3", HEX, ({"Si": 3}, 144)),
        ("x,y,z\n-y,x-y,z+.33\n-x+y,-x,z+.66", "Si1 Si .1 .25 .3", HEX, ({"Si": 3}, 144)),
        ("x,y,z\n-y,x-y,.6667+z\n-x+y,-x,.333+z", "Si1 Si .1 .25 .3", HEX, ({"Si": 3}, 145)),
        (
            "x,y,z\nx-y,x,z+.17\n-y,x-y,z+.33\n-x,-y,z+.50\n-x+y,-x,z+.67\ny,-x+y,z+.83",
            "Si1 Si .1 .25 .3",
            HEX,
            ({"Si": 6}, 169),
        ),
    ],
)
def test_spellings_of_operations(tmp_path, symmetry, rows, cell, group):
    assert content_of(tmp_path, cif(rows, OPS + symmetry, cell=cell)) == group


@pytest.mark.parametrize(
    "symmetry",
    [
        "_space_group_name_H-M 'F m -3 m'",
        "_space_group.name_H-M_alt 'F m -3 m'",
        "_symmetry.space_group_name_H-M 'F m -3 m'\n_symmetry.Int_Tables_number 225",
        "_symmetry_space_group_name_H-M 'unknown'\n_symmetry_Int_Tables_number 225",
        "_symmetry_space_group_name_H-M 'F m -3 m'\n_symmetry_Int_Tables_number 0",
        "_symmetry_space_group_name_H-M 'F m 3 m'\n_symmetry_Int_Tables_number '?'",
        "_symmetry_space_group_name_H-M FM3M\n_symmetry_Int_Tables_number unknown",
        "_symmetry_space_group_name_Hall '-F 4 2 3'\n_symmetry_space_group_name_H-M unknown",
        "_space_group_IT_number 225\n_symmetry_space_group_name_Hall none",
    ],
)
def test_where_the_group_stands(tmp_path, symmetry):
    assert content_of(tmp_path, cif(ROCK_SALT, symmetry, cell=CUBIC)) == SALT


@pytest.mark.parametrize(
    ("symmetry", "message"),
    [
        ("_space_group_name_Hall 'P 1'\n_space_group_IT_number 225", "Hall|contradicts itself"),
        (
            "_space_group_name_Hall 'P 1'\n_space_group_name_H-M_alt 'F m -3 m'",
            "expected space group 1, that of _space_group_name_hall, got 225",
        ),
        (
            "_space_group_name_H-M_alt 'F m -3 m'\n_space_group_IT_number 221",
            "_space_group_it_number: expected space group 225, .* got 221",
        ),
        (
            "_space_group_name_H-M_alt 'F m -3 m'\n_symmetry_space_group_name_H-M 'P m -3 m'",
            "expected space group 225, .* got 221",
        ),
        ("_space_group_name_H-M_alt 'F m -3 mm'\n_space_group_IT_number 225", "F m -3 mm"),
        ("_space_group_IT_number 0", "expected a space group .* got none"),
        ("_space_group_name_H-M_alt 'F m -3 m'\n" + OPS + "x,y,z", "expected space group 1, that"),
    ],
)
def test_contradictions(tmp_path, symmetry, message):
    with pytest.raises(ValueError, match=message) as caught:
        content_of(tmp_path, cif(ROCK_SALT, symmetry, cell=CUBIC))
    assert "case.cif" in str(caught.value)


def test_hall_symbol_of_another_setting(tmp_path):
    cell = (5.1, 6.2, 7.3, 90, 101, 90)
    hall = "_space_group_name_Hall '-P 2ybc'\n"
    good = hall + "_space_group_name_H-M_alt 'P 21/c'"
    assert content_of(tmp_path, cif(symmetry=good, cell=cell)) == ({"Si": 4}, 14)
    with pytest.raises(ValueError, match="expected the setting of _space_group_name_hall"):
        content_of(tmp_path, cif(symmetry=hall + "_space_group_name_H-M_alt 'P 21/n'", cell=cell))


@pytest.mark.parametrize(
    "symbol",
    [
        *("F d -3 m :1", "Fd-3m(1)", "F d -3 m (origin 1)", "F d -3 m [origin choice 1]"),
        *("F d -3 m S", "Fd3mS", "F d -3 m O1", "F 41/d -3 2/m :1"),
    ],
)
def test_spellings_of_the_first_origin(tmp_path, symbol):
    text = cif("C1 C 0 0 0", f"_symmetry_space_group_name_H-M '{symbol}'", cell=DIAMOND)
    assert content_of(tmp_path, text) == ({"C": 8}, 227)


@pytest.mark.parametrize(
    ("symmetry", "columns", "rows", "more", "atoms"),
    [
        ("_space_group_IT_coordinate_system_code 1", "", "C1 C 0 0 0", "", 8),
        ("_space_group.IT_coordinate_system_code 2", "", "C1 C .125 .125 .125", "", 8),
        ("", "symmetry_multiplicity ", "C1 C 8 0 0 0", "", 8),
        ("", "site_symmetry_multiplicity ", "C1 C 8 0 0 0", "", 8),
        ("", "Wyckoff_symbol ", "C1 C a 0 0 0", "", 8),
        ("", "site_symmetry_multiplicity ", "C1 C 16 0 0 0", "", 16),
        ("", "Wyckoff_symbol ", "C1 C c 0 0 0", "", 16),
        ("", "", "C1 C 0 0 0", "_chemical_formula_sum C\n_cell_formula_units_Z 8", 8),
        ("", "", "C1 C 0 0 0", "_chemical_formula_sum C4\n_cell_formula_units_Z 4", 16),
        ("", "", "C1 C .125 .125 .125", "", 8),
    ],
)
def test_what_the_atoms_say_of_the_origin(tmp_path, symmetry, columns, rows, more, atoms):
    for name in ("_space_group_IT_number 227", "_space_group_name_H-M_alt 'F d -3 m'"):
        columns_of = f"label type_symbol {columns}fract_x fract_y fract_z"
        text = cif(rows, f"{name}\n{symmetry}", columns_of, DIAMOND, more)
        assert content_of(tmp_path, text) == ({"C": atoms}, 227)


@pytest.mark.parametrize("symbol", ["R -3 c H", "R -3 2/c HR", "R -3 c", "R-3c:H", "R -3 c (H)"])
def test_spellings_of_hexagonal_axes(tmp_path, symbol):
    text = cif(CALCITE, f"_symmetry_space_group_name_H-M '{symbol}'", cell=HEX)
    assert content_of(tmp_path, text) == ({"Ca": 6, "C": 6, "O": 18}, 167)


@pytest.mark.parametrize("symbol", ["R -3 c R", "R -3 c RS", "R -3 c", "R-3cr", "R-3c (R)"])
def test_spellings_of_rhombohedral_axes(tmp_path, symbol):
    text = cif(CALCITE_R, f"_symmetry_space_group_name_H-M '{symbol}'", cell=RHOMB)
    assert content_of(tmp_path, text) == ({"Ca": 2, "C": 2, "O": 6}, 167)


@pytest.mark.parametrize(
    ("symmetry", "angles", "hm", "number"),
    [
        ("_symmetry_space_group_name_H-M 'P 2/m'", (101, 90, 90), "P 2/m 1 1", 10),
        ("_symmetry_space_group_name_H-M 'P 2/m'", (90, 90, 101), "P 1 1 2/m", 10),
        ("_symmetry_space_group_name_H-M 'P 2/m'", (90, 101, 90), "P 1 2/m 1", 10),
        ("_symmetry_space_group_name_H-M 'P 21/b'", (90, 90, 101), "P 1 1 21/b", 14),
        ("_symmetry_space_group_name_H-M 'B 2/b'", (90, 90, 101), "B 1 1 2/b", 15),
        ("_symmetry_space_group_name_H-M 'P21'", (90, 90, 101), "P 1 1 21", 4),
        ("_space_group_IT_number 10", (90, 90, 101), "P 1 1 2/m", 10),
        ("_space_group_IT_number 10", (101, 90, 90), "P 2/m 1 1", 10),
        ("_space_group_IT_number 14", (90, 101, 90), "P 1 21/c 1", 14),
        (
            "_space_group_IT_number 14\n_space_group_IT_coordinate_system_code b2",
            (90, 101, 90),
            "P 1 21/n 1",
            14,
        ),
    ],
)
def test_unique_axes_fit_the_cell(tmp_path, symmetry, angles, hm, number):
    path = tmp_path / "a.cif"
    path.write_text(cif(symmetry=symmetry, cell=(5.0, 6.0, 7.0, *angles)))
    crystal = read(path)
    assert (crystal.group.hm, crystal.group.number) == (hm, number)
    assert content(crystal) == {"Si": crystal.group.order}


@pytest.mark.parametrize(("code", "atoms"), [("1abc", 2), ("2abc", 4), ("1", 2), ("2", 4)])
def test_codes_of_origin_and_axes(tmp_path, code, atoms):
    for name in ("_space_group_IT_number 48", "_space_group_name_H-M_alt 'P n n n'"):
        symmetry = f"{name}\n_space_group_IT_coordinate_system_code {code}"
        assert content_of(tmp_path, cif("Si1 Si 0 0 0", symmetry)) == ({"Si": atoms}, 48)


MODULATED = [
    "_cell_modulation_dimension 1",
    "_space_group_ssg_name 'P n m a (0 0 g) 0 s 0'",
    "loop_\n_space_group_symop_ssg_operation_algebraic\nx1,x2,x3,x4\n-x1,-x2,-x3,-x4",
    "loop_\n_cell_wave_vector_seq_id\n_cell_wave_vector_x\n1 0.31",
    "loop_\n_atom_site_Fourier_wave_vector_seq_id\n_atom_site_Fourier_wave_vector_x\n1 0.31",
]


@pytest.mark.parametrize("more", MODULATED)
@pytest.mark.parametrize("symmetry", ["file", "P1", "find"])
def test_modulated_structures_say_what_they_are(tmp_path, more, symmetry):
    with pytest.raises(ValueError, match=r"a modulated structure.* P1 would be a wrong crystal"):
        content_of(tmp_path, cif(more=more), symmetry=symmetry)


MAGNETIC = """_space_group_magn.number_BNS 62.448
loop_
_space_group_symop_magn_operation.id
_space_group_symop_magn_operation.xyz
1 x,y,z,+1
2 -x,-y,-z,+1
3 -x,y+1/2,-z,-1
4 x,-y+1/2,z,-1
"""
CENTRED = """loop_
_space_group_symop_magn_centering.id
_space_group_symop_magn_centering.xyz
1 x,y,z,+1
2 x+1/2,y,z,-1
"""


def test_magnetic_structures_say_what_they_are(tmp_path):
    rows = "Mn1 Mn 0 0 .5\nO1 O .1 .2 .3"
    text = cif(rows, MAGNETIC)
    with pytest.raises(ValueError, match=r"a magnetic structure.* with symmetry='find' or 'P1'"):
        content_of(tmp_path, text, "a.mcif")
    with pytest.warns(UserWarning, match="moments are not"):
        assert content_of(tmp_path, text, symmetry="P1") == ({"Mn": 2, "O": 4}, 1)
    with pytest.warns(UserWarning, match="moments are not"):
        found, number = content_of(tmp_path, cif(rows, MAGNETIC + CENTRED), symmetry="find")
    assert (found, number) == ({"Mn": 2, "O": 4}, 11)


def test_occupancies_add_up_over_one_position(tmp_path):
    columns = "label type_symbol fract_x fract_y fract_z occupancy"
    group = "_space_group_IT_number 225"

    def rows(*occupancies: str) -> str:
        names = ("Fe", "Ni", "Co")
        return "\n".join(f"{n}1 {n} 0 0 0 {x}" for n, x in zip(names, occupancies, strict=False))

    for good in ((".335",) * 3, (".5", ".5"), ("1.003",), (".2",)):
        found, _ = content_of(tmp_path, cif(rows(*good), group, columns, CUBIC))
        assert sum(found.values()) == pytest.approx(4 * sum(map(float, good)))
    for bad, total in (((".5",) * 3, "1.5"), ((".34", ".67"), "1.01"), (("1", ".5"), "1.5")):
        with pytest.raises(ValueError, match=rf"atom Fe1 .* share one position.* got {total}"):
            content_of(tmp_path, cif(rows(*bad), group, columns, CUBIC))
    # Six images of a split atom around an axis are one position as well.
    split = cif("O1 O .005 0 .3 .1667", "_space_group_IT_number 168", columns, HEX)
    assert content_of(tmp_path, split)[0]["O"] == pytest.approx(1.0, abs=2e-3)
    with pytest.raises(ValueError, match=r"share one position.* got 1.2"):
        content_of(tmp_path, split.replace(".1667", ".2"))


def test_labels_of_displacements(x64, tmp_path):
    """Another case and marks are no other label."""
    more = "loop_\n_atom_site_aniso_label\n" + "".join(
        f"_atom_site_aniso_U_{pair}\n" for pair in ("11", "22", "33", "12", "13", "23")
    )
    path = tmp_path / "a.cif"
    path.write_text(cif("O-h1 O .1 .2 .3", more=more + "Oh1 .01 .02 .03 0 0 0"))
    crystal = read(path)
    assert crystal.u_aniso is not None
    assert float(crystal.u_aniso[0, 2, 2]) == pytest.approx(0.03)
    path.write_text(cif("O1 O .1 .2 .3", more=more + "H7 .01 .02 .03 0 0 0\nO1 .01 .02 .03 0 0 0"))
    with pytest.warns(UserWarning, match="no atom of this label: 'H7'; .* is left out"):
        crystal = read(path)
    assert crystal.u_aniso is not None
