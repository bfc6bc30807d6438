"""Files that appear whole or not at all, alone and in sets; a full disk names them."""

import contextlib
import os
import sys

import numpy as np
import pytest

from jaxtal import io
from jaxtal._core import replacing, replacing_set, write_bytes, write_text
from jaxtal.grids import Grid
from jaxtal.io.pscf._text import save_text

resource = pytest.importorskip("resource")


@contextlib.contextmanager
def full_disk(size=60):
    """No file grows beyond some bytes, which fails as a full disk does; compile nothing in it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def too_long(path):
    with full_disk():
        write_text(path, "x" * 1000)


def writers():
    values = np.random.default_rng(0).normal(size=(1, 6, 6, 6))
    return {
        "a.txt": lambda path: write_text(path, "x" * 10_000),
        "a.bin": lambda path: write_bytes(path, lambda file: file.write(bytes(10_000))),
        "grid.npz": Grid(np.arange(20).reshape(2, 10), [9] * 10).save,
        "a.ccp4": lambda path: io.write_ccp4(path, values[0], [3, 3, 3, 90, 90, 90]),
        "w.rf": lambda path: save_text(path, "x" * 10_000),
        "w.kf.gz": lambda path: save_text(
            path, np.random.default_rng(0).random(500).tobytes().hex()
        ),
    }


@pytest.mark.parametrize("name", writers())
def test_a_full_disk_names_the_file_and_leaves_the_old_one(tmp_path, name):
    path = tmp_path / name
    path.write_text("old")
    with full_disk(), pytest.raises(OSError, match=r"File too large|cannot be written") as caught:
        writers()[name](path)
    assert caught.value.filename == str(path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == [name]


def test_errors_about_other_files_keep_their_names(tmp_path):
    with pytest.raises(FileNotFoundError) as caught, replacing(tmp_path / "a"):
        open("/nowhere/at-all")  # noqa: SIM115
    assert caught.value.filename == "/nowhere/at-all"
    with pytest.raises(ValueError, match="mine"), replacing(tmp_path / "a"):
        raise ValueError("mine")
    with pytest.raises(FileNotFoundError) as caught:
        write_text(tmp_path / "no" / "a", "")
    assert caught.value.filename == str(tmp_path / "no" / "a")
    assert os.listdir(tmp_path) == []


def test_a_set_comes_together(tmp_path):
    (tmp_path / "stale").write_text("old")
    (tmp_path / "a").write_text("old")
    (tmp_path / "mine").write_text("kept")
    with replacing_set(tmp_path, stale=["stale", "b", "never"]) as made:
        write_text(made / "a", "new")
        write_text(made / "b", "new")
        assert (tmp_path / "a").read_text() == "old"
        assert not (tmp_path / "b").exists()
    assert sorted(os.listdir(tmp_path)) == ["a", "b", "mine"]
    assert (tmp_path / "a").read_text() == (tmp_path / "b").read_text() == "new"


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_of_a_set_that_fails_nothing_comes(tmp_path, error):
    (tmp_path / "a").write_text("old")

    def fails():
        with replacing_set(tmp_path, stale=["a"]) as made:
            write_text(made / "b", "new")
            raise error

    with pytest.raises(error):
        fails()
    assert os.listdir(tmp_path) == ["a"]


def test_a_set_that_fails_while_it_moves_is_taken_back(tmp_path, monkeypatch):
    (tmp_path / "a").write_text("old")
    (tmp_path / "stale").write_text("old")
    move, moved = os.replace, []

    def replace(source, target):
        moved.append(os.path.basename(target))
        if moved.count("c") == 1 and "failed" not in moved:
            moved.append("failed")
            raise KeyboardInterrupt
        move(source, target)

    def fails():
        with replacing_set(tmp_path, stale=["stale"]) as made:
            for name in "abc":
                (made / name).write_text("new")
            monkeypatch.setattr(os, "replace", replace)

    with pytest.raises(KeyboardInterrupt):
        fails()
    assert "b" in moved
    assert sorted(os.listdir(tmp_path)) == ["a", "stale"]
    assert (tmp_path / "a").read_text() == "old"


def test_what_fails_in_a_set_has_the_name_that_it_would_have(tmp_path):
    with pytest.raises(OSError, match="File too large") as caught, replacing_set(tmp_path) as made:
        too_long(made / "a.txt")
    assert caught.value.filename == str(tmp_path / "a.txt")
    with pytest.raises(ValueError, match="values") as caught, replacing_set(tmp_path) as made:
        io.write_ccp4(made / "a.ccp4", np.full((2, 2, 2), np.nan), [3, 3, 3, 90, 90, 90])
    assert str(caught.value).startswith(f"{tmp_path / 'a.ccp4'}: ")
    (tmp_path / "taken").mkdir()

    def fails():
        with replacing_set(tmp_path) as made:
            (made / "a").write_text("")
            (made / "taken").write_text("")

    with pytest.raises(IsADirectoryError) as caught:
        fails()
    assert caught.value.filename == str(tmp_path / "taken")
    assert os.listdir(tmp_path) == ["taken"]


@pytest.mark.skipif(sys.platform != "linux", reason="the device is Linux's")
def test_a_full_standard_output_is_told(tmp_path):
    import subprocess

    code = "import sys; from jaxtal.cli import main; sys.exit(main())"
    with open("/dev/full", "w") as full:
        found = subprocess.run(
            [sys.executable, "-c", code, "list"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert found.returncode == 2
    assert found.stderr == "jaxtal: error: standard output: No space left on device\n"
