"""One cycle of full-matrix least squares, and its uncertainties, beside smtbx and edref.

    JAXTAL_DATA=... python benchmarks/refinement.py --peers PYTHON [SECTION ...]

PYTHON is the interpreter of an environment with `cctbx-base` and `edref`, which runs in processes
of its own (`refinement_peer.py`). Sections: `sets` (measured sets of JAXTAL_DATA: the same
anisotropic model without hydrogen atoms, weights a = 0.1, in both programs: time of a cycle, R1,
parameters in standard uncertainties, ratio of these), `sizes` (model crystals in P 21/c of 30, 80,
160 atoms, and 300 for memory). Results go to `results/refinement.json`.
"""

import argparse
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np

HERE = pathlib.Path(__file__).parent
RESULTS = HERE / "results" / "refinement.json"
SETS = ("ylid", "sucrose", "s2dipyridyl", "c26h33no3si_051a", "c18h19no4_106c")


def model_crystal(n, d_min=0.84, seed=0):
    """Random carbon, nitrogen and oxygen atoms in P 21/c, no closer than 1.3 A, and intensities."""
    from jaxtal.refinement import Measurements, Model
    from jaxtal.refinement._least_squares import Problem

    rng = np.random.default_rng(seed)
    side = (18.0 * 4 * n) ** (1 / 3)
    cell = (side * 0.9, side, side * 1.12, 90, 97, 90)
    species = [("C", "N", "O")[i % 3] for i in range(n)]
    frac = rng.random((n, 3))
    model = Model.build(cell, "P 21/c", species, frac, u_iso=0.03).with_tensors()
    limit = np.floor(np.array(cell[:3]) / d_min).astype(int)
    axes = [np.arange(-m, m + 1) for m in limit]
    hkl = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    ones = np.ones(len(hkl))
    data = Measurements.from_arrays(cell, "P 21/c", hkl, ones, ones, d_min=d_min, friedel=True)
    exact = Problem(data).calculate(model.replace(scale=1.0)).intensity
    sigma = 0.03 * exact + 0.02 * exact.mean()
    noisy = exact + sigma * rng.normal(size=len(exact))
    arrays = (data.hkl, noisy, sigma)
    return Measurements.from_arrays(cell, "P 21/c", *arrays, friedel=True), model


def peer_job(measured, model, cycles):
    """What the peer's process reads."""
    from jaxtal.lattice import matrix_to_cell
    from jaxtal.refinement._sum_tables import dispersion

    xray = measured.radiation == "xray"
    f = [dispersion(s, measured.wavelength) if xray else 0j for s in model.species]
    rows, columns = (0, 1, 2, 0, 0, 1), (0, 1, 2, 1, 2, 2)
    return {
        "operations": [op.to_xyz() for op in model.group.operations],
        "cell": list(map(float, matrix_to_cell(model.matrix))),
        "atoms": [
            {
                "label": label,
                "element": model.species[i],
                "site": model.frac[i].tolist(),
                "u": model.u_aniso[i][rows, columns].tolist(),
                "occupancy": float(model.occupancies[i]),
                "fp": complex(f[i]).real,
                "fdp": complex(f[i]).imag,
            }
            for i, label in enumerate(model.labels)
        ],
        "hkl": measured.hkl.tolist(),
        "intensity": measured.intensity.tolist(),
        "sigma": measured.sigma.tolist(),
        "weights": list(model.weights),
        "cycles": cycles,
    }


def smtbx(python, job):
    """Cycles of smtbx in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        given, found = pathlib.Path(folder, "job.json"), pathlib.Path(folder, "found.json")
        given.write_text(json.dumps(job))
        script = HERE / "refinement_peer.py"
        done = subprocess.run([python, script, given, found], capture_output=True, text=True)
        if done.returncode:
            return {"error": done.stderr[-400:]}
        return json.loads(found.read_text())


def children():
    """CPU seconds of all processes that this one has started."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def edref(python, found, cycles=(2, 8)):
    """CPU seconds of a cycle of edref: the difference of two runs."""
    from jaxtal.io.refinement._res import res_text

    program = pathlib.Path(python).parent / "edref"
    measured, times = found.measured, []
    scale = 90_000.0 / float(measured.intensity.max())
    rows = zip(measured.hkl, measured.intensity * scale, measured.sigma * scale, strict=True)
    lines = [
        f"{h:4d}{k:4d}{l:4d} {f'{i:.4f}'[:7]:>7} {f'{max(s, 1e-3):.4f}'[:7]:>7}"
        for (h, k, l), i, s in rows
    ]
    for n in cycles:
        with tempfile.TemporaryDirectory() as folder:
            base = pathlib.Path(folder, "job")
            base.with_suffix(".ins").write_text(res_text(found, "job"))
            base.with_suffix(".hkl").write_text("\n".join([*lines, "   0   0   0", ""]))
            command = [program, "-e", "-n", str(n), "-b", str(n), "--no-plot"]
            command += ["--no-output", "--no-fcf", "--no-hkl", "--fix-weights", "--no-rigu"]
            start = children()
            command.append(base.with_suffix(".ins"))
            done = subprocess.run(command, capture_output=True, text=True)
            times.append(children() - start)
            if done.returncode:
                return {"error": (done.stdout + done.stderr)[-400:]}
            told = done.stdout.split("Refl=")[-1].split(")")[0]
    return {"told": told, "cycle": (times[1] - times[0]) / (cycles[1] - cycles[0]), "runs": times}


