"""Forms of reflection files: what each means, what is refused, and nothing but clear errors."""

import gemmi
import numpy as np
import pytest

from jaxtal.io import read_reflection_columns, read_reflection_table, read_reflections
from jaxtal.symmetry import SpaceGroup

ROWS = "   1   0   0  123.45    1.20\n   0   2   0   55.00    0.80\n"
END = "   0   0   0    0.00    0.00\n"


def write(tmp_path, text, name="data.hkl"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def cif(tags, rows, before=""):
    loop = "".join(f"_{tag}\n" for tag in tags)
    return f"data_t\n_cell_length_a 7\n{before}loop_\n{loop}{rows}\n"


HKL_TAGS = ["refln_index_h", "refln_index_k", "refln_index_l"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # 2F10, 2F12: columns 29-32 hold a part of a number; or 13-20 and 21-28 do.
        (
            "   1   0   0    123.45      1.20\n",
            r"hkl:1: expected columns 29-32 blank or an integer",
        ),
        ("   1   0   0      123.45        1.20\n", r"hkl:1: expected .*3I4,2F8.* columns"),
        ("   1   0   0     17.4010      0.8480\n", r"columns=?.* \(form=\"columns\""),
        (ROWS + "   1   0   0   99.00    1.20 x\n", r"hkl:3: expected columns 29-32"),
        ("1 0 0 123.45 1.20\n", r"hkl:1: expected an integer for h in columns 1-4.*form=\"columns"),
        ("   1   0   0  12_3.5    1.20\n", r"hkl:1: expected a number for value .*12_3\.5"),
        ("   1 1_0   0   12.50    1.20\n", r"hkl:1: expected an integer for k"),
        ("   1   0   0     nan    1.20\n", r"hkl:1: expected a number for value"),
        ("", "got none before 0 0 0"),
        ("   1   0   0   -1.00   -1.00\n", "expected measured reflections, got 1 left out"),
    ],
)
def test_other_columns_are_refused_with_what_to_do(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_reflection_table(write(tmp_path, text))


def test_wider_columns_are_read_as_separated_ones(tmp_path):
    path = write(tmp_path, "   1   0   0     17.4010      0.8480\n   0   0   0  0.0  0.0\nTITL\n")
    table = read_reflection_table(path, "columns")
    np.testing.assert_array_equal(table.intensity, [17.401])
    path = write(tmp_path, "# h k l F s\n1,0,0,17.4,0.8\n-512,0,0,0,0\n1 1 1 x y\n", "data.txt")
    table = read_reflection_table(path, hklf=3)
    np.testing.assert_array_equal(table.amplitude, [17.4])


@pytest.mark.parametrize("end", [END, "-512   0   0\n", " 999 999 999    0.00    0.00\n", "\n", ""])
def test_marks_at_the_end(tmp_path, end):
    tail = b"_x 'M\xfcller'\nnonsense 1_2\n" if end else b""
    table = read_reflection_table(write(tmp_path, (ROWS + end).encode() + tail))
    np.testing.assert_array_equal(table.indices, [[1, 0, 0], [0, 2, 0]])
    assert (table.dropped, table.notes, table.batch) == ((), (), None)
    text = "1 0 0 5 1\n-512 0 0 0 0\nthat was all\n"
    assert len(read_reflection_columns(write(tmp_path, text), [0, 1, 2], 3, sigma=4)) == 1


def test_rows_that_are_no_measurements(tmp_path):
    text = (
        ROWS
        + "   1   1   1   -1.00   -1.00\n"
        + "   1   1   2   -2.50    1.00\n"
        + "   1   1   3   54.00    0.00\n"
        + "   1   1   4   80.00   -3.00\n"
    )
    table = read_reflection_table(write(tmp_path, text))
    np.testing.assert_array_equal(table.indices[:, 2], [0, 0, 2, 3])
    np.testing.assert_array_equal(table.intensity, [123.45, 55, -2.5, 54])
    assert [(one.reason, one.rows) for one in table.dropped] == [
        ("unmeasured (-1 -1)", 1),
        ("rejected (sigma < 0)", 1),
    ]
    assert table.dropped[1].mean_intensity == 80
    assert table.skipped == 2
    # Sigma 0 would be an infinite weight: the median of rows as strong is taken.
    assert table.sigma[3] == 1.0
    assert "1 rows have sigma 0" in table.notes[0]
    none = read_reflection_table(write(tmp_path, "   1   0   0    5.00    0.00\n"))
    assert none.sigma is None


def test_batches_the_free_set_and_domains(tmp_path):
    free = "   1   0   0  123.45    1.20  -1\n   0   2   0   55.00    0.80   3\n"
    table = read_reflection_table(write(tmp_path, free))
    np.testing.assert_array_equal(table.batch, [-1, 3])
    five = (
        "   1   0   0  123.45    1.20  -2\n"
        "  -1   0   0  123.45    1.20   1\n"
        "   0   2   0   55.00    0.80   1\n"
    )
    path = write(tmp_path, five)
    with pytest.raises(ValueError, match=r"got HKLF 5: reflections of domains 1, 2 .* domain=1"):
        read_reflection_table(path)
    one = read_reflection_table(path, domain=1)
    np.testing.assert_array_equal(one.indices, [[-1, 0, 0], [0, 2, 0]])
    assert "1 rows overlap" in one.notes[0]
    with pytest.raises(ValueError, match=r"domain: expected one of \[1, 2\], got 3"):
        read_reflection_table(path, domain=3)
    with pytest.raises(ValueError, match="expected HKLF 5, got one domain"):
        read_reflection_table(write(tmp_path, ROWS), domain=1)


INS = """TITL ylid in P 21 21 21 ! a remark
REM CELL 1 1 1 1 1 1 1
CELL 0.71073   5.9541   9.0263  18.3688  90.000 =
  90.000  90.000
ZERR 4.00      0.0008   0.0012   0.0025   0.000   0.000   0.000
latt -1
SYMM 0.5-X, -Y, 0.5+Z
SYMM -X, 0.5+Y, 0.5-Z
SYMM 0.5+X, 0.5-Y, -Z
SFAC C H O
SFAC S 6.9 1.4 5.2 22 1.4 0.2 1.6 56 0.9 0.1 0.1 53 1.0 32
UNIT 44 40 8 4
HKLF {0}
END
garbage
"""


def test_instructions_beside_the_file(tmp_path):
    path = write(tmp_path, ROWS + END)
    bare = read_reflection_table(path)
    assert bare.cell is bare.group is bare.wavelength is bare.composition is None
    write(tmp_path, INS.format(4), "data.ins")
    table = read_reflection_table(path)
    np.testing.assert_allclose(np.asarray(table.cell), [5.9541, 9.0263, 18.3688, 90, 90, 90])
    assert table.group == SpaceGroup.find("P 21 21 21")
    assert (table.wavelength, table.z, table.radiation) == (0.71073, 4, None)
    assert table.composition == "C44 H40 O8 S4"
    # F, an index matrix and a scale; elsewhere.
    told = write(tmp_path, INS.format("3 2.0 0 1 0 1 0 0 0 0 -1"), "other.res")
    other = read_reflection_table(path, instructions=told)
    np.testing.assert_array_equal(other.indices, [[0, 1, 0], [2, 0, 0]])
    np.testing.assert_array_equal(other.amplitude, [246.9, 110])
    np.testing.assert_array_equal(read_reflection_table(path, hklf=4).intensity, [123.45, 55])
    neutron = write(tmp_path, "NEUT\nLATT 2\nCELL 0.02 5 6 7 90 90 90\n", "n.ins")
    found = read_reflection_table(path, instructions=neutron)
    assert (found.radiation, found.group.hm) == ("neutron", "I -1")
    (tmp_path / "data.ins").unlink()
    # Below the list, as CrysAlis writes it.
    below = read_reflection_table(write(tmp_path, ROWS + END + INS.format(4)))
    assert below.group == table.group
    assert below.composition == table.composition


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("9.0263", "-9.0263", r"data\.ins:3: CELL: .*positive length b"),
        ("18.3688", "x", r"data\.ins:3: CELL: expected a number, got 'x'"),
        ("latt -1", "LATT 9", r"data\.ins:6: LATT: expected 1 to 7"),
        ("0.5-X, -Y", "0.5-Q, -Y", r"data\.ins:7: SYMM: expected"),
        ("ZERR 4.00", "ZERR", r"data\.ins:5: ZERR: |data\.ins"),
        ("0.5+X, 0.5-Y, -Z", "X, 0.41-Y, Z+X", r"data\.ins: LATT, SYMM: "),
    ],
)
def test_instructions_that_make_no_sense(tmp_path, old, new, message):
    write(tmp_path, INS.format(4).replace(old, new), "data.ins")
    path = write(tmp_path, ROWS)
    if old == "ZERR 4.00":
        assert read_reflection_table(path).z == 0.0008
        return
    with pytest.raises(ValueError, match=message):
        read_reflection_table(path)


