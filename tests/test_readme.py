"""README and CONTRIBUTING keep their promises: every Python block runs, the commands exist."""

import pathlib
import re
from typing import Any

import pytest

README = pathlib.Path(__file__).parent.parent / "README.md"
CONTRIBUTING = README.parent / ".github" / "CONTRIBUTING.md"


def blocks(language: str, file: pathlib.Path = README) -> list[str]:
    text = file.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_python_blocks_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for number, code in enumerate(blocks("python")):
        exec(compile(code, f"README.md, block {number}", "exec"), names)
    printed = capsys.readouterr().out
    assert "P 32 2 1 (154): Si 3a, O 6c; a 4.916, c 5.405 A; 6 free parameters" in printed
    assert "converged" in printed
    assert names["match"].rmsd < 0.01
    assert names["match"].cell_error < 1e-3
    assert names["rows"].shape == (3, 2)
    assert names["value"] > 1e-3
    assert names["gradient"].shape == (3, 3, 3)
    assert names["phased"].families
    same, different = re.findall(r"^(\d\.?\d*(?:e-\d+)?)$", printed, re.MULTILINE)[:2]
    assert float(same) < 1e-4 < float(different)
    pictures = {path.name for path in tmp_path.glob("*.png")}
    shown = re.findall(r"notebooks/pictures/(\S+\.png)\)", README.read_text(encoding="utf-8"))
    assert pictures == set(shown)
    assert all((README.parent / "notebooks" / "pictures" / name).is_file() for name in shown)


def test_there_are_two_commands_to_set_it_up():
    commands = [line for block in blocks("sh") for line in block.splitlines()]
    assert len(commands) == 2
    assert commands[0].endswith("jaxtal reconstruct alpha-quartz")
    assert "pytest" in commands[1]


@pytest.mark.parametrize("line", blocks("text")[0].splitlines())
def test_the_commands_parse(line):
    from jaxtal.cli._main import application

    command = line.split("   ")[0].split()
    assert command[0] == "jaxtal"
    found, _, unused = application().parse_args(command[1:], exit_on_error=False, print_error=False)
    assert found.__module__.startswith("jaxtal.cli.")
    assert not unused


@pytest.mark.parametrize("code", blocks("python", CONTRIBUTING), ids=["algorithm", "basis", "loss"])
def test_what_contributors_are_shown_runs_and_is_short(code, capsys):
    body = re.search(r"^class .*?(?=\n\n\n)", code, re.MULTILINE | re.DOTALL)
    assert body is not None
    assert body.group().count("\n") < 30
    exec(compile(code, "CONTRIBUTING.md", "exec"), names := {})
    assert capsys.readouterr().out
    if "phased" in names:
        assert names["phased"].families
    if "values" in names:
        assert all(names["fits"])
        assert all(names["values"] > 1e-3)


def test_the_floors_in_the_handbook_are_those_of_the_rooms():
    from test_architecture import LEVELS

    rows = re.findall(r"^\| (\d+) \| (.*) \|$", CONTRIBUTING.read_text(), re.MULTILINE)
    told = {
        room: int(floor)
        for floor, rooms in rows
        for room in re.findall(r"`(\w+)`", rooms)
        if room != "host"
    }
    assert told == {room: level for room, level in LEVELS.items() if room}
