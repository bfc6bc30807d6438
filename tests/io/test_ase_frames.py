"""Files of ASE's formats, read by a process that may be ended."""

import os
import pathlib
import signal
import subprocess
import sys
import textwrap

import pytest
from ase import Atoms
from ase.io import write

from jaxtal.io import _ase_frames, read
from jaxtal.io._ase_frames import frames
from jaxtal.search import crystals_of

CELL = Atoms("NaCl", positions=[[0, 0, 0], [2, 2, 2.1]], cell=[4, 4, 4.2], pbc=True)


@pytest.fixture
def worker(tmp_path, monkeypatch):
    """Put another program in the place of ASE's reader."""

    def put(body):
        script = tmp_path / "worker.py"
        script.write_text("import sys, signal, time, os\n" + textwrap.dedent(body))
        monkeypatch.setattr(_ase_frames, "_SCRIPT", script)
        monkeypatch.setattr(_ase_frames, "_idle", {})

    yield put
    _ase_frames._end_all()


def test_frames_are_those_of_ase(tmp_path):
    path = tmp_path / "all.extxyz"
    write(path, [CELL, CELL[:1]])
    assert [len(atoms) for atoms in frames(path)] == [2, 1]
    (last,) = frames(path, last=True)
    assert len(last) == 1
    # The next one has the process that the first one used; one that is left early is ended.
    (waiting,) = next(iter(_ase_frames._idle.values()))
    several = frames(path)
    next(several)
    del several
    assert waiting._process.poll() is not None
    assert len(list(frames(path))) == 2


def test_a_process_that_was_ended_while_it_waited_is_replaced(worker):
    worker("sys.stdin.read()")
    first = _ase_frames._taken()
    _ase_frames._idle[os.getpid()] = [first]
    first._process.kill()
    first._process.wait()
    second = _ase_frames._taken()
    assert second.lives
    second.end()


def test_nothing_is_begun_before_ase_is_needed(tmp_path, monkeypatch):
    monkeypatch.setattr(_ase_frames, "_idle", {})
    monkeypatch.setattr(_ase_frames, "_Worker", None)
    write(tmp_path / "a.cif", CELL)
    assert len(read(tmp_path / "a.cif").to_ase()) == 2


def test_a_name_means_the_folder_of_who_asks(tmp_path, monkeypatch):
    for name in "ab":
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        write("one.extxyz", CELL if name == "a" else CELL[:1])
        assert [len(atoms) for atoms in frames(pathlib.Path("one.extxyz"))] == [2 - (name == "b")]


def test_what_ase_raises_is_told(tmp_path):
    path = tmp_path / "a.vasp"
    path.write_text("nothing\n1.0\n")
    with pytest.raises(
        ValueError, match=r"a\.vasp: expected a file that ASE reads, got \w+Error: "
    ):
        read(path)


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="no such signal here")
def test_a_reader_that_takes_too_long_is_ended(tmp_path, worker):
    write(tmp_path / "a.extxyz", CELL)
    worker("""
        sys.stdin.readline()
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        while True: pass
    """)
    message = r"a\.extxyz: expected a file that ASE reads, got more than 10 s of work"
    with pytest.raises(ValueError, match=message):
        read(tmp_path / "a.extxyz")


@pytest.mark.skipif(not hasattr(signal, "SIGPROF"), reason="no such signal here")
@pytest.mark.parametrize(
    ("work", "code"), [("while True: pass", -signal.SIGPROF), ("time.sleep(0.3)", 0)]
)
def test_time_is_that_of_work(work, code):
    # A busy machine, on which a file waits, is no fault of the file.
    script = (
        "import time, _ase_worker\n"
        "_ase_worker._PATIENCE = 1e3\n"
        f"with _ase_worker._in_time(0.1):\n    {work}"
    )
    folder = _ase_frames._SCRIPT.parent
    assert subprocess.run([sys.executable, "-c", script], cwd=folder).returncode == code


def test_a_reader_that_dies_costs_one_file(tmp_path, worker):
    for name in "ab":
        write(tmp_path / f"{name}.extxyz", CELL)
    worker("""
        request = sys.stdin.readline()
        if "a.extxyz" in request: os._exit(3)
        sys.argv[:] = sys.argv[:1]
        import json, pickle, ase.io
        atoms = ase.io.read(json.loads(request)["path"])
        pickle.dump(("one", atoms), sys.stdout.buffer)
        pickle.dump(("end", []), sys.stdout.buffer)
        sys.stdout.flush()
    """)
    found = dict(crystals_of([tmp_path / "a.extxyz", tmp_path / "b.extxyz"]))
    first, second = found.values()
    assert "the end of ASE's reader (exit code 3)" in str(first)
    assert len(second) == 2


def test_more_atoms_than_the_file_has_room_for(tmp_path):
    path = tmp_path / "a.xyz"
    path.write_text("99999999999\n\nH 0 0 0\n")
    with pytest.raises(ValueError, match=r"a\.xyz: .* got 99999999999 atoms in a file of 21 bytes"):
        read(path)