def test_status_and_uncertainties_of_cifs(tmp_path):
    rows = "1 0 0 99 100.0 1.0 o\n0 2 0 1 -0.5 0.9 <\n0 1 0 0 3.1 1.0 -\n1 1 0 50 999.0 2.0 x\n"
    tags = [*HKL_TAGS, "refln_F_squared_calc", "refln_F_squared_meas", "refln_F_squared_sigma"]
    text = cif([*tags, "refln_observed_status"], rows)
    table = read_reflection_table(write(tmp_path, text, "list4.fcf"))
    np.testing.assert_array_equal(table.intensity, [100, -0.5, 3.1])
    assert [(one.reason, one.rows) for one in table.dropped] == [("status x (unreliable)", 1)]
    every = text.replace(" o\n", " x\n").replace(" <\n", " x\n").replace(" -\n", " x\n")
    with pytest.raises(ValueError, match="rows of status x only"):
        read_reflection_table(write(tmp_path, every, "x.cif"))
    free = read_reflection_table(write(tmp_path, text.replace(" <\n", " f\n"), "f.cif"))
    np.testing.assert_array_equal(free.batch, [0, 1, 0])
    dotted = [t.replace("refln_", "refln.", 1) for t in (*HKL_TAGS, "refln_F_squared_meas")]
    text = cif([*dotted, "refln.F_squared_meas_su"], "1 0 0 100.0 1.0\n1 0 1 5 0.9")
    np.testing.assert_array_equal(
        read_reflection_table(write(tmp_path, text, "s.cif")).sigma, [1, 0.9]
    )
    text = cif([*HKL_TAGS, "refln_F_squared_meas"], "1 0 0 100.0(12)\n0 2 0 1.5e2(3)\n0 0 3 7(2)")
    table = read_reflection_table(write(tmp_path, text, "b.cif"))
    np.testing.assert_allclose(np.asarray(table.sigma), [1.2, 30, 2])
    np.testing.assert_allclose(np.asarray(table.intensity), [100, 150, 7])


