"""What CIFs of the wild hold: symmetry in every form, displacements, labels, disorder."""

import gzip

import numpy as np
import pytest

from jaxtal.io import read, read_cif

CELL = """data_test
_cell_length_a 5.0(1)
_cell_length_b 5.0
_cell_length_c 7.0
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma {gamma}
"""
ATOMS = """loop_
_atom_site_label
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
{rows}
"""


@pytest.fixture
def make(tmp_path):
    def write(symmetry: str, rows: str = "C1 0.13 0.21 0.37", gamma: float = 90, more: str = ""):
        path = tmp_path / "a.cif"
        path.write_text(CELL.format(gamma=gamma) + symmetry + "\n" + ATOMS.format(rows=rows) + more)
        return path

    return write


OPERATIONS = "loop_\n_symmetry_equiv_pos_as_xyz\n'x, y, z'\n'-X,-Y,Z'\n'-y,x,z+1/2'\n'y,-x,0.5+z'\n"


@pytest.mark.parametrize(
    ("symmetry", "gamma", "number"),
    [
        (OPERATIONS, 90, 77),
        (OPERATIONS + "_space_group_IT_number 77", 90, 77),
        (
            OPERATIONS.replace("_symmetry_equiv_pos_as_xyz", "_space_group_symop.operation_xyz"),
            90,
            77,
        ),
        ("_symmetry_equiv_pos_as_xyz 'x,y,z'", 90, 1),
        ("_space_group_name_Hall 'P 4c'", 90, 77),
        ("_space_group.name_Hall '-P 4ac 2ac'", 90, 138),
        ("_symmetry_space_group_name_H-M 'P 42'", 90, 77),
        ("_symmetry_space_group_name_H-M P4(2)/mnm\n_symmetry_Int_Tables_number 136", 90, 136),
        ("_space_group_name_H-M_alt 'P 42/m n m'", 90, 136),
        ("_space_group_IT_number 136", 90, 136),
        ("_space_group_name_H-M_alt 'R -3 m'", 120, 166),
        ("_space_group_name_Hall '-C -2x;-2yc'\n_space_group_name_H-M_alt 'P 4/m m m'", 90, 123),
    ],
)
def test_symmetry_in_every_form(x64, make, symmetry, gamma, number):
    crystal = read(make(symmetry, gamma=gamma))
    assert crystal.group.number == number
    assert len(crystal.expand().mask) == crystal.group.order


def test_rhombohedral_symbol_takes_the_axes_of_the_cell(x64, make):
    path = make("_space_group_name_H-M_alt 'R -3'")
    text = path.read_text().replace("_c 7.0", "_c 5.0")
    for name in ("alpha", "beta", "gamma"):
        text = text.replace(f"{name} 90", f"{name} 80")
    path.write_text(text)
    crystal = read(path)
    assert crystal.group.setting == "R"
    assert crystal.plan.system.names == ("a", "alpha")


def test_operations_win_over_an_origin_choice(x64, tmp_path):
    """Fd-3m with operations of origin 1: the coordinates are meant there."""
    from jaxtal.symmetry import SpaceGroup

    rows = "\n".join(f"'{op.to_xyz()}'" for op in SpaceGroup.from_name("F d -3 m:1").operations)
    path = tmp_path / "a.cif"
    path.write_text(
        CELL.replace("5.0(1)", "3.567")
        .replace("5.0", "3.567")
        .replace("7.0", "3.567")
        .format(gamma=90)
        + "_symmetry_space_group_name_H-M 'F d -3 m'\nloop_\n_symmetry_equiv_pos_as_xyz\n"
        + rows
        + "\n"
        + ATOMS.format(rows="C 0 0 0")
    )
    crystal = read(path)
    assert crystal.group.setting == "1"
    assert crystal.plan.letters == ("8a",)


