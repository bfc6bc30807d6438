"""Every long command ended at random moments: what it leaves, and how it goes on.

    python benchmarks/interrupts.py [--times N] [--commands NAME ...] [--seed S]

Each command runs to its end; then N times until a random moment, at which it is interrupted
(SIGINT), and N times until one at which it is killed (SIGKILL). A moment is a share of the CPU
time of the whole run, so that it lies inside of the run however busy the machine is. Commands run
in forks of this process, which has imported what they need and computed nothing. Fine is: no
traceback; every file that is left can be read to its end, and of a set all files are there or none
(temporary names apart, which a killed process cannot clear away); exit code 130 after SIGINT,
where the command did not end before; and the same command, run again in that folder, ends with the
same answer. Commands with a cache, a folder of finished portions or a checkpoint also begin with
one that a former kill left part full. Then: two runs on one cache; a full disk (a tmpfs of 64 kB
where it may be mounted, or a limit on the size of files); and a folder that may not be written.
"""

import argparse
import atexit
import contextlib
import csv
import json
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

RESULT = pathlib.Path(__file__).parent / "results" / "interrupts.json"
#: Of a command that takes longer than this, something hangs.
PATIENCE = 1800
#: A run of less CPU seconds has compiled nothing that would not be kept.
SHORT = 4.0
SIGNALS = {"interrupted": signal.SIGINT, "killed": signal.SIGKILL}

#: Arguments, the files of each set, and what decides the answer.
COMMANDS: dict[str, dict[str, Any]] = {
    "describe": {"words": ["describe", "crystals", "-o", "d.npz"], "set": ["d.npz"]},
    "dedup": {"words": ["dedup", "crystals", "--cache", "cache", "--json"], "set": []},
    "fingerprints": {
        "words": ["fingerprints", "crystals", "-o", "kept"],
        "set": [],
        "kept": True,
    },
    "search": {
        "words": ["search", "alpha-quartz", "crystals", "--cache", "cache", "--json"],
        "set": [],
    },
    "powder": {
        "words": ["powder", "alpha-quartz", "diamond", "-o", "out"],
        "set": [
            *("out/alpha-quartz.xy", "out/alpha-quartz-lines.csv", "out/powder.png"),
            *("out/diamond.xy", "out/diamond-lines.csv"),
        ],
    },
    "reconstruct": {
        "words": ["reconstruct", "diamond", "--starts", "8", "--steps", "150", "-o", "out"],
        "set": ["out/reconstructed.cif", "out/history.csv", "out/reconstruction.png"],
        "partial": ["out/history.csv"],
    },
    "reconstruct, composition": {
        "words": [
            *("reconstruct", "diamond", "--composition", "C", "--atoms", "2"),
            *("--starts", "16", "-o", "out"),
        ],
        "set": ["out/reconstructed.cif"],
    },
    "phase": {
        "words": ["phase", "job.toml", "--checkpoint", "run.npz", "-o", "out"],
        "set": ["out/phases.npz", "out/phases.csv", "out/summary.json", "out/cell.png"],
        "partial": ["out/summary.json"],
    },
    "solve": {
        "words": ["solve", "nacl.hkl", "--composition", "Na Cl", "-o", "out"],
        "set": ["out/nacl.cif", "out/nacl.res", "out/nacl.log", "out/nacl.png"],
        "partial": ["out/nacl.log", "out/nacl.png"],
    },
    "data": {"words": ["data", "nacl.hkl", "--output", "data.png"], "set": ["data.png"]},
    "fields": {
        "words": ["fields", "convert", "w.rf", "out.kf", "--mesh", "40", "40", "40"],
        "set": ["out.kf"],
    },
}