@pytest.mark.parametrize("tag", ["refln_index_m", "refln_index_m_list", "refln_index_m_2"])
def test_indices_of_unknown_meaning_are_refused(tmp_path, tag):
    text = cif([*HKL_TAGS, tag, "refln_F_squared_meas"], "1 0 0 0 100\n1 0 0 1 5")
    with pytest.raises(ValueError, match=rf"_{tag}: expected indices h, k, l, m_1"):
        read_reflection_table(write(tmp_path, text, "m.cif"))
    known = cif([*HKL_TAGS, "refln_index_m_1", "refln_F_squared_meas"], "1 0 0 0 100\n1 0 0 1 5")
    assert read_reflection_table(write(tmp_path, known, "m.cif")).indices.shape == (2, 4)


def test_the_measured_list_counts_and_repeated_tags_do_not_matter(tmp_path):
    calculated = cif([*HKL_TAGS, "refln_F_squared_calc"], "1 0 0 99")
    raw = [t.replace("refln", "diffrn_refln") for t in HKL_TAGS]
    raw += ["diffrn_refln_intensity_net", "diffrn_refln_intensity_u"]
    both = calculated + "loop_\n" + "".join(f"_{t}\n" for t in raw) + "1 0 0 100 1\n-1 0 0 102 1\n"
    table = read_reflection_table(write(tmp_path, both, "both.cif"))
    np.testing.assert_array_equal(table.intensity, [100, 102])
    wave = "_diffrn_radiation_wavelength 0.0251\n"
    text = cif(
        [*HKL_TAGS, "refln_intensity_meas", "refln_intensity_sigma"], "1 0 0 9 1", wave + wave
    )
    table = read_reflection_table(write(tmp_path, text, "pets.cif"))
    assert (len(table), table.wavelength, table.radiation) == (1, 0.0251, "electron")


