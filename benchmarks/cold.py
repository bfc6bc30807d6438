"""The first call and the second one: what a newcomer waits for, beside a former build and peers.

    pip install ".[bench]" && python benchmarks/cold.py [--against CHECKOUT] [--turns N] [TASK ...]

Every task runs in a process of its own with an empty compilation cache, its first call cold and its
second one warm. A former build is another checkout of this repository, which takes turns with this
one in the same environment. Crystals are the AFLOW prototypes that pymatgen ships, P1, as lists of
atoms:

    describe 20        `jxt.describe` in a loop: 20 prototypes of 2 to 39 atoms
    metric 20          `CrystalMetric()` of the same, in a list
    powder 257         `powder_lines` of the 257 prototypes of at most 24 atoms; peer: xrd-rust
    fingerprints 1285  `CrystalMetric()` of these and four strained and rattled copies of each;
                       peer: RINSE's descriptor of the same
    dedup 66           `jaxtal dedup` of a folder of 66 CIFs
    reconstruct        `jaxtal reconstruct rutile`
    compare            `jaxtal compare` of two of the CIFs
    help, import       `jaxtal --help`, `import jaxtal` beyond `import jax`
    growth             1000 crystals of varied size described in one process: memory maps and MB
                       after the first 50 and at the end
    margin             plans of 64 crystals of 72 atoms with a margin of 1.1 and with none: what a
                       call costs, warm, the best of eleven turns

Times are CPU seconds, of all cores and threads, since others use these machines too, and wall
seconds beside them; the least of all turns. The result goes to `results/cold.json`.
"""

import argparse
import contextlib
import importlib.metadata
import io
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
COMMANDS = {
    "dedup 66": ["dedup", "CIFS", "--json"],
    "reconstruct": ["reconstruct", "rutile", "--seed", "0", "--output", "OUT"],
    "compare": ["compare", "CIFS/00.cif", "CIFS/01.cif"],
    "help": ["--help"],
}


def written(folder):
    """Write the crystals of all tasks: atoms as JSON, and CIFs."""
    import ase.io
    from ase import Atoms
    from disguise import prototypes

    rng = np.random.default_rng(20261130)
    entries = [(e["matrix"], e["frac"], [int(z) for z in e["z"]]) for e in prototypes()]
    small = [e for e in entries if len(e[2]) <= 24]
    middle = [e for e in entries if 2 <= len(e[2]) <= 39]
    twenty = [middle[i] for i in rng.permutation(len(middle))[:20]]

    def rattled(entry):
        matrix, frac, z = (np.array(x) for x in entry)
        strained = matrix @ (np.eye(3) + 0.01 * rng.standard_normal((3, 3)))
        moved = frac + 0.03 * rng.standard_normal(frac.shape) @ np.linalg.inv(matrix)
        return strained.tolist(), moved.tolist(), z.tolist()

    copies = [rattled(e) for _ in range(4) for e in small]
    sets = {"20": twenty, "257": small, "1285": [*small, *copies]}
    (folder / "crystals.json").write_text(json.dumps(sets))
    (folder / "cifs").mkdir()
    for i, (matrix, frac, z) in enumerate(small[:66]):
        atoms = Atoms(z, cell=matrix, scaled_positions=frac, pbc=True)
        ase.io.write(folder / "cifs" / f"{i:02d}.cif", atoms)


def worker(task, folder):
    """Run one task twice in this process, and print what it took."""
    sets = json.loads((folder / "crystals.json").read_text())
    if task == "import":
        import jax  # noqa: F401

        begin = time.process_time()
        import jaxtal as jxt

        return {"first": time.process_time() - begin}
    if task == "margin":
        return margins()
    cells = sets[task.split()[-1]] if task != "growth" else sets["1285"][-1000:]
    if task.startswith("xrd-rust") or task.startswith("RINSE"):
        return timed(peer(task.split()[0], cells))
    import jaxtal as jxt

    crystals = [jxt.Crystal.from_arrays(*(np.array(x) for x in cell)) for cell in cells]
    if task == "growth":
        sizes = []
        for i, crystal in enumerate(crystals):
            jxt.describe(crystal)
            if i in (49, len(crystals) - 1):
                maps = pathlib.Path("/proc/self/maps").read_text().count("\n")
                used = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
                sizes.append([maps, used * resource.getpagesize() / 2**20])
        return {"after 50": sizes[0], "after 1000": sizes[1]}
    from jaxtal.diffraction import PowderPattern, powder_lines

    metric = jxt.CrystalMetric()
    run = getattr(metric, "of", metric)
    return timed(
        {
            "describe": lambda: [np.asarray(jxt.describe(c).power_spectrum) for c in crystals],
            "metric": lambda: np.asarray(run(crystals).vector),
            "powder": lambda: [powder_lines(c, PowderPattern()) for c in crystals],
            "fingerprints": lambda: np.asarray(run(crystals).vector),
        }[task.split()[0]]
    )