def prepare(folder: pathlib.Path) -> None:
    """What the commands read."""
    import ase
    import ase.io
    import gemmi

    from jaxtal import io
    from jaxtal.fields import PeriodicField

    rng = np.random.default_rng(0)
    crystals = folder / "crystals"
    crystals.mkdir()
    for i in range(20):
        places = [[0, 0, 0], [0.5, 0.5, 0.5 + 0.001 * (i % 10)]]
        cell = [3 + 0.01 * (i % 10), 3.5, 4]
        atoms = ase.Atoms("NaCl", scaled_positions=places, cell=cell, pbc=True)
        ase.io.write(crystals / f"{i:02d}.cif", atoms)
    text, _ = start(["phase", "--example", "2d"], folder).communicate(PATIENCE)
    (folder / "job.toml").write_text(text)
    io.write_field(
        folder / "w.rf", PeriodicField.from_arrays(rng.random((1, 8, 8, 8)), "cubic", [3.0])
    )
    hkl = np.array([(h, k, l) for h in range(9) for k in range(9) for l in range(9)])
    hkl = hkl[(hkl.any(axis=1)) & ((hkl % 2 == hkl[:, :1] % 2).all(axis=1))]
    a = 5.64
    stol2 = (hkl**2).sum(axis=1) / (4 * a * a)
    f = [np.array([gemmi.Element(x).it92.calculate_sf(s) for s in stol2]) for x in ("Na", "Cl")]
    f = (4 * np.exp(-1.5 * stol2) * (f[0] + np.where(hkl[:, 0] % 2, -1, 1) * f[1])) ** 2
    rows = [
        f"{h:4d}{k:4d}{l:4d}{min(value, 99999.0):8.2f}{max(0.02 * value, 0.1):8.2f}"
        for (h, k, l), value in zip(hkl.tolist(), 9e4 * f / f.max(), strict=True)
    ]
    (folder / "nacl.hkl").write_text("\n".join(rows) + "\n   0   0   0    0.00    0.00\n")
    (folder / "nacl.ins").write_text(
        f"TITL salt\nCELL 0.71073 {a} {a} {a} 90 90 90\nZERR 4 0.001 0.001 0.001 0 0 0\nLATT -4\n"
        "SFAC Na Cl\nUNIT 4 4\nHKLF 4\nEND\n"
    )


class Fork:
    """A command in a fork of this process, with what `subprocess.Popen` has of methods."""

    def __init__(self, words: list[str], folder: pathlib.Path, first: Callable[[], object]):
        self.returncode: int | None = None
        self._said = [tempfile.TemporaryFile() for _ in range(2)]  # noqa: SIM115
        self._pid = os.fork()
        if self._pid == 0:
            code = 1
            try:
                # What this process does at its end is not for a fork to do.
                atexit._clear()
                weakref.finalize._registry.clear()
                os.setpgid(0, 0)
                os.chdir(folder)
                for number, file in enumerate(self._said, 1):
                    os.dup2(file.fileno(), number)
                signal.signal(signal.SIGINT, signal.default_int_handler)
                first()
                from jaxtal.cli import main

                sys.argv = ["jaxtal", *words]
                code = main()
            except SystemExit as error:
                code = error.code if isinstance(error.code, int) else 1
            except BaseException:
                traceback.print_exc()
            finally:
                with contextlib.suppress(BaseException):
                    atexit._run_exitfuncs()
                    sys.stdout.flush()
                    sys.stderr.flush()
                os._exit(code)

    def poll(self) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def cpu(self) -> float:
        """Seconds of CPU time so far, of all threads."""
        fields = pathlib.Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def until(self, cpu: float) -> float:
        """Wait until it has taken so much CPU time, or ended; the time of its end, if it has."""
        spent = 0.0
        while self.poll() is None and (spent := self.cpu()) < cpu:
            time.sleep(0.003)
        return spent

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self._pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float = PATIENCE) -> tuple[str, str]:
        since = time.monotonic()
        while self.poll() is None:
            if time.monotonic() > since + timeout:
                self.kill()
                raise TimeoutError("a command that does not end")
            time.sleep(0.01)
        texts = []
        for file in self._said:
            file.seek(0)
            texts.append(file.read().decode())
            file.close()
        return texts[0], texts[1]