def test_unconventional_axes_go_to_the_standard_setting(x64, tmp_path):
    """Rock salt on its primitive cell, given with all 48 operations there."""
    import ase.build
    import spglib

    from jaxtal._core import call_spglib
    from jaxtal.symmetry import SymOp

    atoms = ase.build.bulk("NaCl", "rocksalt", a=5.64)
    matrix = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 1]]) @ atoms.cell.array
    frac = np.linalg.solve(matrix.T, atoms.positions.T).T
    data = call_spglib(spglib.get_symmetry, (matrix, frac, atoms.numbers), symprec=1e-4)
    ops = [
        SymOp(W, np.rint(24 * w).astype(int), 24).to_xyz()
        for W, w in zip(data["rotations"], data["translations"], strict=True)
    ]
    from ase.geometry import cell_to_cellpar

    tags = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    path = tmp_path / "a.cif"
    path.write_text(
        "data_p\n"
        + "".join(f"_cell_{t} {v}\n" for t, v in zip(tags, cell_to_cellpar(matrix), strict=True))
        + "loop_\n_space_group_symop_operation_xyz\n"
        + "".join(f"'{o}'\n" for o in ops)
        + ATOMS.format(
            rows="\n".join(
                f"{s}1 {x[0]} {x[1]} {x[2]}"
                for s, x in zip(atoms.get_chemical_symbols(), frac, strict=True)
            )
        )
    )
    crystal = read(path)
    assert crystal.group.number == 225
    assert crystal.plan.system.names == ("a",)
    np.testing.assert_allclose(crystal.lattice_parameters, 5.64, rtol=1e-9)
    assert set(crystal.plan.letters) == {"4a", "4b"}


def test_rounded_coordinates_are_put_on_special_positions(x64, make):
    crystal = read(make("_space_group_IT_number 194", "C1 0.3333 0.6667 0.25", gamma=120))
    assert crystal.plan.letters == ("2c",)
    # 0.33 is 0.03 A off: three atoms around the site, too close, unless the tolerance says so.
    path = make("_space_group_IT_number 194", "C1 0.33 0.67 0.25", gamma=120)
    with pytest.raises(ValueError, match=r"atom C1 and atom C1: .* got 0\.0500 A"):
        read(path)
    assert read_cif(path, site_tolerance=0.05).plan.letters == ("2c",)


def test_occupancies_and_mixed_sites(x64, make):
    rows = "Mg1 0 0 0 0.4(1) Mg2+\nFe1 0 0 0 0.6 Fe2+\nO1 0.5 0.5 0.5 ? O2-"
    path = make("_space_group_IT_number 221", rows)
    text = path.read_text().replace(
        "_fract_z\n", "_fract_z\n_atom_site_occupancy\n_atom_site_type_symbol\n"
    )
    path.write_text(text.replace("7.0", "5.0"))
    crystal = read(path)
    assert crystal.species == ("Mg2+", "Fe2+", "O2-")
    np.testing.assert_allclose(crystal.occupancies, [0.4, 0.6, 1.0])
    assert crystal.plan.letters == ("1a", "1a", "1b")


@pytest.mark.parametrize(
    ("symbol", "species"),
    [
        ("Si4+", "Si4+"),
        ("Si+4", "Si4+"),
        ("O-2", "O2-"),
        ("Na+", "Na+"),
        ("Ti0+", "Ti"),
        ("D", "D"),
        ("FE", "Fe"),
        ("Fe2.5+", "Fe"),
        ("C1", "C"),
        ("Cval", "C"),
        ("Siva", "Si"),
        ("18O2-", "18O2-"),
        ("cl", "Cl"),
        ("U6+", "U6+"),
    ],
)
def test_type_symbols(make, symbol, species):
    path = make("_space_group_IT_number 1", f"X1 0.1 0.2 0.3 {symbol}")
    path.write_text(path.read_text().replace("_fract_z\n", "_fract_z\n_atom_site_type_symbol\n"))
    got = read(path).species[0]
    assert got in (species, species.replace("Na+", "Na1+"))


