"""`data`: the report of reflection files as text, JSON and picture."""

import numpy as np
import pytest

from jaxtal.lattice import cell_to_matrix
from jaxtal.symmetry import SpaceGroup

CELL = (6.1, 7.3, 8.9, 90, 98, 90)
RECIPROCAL = np.linalg.inv(cell_to_matrix(np.array(CELL, float))).T
GIVEN = ("--cell", *CELL)


def shelx(seed=0):
    """Random point atoms in P 21, as a SHELX file."""
    rng = np.random.default_rng(seed)
    group = SpaceGroup.find("P 21")
    x = rng.uniform(size=(8, 3))
    shift = group.translations / group.denominator
    x = (np.einsum("nij,aj->nai", group.rotations, x) + shift[:, None]).reshape(-1, 3)
    lines = []
    for h in range(-6, 7):
        for k in range(-7, 8):
            for l in range(0, 9):
                if (h, k, l) > (0, 0, 0) or l > 0:
                    F = np.exp(2j * np.pi * (x @ [h, k, l])).sum()
                    s2 = np.sum((np.array([h, k, l]) @ RECIPROCAL) ** 2)
                    if s2 > 0.99:
                        continue
                    I = 50 * abs(F) ** 2 * np.exp(-3 * s2)
                    lines.append(f"{h:4}{k:4}{l:4}{I + rng.normal():8.2f}{1:8.2f}\n")
    return "".join(lines)


@pytest.fixture
def files(tmp_path):
    (tmp_path / "a.hkl").write_text(shelx())
    (tmp_path / "b.hkl").write_text(shelx(1))
    instructions = (
        f"CELL 0.71 {' '.join(map(str, CELL))}\nLATT -1\nSYMM -X,Y+1/2,-Z\nSFAC C\nUNIT 16\n"
    )
    (tmp_path / "b.ins").write_text(instructions)
    (tmp_path / "wide.hkl").write_text("   1   0   0    123.45      1.20\n")
    return tmp_path


def test_one_file(run, files):
    result = run("data", "a.hkl", *GIVEN, "--spacegroup", "P 21", "-o", "a.png", "--json")
    assert (result.code, result.err) == (0, "")
    (found,) = result.json["files"]
    assert (found["laue_class"], found["centring"], found["unique"]) == (
        "2/m",
        "P",
        found["unique"],
    )
    assert found["laue_group"] == "P 1 2/m 1"
    assert found["completeness"] > 0.95
    chosen = [one for one in found["laue_candidates"] if one["chosen"]]
    assert [one["laue_class"] for one in chosen] == ["2/m"]
    absent = {one["name"] for one in found["elements"] if one["verdict"] == "absent"}
    assert absent == {"screw 21 along [0 1 0]"}
    assert found["stated"]["space_group"] == "P 1 21 1"
    assert found["statistics"]["e2_minus_1"] == pytest.approx(0.736, abs=0.08)
    assert found["index_matrix"] == np.eye(3).tolist()
    assert result.json["pictures"] == ["a.png"]
    assert (files / "a.png").read_bytes().startswith(b"\x89PNG")
    text = run("data", "a.hkl", *GIVEN).out
    assert "Laue class  2/m" in text
    assert "screw 21 along [0 1 0]" in text


def test_a_bad_file_does_not_stop_the_others(run, files):
    result = run("data", "b.hkl", "wide.hkl", "none.hkl", "--json", "-o", "pictures")
    assert result.code == 0
    assert [row["file"] for row in result.json["files"]] == ["b.hkl"]
    assert [row["file"] for row in result.json["skipped"]] == ["wide.hkl", "none.hkl"]
    assert result.err.count("jaxtal: skipped") == 2
    assert (files / "pictures" / "b.hkl.png").is_file()
    assert result.json["files"][0]["stated"]["composition"] == "C16"
    assert run("data", "wide.hkl", "none.hkl").code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("wide.hkl", *GIVEN), "columns 29-32 blank or an integer"),
        (("a.hkl",), "expected a cell"),
        (("none.hkl",), "no such file"),
        ((".",), "expected a file, got a folder"),
        (("a.hkl", "--cell", 1, 2, 3, 120, 120, 120), "enclose no volume"),
        (("a.hkl", "--cell", 1, 2, 3), "--cell"),
        (("a.hkl", *GIVEN, "--spacegroup", "Q 7"), "Q 7"),
        (("a.hkl", *GIVEN, "--composition", "Xx2"), "Xx"),
        (("a.hkl", *GIVEN, "--hklf", 7), "expected 3 (F), 4 (I) or 5"),
        (("a.hkl", *GIVEN, "--domain", 1), "expected HKLF 5"),
        (("a.hkl", *GIVEN, "-o", "a.txt"), ".png, .pdf or .svg"),
        (("a.hkl", *GIVEN, "-o", "nowhere/a.png"), "cannot write there"),
        (("a.hkl", *GIVEN, "--instructions", "nowhere.ins"), "no such file"),
    ],
)
def test_bad_input_is_one_line(run, files, arguments, message):
    result = run("data", *arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.count("\n") == 1
    assert message in result.err
