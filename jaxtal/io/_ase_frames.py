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
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from .._core import warn_caller

#: Seconds that a frame may take, and bytes of a file for each second more.
_SECONDS, _RATE = 10.0, 100_000
#: Memory that reading may take: these bytes, or so many times the file.
_BYTES, _TIMES = 1 << 29, 100
#: Formats that begin with the number of atoms.
_COUNTED = (".xyz", ".extxyz")

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
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if path.name.lower().endswith(_COUNTED):
            _check_count(file.readline(100), size)
    worker = _taken()
    whole = False
    try:
        worker.ask(path, size, last)
        while True:
            kind, told = worker.answer()
            if kind != "atoms":
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
        raise (ImportError if passing else ValueError)(f"{name}: {text}")
    for text in told:
        warn_caller(f"{path}: {text}")


class _Worker:
    """A process of `_ase_worker`."""

    def __init__(self) -> None:
        script = pathlib.Path(__file__).with_name("_ase_worker.py")
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        self._limits = 0.0, 0

    def ask(self, path: pathlib.Path, size: int, last: bool) -> None:
        self._limits = _SECONDS + size / _RATE, max(_BYTES, _TIMES * size)
        seconds, room = self._limits
        request = {"path": str(path), "last": last, "seconds": seconds, "bytes": room}
        assert self._process.stdin is not None
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
        if code == -getattr(signal, "SIGALRM", 0):
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
    waiting = _idle.get(os.getpid())
    return waiting.pop() if waiting else _Worker()


@atexit.register
def _end_all() -> None:
    for worker in _idle.pop(os.getpid(), []):
        worker.end()


def _check_count(line: bytes, size: int) -> None:
    """Refuse more atoms than a file has room for, a byte each, at once."""
    word = line.strip()
    if word.isdigit() and int(word) > size:
        raise ValueError(f"{word.decode()} atoms in a file of {size} bytes")
