"""Phasing beside cctbx's charge flipping and grok-phase-solver: the same data, the same run.

    JAXTAL_DATA=... python benchmarks/solving_peers.py PYTHON [--grok PYTHON] [--sets NAME ...]

PYTHON is the interpreter of an environment with `cctbx-base`, `--grok` that of one with
`grok-phase-solver`; each runs in processes of its own. Both are given the space group; `jxt.solve`
is not. cctbx phases to 0.8 A with its own defaults, grok-phase-solver by its method "auto" from
separated columns; three seeds of the one, one of the other. *Right*: 95 % of the reference's atoms
but hydrogen have a peak (of ours, an atom of the refined model) within 0.3 A, over origins and
hands, among 1.3 times as many peaks as there are atoms.

A cycle is one application of the algorithm to all points of the grid that each program chooses:
ours relaxed reflections on a grid without aliases, in P1 as theirs, one start for each core.
"""

import argparse
import csv
import importlib.metadata
import json
import os
import resource
import subprocess
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import report
from solving import ENOUGH, every, reference, share_found

import jaxtal as jxt
from jaxtal.reflections import DataReport
from jaxtal.solution import LADDER, phase_in_p1
from jaxtal.solution._phase_in_p1 import free_relax, free_start

HERE = Path(__file__).parent
RESULT = HERE / "results" / "solving_peers.json"
SETS = (
    *("ylid", "sucrose", "s2dipyridyl", "c18h19no4_106c", "c26h33no3si_051a", "thpp"),
    *("large_p31c", "ws_llewellyn", "zngapo"),
)
CYCLES, SEEDS, STARTS = 300, (0, 1, 2), 4


def children() -> float:
    """CPU seconds of all processes that this one has started."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def judged(folder: Path, known: dict[str, Any], peaks: Any) -> float:
    """Share of the reference's atoms that have a peak."""
    if not len(peaks):
        return 0.0
    _, x = reference(folder)
    group = jxt.SpaceGroup.find(known["space_group"])
    space = jxt.Superspace.periodic(known["cell"])
    matrix = 2 * np.pi * np.linalg.inv(space.parallel).T
    model = every(group, np.asarray(peaks, float), matrix)
    return share_found(every(group, x, matrix), model, matrix, space)


def own_cycle(data: Any) -> dict[str, float]:
    """Seconds of a cycle of as many starts as there are cores, divided by the starts."""
    import concurrent.futures

    cores = len(os.sched_getaffinity(0))
    keys = [jax.random.key(i) for i in range(cores)]
    starts = [free_start(data, key) for key in keys]
    beta, support, cycles = jnp.float32(0.5), jnp.float32(0.1), jnp.int32(CYCLES)

    def run(x: Any) -> Any:
        return jax.block_until_ready(free_relax(data, x, beta, support, cycles, False))

    run(starts[0])
    with concurrent.futures.ThreadPoolExecutor(cores) as pool:
        begin, cpu = time.perf_counter(), time.process_time()
        list(pool.map(run, starts))
    return {
        "points": int(np.prod(data.moduli)),
        "wall": (time.perf_counter() - begin) / CYCLES / cores,
        "cpu": (time.process_time() - cpu) / CYCLES / cores,
    }


def own(folder: Path, known: dict[str, Any], table: Any) -> dict[str, Any]:
    """Phases of four starts, compiled and again, a cycle, and a whole solution."""
    from jaxtal.solution import _phase_in_p1

    data = DataReport.of(table).reflections
    times = []
    kept = []
    build = _phase_in_p1.FreeAmplitudes.build
    _phase_in_p1.FreeAmplitudes.build = lambda *a, **k: kept.append(build(*a, **k)) or kept[-1]
    try:
        for _ in range(2):
            begin, cpu = time.perf_counter(), time.process_time()
            found = phase_in_p1(data, starts=STARTS, ladder=LADDER)
            times.append([time.perf_counter() - begin, time.process_time() - cpu])
    finally:
        _phase_in_p1.FreeAmplitudes.build = build
    begin = time.process_time()
    whole = jxt.solve(table, known["composition"].split("(")[0], seed=0)
    spent = time.process_time() - begin
    share = 0.0
    if whole.refinement is not None:
        model = whole.refinement.model
        inverse = np.linalg.inv(np.asarray(whole.report.laue.index_matrix, float))
        heavy = model.atomic_numbers > 1
        share = judged(folder, known, model.frac[heavy] @ inverse.T)
    return {
        "cycle": own_cycle(kept[0]),
        "starts": STARTS,
        "rung": found.rung.text(),
        "agree": bool(found.agrees),
        "first": times[0],
        "second": times[1],
        "solve": spent,
        "claimed": whole.solved,
        "share": share,
    }


