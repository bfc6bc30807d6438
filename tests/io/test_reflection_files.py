"""Reflection files: columns of text, SHELX, CIF, CSV; and what is wrong with them, by line."""

import gzip
import json

import gemmi
import numpy as np
import pytest

from jaxtal.io import (
    read_reflection_columns,
    read_reflections,
)
from jaxtal.io.reflections._cif import read_reflection_cif
from jaxtal.io.reflections._columns import read_reflection_csv
from jaxtal.io.reflections._shelx import read_hkl
from jaxtal.lattice import Superspace
from jaxtal.reflections import Reflections
from jaxtal.symmetry import SpaceGroup

TEXT = """# Data measured somewhere.  I = 3
# Indexing of somebody

   h    k    m1   I   Sigma(I)  note
   1    .0  -2.0  .24409E+03  .10D+01   1
# a remark

   0   3.0    1  -1.5-103  2   1
"""


def write(tmp_path, text, name="data.txt"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_columns_by_name_and_by_number(tmp_path):
    path = write(tmp_path, TEXT)
    named = read_reflection_columns(path, ["h", "k", "m1"], "I", sigma="Sigma(I)")
    numbered = read_reflection_columns(path, [0, 1, 2], 3, sigma=4)
    mixed = read_reflection_columns(path, ["h", "k", 2], intensity="I", header_line=4, sigma=4)
    for table in (named, numbered, mixed):
        np.testing.assert_array_equal(table.indices, [[1, 0, -2], [0, 3, 1]])
        np.testing.assert_array_equal(table.intensity, [244.09, -1.5e-103])
        np.testing.assert_array_equal(table.sigma, [1, 2])
        np.testing.assert_array_equal(table.lines, [5, 8])
        assert table.amplitude is None
        assert table.source == str(path)
    swapped = read_reflection_columns(path, ["m1", "h"], amplitude="k")
    np.testing.assert_array_equal(swapped.indices, [[-2, 1], [1, 0]])
    np.testing.assert_array_equal(swapped.amplitude, [0, 3])
    assert swapped.intensity is None


def test_commas_comments_and_compression(tmp_path):
    text = '"h", "k" ,F\n1,2,3.5\n-1,0,4\n'
    path = tmp_path / "data.csv.gz"
    path.write_bytes(gzip.compress(text.encode()))
    table = read_reflection_columns(path, ["h", "k"], amplitude="F")
    np.testing.assert_array_equal(table.indices, [[1, 2], [-1, 0]])
    np.testing.assert_array_equal(table.amplitude, [3.5, 4])
    # A header may be a comment, and the delimiter anything.
    table = read_reflection_columns(
        write(tmp_path, "! h|k|I\n1|2|3\n! end\n"), ["h", "k"], "I", delimiter="|", comment="!"
    )
    np.testing.assert_array_equal(table.indices, [[1, 2]])


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        (
            "h k I\n1 2 3\n1 x 3\n",
            ["h", "k"],
            r"data\.txt:3: expected a number in column 'k', .*'x'",
        ),
        ("h k I\n1 2 3\n1 0.5 3\n", ["h", "k"], r"txt:3: expected an integer .* 'k', got 0\.5"),
        ("h k I\n1 2 nan\n", ["h", "k"], r"txt:2: expected a finite number in column 'I'"),
        ("h k I\n1 2 3\n1 2\n", ["h", "k"], r"txt:3: expected 3 columns as in the header, got 2"),
        ("h k I\n1 2 3\n", ["h", "l"], r"a header with the columns h, l, I, not in any line"),
        ("h h k I\n1 1 2 3\n", ["h", "k"], r"txt:1: the column 'h' occurs twice"),
        ("h k I\n# 1 2 3\n", ["h", "k"], "got no line of numbers"),
        ("h k I\n1 99999999999 3\n", ["h", "k"], r"txt:2: expected an integer index"),
        ("h k I\n1 2 3\n", [], "at least one column"),
        ("", ["h", "k"], "a header with the columns"),
    ],
)
def test_errors_name_file_line_and_column(tmp_path, text, columns, message):
    with pytest.raises(ValueError, match=message):
        read_reflection_columns(write(tmp_path, text), columns, "I")


