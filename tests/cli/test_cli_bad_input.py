"""Bad input: exit code 2, one line on stderr that says what, nothing on stdout, no files."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

CIF = """data_x
_cell_length_a 4.0
_cell_length_b 4.0
_cell_length_c 4.0
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_space_group_name_H-M_alt 'P m -3 m'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_Wyckoff_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
A1 Na a 0 0 0
B1 Cl b 0.5 0.5 0.5
"""
ATOMS = CIF[CIF.index("A1") :]
POSCAR = "x\n1.0\n4 0 0\n0 4 0\n0 0 4\nNa Cl\n1 1\nDirect\n0 0 0\n0.5 0.5 nan\n"
FILES = {
    "good.cif": CIF,
    "no_cell.cif": "\n".join(line for line in CIF.splitlines() if "_cell_" not in line),
    "no_atoms.cif": CIF[: CIF.index("loop_")],
    "element.cif": CIF.replace(" Na a", " Xx a"),
    "close.cif": CIF.replace("B1 Cl b 0.5 0.5 0.5", "B1 Cl . 0.01 0 0"),
    "nan.cif": CIF.replace("0.5 0.5 0.5", "0.5 0.5 nan"),
    "no_group.cif": CIF.replace("_space_group_name_H-M_alt 'P m -3 m'", ""),
    "group.cif": CIF.replace("P m -3 m", "P q 7"),
    "setting.cif": CIF.replace("_cell_length_c 4.0", "_cell_length_c 5.0"),
    "text.cif": "just some words",
    "POSCAR": POSCAR,
    "text.xyz": "nonsense",
}


@pytest.fixture
def folder(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 and then nothing")
    (tmp_path / "empty.npz").write_bytes(b"")
    return tmp_path


READING = [
    ("no_cell.cif", "no_cell.cif"),
    ("no_atoms.cif", "no_atoms.cif"),
    ("element.cif", "Xx"),
    ("close.cif", "0.1 A"),
    ("nan.cif", "nan"),
    ("no_group.cif", "space group"),
    ("group.cif", "P q 7"),
    ("setting.cif", "setting.cif"),
    ("text.cif", "text.cif"),
    ("POSCAR", "POSCAR"),
    ("text.xyz", "text.xyz"),
    ("missing.cif", "no such file"),
    ("alpha-quarz", "did you mean alpha-quartz"),
    (".", "folder"),
]
COMMANDS = {
    "describe": ("describe", "{}", "-o", "out.npz"),
    "compare": ("compare", "diamond", "{}"),
    "reconstruct": ("reconstruct", "{}", "-o", "out", "--starts", "1"),
}
OTHER = [
    (("describe", "diamond", "-o", "out.npz", "--q-max", "0"), "q_max"),
    (("describe", "diamond", "-o", "out.npz", "--q-max", "nan"), "q_max"),
    (("describe", "diamond", "-o", "out.npz", "--q-max", "1"), "no reflection"),
    (("describe", "diamond", "-o", "out.npz", "--n-max", "0"), "n_max"),
    (("describe", "diamond", "-o", "out.npz", "--l-max", "-1"), "l_max"),
    (("describe", "diamond", "-o", "nowhere/out.npz"), "nowhere"),
    (("describe", "diamond", "-o", "good.cif/out.npz"), "good.cif"),
    (("describe", "diamond"), "--output"),
    (("describe", "text.cif", "close.cif", "-o", "out.npz"), "none of 2 crystals"),
    (("compare", "diamond"), "B requires an argument"),
    (("compare", "diamond", "other.npz"), "other.npz: expected an .npz of `jaxtal describe`"),
    (("compare", "diamond", "broken.npz"), "broken.npz"),
    (("compare", "diamond", "empty.npz"), "empty.npz"),
    (("compare", "diamond", "missing.npz"), "no such file"),
    (("reconstruct", "diamond", "-o", "out", "--q-max", "-1"), "q_max"),
    (("reconstruct", "diamond", "-o", "out", "--q-max", "nan"), "q_max"),
    (("reconstruct", "diamond", "-o", "out", "--q-max", "1"), "no reflection"),
    (("reconstruct", "diamond", "-o", "out", "--starts", "0"), "--starts"),
    (("reconstruct", "diamond", "-o", "out", "--starts", "many"), "--starts"),
    (("reconstruct", "diamond", "-o", "out", "--seed", "-1"), "--seed"),
    (("reconstruct", "diamond", "-o", "out", "--perturb", "0.1"), "--perturb"),
    (("reconstruct", "diamond", "-o", "out", "--perturb", "0.1", "-1"), "--perturb"),
    (("reconstruct", "diamond", "-o", "out", "--perturb", "2", "0.1"), "D_LAT"),
    (("reconstruct", "diamond", "-o", "out", "--random"), "--random"),
    (
        ("reconstruct", "diamond", "-o", "out", "--steps", "2.5"),
        "--steps: expected an integer",
    ),
    (("describe", "diamond", "-o", "out.npz", "--dtype", "float16"), "float32"),
    (("describe", "diamond", "-o", "out.npz", "--seed", "1"), "--seed"),
    (("compare", "diamond", "silicon", "quartz"), "quartz"),
    (("compare", "diamond", "silicon", "--qmax", "5"), "Did you mean --q-max?"),
    (("reconstruct", "diamond", "-o", "good.cif", "--starts", "1"), "good.cif"),
    (("reconstruct", "diamond", "-o", "good.cif/out", "--starts", "1"), "good.cif"),
    (("list", "--wrong"), "--wrong"),
    (("dance",), "dance"),
    (("describ",), "Did you mean"),
]


def refused(result, folder, before, fragment):
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("jaxtal: error: ")
    assert result.err.count("\n") == 1
    assert fragment in result.err
    assert set(folder.rglob("*")) == before


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(("crystal", "fragment"), READING, ids=[name for name, _ in READING])
def test_crystals_that_are_none(run, folder, command, crystal, fragment):
    if (command, crystal) == ("describe", "."):
        pytest.skip("describe takes folders")
    before = set(folder.rglob("*"))
    refused(run(*(a.format(crystal) for a in COMMANDS[command])), folder, before, fragment)


@pytest.mark.parametrize(("arguments", "fragment"), OTHER, ids=lambda x: " ".join(x)[-40:])
def test_arguments_that_make_no_sense(run, folder, arguments, fragment):
    before = set(folder.rglob("*"))
    refused(run(*arguments), folder, before, fragment)


@pytest.mark.parametrize("family", [(), ("fields",)])
def test_no_command_shows_the_commands(run, family):
    result = run(*family)
    assert (result.code, result.err) == (0, "")
    assert result.out == run(*family, "--help").out
    assert ("reconstruct" if not family else "convert") in result.out


def test_several_entries_cannot_be_compared(run, folder):
    assert run("describe", "diamond", "silicon", "-o", "two.npz").code == 0
    before = set(folder.rglob("*"))
    refused(run("compare", "two.npz", "diamond"), folder, before, "diamond, silicon")


def test_stated_symmetry_can_be_searched_instead(run, folder):
    """What the message about a file without a group advises works."""
    result = run("describe", "no_group.cif", "-o", "out.npz", "--symmetry", "find", "--q-max", "5")
    assert result.code == 0


def test_the_command_in_a_process_of_its_own(tmp_path):
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    command = [sys.executable, "-m", "jaxtal", "compare", "diamond", "silicn", "--json"]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "did you mean silicon" in done.stderr
    folders = list(pathlib.Path(tmp_path / "cache" / "jaxtal").iterdir())
    assert len(folders) == 1


def test_help_is_quick_and_a_closed_output_no_accident(tmp_path):
    """Help needs no JAX, and a reader that has gone is not answered with a traceback."""
    code = "import sys; from jaxtal.cli import main; main(['--help']); print('jax' in sys.modules)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.endswith("False\n")
    shell = f"{sys.executable} -m jaxtal list | head -n 1; {sys.executable} -m jaxtal list >&-"
    done = subprocess.run(
        ["sh", "-c", shell], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
