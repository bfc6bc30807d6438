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
import sys
import warnings
from typing import Any, BinaryIO


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
        if request["last"]:
            with _in_time(seconds):
                found = reader.read(path)
            frames = iter([found[-1] if isinstance(found, list) else found])
        else:
            frames = iter(reader.iread(path))
        while True:
            with _in_time(seconds):
                atoms = next(frames, None)
                if atoms is None:
                    break
                atoms.calc = None
                packed = pickle.dumps(("atoms", atoms))
            answers.write(packed)
            answers.flush()
        # Deprecations are ASE's own affair.
        told = [str(one.message) for one in heard if one.category is UserWarning]
        last = ("end", told)
    # Readers raise whatever their parsing meets.
    except Exception as error:
        passing = isinstance(error, ImportError)
        last = ("error", (type(error).__name__, str(error), passing))
    pickle.dump(last, answers)
    answers.flush()


@contextlib.contextmanager
def _in_time(seconds: float) -> Any:
    """The end of the process, also inside of compiled code, if the block takes longer."""
    if not hasattr(signal, "setitimer"):
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


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