def cctbx(python: str, folder: Path, known: dict[str, Any], table: Any) -> dict[str, Any]:
    """Charge flipping in a process of its own."""
    _, x = reference(folder)
    group = jxt.SpaceGroup.find(known["space_group"])
    job = {
        "cell": known["cell"],
        "operations": [op.to_xyz() for op in group.operations],
        "hkl": np.asarray(table.indices).tolist(),
        "intensity": np.asarray(table.intensity, float).tolist(),
        "sigma": np.asarray(table.sigma, float).tolist(),
        "d_min": 0.8,
        "cycles": 200,
        "seeds": SEEDS,
        "atoms": int(1.3 * len(x)) + 1,
    }
    with tempfile.TemporaryDirectory() as scratch:
        given = Path(scratch, "job.json")
        given.write_text(json.dumps(job))
        command = [python, HERE / "solving_peer.py", given]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return {"error": done.stderr[-400:]}
    found = json.loads(done.stdout.splitlines()[-1])
    for run in found["runs"]:
        run["share"] = judged(folder, known, run.pop("peaks"))
    return found


def grok(python: str, folder: Path, known: dict[str, Any], table: Any) -> dict[str, Any]:
    """grok-phase-solver, from separated columns; its peaks are those of the whole cell."""
    _, x = reference(folder)
    group = jxt.SpaceGroup.find(known["space_group"])
    space = jxt.Superspace.periodic(known["cell"])
    atoms = len(every(group, x, 2 * np.pi * np.linalg.inv(space.parallel).T))
    rows = zip(table.indices, table.intensity, table.sigma, strict=True)
    with tempfile.TemporaryDirectory() as scratch:
        hkl, out = Path(scratch, "data.hkl"), Path(scratch, "out")
        lines = [f"{h} {k} {l} {i:.3f} {max(s, 1e-3):.3f}" for (h, k, l), i, s in rows]
        hkl.write_text("\n".join(lines) + "\n")
        command = [Path(python).parent / "gps-solve", "--hkl", hkl, "--out", out, "--quiet"]
        command += ["--cell", ",".join(map(str, known["cell"])), "--seed", "0"]
        command += ["--sg", known["space_group"], "--n-peaks", str(int(1.3 * atoms))]
        cpu = children()
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        found: dict[str, Any] = {"cpu": children() - cpu}
        if done.returncode:
            return found | {"error": (done.stdout + done.stderr)[-300:]}
        peaks = []
        with Path(out, "peaks.csv").open() as file:
            peaks = [[float(row[f"{a}_frac"]) for a in "xyz"] for row in csv.DictReader(file)]
        return found | {"share": judged(folder, known, peaks), "peaks": len(peaks)}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("python")
    parser.add_argument("--grok", default="")
    parser.add_argument("--sets", nargs="*", default=SETS)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    home = Path(os.environ["JAXTAL_DATA"]) / "reflections"
    result: dict[str, Any] = json.loads(RESULT.read_text()) if RESULT.exists() else {"rows": {}}
    versions = {name: importlib.metadata.version(name) for name in ("jax", "jaxtal")}
    result |= {"cores": os.cpu_count(), "versions": versions, "enough": ENOUGH}
    for name in options.sets:
        folder = home / name
        known = json.loads((folder / "meta.json").read_text())
        stated = {key: known[key] for key in ("cell", "wavelength", "radiation")}
        table = jxt.io.read_reflection_table(folder / "data.hkl").stating(**stated)
        row = {"cctbx": cctbx(options.python, folder, known, table)}
        row["own"] = own(folder, known, table)
        if options.grok:
            row["grok"] = grok(options.grok, folder, known, table)
        result["rows"][name] = row
        RESULT.write_text(json.dumps(result, indent=1) + "\n")
        print(name, json.dumps(row), flush=True)
    report.write()


if __name__ == "__main__":
    main()