def test_errors_of_numbered_columns(tmp_path):
    path = write(tmp_path, "some title\nmore words\n1 2 3\n1 2 3a\n")
    with pytest.raises(ValueError, match=r"txt:4: expected a number in column 2, got '3a'"):
        read_reflection_columns(path, [0, 1], 2)
    # The first line of data is not skipped for a slip in it.
    with pytest.raises(
        ValueError, match=r"other\.txt:1: expected a number in column 1, got '2\.x'"
    ):
        read_reflection_columns(write(tmp_path, "1 2.x 3\n1 2 3\n", "other.txt"), [0, 1], 2)
    with pytest.raises(ValueError, match="at least 4 columns, got 3"):
        read_reflection_columns(path, [0, 1], 3)
    with pytest.raises(ValueError, match="numbered from 0"):
        read_reflection_columns(path, [0, -1], 2)
    with pytest.raises(ValueError, match="no line 9, it has 4"):
        read_reflection_columns(path, ["h"], "I", header_line=9)
    for both in ({}, {"intensity": 2, "amplitude": 1}):
        with pytest.raises(ValueError, match="either intensity or amplitude"):
            read_reflection_columns(path, [0, 1], **both)
    with pytest.raises(FileNotFoundError, match="none"):
        read_reflection_columns(tmp_path / "none", [0], 1)
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(ValueError, match="expected UTF-8 text"):
        read_reflection_columns(binary, [0], 1)


def test_cadmium_ytterbium(data_dir):
    path = data_dir / "quasicrystal/cdyb/cdyb_integrated_bck"
    table = read_reflection_columns(path, [f"n{i + 1}" for i in range(6)], "I", sigma="Sigma(I)")
    assert table.indices.shape == (5381, 6)
    assert (table.lines[0], table.lines[-1]) == (9, 5389)
    np.testing.assert_array_equal(table.indices[1], [1, 0, 0, -1, 0, 0])
    assert (table.intensity[0], table.sigma[0]) == (244.09, 1.082)
    plain = np.loadtxt(path, skiprows=8)
    np.testing.assert_array_equal(table.indices, plain[:, 8:14])
    np.testing.assert_array_equal(table.intensity, plain[:, 17])


def test_phased_csv(tmp_path):
    rows = "k1,k2,I,real(ampl),imag(ampl)\n1,0,4.0,0.0,2.0\n-1,3,2.0,-1.0,1.0\n"
    table = read_reflection_csv(write(tmp_path, rows))
    np.testing.assert_array_equal(table.indices, [[1, 0], [-1, 3]])
    np.testing.assert_array_equal(table.intensity, [4, 2])
    np.testing.assert_array_equal(table.structure_factors, [2j, -1 + 1j])
    only = read_reflection_csv(write(tmp_path, "k1,k2,I\n1,0,4.0\n"))
    assert only.structure_factors is None
    for bad in ("h,k,I\n1,2,3\n", "k1,k3,I\n1,2,3\n", "k1,k2,J\n1,2,3\n", ""):
        with pytest.raises(ValueError, match="expected the columns k1"):
            read_reflection_csv(write(tmp_path, bad))


HKL = (
    "   1   0   01467.740 56.7900\n -12  -3   4   -1.50     .25   1\n   0   2   1    1234     100\n"
)


def test_shelx_fixed_columns(tmp_path):
    for end in ("", "\n   9   9   9    1.00    1.00\n", "   0   0   0    0.00    0.00\nTITL x\n"):
        table = read_hkl(write(tmp_path, HKL + end))
        np.testing.assert_array_equal(table.indices, [[1, 0, 0], [-12, -3, 4], [0, 2, 1]])
        np.testing.assert_array_equal(table.intensity, [1467.74, -1.5, 12.34])
        np.testing.assert_array_equal(table.sigma, [56.79, 0.25, 1.0])
        np.testing.assert_array_equal(table.lines, [1, 2, 3])
    table = read_hkl(write(tmp_path, HKL), hklf=3)
    np.testing.assert_array_equal(table.amplitude, [1467.74, -1.5, 12.34])
    assert table.intensity is None
    with pytest.raises(ValueError, match=r"\|F\| >= 0, got -1.5 in line 2"):
        Reflections.from_table(Superspace.periodic([4.0] * 3 + [90.0] * 3), "P 1", table)
    with pytest.raises(
        ValueError, match=r"2: expected an integer for k in columns 5-8, got ' 1\.0'"
    ):
        read_hkl(write(tmp_path, HKL[:29] + "   1 1.0   0    1.00    1.00\n"))
    with pytest.raises(ValueError, match="1: expected a number for sigma in columns 21-28"):
        read_hkl(write(tmp_path, "   1   0   0    1.00\n"))
    with pytest.raises(ValueError, match="got none before 0 0 0"):
        read_hkl(write(tmp_path, "   0   0   0    0.00    0.00\n"))
    with pytest.raises(ValueError, match="hklf"):
        read_hkl(write(tmp_path, HKL), hklf=2)


