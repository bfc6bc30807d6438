"""Bytes, names and damage of CIFs that say nothing about the crystal."""

import pytest
from awkward_cifs import cif, content_of

from jaxtal.io import read, read_cif

SILICON = ({"Si": 1.0}, 1)


@pytest.mark.parametrize(
    "data",
    [
        "_publ_author_name 'J. Mu\u0308ller'\n".encode(),
        "_publ_author_name 'J. M\u00fcller'\n".encode("latin-1"),
        b"# caf\xe9 \x92quoted\x94 in windows-1252\n",
        b"_publ_section_title\n;\n\xc5ngstr\xf6m, \x01\x02 and \x1b[0m\n;\n",
        b"_chemical_name_common S\xe4gewerk\n",
        b"\x0c\x0b\n",
        b"\x1a",
        b"\x00\x00",
    ],
)
def test_stray_bytes(tmp_path, data):
    text = cif().encode()
    assert content_of(tmp_path, text + data) == SILICON
    assert content_of(tmp_path, b"\xef\xbb\xbf" + text + data) == SILICON
    assert content_of(tmp_path, text.replace(b"\n", b"\r\n") + data) == SILICON
    assert content_of(tmp_path, text.replace(b"\n", b"\r") + data.replace(b"\n", b"\r")) == SILICON


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_other_encodings_are_named(tmp_path, encoding):
    with pytest.raises(ValueError, match=r"case\.cif: expected text in UTF-8 or Latin-1"):
        content_of(tmp_path, cif().encode(encoding))


@pytest.mark.parametrize(
    "name", ["a.cif", "a.CIF", "a.cif.txt", "a.mcif", "a.txt", "structure", "A.MCIF"]
)
def test_names_of_cifs(tmp_path, name):
    assert content_of(tmp_path, "# a comment\n" + cif(), name) == SILICON


@pytest.mark.parametrize(
    "damage",
    [
        "loop_\n_pd_meas_2theta\n_pd_meas_intensity\n1 2 3\n",
        "loop_\n_pd_meas_2theta\n_pd_meas_intensity\nloop_\n_pd_x\n1\n",
        "loop_\n_pd_meas_2theta\n_pd_meas_intensity\n_chemical_name_mineral Quartz\n",
        "_chemical_name_common Sodium chloride\n",
        "_chemical_name_common 'Sodium chloride\n",
        "_chemical_name_common\n_chemical_name_mineral Halite\n",
        "_exptl_crystal_colour white\n_exptl_crystal_colour red\n",
        "_chemical_formula_sum 'Si O2'\n_chemical_formula_sum ''\n",
        "_cell_length_a 5.1\n",
        "loop_\n_geom_bond_distance 1.61 1.62\nloop_\n_geom_angle 1 2\n_publ_x a b\n",
    ],
)
def test_damage_beside_the_crystal(tmp_path, damage):
    text = cif()
    assert content_of(tmp_path, text + damage) == SILICON
    assert (
        content_of(tmp_path, text.replace("_cell_length_b", damage + "_cell_length_b")) == SILICON
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Si1 Si .1 .2 .3", "Si1 Si .1 .2", "syntax error"),
        ("_cell_length_a 5.1", "_cell_length_a 5.1 A", "syntax error"),
        ("_cell_length_a 5.1", "_cell_length_a 5.1\n_cell_length_a 5.2", "different values"),
        ("loop_", "_loop", "syntax error|misspelled"),
        ("_cell_length_a", "_loop\n_cell_length_a", ":2: data_case: _loop: .*misspelled"),
        ("Si1 Si .1 .2 .3", "Si1 Si .1\u00a0.2 .3", "syntax error"),
        ("Si1 Si .1", "Si1 Si \u22120.1", "syntax error"),
        ("Si1 Si .1", "Si1 Si '0.1 (2)'", r"expected a number, got '0\.1 \(2\)'"),
    ],
)
def test_damage_of_the_crystal(tmp_path, old, new, message):
    text = cif()
    assert old in text
    with pytest.raises(ValueError, match=message) as caught:
        content_of(tmp_path, text.replace(old, new, 1))
    assert "case.cif" in str(caught.value)


TEMPLATE = "data_global\nloop_\n_atom_site_label\n_atom_site_fract_x\n? ?\n"


def test_templates_and_blocks(tmp_path):
    second = cif("O1 O .1 .2 .3").replace("data_case", "data_other")
    text = TEMPLATE + cif() + second
    assert content_of(tmp_path, text) == SILICON
    assert content_of(tmp_path, text, block="OTHER") == ({"O": 1.0}, 1)
    assert read_cif(tmp_path / "case.cif", block="data_other").species == ("O",)
    with pytest.raises(ValueError, match="no block 'third'; the blocks are global, case, other"):
        read(tmp_path / "case.cif", block="third")


def test_a_second_loop_of_the_atoms(x64, tmp_path):
    """Such loops are joined by label, whatever their order."""
    more = "loop_\n_atom_site_label\n_atom_site_occupancy\n_atom_site_U_iso_or_equiv\n"
    rows = "Si1 Si .1 .2 .3\nO1 O .5 .6 .7"
    path = tmp_path / "a.cif"
    path.write_text(cif(rows, more=more + "O1 0.5 0.02\nSi1 1 0.01\n"))
    crystal = read(path)
    assert crystal.occupancies.tolist() == [1.0, 0.5]
    assert crystal.u_iso.tolist() == [0.01, 0.02]
    again = "loop_\n_atom_site_label\n_atom_site_fract_x\nSi1 .2\nO1 .5\n"
    path.write_text(cif(rows, more=again))
    with pytest.raises(ValueError, match="_atom_site_fract_x: given several times"):
        read(path)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("90.(0)", 90),
        ("9.0E1", 90),
        ("900(2)e-1", 90),
        ("90(0.5)", 90),
        ("9.0D1", 90),
        ("'90'", 90),
        ("180/2", 90),
    ],
)
def test_spellings_of_numbers(x64, tmp_path, text, value):
    path = tmp_path / "a.cif"
    path.write_text(cif().replace("angle_beta 90", f"angle_beta {text}"))
    assert read(path).to_host().cell[4] == pytest.approx(value, abs=1e-9)


def test_fractions_as_coordinates(x64, tmp_path):
    rows = "Si1 Si 1/3 2/3 1/4"
    cell = (3.2, 3.2, 5.2, 90, 90, 120)
    assert content_of(tmp_path, cif(rows, "_space_group_IT_number 194", cell=cell)) == (
        {"Si": 2.0},
        194,
    )