def peer(name, cells):
    """What another program makes of the same crystals."""
    if name == "xrd-rust":
        from pymatgen.core import Structure
        from xrd_rust_calculator import XRDCalculatorRust

        calculator = XRDCalculatorRust(wavelength="CuKa", symprec=0)
        structures = [Structure(m, z, x) for m, x, z in cells]
        return lambda: [calculator.get_pattern(s, two_theta_range=(5, 90)) for s in structures]
    import rinse_descriptor
    from peers import cctbx_structures

    keys = ("matrix", "frac", "z")
    structures = cctbx_structures([dict(zip(keys, cell, strict=True)) for cell in cells])
    return lambda: rinse_descriptor.descriptor_many(structures)


def margins():
    """Calls with plans that have a margin of 1.1, relative to plans without one."""
    import equinox as eqx
    import jax
    from throughput import N, crystals

    import jaxtal as jxt
    from jaxtal.crystal import CrystalBatch

    matrix, frac, numbers = (
        np.stack(x) for x in zip(*crystals(np.random.default_rng(0)), strict=True)
    )
    arrays = frac.reshape(-1, 3), numbers.ravel(), np.full(N, 72), matrix
    batch = CrystalBatch.from_ragged(*arrays, dtype="float32", pad_to=72)
    call = eqx.filter_jit(lambda plan, batch: plan(batch))
    found = {}
    for name, made in (("descriptor", jxt.Descriptor()), ("metric", jxt.CrystalMetric())):
        plans = [made.plan(batch, max_stretch=stretch) for stretch in (1.0, 1.1)]
        times = [[], []]
        for _ in range(12):
            for plan, row in zip(plans, times, strict=True):
                begin = time.process_time()
                jax.block_until_ready(call(plan, batch))
                row.append(time.process_time() - begin)
        plain, roomy = (min(row[1:]) for row in times)
        found[name] = {"none": plain, "1.1": roomy, "ratio": roomy / plain}
    return found


def timed(run):
    cpu, wall = [], []
    for _ in range(2):
        begin = time.process_time(), time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            run()
        cpu.append(time.process_time() - begin[0])
        wall.append(time.perf_counter() - begin[1])
    return named(cpu, wall)


def named(cpu, wall):
    keys = ("first", "second", "first_wall", "second_wall")
    return dict(zip(keys, (*cpu, *wall), strict=True))


def one(task, checkout, folder):
    """A task in processes of its own, with the package of a checkout."""
    with tempfile.TemporaryDirectory() as scratch:
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(checkout), str(HERE)]),
            "XDG_CACHE_HOME": scratch,
        }
        environment.pop("JAX_COMPILATION_CACHE_DIR", None)
        if task not in COMMANDS:
            command = [sys.executable, __file__, "--worker", task, "--folder", str(folder)]
            done = subprocess.run(command, env=environment, capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(f"{task}: {done.stderr[-2000:]}")
            return json.loads(done.stdout.splitlines()[-1])
        cpu, wall = [], []
        for turn in range(2):
            places = {"CIFS": str(folder / "cifs"), "OUT": f"{scratch}/out{turn}"}
            words = [
                place if (place := places.get(w)) else w.replace("CIFS", places["CIFS"])
                for w in COMMANDS[task]
            ]
            begin, before = time.perf_counter(), children()
            done = subprocess.run(
                [sys.executable, "-m", "jaxtal", *words], env=environment, capture_output=True
            )
            if done.returncode:
                raise RuntimeError(f"{task}: {done.stderr[-2000:]}")
            wall.append(time.perf_counter() - begin)
            cpu.append(children() - before)
        return named(cpu, wall)


def children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def least(found):
    """The least time of each kind over all turns; what is no time is that of the first turn."""
    return {
        key: min(f[key] for f in found) if key.startswith(("first", "second")) else found[0][key]
        for key in found[0]
    }


def main():
    tasks = ["describe 20", "metric 20", "powder 257", "fingerprints 1285", *COMMANDS, "import"]
    tasks += ["growth", "margin"]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tasks", nargs="*", help=f"default all: {', '.join(tasks)}")
    parser.add_argument("--against", type=pathlib.Path, help="checkout of a former build")
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=pathlib.Path, help="where crystals are kept for later")
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(worker(options.worker, options.folder)))
        return
    builds = {"this": HERE.parent}
    if options.against:
        builds["former"] = options.against.resolve()
    peers = {"powder 257": "xrd-rust 257", "fingerprints 1285": "RINSE 1285"}
    rows = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = (options.folder or pathlib.Path(scratch)).resolve()
        if not (folder / "crystals.json").exists():
            folder.mkdir(exist_ok=True)
            written(folder)
        for task in options.tasks or tasks:
            found = {name: [] for name in builds}
            alone = task in ("growth", "margin")
            for _ in range(1 if alone else options.turns):
                for name, checkout in builds.items():
                    if task == "margin" and name != "this":
                        continue
                    found[name].append(one(task, checkout, folder))
            rows[task] = {name: least(times) for name, times in found.items() if times}
            if task in peers:
                other = peers[task]
                rows[task][other.split()[0]] = one(other, HERE.parent, folder)
            print(task, json.dumps(rows[task]), flush=True)
    versions = {}
    for package in ("jax", "jaxtal", "numpy", "rinse-descriptor", "xrd-rust"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    path = HERE / "results" / "cold.json"
    before = json.loads(path.read_text())["rows"] if path.exists() else {}
    result = {"rows": before | rows, "versions": versions, "cores": os.cpu_count()}
    path.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
