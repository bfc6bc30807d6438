"""The README keeps its promises: every Python block runs, in order, and the commands exist."""

import pathlib
import re
from typing import Any

import pytest

README = (pathlib.Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_python_blocks_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for number, code in enumerate(blocks("python")):
        exec(compile(code, f"README.md, block {number}", "exec"), names)
    printed = capsys.readouterr().out
    assert "P 32 2 1 ('Si', 'O') ('3a', '6c')" in printed
    assert "converged: " in printed
    assert names["match"].rmsd < 0.01
    assert names["match"].cell_error < 1e-3
    assert names["spectrum"].shape == (10, 11)
    assert names["nearest"][:2].tolist() == [[1], [0]]
    assert names["labels"].tolist() == [0, 1, 2, 3]
    assert names["value"] > 1e-3
    assert (tmp_path / "reconstruction.png").is_file()
    same, different = re.findall(r"^(\d\.?\d*(?:e-\d+)?)$", printed, re.MULTILINE)[:2]
    assert float(same) < 1e-4 < float(different)


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