@pytest.mark.parametrize("tag", ["_shelx_hkl_file", "_iucr_refine_reflections_details"])
def test_shelx_inside_of_a_cif(tmp_path, tag):
    head = """data_x
_cell_length_a 5
_cell_length_b 6
_cell_length_c 7
_cell_angle_beta 100
_space_group_name_H-M_alt 'P 1 21/c 1'
_chemical_formula_sum 'C2 H4'
_cell_formula_units_Z 4
_diffrn_radiation_type MoK\\a
_shelx_res_file
;
TITL
CELL 0.71073 5 6 7 90 100 90
LATT -1
HKLF 4
END
;
"""
    text = f"{head}{tag}\n;\n{ROWS}{END};\n_shelx_hkl_checksum 12345\n"
    table = read_reflection_table(write(tmp_path, text, "x.cif"))
    np.testing.assert_array_equal(table.intensity, [123.45, 55])
    assert (table.composition, table.z, table.radiation) == ("C2 H4", 4, "xray")
    assert (table.wavelength, table.group.hm) == (0.71073, "P 1 21/c 1")
    found = read_reflections(tmp_path / "x.cif")
    assert found.table.wavelength == 0.71073
    assert len(found) == 2
    broken = text.replace("123.45    1.20", "123.45 1.2  .2")
    with pytest.raises(ValueError, match=rf"x\.cif: data_x: {tag}:1: expected"):
        read_reflection_table(write(tmp_path, broken, "x.cif"))


XDS = """!FORMAT=XDS_ASCII    MERGE={0}    FRIEDEL'S_LAW=FALSE
!SPACE_GROUP_NUMBER=   14
!UNIT_CELL_CONSTANTS=     8.66     6.00     8.24  90.000 122.9  90.000
!X-RAY_WAVELENGTH=  0.02508
!NUMBER_OF_ITEMS_IN_EACH_DATA_RECORD=12
!ITEM_H=1
!ITEM_K=2
!ITEM_L=3
!ITEM_IOBS=5
!ITEM_SIGMA(IOBS)=4
!END_OF_HEADER
     1     0     0  1.200E+00  1.234E+02
     0     2     0 -8.000E-01  5.500E+01
!END_OF_DATA
     9     9     9  1 1
"""