def start(
    words: list[str], folder: pathlib.Path, first: Callable[[], object] = lambda: None
) -> Fork:
    return Fork(words, folder, first)


def answer(name: str, folder: pathlib.Path, out: str) -> str:
    """What must come out equal, without times."""
    if name == "fingerprints":
        from jaxtal.search import Collection

        kept = Collection.open(folder / "kept")
        names = [str(one).removeprefix(str(folder)) for one in kept.names]
        order = np.argsort(names)
        vectors = np.asarray(kept.vectors)[order]
        return json.dumps([[names[i] for i in order], vectors.tobytes().hex()])
    if name in ("dedup", "search"):
        found = json.loads(out)
        return json.dumps({key: found[key] for key in ("groups", "matches") if key in found})
    parts = []
    for file in COMMANDS[name]["set"]:
        path = folder / file
        if path.suffix == ".npz":
            with np.load(path) as stored:
                parts.append([stored[key].tobytes().hex() for key in sorted(stored) if _fixed(key)])
        elif path.suffix in (".csv", ".cif", ".xy", ".kf", ".res"):
            parts.append(path.read_text())
    return json.dumps(parts)


def _fixed(key: str) -> bool:
    return key not in ("records", "settings") and "trace" not in key


def damaged(folder: pathlib.Path) -> list[str]:
    """Files that cannot be read to their end; temporary ones are none."""
    found = []
    for path in folder.rglob("*"):
        if not path.is_file() or any(part.startswith(".") for part in path.parts):
            continue
        try:
            _read_whole(path)
        except Exception as error:
            found.append(f"{path.relative_to(folder)}: {type(error).__name__}: {error}")
    return found


def _read_whole(path: pathlib.Path) -> None:
    ends: dict[str, Callable[[pathlib.Path], Any]] = {
        ".npz": lambda p: {key: value.shape for key, value in np.load(p).items()},
        ".json": lambda p: json.loads(p.read_text()),
        ".csv": lambda p: [len(row) for row in csv.reader(p.open())],
    }
    if path.suffix in ends:
        ends[path.suffix](path)
    elif path.suffix == ".png":
        from PIL import Image

        with Image.open(path) as picture:
            picture.load()
    elif path.suffix in (".cif", ".xy", ".kf", ".log", ".res"):
        assert path.read_text().endswith("\n"), "no end of line"


def torn(name: str, folder: pathlib.Path, before: set[str]) -> list[str]:
    """Files of a set that are there without the others."""
    files = COMMANDS[name]["set"]
    there = [file for file in files if (folder / file).exists() and file not in before]
    partial = COMMANDS[name].get("partial")
    return [] if there in ([], files, partial) else there


def cut(
    name: str, source: pathlib.Path, whole: str, seconds: float, number: int, moment: random.Random
) -> dict[str, Any]:
    """One command that is ended at a random moment, and run again to its end."""
    words = COMMANDS[name]["words"]
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place) / "work"
        shutil.copytree(source, folder)
        # Half of them go on with what another interruption left.
        kept = not COMMANDS[name]["set"] or name == "phase"
        begun = kept and moment.random() < 0.5
        if begun:
            first = start(words, folder)
            first.until(moment.uniform(0.5, 1.0) * seconds)
            first.kill()
            first.communicate()
        before = {f for f in COMMANDS[name]["set"] if (folder / f).exists()}
        process = start(words, folder)
        # What goes on with finished portions is a shorter run.
        at = process.until(moment.uniform(0.02, 0.6 if begun else 0.95) * seconds)
        process.send_signal(number)
        _, err = process.communicate(timeout=PATIENCE)
        row: dict[str, Any] = {"share": round(at / seconds, 2), "code": process.returncode}
        row |= {"begun": begun, "faults": []}
        row["finished"] = process.returncode in (0, 1)
        allowed = (0, 1, 130) if number == signal.SIGINT else (0, 1, -signal.SIGKILL)
        if process.returncode not in allowed:
            row["faults"].append(f"exit code {process.returncode}: {err[-200:]}")
        if "Traceback" in err:
            row["faults"].append(f"a traceback: {err[-300:]}")
        row["faults"] += [f"damaged {one}" for one in damaged(folder)]
        row["faults"] += [f"torn set: {one}" for one in torn(name, folder, before)]
        if number == signal.SIGINT:
            hidden = [p.name for p in folder.rglob(".*") if p.name != ".lock"]
            row["faults"] += [f"left {one}" for one in hidden]
        again = start(words, folder)
        out, err = again.communicate(timeout=PATIENCE)
        if again.returncode not in (0, 1):
            row["faults"].append(f"again: exit code {again.returncode}: {err[-300:]}")
        elif answer(name, folder, out) != whole:
            row["faults"].append("again: another answer")
        return row


