"""Damaged files for every reader: how many are read, how many refused, and how.

    python benchmarks/fuzz.py [--inputs N] [--readers NAME ...] [--seconds S] [--keep FOLDER]

Small, whole files (`fuzz_seeds.py`) are damaged by seeded mutations (`fuzz_mutations.py`) and read
in forked processes, thousands in each, with limits on memory (6 GB) and time. Fine are a result and
a `ValueError` that names the file; everything else counts as a fault: other exceptions, messages
without the file, more than 5 s of CPU time, more memory than 128 MB or 100 times the file
(whichever is more), and the end of the process. Input i of a reader is the same in every run. Rows
go on where `results/fuzz.json` stopped, unless --again, and the reader with the fewest inputs is
always the next. With --keep, inputs that found faults are written to a folder; don't commit what
ends or hangs software of others.
"""

import argparse
import contextlib
import json
import os
import pathlib
import resource
import signal
import tempfile
import time
import warnings
from collections.abc import Callable
from typing import Any

from fuzz_mutations import mutated
from fuzz_seeds import Reader, readers

RESULT = pathlib.Path(__file__).parent / "results" / "fuzz.json"
MEMORY = 6 << 30
#: Times as long as a reader may work that it may wait: the machine may be busy.
WAITING = 60.0
#: Memory that a reader may take: so many bytes, or times the file.
ROOM, TIMES = 128 << 20, 100
#: Inputs of one process, which is warm after the first, and inputs between two writes of rows.
PORTION, WRITTEN = 4000, 500
#: A folder in memory, where there is one: opening files takes longer than reading them.
PLACE = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
COUNTS = ("inputs", "read", "refused", "unnamed", "escaped", "hung", "died", "memory")


def measured(reader: Reader, path: pathlib.Path) -> tuple[str, str]:
    """What comes of one file: a count's name, and what was said."""
    before = _begin_peak()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reader.read(path)
        outcome = "read", ""
    except ValueError as error:
        named = path.name.split(".")[0] in str(error)
        outcome = ("refused" if named else "unnamed"), f"{type(error).__name__}: {error}"
    except Exception as error:
        outcome = "escaped", f"{type(error).__name__}: {error}"
    used = _peak() - before
    if used > max(ROOM, TIMES * path.stat().st_size):
        return "memory", f"{used >> 20} MB for {path.stat().st_size} bytes; {outcome[1]}"
    return outcome


def _begin_peak() -> int:
    """Forget the peak of this process's memory, which is then what it holds now."""
    with open("/proc/self/clear_refs", "wb", 0) as file:
        file.write(b"5")
    return _peak()


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def portion(
    reader: Reader, first: int, last: int, until: float, folder: pathlib.Path, out: int
) -> None:
    """Read inputs first to last - 1, one line of JSON for each; in a process of its own."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for whole in reader.seeds:  # warm
        path = folder / f"whole{reader.ending}"
        path.write_bytes(whole)
        with contextlib.suppress(*reader.refused):
            reader.read(path)
    for i in range(first, last):
        if time.monotonic() > until:
            return
        path = folder / f"mutant{reader.ending}"
        path.write_bytes(mutated(reader, i))
        os.write(out, json.dumps({"begun": i}).encode() + b"\n")
        signal.setitimer(signal.ITIMER_PROF, reader.seconds)
        signal.setitimer(signal.ITIMER_REAL, WAITING * reader.seconds)
        kind, text = measured(reader, path)
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        os.write(out, json.dumps({"done": i, "kind": kind, "text": text[:300]}).encode() + b"\n")


def run(
    reader: Reader,
    row: dict[str, Any],
    inputs: int,
    until: float,
    keep: pathlib.Path | None,
    write: Callable[[], object],
) -> None:
    """Go on with a reader's row."""
    while row["inputs"] < inputs and time.monotonic() < until:
        first = row["inputs"]
        last = min(inputs, first + PORTION)
        reading, writing = os.pipe()
        with tempfile.TemporaryDirectory(dir=PLACE) as name:
            child = os.fork()
            if child == 0:
                os.close(reading)
                code = 1
                try:
                    portion(reader, first, last, until, pathlib.Path(name), writing)
                    code = 0
                except BaseException as error:
                    os.write(writing, json.dumps({"failed": repr(error)}).encode() + b"\n")
                os._exit(code)
            os.close(writing)
            begun = None
            with os.fdopen(reading) as lines:
                for line in lines:
                    said = json.loads(line)
                    if "failed" in said:
                        raise RuntimeError(f"{reader.name}: {said['failed']}")
                    begun = said.get("begun", begun)
                    if "done" in said:
                        begun = None
                        note(reader, row, said["done"], said["kind"], said["text"], keep)
                        if row["inputs"] % WRITTEN == 0:
                            write()
            _, status = os.waitpid(child, 0)
        if begun is not None:
            number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
            hung = number in (signal.SIGPROF, signal.SIGALRM)
            text = f"signal {number}" if number else f"exit code {os.WEXITSTATUS(status)}"
            note(reader, row, begun, "hung" if hung else "died", text, keep)
        elif status:
            raise RuntimeError(f"{reader.name}: a process ended before it read anything: {status}")


def note(
    reader: Reader, row: dict[str, Any], i: int, kind: str, text: str, keep: pathlib.Path | None
) -> None:
    """Count one input; keep the first ten of each fault."""
    row["inputs"] = i + 1
    row[kind] += 1
    if kind in ("read", "refused"):
        return
    found = row["faults"].setdefault(kind, [])
    if len(found) < 10:
        found.append([i, text])
    if keep is not None and len(list(keep.glob(f"{reader.name}-{kind}-*"))) < 10:
        keep.mkdir(parents=True, exist_ok=True)
        (keep / f"{reader.name}-{kind}-{i}{reader.ending}").write_bytes(mutated(reader, i))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--readers", nargs="*")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="for all of them")
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    rows: dict[str, Any] = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    chosen = [one for one in readers() if not options.readers or one.name in options.readers]
    for reader in chosen:
        if options.again or reader.name not in rows:
            rows[reader.name] = dict.fromkeys(COUNTS, 0) | {"seconds": 0.0, "faults": {}}

    def write() -> None:
        RESULT.write_text(json.dumps(rows, indent=1) + "\n")

    until = time.monotonic() + options.seconds
    while time.monotonic() < until:
        reader = min(chosen, key=lambda one: rows[one.name]["inputs"])
        row, since = rows[reader.name], time.monotonic()
        if row["inputs"] >= options.inputs:
            break
        run(reader, row, min(options.inputs, row["inputs"] + PORTION), until, options.keep, write)
        row["seconds"] = round(row["seconds"] + time.monotonic() - since, 2)
        write()
        counts = "  ".join(f"{name} {row[name]}" for name in COUNTS)
        print(f"{reader.name:14} {counts}", flush=True)
        for kind, found in row["faults"].items():
            for i, text in found[:3]:
                print(f"    {kind} {i}: {text}", flush=True)


if __name__ == "__main__":
    main()