@pytest.mark.parametrize("name", ["zngapo", "ylid", "c18h19no4_106c"])
def test_measured_shelx_files(data_dir, name):
    folder = data_dir / "reflections" / name
    meta = json.loads((folder / "meta.json").read_text())
    table = read_hkl(folder / "data.hkl")
    assert len(table) == meta["n_reflections_in_file"]
    space = Superspace.periodic([float(x) for x in meta["cell"]])
    refl = Reflections.from_table(space, meta["space_group"], table, merge="mean", extinct="drop")
    report = refl.report
    assert report.rows == report.origin + report.extinct + report.merged + report.kept
    # An independent count: gemmi merges under the Laue group.
    assert refl.group.hm is not None
    group = gemmi.SpaceGroup(refl.group.hm)
    unit = gemmi.ReciprocalAsu(group)
    operations = group.operations()
    listed = [h for h in table.indices.tolist() if not operations.is_systematically_absent(h)]
    assert len(listed) == report.rows - report.extinct
    assert len({tuple(unit.to_asu(h, operations)[0]) for h in listed}) == report.kept
    assert report.r_int is not None
    assert 0 < report.r_int < 0.12


@pytest.mark.parametrize("name", ["large_p31c", "nacl", "zngapo"])
def test_merging_agrees_with_what_cctbx_found(data_dir, name):
    folder = data_dir / "reflections" / name
    meta = json.loads((folder / "meta.json").read_text())
    space = Superspace.periodic([float(x) for x in meta["cell"]])
    table = read_hkl(folder / "data.hkl")
    report = Reflections.from_table(space, meta["space_group"], table, extinct="drop").report
    cctbx = meta["verification"]
    assert (report.rows, report.extinct) == (cctbx["n_raw"], cctbx["sysabs"])
    assert report.kept == cctbx["n_uniq"]
    # Its means are weighted, and printed with four decimals.
    assert report.r_int == pytest.approx(cctbx["rint"], abs=3e-4)


CIF = """data_first
_cell_length_a 5
data_second
loop_
_refln_index_h
_refln_index_k
_refln_index_l
_refln_index_m_1
_refln_index_m_2
_refln_F_meas
_refln_F_sigma
_refln_F_calc
1 0 0 0 0 10.5(3) 0.3 11
1 2 -3 -1 2 4 0.2 5
1 2 -3 1 2 ? ? 5
"""


def test_cif_with_satellites(tmp_path):
    path = write(tmp_path, CIF, "data.cif")
    table = read_reflection_cif(path)
    np.testing.assert_array_equal(table.indices, [[1, 0, 0, 0, 0], [1, 2, -3, -1, 2]])
    np.testing.assert_array_equal(table.amplitude, [10.5, 4])
    np.testing.assert_array_equal(table.sigma, [0.3, 0.2])
    assert table.skipped == 1
    assert table.intensity is None
    assert read_reflection_cif(path, block="SECOND").source.endswith("data_second")
    squared = CIF.replace("F_meas", "F_squared_meas").replace("_F_sigma", "_F_other")
    table = read_reflection_cif(write(tmp_path, squared, "data.cif"))
    np.testing.assert_array_equal(table.intensity, [10.5, 4])
    assert table.sigma is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("F_meas", "F_other", "expected measured values among _refln_f_squared_meas"),
        ("1 2 -3 -1", "1 2 -3.5 -1", r"row 2: _refln_index_l: expected an integer index"),
        ("1 2 -3 -1", "1 2 ? -1", r"row 2: _refln_index_l: expected a number, got \?"),
        ("4 0.2", "4a 0.2", "row 2: _refln_f_meas: expected a number, got '4a'"),
        ("4 0.2", "4 ?", "row 2: _refln_f_sigma: expected a number"),
        ("_refln_index_h", "_refln_h", r"with reflections .*; the blocks are first, second"),
        ("loop_", "loop_ _x", "syntax error"),
    ],
)
def test_bad_cifs_are_refused(tmp_path, old, new, message):
    path = write(tmp_path, CIF.replace(old, new), "data.cif")
    with pytest.raises(ValueError, match=message):
        read_reflection_cif(path)