def two_runs(source: pathlib.Path, whole: str) -> list[str]:
    """Two runs on one cache: one may be refused, and the answer stays."""
    faults = []
    words = COMMANDS["dedup"]["words"]
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place) / "work"
        shutil.copytree(source, folder)
        pair = [start(words, folder) for _ in range(2)]
        ends = [(*one.communicate(timeout=PATIENCE), one.returncode) for one in pair]
        for out, err, code in ends:
            refused = code == 2 and "another run is writing" in err
            if not refused and (code != 0 or answer("dedup", folder, out) != whole):
                faults.append(f"exit code {code}: {err[-200:]}")
        if all(code == 2 for _, _, code in ends):
            faults.append("both were refused")
        out, err = start(words, folder).communicate(timeout=PATIENCE)
        if answer("dedup", folder, out) != whole:
            faults.append("another answer afterwards")
    return faults


def mount(folder: pathlib.Path, options: str) -> bool:
    """Put a file system of its own there, if that is allowed."""
    words = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    try:
        return subprocess.run(words, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def _limited() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))


def full_disk(name: str, source: pathlib.Path) -> list[str]:
    """A disk that fills up while the command writes: the message names a file of the user's."""
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place) / "work"
        shutil.copytree(source, folder)
        disk = folder / "disk"
        disk.mkdir()
        mounted = mount(disk, "size=4k")
        if mounted:
            # Room for names, none for contents.
            with contextlib.suppress(OSError), open(disk / "filler", "wb", 0) as file:
                file.write(b"x" * (1 << 16))
        try:
            words = [_on_disk(word) for word in COMMANDS[name]["words"]]
            process = start(words, folder, (lambda: None) if mounted else _limited)
            _, err = process.communicate(timeout=PATIENCE)
            left = [p.name for p in disk.rglob("*") if p.is_file() and p.name != "filler"]
        finally:
            if mounted:
                subprocess.run(["umount", str(disk)], check=True)
    faults = []
    said = err.strip().splitlines()[-1] if err.strip() else ""
    if process.returncode != 2 or "Traceback" in err:
        faults.append(f"exit code {process.returncode}: {err[-300:]}")
    if "disk/" not in said or re.search(r"disk/(.*/)?\.", said):
        faults.append(f"the message names no file: {said}")
    kept = ("log.jsonl", "vectors.bin", ".lock", "run.npz")
    if unexpected := [one for one in left if one not in kept]:
        faults.append(f"left {unexpected}")
    return faults


def _on_disk(word: str) -> str:
    return (
        f"disk/{word}"
        if word in ("d.npz", "cache", "out", "kept", "run.npz", "data.png", "out.kf")
        else word
    )