def test_xds(tmp_path):
    table = read_reflection_table(write(tmp_path, XDS.format("TRUE"), "XDS_ASCII.txt"))
    np.testing.assert_array_equal(table.intensity, [123.4, 55])
    np.testing.assert_array_equal(table.sigma, [1.2, 0.8])
    np.testing.assert_allclose(np.asarray(table.cell), [8.66, 6, 8.24, 90, 122.9, 90])
    assert (table.group.number, table.wavelength, table.radiation) == (14, 0.02508, "electron")
    table = read_reflection_table(write(tmp_path, XDS.format("FALSE"), "a.hkl"))
    assert (len(table), table.dropped[0].reason) == (1, "rejected (sigma < 0)")
    for old, new, message in (
        ("1.234E+02", "", r"XDS\.hkl:12: expected at least 5 columns, got 4"),
        ("     0     2", "     0   2.5", r"XDS\.hkl:13: expected an integer for K"),
        ("1.234E+02", "1.2_4E+02", r"XDS\.hkl:12: expected a number for IOBS"),
        ("122.9", "222.9", r"UNIT_CELL_CONSTANTS: .*beta"),
        ("=   14", "=   999", "SPACE_GROUP_NUMBER"),
    ):
        path = write(tmp_path, XDS.format("TRUE").replace(old, new), "XDS.hkl")
        with pytest.raises(ValueError, match=message):
            read_reflection_table(path)


def mtz(path, columns, rows):
    file = gemmi.Mtz(with_base=True)
    file.spacegroup = gemmi.SpaceGroup("P 21 21 21")
    file.set_cell_for_all(gemmi.UnitCell(5, 6, 7, 90, 90, 90))
    file.add_dataset("x").wavelength = 1.5
    for label, kind in columns:
        file.add_column(label, kind)
    file.set_data(np.array(rows, np.float32))
    file.write_to_file(str(path))
    return path


def test_mtz(tmp_path):
    path = mtz(
        tmp_path / "data.mtz",
        [("F", "F"), ("SIGF", "Q"), ("IMEAN", "J"), ("SIGIMEAN", "Q")],
        [[1, 0, 2, 3, 0.1, 9, 1], [1, 1, 1, 2, 0.1, np.nan, np.nan], [2, 1, 1, 2, 0.1, 4, 0.5]],
    )
    table = read_reflection_table(path)
    np.testing.assert_array_equal(table.indices, [[1, 0, 2], [2, 1, 1]])
    np.testing.assert_array_equal(table.intensity, [9, 4])
    np.testing.assert_array_equal(table.sigma, [1, 0.5])
    assert (table.group.hm, table.wavelength, table.skipped) == ("P 21 21 21", 1.5, 1)
    np.testing.assert_allclose(np.asarray(table.cell), [5, 6, 7, 90, 90, 90])
    path = mtz(
        tmp_path / "pair.mtz",
        [("I(+)", "K"), ("SIGI(+)", "M"), ("I(-)", "K"), ("SIGI(-)", "M")],
        [[1, 1, 2, 9, 1, 8, 2], [1, 1, 1, 2, 0.1, np.nan, np.nan]],
    )
    table = read_reflection_table(path)
    np.testing.assert_array_equal(table.indices, [[1, 1, 2], [1, 1, 1], [-1, -1, -2]])
    np.testing.assert_array_equal(table.intensity, [9, 2, 8])
    np.testing.assert_allclose(np.asarray(table.sigma), [1, 0.1, 2])
    with pytest.raises(ValueError, match=r"data\.mtz: expected an MTZ file"):
        read_reflection_table(write(tmp_path, "no", "data.mtz"))
    with pytest.raises(ValueError, match="expected intensities or amplitudes"):
        read_reflection_table(mtz(tmp_path / "e.mtz", [("PHI", "P")], [[1, 0, 2, 3]]))


def test_without_a_group_the_laue_class_is_found(tmp_path):
    rng = np.random.default_rng(0)
    rows = []
    for h in range(-6, 7):
        for k in range(-6, 7):
            for l in range(0, 7):
                if (h, k, l) != (0, 0, 0):
                    value = np.random.default_rng([h + 9 if l else abs(h), abs(k), l]).exponential(
                        100
                    )
                    rows.append(f"{h:4}{k:4}{l:4}{value + rng.normal():8.2f}{1:8.2f}\n")
    path = write(tmp_path, "".join(rows))
    with pytest.raises(ValueError, match=r"data\.hkl: expected a cell, got none"):
        read_reflections(path)
    found = read_reflections(path, [6.0, 7, 8, 90, 100, 90])
    assert found.group.hm == "P 1 2/m 1"
    assert found.report.rule == "robust"
    assert found.report.r_int < 0.02
    assert len(found.table) == len(rows)