def own_cycle(measured, model, repeats=5):
    """Seconds of a cycle: normal equations, shifts, and uncertainties, which tell its size.

    "cold": the first of a process; "warm" and "cpu" of later ones, in single precision, as they are
    until the fit stands; "double": CPU seconds of the last one.
    """
    from jaxtal._core import few_threads
    from jaxtal.refinement._inverse import Inverse
    from jaxtal.refinement._least_squares import Problem
    from jaxtal.refinement._normal_equations import normal_equations
    from jaxtal.refinement._parameters import Parameters

    start = time.perf_counter()
    problem = Problem(measured)
    model = problem.scaled(model)
    free = Parameters.of(model)
    times, cpu = [], {np.float32: [], np.float64: []}
    for dtype in (np.float32, np.float64):
        for _ in range(repeats):
            begun = time.process_time()
            with few_threads():
                normal = normal_equations(problem, model, free, dtype)
                inverse = Inverse(normal.matrix, 1e-9)
                inverse.diagonal()
                free.shifted(model, 0.0 * inverse.solve(normal.gradient))
            if dtype is np.float32:
                times.append(time.perf_counter() - start)
            cpu[dtype].append(time.process_time() - begun)
            start = time.perf_counter()
    return {
        "cold": times[0],
        "warm": float(np.median(times[1:])),
        "cpu": float(np.median(cpu[np.float32][1:])),
        "double": float(np.median(cpu[np.float64])),
        "parameters": free.count,
    }


def compared(found, peer):
    """Differences of parameters in standard uncertainties, and ratios of these."""
    model, esds = found.model, found.esds
    rows, columns = (0, 1, 2, 0, 0, 1), (0, 1, 2, 1, 2, 2)
    shift = np.abs(model.frac - np.array(peer["xyz"]))
    error = esds["frac"]
    moved = error > 0
    shift_u = np.abs(model.u_aniso[:, rows, columns] - np.array(peer["u"]))
    error_u = esds["u_aniso"][:, rows, columns]
    moved_u = error_u > 0
    ratios = []
    for i, label in enumerate(model.labels):
        for axis, name in enumerate("xyz"):
            other = peer["errors"].get(f"{label}.{name}")
            if other and error[i, axis] > 0:
                ratios.append(error[i, axis] / other)
    return {
        "xyz_in_su": float((shift[moved] / error[moved]).max()),
        "u_in_su": float((shift_u[moved_u] / error_u[moved_u]).max()),
        "su_ratio": [float(v) for v in np.percentile(ratios, [0, 50, 100])] if ratios else None,
    }


def sets(python):
    """The measured sets."""
    sys.path.insert(0, str(HERE.parent / "tests" / "refinement"))
    from published import measurements, reference

    from jaxtal.refinement import refine

    out = {}
    for name in SETS:
        folder = pathlib.Path(os.environ["JAXTAL_DATA"], "reflections", name)
        measured = measurements(folder)
        model = reference(folder)[0].without_hydrogens().with_tensors()
        model = model.replace(weights=(0.1, 0.0))
        time_own = own_cycle(measured, model)
        start = time.perf_counter()
        found = refine(measured, model, cycles=15, tolerance=1e-3)
        whole = time.perf_counter() - start
        row = {"reflections": len(measured), "own": time_own, "refine": whole, "r1": found.R1}
        peer = smtbx(python, peer_job(measured, model, 10))
        if "error" not in peer:
            row["smtbx"] = float(np.median(peer["times"]))
            row["smtbx_cpu"] = float(np.median(peer["cpu"]))
            row["smtbx_r1"], row["agreement"] = peer["r1"], compared(found, peer)
        else:
            row["smtbx_error"] = peer["error"]
        out[name] = row
        print(name, json.dumps(row), flush=True)
    return out


def sizes(python):
    """Model crystals of several sizes."""
    from jaxtal.refinement import refine

    out = {}
    for n, d_min in ((30, 0.84), (80, 0.84), (160, 0.84), (300, 1.04)):
        measured, model = model_crystal(n, d_min)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        row = {"reflections": len(measured), "own": own_cycle(measured, model, 3)}
        row["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        row["peak_mb_before"] = before / 1024
        if n <= 160:
            peer = smtbx(python, peer_job(measured, model, 2))
            row["smtbx"] = float(np.min(peer["times"])) if "error" not in peer else peer["error"]
            row["smtbx_cpu"] = float(np.min(peer.get("cpu", [np.nan])))
            found = refine(measured, model, cycles=1)
            row["edref"] = edref(python, found)
        out[str(n)] = row
        print(n, json.dumps(row), flush=True)
    return out


def main():
    """Run sections and keep their results."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers", required=True)
    parser.add_argument("sections", nargs="*", default=["sets", "sizes"])
    given = parser.parse_args()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for section in given.sections:
        results[section] = {"sets": sets, "sizes": sizes}[section](given.peers)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
