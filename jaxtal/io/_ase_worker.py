"""The far end of `_ase_frames`: a process that reads files with ASE, and ends itself where it must.

Run as a script, it takes a request a line (JSON) from its input and answers with pickles. It knows
nothing of this package, so that it starts as fast as ASE is imported.
"""

import contextlib
import json
import os
import pathlib
import pickle
import signal
import sqlite3
import sys
import warnings
from collections.abc import Iterator
from typing import Any, BinaryIO

#: Times as long as it may work that a file may be waited for.
_PATIENCE = 20.0
#: Errors that another time may not meet.
_PASSING = (ImportError, sqlite3.OperationalError)


def main() -> None:
    """Answer requests until there are no more."""
    # Ctrl-C is for the process that asks, whose end closes the input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    # What readers print does not belong there.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    import ase.io

    base = _memory()
    for line in sys.stdin.buffer:
        request = json.loads(line)
        _limit_memory(base + request["bytes"])
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            _answer(request, ase.io, answers, heard)


def _answer(request: dict[str, Any], reader: Any, answers: BinaryIO, heard: list[Any]) -> None:
    path, seconds = pathlib.Path(request["path"]), request["seconds"]
    try:
        found = _WANTED[request["wanted"]](reader, path, request["rows"])
        while True:
            with _in_time(seconds):
                one = next(found, None)
                if one is None:
                    break
                packed = pickle.dumps(("one", one))
            answers.write(packed)
            answers.flush()
        # Deprecations are ASE's own affair.
        told = [str(one.message) for one in heard if one.category is UserWarning]
        last = ("end", told)
    # Readers raise whatever their parsing meets.
    except Exception as error:
        last = ("error", (*_told(error), isinstance(error, _PASSING)))
    pickle.dump(last, answers)
    answers.flush()


def _told(error: Exception) -> tuple[str, str]:
    return type(error).__name__, str(error)


def _last(reader: Any, path: pathlib.Path, _: int) -> Iterator[Any]:
    found = reader.read(path)
    yield _plain(found[-1] if isinstance(found, list) else found)


def _frames(reader: Any, path: pathlib.Path, _: int) -> Iterator[Any]:
    for atoms in reader.iread(path):
        yield _plain(atoms)


def _rows(reader: Any, path: pathlib.Path, at_a_time: int) -> Iterator[Any]:
    """Number, identifier and time of each row of a database, and its atoms or what came of it."""
    for row in _selected(path, at_a_time):
        try:
            atoms = _plain(row.toatoms())
        except Exception as error:
            atoms = ": ".join(_told(error))
        yield row.id, row.unique_id, row.mtime, atoms


def _selected(path: pathlib.Path, at_a_time: int) -> Iterator[Any]:
    import ase.db

    database: Any = ase.db.connect(path)
    if path.suffix.lower() == ".json":
        yield from database.select()
        return
    last = 0
    while True:
        # Outside of a `with` ASE leaves the connection of every query open.
        with database:
            rows = list(database.select(f"id>{last}", limit=at_a_time, sort="id"))
        yield from rows
        if len(rows) < at_a_time:
            return
        last = rows[-1].id


def _plain(atoms: Any) -> Any:
    atoms.calc = None
    return atoms


#: What may be asked for.
_WANTED = {"last": _last, "frames": _frames, "rows": _rows}


@contextlib.contextmanager
def _in_time(seconds: float) -> Iterator[None]:
    """The end of the process, also inside of compiled code, if the block takes longer.

    Seconds of work: a busy machine is no fault of the file. Waiting ends too, after `_PATIENCE`.
    """
    if not hasattr(signal, "setitimer"):
        yield
        return
    timers = {signal.ITIMER_PROF: seconds, signal.ITIMER_REAL: _PATIENCE * seconds}
    for timer, limit in timers.items():
        signal.setitimer(timer, limit)
    try:
        yield
    finally:
        for timer in timers:
            signal.setitimer(timer, 0)


def _memory() -> int:
    """Bytes of address space in use, 0 where the system does not tell."""
    try:
        pages = pathlib.Path("/proc/self/statm").read_text().split()[0]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _limit_memory(size: int) -> None:
    if not _memory():
        return
    import resource

    most = resource.getrlimit(resource.RLIMIT_AS)[1]
    if most != resource.RLIM_INFINITY:
        size = min(size, most)
    resource.setrlimit(resource.RLIMIT_AS, (size, most))


if __name__ == "__main__":
    main()
