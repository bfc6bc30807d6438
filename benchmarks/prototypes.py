"""AFLOW prototypes rebuilt from group and sites, without a cell: success, time and compilations.

    python benchmarks/prototypes.py [--seeds 1] [--starts 64] [--limit 300] [--minutes M]

All of the prototypes that pymatgen ships with at most 40 atoms in the conventional cell and at most
54 free parameters (259 of 288), each rebuilt by `from_sites` from its descriptor, group and sites
(n_max = l_max = 8, q_max = 6 1/A, 61 bins): no cell, no volume, no coordinates. All crystals of a
seed run one after the other in one process with an empty compilation cache, fewest free parameters
first; each is interrupted after `--limit` seconds of wall time, as Ctrl-C would.

Rebuilt: the best start superposes on the crystal with RMSD < 0.01 A (over origin, cell choice and
hand) and a cell error < 0.1 %. Claimed: the program says that it converged; a claim is false if the
crystal is not rebuilt and its descriptor is not the target's to 1e-4 in relative distance either,
and *another crystal* if it is (homometric or, at this resolution, equal). Times are CPU seconds of
the process, compilation included; programs are counted by JAX's own events.

Results go to `results/prototypes.json` after every crystal; what is there is not run again. A run
that goes on compiles anew what it would have shared with the crystals before: `restarts` counts.
"""

import argparse
import importlib.metadata
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "prototypes.json"
RMSD, CELL, SAME = 0.01, 1e-3, 1e-4
MOST_FREE, MOST_ATOMS = 54, 40


def chosen():
    """Number of free parameters, group, name and arrays of each, fewest parameters first."""
    from disguise import name, prototypes

    from jaxtal.crystal import Crystal, WyckoffCrystal

    picked = []
    for entry in prototypes():
        arrays = {key: entry[key] for key in ("matrix", "frac", "z")}
        found = WyckoffCrystal.from_crystal(
            Crystal.from_arrays(*(np.array(x) for x in arrays.values()))
        )
        if found.n_free <= MOST_FREE and len(found.expand().frac_coords) <= MOST_ATOMS:
            label = name(entry).replace("|", "/")
            picked.append((found.n_free, found.group.number, label, arrays))
    return sorted(picked, key=lambda c: c[:2])


def worker(folder, seed, starts, first, limit):
    """Rebuild the crystals in this process, and print a line for each."""
    import jax

    import jaxtal as jxt
    from jaxtal.crystal import Crystal, WyckoffCrystal, match_crystals
    from jaxtal.descriptors import Descriptor, describe
    from jaxtal.reconstruct import from_sites

    compiled = []

    def heard(event, duration, **kwargs):
        if event == "/jax/core/compile/backend_compile_duration":
            compiled.append(duration)

    def over(*_):
        raise KeyboardInterrupt

    jax.monitoring.register_event_duration_secs_listener(heard)
    signal.signal(signal.SIGALRM, over)
    descriptor = Descriptor(8, 8, 6.0, n_bins=61)
    for n_free, group, label, entry in json.loads((folder / "crystals.json").read_text())[first:]:
        arrays = (np.array(entry[k]) for k in ("matrix", "frac", "z"))
        crystal = WyckoffCrystal.from_crystal(Crystal.from_arrays(*arrays, dtype="float32"))
        sites = list(zip(crystal.species, crystal.plan.letters, strict=True))
        target = describe(crystal.expand(), descriptor)
        row = {"free": n_free, "group": group, "name": label, "rebuilt": False, "claimed": False}
        begin, before = (time.process_time(), time.perf_counter()), len(compiled)
        signal.alarm(limit)
        try:
            found = from_sites(
                target,
                crystal.group,
                sites,
                starts=starts,
                key=jax.random.key(seed),
                progress=False,
            )
        except ValueError as error:
            found, row["why"] = None, str(error)
        except KeyboardInterrupt:
            found, row["why"] = None, f"no cell within {limit} s"
        signal.alarm(0)
        row |= {"cpu_s": time.process_time() - begin[0], "wall_s": time.perf_counter() - begin[1]}
        row["programs"] = len(compiled) - before
        if found is not None:
            row |= {"claimed": bool(found.success), "share": float(np.mean(found.converged))}
            row |= {"loss": float(found.loss), "interrupted": bool(found.interrupted)}
            match = match_crystals(crystal, found.best)
            row["rebuilt"] = bool(match and match.rmsd < RMSD and match.cell_error < CELL)
            if row["claimed"] and not row["rebuilt"]:
                again = describe(found.best.expand(), descriptor)
                row["distance"] = float(jxt.metric.relative_distance(again, target))
        print(json.dumps(row), flush=True)


def run(seed, options):
    """All crystals that are left, in a process of its own."""
    result = load()
    done = result["seeds"].setdefault(str(seed), [])
    if len(done) == len(result["crystals"]):
        return
    result["restarts"] = result.get("restarts", 0) + bool(done)
    save(result)
    with tempfile.TemporaryDirectory() as scratch:
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(HERE.parent), str(HERE)]),
            "XDG_CACHE_HOME": scratch,
        }
        environment.pop("JAX_COMPILATION_CACHE_DIR", None)
        (Path(scratch) / "crystals.json").write_text(json.dumps(result["crystals"]))
        words = ["--worker", scratch, "--seed", str(seed), "--starts", str(options.starts)]
        words += ["--first", str(len(done)), "--limit", str(options.limit)]
        command = [sys.executable, __file__, *words]
        end = time.monotonic() + 60 * options.minutes
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, text=True
        ) as process:
            for line in process.stdout:
                row = json.loads(line)
                done.append(row)
                result["seeds"][str(seed)] = done
                result["starts"], result["limit"] = options.starts, options.limit
                result["cores"] = os.cpu_count()
                result["versions"] = {p: importlib.metadata.version(p) for p in ("jax", "jaxtal")}
                save(result)
                print(seed, len(done), json.dumps(row), flush=True)
                if time.monotonic() > end:
                    process.kill()
                    sys.exit("out of time: run again to go on")
        if process.returncode:
            raise RuntimeError(f"expected exit status 0, got {process.returncode}")


def load():
    return json.loads(RESULTS.read_text())


def save(result):
    whole = json.dumps(result)
    RESULTS.write_text(whole + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--starts", type=int, default=64)
    parser.add_argument("--limit", type=int, default=300)
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--first", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        worker(options.worker, options.seed, options.starts, options.first, options.limit)
        return
    if not RESULTS.exists():
        save({"crystals": chosen(), "seeds": {}})
    for seed in range(options.seeds):
        run(seed, options)
    import report

    report.write()


if __name__ == "__main__":
    main()