SEEDS = [
    ("a.hkl", (ROWS + END + INS.format(4)).encode()),
    ("a.txt", XDS.format("TRUE").encode()),
    ("b.txt", b"1 0 0 10.5 0.3\n0 2 0 4 1\n-512 0 0 0 0\n"),
    (
        "a.cif",
        cif(
            [*HKL_TAGS, "refln_F_squared_meas", "refln_status"], "1 0 0 9(1) o\n0 1 0 8 x"
        ).encode(),
    ),
    ("b.cif", f"data_x\n_shelx_hkl_file\n;\n{ROWS}{END};\n".encode()),
    ("data.ins", INS.format(4).encode()),
]


@pytest.mark.parametrize(("name", "text"), SEEDS, ids=[name for name, _ in SEEDS])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_damage_is_a_value_error_that_names_the_file(tmp_path, name, text):
    rng = np.random.default_rng(1)
    hkl = write(tmp_path, ROWS)
    messages = []
    for trial in range(150):
        bad = bytearray(text)
        kind = trial % 5
        at = int(rng.integers(len(bad)))
        if kind == 0:
            bad = bad[:at]
        elif kind == 1:
            bad[at] = int(rng.integers(256))
        elif kind == 2:
            marks = rng.choice(list(b"0123456789.-eE_ \n=,;'\x00\xff"), 3)
            bad[at:at] = bytes(marks.tolist())
        elif kind == 3:
            del bad[at : at + int(rng.integers(1, 9))]
        else:
            line = bad.split(b"\n")
            line[int(rng.integers(len(line)))] = bytearray(rng.integers(0, 256, 12).tolist())
            bad = bytearray(b"\n".join(line))
        path = write(tmp_path, bytes(bad), name)
        try:
            table = read_reflection_table(hkl if name == "data.ins" else path)
        except ValueError as error:
            messages.append(str(error))
        else:
            assert np.isfinite(table.intensity).all()
            assert table.sigma is None or (table.sigma > 0).all()
    assert 0 < len(messages) < 150
    assert all(name in message and "\n" not in message.strip() for message in messages)


@pytest.mark.parametrize("name", ["data.hkl", "data.txt"])
def test_a_wrong_hklf_is_that_of_the_instructions(tmp_path, name):
    told = write(tmp_path, "TITL x\nCELL 0.71073 5 6 7 90 90 90\nHKLF 1\nEND\n", "other.ins")
    rows = ROWS if name == "data.hkl" else "1 0 0 123.45 1.20\n"
    path = write(tmp_path, rows, name)
    with pytest.raises(ValueError, match=r"other\.ins: hklf: expected 3 \(F\).*, got 1"):
        read_reflection_table(path, instructions=told)
    with pytest.raises(ValueError, match=name.replace(".", r"\.") + ": hklf: expected .* got 7"):
        read_reflection_table(path, hklf=7, instructions=told)


@pytest.mark.parametrize("number", ["8", "0", "99999999999999999999"])
def test_no_such_centring_below_a_list(tmp_path, number):
    # What stands below a list may be anything; a line that is wrong is passed over.
    text = ROWS + END + f"TITL x\nCELL 0.71073 5 6 7 90 90 90\nLATT {number}\nSYMM -x,-y,z\nEND\n"
    table = read_reflection_table(write(tmp_path, text))
    assert len(table) == 2
    told = write(tmp_path, f"CELL 0.71073 5 6 7 90 90 90\nLATT {number}\nEND\n", "other.ins")
    with pytest.raises(ValueError, match=r"other\.ins:2: LATT"):
        read_reflection_table(write(tmp_path, ROWS), instructions=told)
