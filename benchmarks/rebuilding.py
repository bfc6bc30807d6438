"""Twenty prototypes rebuilt from their descriptor: success, time and compilations, before and now.

    python benchmarks/rebuilding.py [--against CHECKOUT] [--seeds 1] [--starts 64]

Twenty of the AFLOW prototypes that pymatgen ships, of one to twelve free parameters and as many
groups as that allows, each rebuilt by `from_descriptor` from its descriptor, group and sites
(n_max = l_max = 8, q_max = 6 1/A, 61 bins; starts fully random). All crystals of a build run in one
process with an empty compilation cache, one seed after the other, the former build in the same
environment from another checkout of this repository. Rebuilt: the best start superposes on the
crystal with RMSD < 0.01 A (over origin, cell choice and hand) and a cell error < 0.1 %. Times are
CPU seconds of the process, compilation included; programs are counted by JAX's own events.

Results go to `results/rebuilding.json` after every crystal; what is there is not run again. A run
that goes on compiles anew what it would have shared with the crystals before.
"""

import argparse
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "rebuilding.json"
RMSD, CELL = 0.01, 1e-3
COUNT, MOST_FREE, MOST_ATOMS = 20, 12, 24


def chosen():
    """Twenty crystals: numbers of free parameters as even as may be, every group once if it can."""
    from disguise import name, prototypes

    from jaxtal.crystal import Crystal, WyckoffCrystal

    by_free = {}
    for entry in prototypes():
        if len(entry["z"]) > MOST_ATOMS:
            continue
        arrays = (np.array(entry[k]) for k in ("matrix", "frac", "z"))
        found = WyckoffCrystal.from_crystal(Crystal.from_arrays(*arrays))
        if 1 <= found.n_free <= MOST_FREE:
            label = name(entry).replace("|", "/")
            by_free.setdefault(found.n_free, []).append((found.group.number, label, entry))
    rng, groups, picked = np.random.default_rng(20261130), set(), []
    while len(picked) < COUNT:
        for n_free in sorted(by_free):
            fresh = [c for c in by_free[n_free] if c[0] not in groups]
            if fresh and len(picked) < COUNT:
                group, label, entry = fresh[rng.integers(len(fresh))]
                groups.add(group)
                arrays = {key: entry[key] for key in ("matrix", "frac", "z")}
                picked.append((n_free, group, label, arrays))
    return sorted(picked, key=lambda c: c[:2])


def worker(folder, seed, starts, first):
    """Rebuild the crystals in this process, and print a line for each."""
    import jax

    from jaxtal.crystal import Crystal, WyckoffCrystal
    from jaxtal.descriptors import Descriptor, describe
    from jaxtal.reconstruct import from_descriptor

    compiled = []

    def heard(event, duration, **kwargs):
        if event == "/jax/core/compile/backend_compile_duration":
            compiled.append(duration)

    jax.monitoring.register_event_duration_secs_listener(heard)
    descriptor = Descriptor(8, 8, 6.0, n_bins=61)
    for n_free, group, label, entry in json.loads((folder / "crystals.json").read_text())[first:]:
        arrays = (np.array(entry[k]) for k in ("matrix", "frac", "z"))
        begin, before = time.process_time(), len(compiled)
        crystal = WyckoffCrystal.from_crystal(Crystal.from_arrays(*arrays, dtype="float32"))
        target = describe(crystal.expand(), descriptor)
        options = {"starts": starts, "key": jax.random.key(seed), "progress": False}
        if "descriptor" in from_descriptor.__kwdefaults__:  # the former build is told
            options["descriptor"] = descriptor
        found = from_descriptor(target, crystal, **options)
        row = {"cpu_s": time.process_time() - begin, "programs": len(compiled) - before}
        best = found.best.expand()
        best = (best.lattice.matrix, best.frac_coords, best.atomic_numbers)
        row["best"] = [np.asarray(x, float).tolist() for x in best]
        row |= {"claimed": bool(found.success), "share": float(np.mean(found.converged))}
        row |= {"free": n_free, "group": group, "name": label, "loss": float(found.loss)}
        print(json.dumps(row), flush=True)


def run(name, checkout, seed, starts):
    """All crystals that are left by the package of a checkout, in a process of its own."""
    done = load()["builds"].get(name, {}).get(str(seed), [])
    with tempfile.TemporaryDirectory() as scratch:
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(checkout), str(HERE)]),
            "XDG_CACHE_HOME": scratch,
        }
        environment.pop("JAX_COMPILATION_CACHE_DIR", None)
        listed = load()["crystals"]
        (Path(scratch) / "crystals.json").write_text(json.dumps(listed))
        words = ["--worker", scratch, "--seed", str(seed), "--starts", str(starts)]
        command = [sys.executable, __file__, *words, "--first", str(len(done))]
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, text=True
        ) as process:
            for line, (*_, entry) in zip(process.stdout, listed[len(done) :], strict=False):
                row = json.loads(line)
                row["rebuilt"] = is_rebuilt(row.pop("best"), entry)
                done.append(row)
                result = load()
                result["builds"].setdefault(name, {})[str(seed)] = done
                result["starts"], result["cores"] = starts, os.cpu_count()
                result["versions"] = {p: importlib.metadata.version(p) for p in ("jax", "jaxtal")}
                save(result)
                print(name, seed, json.dumps(row), flush=True)
        if process.returncode:
            raise RuntimeError(f"{checkout}: expected exit status 0, got {process.returncode}")


def is_rebuilt(best, entry):
    """Whether a crystal superposes on the one that it was to be, by the matcher of this build."""
    from jaxtal.crystal import Crystal, match_crystals

    try:
        found = Crystal.from_arrays(*(np.array(x) for x in best[:2]), np.array(best[2], int))
    except ValueError:  # atoms on top of each other
        return False
    wanted = Crystal.from_arrays(*(np.array(entry[k]) for k in ("matrix", "frac", "z")))
    match = match_crystals(wanted, found)
    return bool(match is not None and match.rmsd < RMSD and match.cell_error < CELL)


def load():
    return json.loads(RESULTS.read_text())


def save(result):
    RESULTS.write_text(json.dumps(result) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--against", type=Path, help="checkout of a former build")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--starts", type=int, default=64)
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--first", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--only", choices=("this", "former"), help="default both")
    options = parser.parse_args()
    if options.worker:
        worker(options.worker, options.seed, options.starts, options.first)
        return
    builds = {"this": HERE.parent}
    if options.against:
        builds["former"] = options.against.resolve()
    if not RESULTS.exists():
        save({"crystals": chosen(), "builds": {}})
    for seed in range(options.seeds):
        for name, checkout in builds.items():
            if options.only in (None, name):
                run(name, checkout, seed, options.starts)
    import report

    report.write()


if __name__ == "__main__":
    main()