def test_missing_cif_blocks_and_files(tmp_path):
    with pytest.raises(ValueError, match="expected a block 'first' with reflections"):
        read_reflection_cif(write(tmp_path, CIF, "data.cif"), block="first")
    with pytest.raises(FileNotFoundError, match=r"none\.cif"):
        read_reflection_cif(tmp_path / "none.cif")
    unknown = CIF.replace("10.5(3)", "?").replace("4 0.2", "? ?")
    with pytest.raises(ValueError, match="expected measured values"):
        read_reflection_cif(write(tmp_path, unknown, "data.cif"))


def test_measured_cif_agrees_with_gemmi(data_dir):
    path = data_dir / "reflections/c18h19no4_106c/orig_106c.fcf"
    table = read_reflection_cif(path)
    block = gemmi.cif.read(str(path)).sole_block()
    columns = block.find("_refln_", ["index_h", "index_k", "index_l", "F_squared_meas"])
    assert len(table) == len(columns)
    np.testing.assert_array_equal(table.indices, [[int(x) for x in list(r)[:3]] for r in columns])
    np.testing.assert_array_equal(table.intensity, [float(r[3]) for r in columns])
    # The file lists each independent reflection once.
    space = Superspace.periodic([float(block.find_value(f"_cell_{n}")) for n in CELL])
    refl = Reflections.from_table(space, "P -1", table)
    assert refl.report.merged == 0
    assert refl.report.real == len(refl) == len(table)


CELL = ["length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma"]


def test_one_door_reads_measured_reflections(data_dir, tmp_path):
    folder = data_dir / "reflections" / "zngapo"
    meta = json.loads((folder / "meta.json").read_text())
    cell = [float(x) for x in meta["cell"]]
    found = read_reflections(folder / "data.hkl", cell, meta["space_group"])
    table = read_hkl(folder / "data.hkl")
    space = Superspace.periodic(cell)
    rules = {"extinct": "drop", "merge": "robust"}
    same = Reflections.from_table(space, meta["space_group"], table, **rules)
    np.testing.assert_array_equal(found.k, same.k)
    np.testing.assert_array_equal(found.intensity, same.intensity)
    assert read_reflections(folder / "data.hkl", cell).group.hm == "P m -3 m"
    with pytest.raises(ValueError, match=r"data\.hkl: expected a group, got none"):
        read_reflections(folder / "data.hkl", space)
    with pytest.raises(ValueError, match=r"expected \.hkl, \.cif"):
        read_reflections(write(tmp_path, "1 0 0 1 1", "data.xyz"), cell, "P 1")


def test_a_cif_brings_its_cell_and_group(tmp_path):
    text = """data_x
_cell_length_a 5
_cell_length_b 6
_cell_length_c 7
_cell_angle_beta 100
_space_group_name_H-M_alt 'P 1 21/c 1'
loop_
_refln_index_h
_refln_index_k
_refln_index_l
_refln_F_squared_meas
_refln_F_squared_sigma
1 0 2 10 1
1 1 0 20 1
-1 -1 0 22 1
"""
    for name in ("data.fcf", "data.hkl"):
        found = read_reflections(write(tmp_path, text, name), merge="mean")
        assert found.group == SpaceGroup.find("P 21/c")
        np.testing.assert_array_equal(found.intensity, [10, 21])
        assert found.q_parallel[1] == pytest.approx(
            np.linalg.norm(
                Superspace.periodic([5, 6, 7, 90, 100, 90]).q_parallel(np.array([[1, 1, 0]]))
            )
        )
