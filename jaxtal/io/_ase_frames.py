"""Files in formats of ASE, read in another process: no file can hang this one or take its memory.

ASE has a hundred readers that believe what a file says of its sizes. (A first line of 10^12 in an
.xyz takes a day.) No check of the text would be sound for all of them.
"""

import atexit
import contextlib
import json
import os
import pathlib
import pickle
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

from .._core import warn_caller

#: Seconds of work that a frame may take, and bytes of a file for each second more.
_SECONDS, _RATE = 10.0, 100_000
#: Memory that reading may take: these bytes, or so many times the file.
_BYTES, _TIMES = 1 << 29, 100
#: Rows of a database that are held at a time; its own iterator holds them all.
_ROWS = 256
#: Formats that begin with the number of atoms.
_COUNTED = (".xyz", ".extxyz")

_SCRIPT = pathlib.Path(__file__).with_name("_ase_worker.py")
#: Processes that wait for work, by the process that they belong to: a fork has none.
_idle: dict[int, list["_Worker"]] = {}


def frames(path: pathlib.Path, *, last: bool = False) -> Iterator[Any]:
    """Read the frames of a file by ASE, as ASE's `Atoms` without calculators.

    Args:
        path: the file.
        last: the last frame alone.

    Raises:
        ValueError: no file that ASE reads, or one that took too much time or memory; says what ASE
            raised, and does not name the file.
        ImportError: ASE needs another package for it.
        OSError: the file cannot be opened.
    """
    if path.name.lower().endswith(_COUNTED):
        with open(path, "rb") as file:
            _check_counts(file, os.fstat(file.fileno()).st_size)
    return _asked(path, "last" if last else "frames")


def rows(path: pathlib.Path) -> Iterator[tuple[int, str, float, Any]]:
    """Read the rows of a database of ASE: number, identifier, time, and `Atoms` or what is wrong.

    Raises:
        ValueError: as `frames`.
        sqlite3.OperationalError: a locked database.
        OSError: the file cannot be opened.
    """
    return _asked(path, "rows")


def _asked(path: pathlib.Path, wanted: str) -> Iterator[Any]:
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
    worker = _taken()
    whole = False
    try:
        worker.ask(path, size, wanted)
        while True:
            kind, told = worker.answer()
            if kind != "one":
                break
            yield told
        whole = True
    finally:
        if whole:
            _idle.setdefault(os.getpid(), []).append(worker)
        else:
            worker.end()
    if kind == "error":
        name, text, passing = told
        raised = sqlite3.OperationalError if name == "OperationalError" else ImportError
        raise (raised if passing else ValueError)(f"{name}: {text}")
    for text in told:
        warn_caller(f"{path}: {text}")


class _Worker:
    """A process of `_ase_worker`."""

    def __init__(self) -> None:
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(_SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            # Ctrl-C is for this process, also before the other one can say so.
            process_group=0,
        )
        self._limits = 0.0, 0

    @property
    def lives(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def ask(self, path: pathlib.Path, size: int, wanted: str) -> None:
        self._limits = _SECONDS + size / _RATE, max(_BYTES, _TIMES * size)
        seconds, room = self._limits
        # The process stays in the folder in which it was begun.
        request = {"path": os.path.abspath(path), "wanted": wanted, "rows": _ROWS}
        request |= {"seconds": seconds, "bytes": room}
        assert self._process.stdin is not None
        # One that has ended is noticed where it should answer.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()

    def answer(self) -> tuple[str, Any]:
        """What kind of answer, and the answer.

        Raises:
            ValueError: the process has ended.
        """
        assert self._process.stdout is not None
        try:
            return pickle.load(self._process.stdout)
        except (EOFError, pickle.UnpicklingError):
            code = self._process.wait()
        if -code in (getattr(signal, "SIGPROF", None), getattr(signal, "SIGALRM", None)):
            raise ValueError(f"more than {self._limits[0]:.0f} s of work for ASE's reader")
        raise ValueError(f"the end of ASE's reader (exit code {code})")

    def end(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):
                pipe.close()
        self._process.kill()
        self._process.wait()


def _taken() -> _Worker:
    """A process that waits, unless somebody has ended it, or a new one."""
    waiting = _idle.get(os.getpid(), [])
    # Another thread may take the last one.
    with contextlib.suppress(IndexError):
        while True:
            worker = waiting.pop()
            if worker.lives:
                return worker
            worker.end()
    return _Worker()


@atexit.register
def _end_all() -> None:
    for worker in _idle.pop(os.getpid(), []):
        worker.end()


def _check_counts(file: BinaryIO, size: int) -> None:
    """Refuse a frame of more atoms than the file has room for, a byte each: ASE counts to it."""
    while (word := file.readline(100).strip()).isdigit():
        count = int(word)
        if count > size - file.tell():
            raise ValueError(f"{count} atoms in a file of {size} bytes")
        for _ in range(count + 1):
            file.readline()