@pytest.mark.parametrize(
    ("label", "species"),
    [
        ("Si1", "Si"),
        ("O", "O"),
        ("OW1", "O"),
        ("C12A", "C"),
        ("D3", "D"),
        ("Cl2", "Cl"),
        ("H1A", "H"),
    ],
)
def test_labels_without_type_symbols(make, label, species):
    assert read(make("_space_group_IT_number 1", f"{label} 0.1 0.2 0.3")).species == (species,)


def test_isotropic_u_and_b(x64, make):
    path = make("_space_group_IT_number 1", "C1 0.1 0.2 0.3 0.02(1)")
    text = path.read_text()
    path.write_text(text.replace("_fract_z\n", "_fract_z\n_atom_site_U_iso_or_equiv\n"))
    np.testing.assert_allclose(read(path).u_iso, [0.02])
    path.write_text(text.replace("_fract_z\n", "_fract_z\n_atom_site_B_iso_or_equiv\n"))
    np.testing.assert_allclose(read(path).u_iso, [0.02 / (8 * np.pi**2)])
    path.write_text(
        text.replace("0.02(1)", "?").replace("_fract_z\n", "_fract_z\n_atom_site_U_iso_or_equiv\n")
    )
    np.testing.assert_allclose(read(path).u_iso, [0.0])


ANISO = """loop_
_atom_site_aniso_label
_atom_site_aniso_{kind}_11
_atom_site_aniso_{kind}_22
_atom_site_aniso_{kind}_33
_atom_site_aniso_{kind}_12
_atom_site_aniso_{kind}_13
_atom_site_aniso_{kind}_23
"""


@pytest.mark.parametrize("kind", ["U", "B", "beta"])
def test_anisotropic_u_b_and_beta(x64, make, kind):
    U = np.array([0.01, 0.02, 0.03, 0.004, -0.005, 0.006])
    star = 1 / np.array([5 * np.sin(np.pi / 3), 5 * np.sin(np.pi / 3), 7])
    pairs = [(0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)]
    factor = {
        "U": np.ones(6),
        "B": np.full(6, 8 * np.pi**2),
        "beta": 2 * np.pi**2 * np.array([star[i] * star[j] for i, j in pairs]),
    }[kind]
    row = "C2 " + " ".join(f"{v:.12f}" for v in U * factor)
    path = make(
        "_space_group_IT_number 1",
        "C1 0.1 0.2 0.3\nC2 0.5 0.5 0.5",
        120,
        ANISO.format(kind=kind) + row + "\n",
    )
    crystal = read(path)
    assert crystal.u_aniso is not None
    np.testing.assert_allclose(crystal.u_aniso[0], 0)
    np.testing.assert_allclose([crystal.u_aniso[1][i, j] for i, j in pairs], U, atol=1e-10)


def test_dummy_atoms_are_left_out(make):
    path = make("_space_group_IT_number 1", "C1 0.1 0.2 0.3 d\nCg1 0.5 0.5 0.5 dum")
    path.write_text(path.read_text().replace("_fract_z\n", "_fract_z\n_atom_site_calc_flag\n"))
    assert read(path).species == ("C",)


def test_gzip_and_case_of_tags(make, tmp_path):
    text = make("_SPACE_GROUP_IT_NUMBER 1").read_text().replace("_cell_length_a", "_CELL_length_A")
    with gzip.open(tmp_path / "a.cif.gz", "wt") as file:
        file.write(text)
    assert read(tmp_path / "a.cif.gz").group.number == 1


def test_a_file_without_symmetry_needs_to_be_told(x64, make):
    path = make("", "C1 0 0 0\nC2 0.5 0.5 0.5")
    with pytest.raises(ValueError, match="expected a space group"):
        read(path)
    assert read(path, symmetry="find").group.number == 139
    assert read(path, symmetry="P1").group.number == 1


def test_dtype(make):
    assert read(make("_space_group_IT_number 1"), dtype="float32").occupancies.dtype == "float32"