def read_only(name: str, source: pathlib.Path) -> list[str]:
    """A folder that may not be written: said before the work, with its name."""
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place) / "work"
        shutil.copytree(source, folder)
        disk = folder / "disk"
        disk.mkdir()
        mounted = mount(disk, "ro,size=64k")
        if not mounted:
            disk.chmod(0o555)
            if os.geteuid() == 0:
                return ["not tried: root writes everywhere, and nothing could be mounted"]
        try:
            process = start([_on_disk(word) for word in COMMANDS[name]["words"]], folder)
            _, err = process.communicate(timeout=PATIENCE)
        finally:
            if mounted:
                subprocess.run(["umount", str(disk)], check=True)
            else:
                disk.chmod(0o755)
    said = err.strip().splitlines()[-1] if err.strip() else ""
    faults = []
    if process.returncode != 2 or "Traceback" in err:
        faults.append(f"exit code {process.returncode}: {err[-300:]}")
    if "disk" not in said:
        faults.append(f"the message does not name the folder: {said}")
    if "/." in said:
        faults.append(f"a temporary name: {said}")
    return faults


def _in_a_fork(work: Callable[[], object]) -> None:
    """Do something that computes: a process in which XLA has threads is not forked."""
    if (pid := os.fork()) == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        os._exit(code)
    if os.waitpid(pid, 0)[1]:
        raise RuntimeError("the files for the commands could not be made")


def _import_what_commands_need() -> None:
    import importlib

    names = (
        "matplotlib.pyplot",
        "ase.io",
        "scipy.optimize",
        "gemmi",
        "optax",
        "equinox",
        "PIL.Image",
    )
    rooms = ("io", "search", "phasing", "solution", "reconstruct", "fields", "plot", "metric")
    for one in (*names, *(f"jaxtal.{room}" for room in rooms), "jaxtal.cli._main"):
        importlib.import_module(one)
        vars(importlib.import_module(one))
    for room in rooms:
        module = importlib.import_module(f"jaxtal.{room}")
        for name in dir(module):
            getattr(module, name)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--commands", nargs="*", default=list(COMMANDS))
    options = parser.parse_args()
    results: dict[str, Any] = {}
    if RESULT.exists() and not options.again:
        results = json.loads(RESULT.read_text())
    with tempfile.TemporaryDirectory() as place:
        source = pathlib.Path(place) / "source"
        source.mkdir()
        _in_a_fork(lambda: prepare(source))
        _import_what_commands_need()
        wholes: dict[str, tuple[str, float]] = {}
        for turn in range(options.times):
            for name in options.commands:
                row = results.setdefault(name, {})
                if turn >= len(row.setdefault("turns", [])):
                    if name not in wholes:
                        wholes[name] = whole_run(name, source, pathlib.Path(place) / "whole")
                    moment = random.Random(f"{options.seed} {name} {turn}")
                    row["turns"].append(
                        {
                            label: cut(name, source, *wholes[name], number, moment)
                            for label, number in SIGNALS.items()
                        }
                    )
                    print(name, turn, row["turns"][-1], flush=True)
                    RESULT.write_text(json.dumps(results, indent=1) + "\n")
        for name in options.commands:
            row = results[name]
            if "full disk" not in row:
                row["full disk"] = full_disk(name, source)
                row["read-only"] = read_only(name, source)
                print(name, row["full disk"], row["read-only"], flush=True)
            if name == "dedup" and "two runs" not in row:
                if name not in wholes:
                    wholes[name] = whole_run(name, source, pathlib.Path(place) / "whole")
                row["two runs"] = two_runs(source, wholes[name][0])
                print(name, row["two runs"], flush=True)
            RESULT.write_text(json.dumps(results, indent=1) + "\n")


def whole_run(name: str, source: pathlib.Path, folder: pathlib.Path) -> tuple[str, float]:
    """The answer of a command and the CPU seconds that it takes, with what it compiles kept."""
    cpu = float("inf")
    while True:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(source, folder)
        process = start(COMMANDS[name]["words"], folder)
        last, cpu = cpu, process.until(float("inf"))
        out, err = process.communicate()
        if process.returncode not in (0, 1):
            raise RuntimeError(f"{name}: exit code {process.returncode}: {err}")
        # The first one may have compiled: a second shows.
        if cpu < SHORT or last < float("inf"):
            return answer(name, folder, out), cpu


if __name__ == "__main__":
    main()
