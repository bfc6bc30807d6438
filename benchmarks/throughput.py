"""Time per structure in batches: descriptor, gradient and metric beside other programs.

    pip install ".[bench]" && python benchmarks/throughput.py [--other PYTHON]

64 crystals, alpha-quartz as rattled and strained 2 x 2 x 2 cells of 72 atoms (no padding), float32,
q_max = 10 1/A, n_max = l_max = 10; the metric at its default settings. Ours run as
a plan does inside `jit` on a CPU, one crystal after another in one program, and with two threads
that take half a batch each; as they are called outside of it, `plan(crystals)`, where every core
takes its part, and `metric(crystals)`, which also plans by itself; gradients of
`PowerSpectrumLoss`, and of its two steps (`represent` and `between`); `powder_lines` (Cu K-alpha, 5
to 90 degrees). Peers of the descriptor: pyxtal's RECP, RINSE with its defaults, SOAP (r_cut 6,
n_max 8, l_max 6, averaged) of DScribe and of MDescriptor, on one core and on two, AMD (k = 100); of
powder lines: xrd-rust, BraggCalculator, midas-hkls. One that is not installed is left out; PYTHON
is another interpreter for BraggCalculator (`throughput_peer.py`), which refuses Python 3.11.

The first call of each is its cold one. Then turns alternate, warm, `block_until_ready`: medians and
best of all turns. Peak memory is that of the process after compilation and after the runs. All
pairs of 10^4 vectors at the end. The result goes to `results/throughput.json`.
"""

import argparse
import concurrent.futures
import functools
import importlib.metadata
import json
import os
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import report
from ase import Atoms

import jaxtal as jxt
from jaxtal.crystal import Crystal, CrystalBatch, host_crystal
from jaxtal.diffraction import PowderPattern, powder_lines
from jaxtal.losses import PowerSpectrumLoss

HERE = Path(__file__).parent
N = 64
TURNS = 7
#: Peers that take three turns.
SLOW = ("RECP", "powder lines, midas-hkls")


def crystals(rng):
    """Matrices, fractional coordinates and atomic numbers of the rattled cells."""
    quartz = host_crystal(jxt.prototype("alpha-quartz"))
    matrix = quartz.matrix
    shifts = np.stack(np.meshgrid(*[[0, 1]] * 3, indexing="ij"), -1).reshape(-1, 1, 3)
    frac = ((quartz.frac_coords + shifts) / 2).reshape(-1, 3)
    numbers = np.tile(quartz.atomic_numbers, 8)
    for _ in range(N):
        strained = 2 * matrix @ (np.eye(3) + 0.01 * rng.standard_normal((3, 3)))
        yield strained, frac + 0.005 * rng.standard_normal(frac.shape), numbers


def halves(batch):
    return [
        jax.tree.map(lambda x, part=part: x[part], batch)
        for part in (slice(0, N // 2), slice(N // 2, N))
    ]


def ours(cells):
    """Name -> function that treats all crystals once."""
    matrix, frac, numbers = (np.stack(x) for x in zip(*cells, strict=True))
    n_atoms = np.full(N, numbers.shape[1])
    batch = CrystalBatch.from_ragged(
        frac.reshape(-1, 3), numbers.ravel(), n_atoms, matrix, dtype="float32", pad_to=72
    )
    descriptor = jxt.Descriptor(10, 10, 10.0)
    plan = descriptor.plan(batch, max_stretch=1, reflections="found", max_species=2)
    metric = jxt.CrystalMetric()
    metric_plan = metric.plan(batch, max_stretch=1, max_species=2)
    loss = PowerSpectrumLoss(plan)
    target = loss.represent(batch)
    assert bool(jnp.all(target.complete))

    @eqx.filter_jit
    def forward(batch, plan):
        return plan(batch).power_spectrum

    def at_once(batch, target, loss):
        return loss(batch, target)[0]

    def in_two_steps(batch, target, loss):
        return loss.between(loss.represent(batch), target)[0]

    @eqx.filter_jit
    def gradient(losses, batch, target, loss):
        def total(smooth):
            moved = eqx.tree_at(lambda b: (b.matrix, b.frac_coords), batch, smooth)
            return jnp.sum(losses(moved, target, loss))

        return jax.value_and_grad(total)((1.01 * batch.matrix, batch.frac_coords))

    @eqx.filter_jit
    def fingerprints(batch, plan):
        return plan(batch).vector

    listed = [Crystal.from_arrays(m, x, z) for m, x, z in cells]
    pool = concurrent.futures.ThreadPoolExecutor(2)
    parts, targets = halves(batch), halves(target)

    def both(function, *arguments):
        def run(*one):
            return jax.block_until_ready(function(*one))

        return list(pool.map(run, *arguments))

    wait = jax.block_until_ready
    two = [plan] * 2
    return {
        "descriptor": lambda: wait(forward(batch, plan)),
        "descriptor, two threads": lambda: both(forward, parts, two),
        "plan(crystals)": lambda: wait(plan(batch)),
        "descriptor loss, with gradient": lambda: wait(gradient(at_once, batch, target, loss)),
        "descriptor loss, with gradient, two threads": lambda: both(
            gradient, [at_once] * 2, parts, targets, [loss] * 2
        ),
        "descriptor loss in two steps, with gradient": lambda: wait(
            gradient(in_two_steps, batch, target, loss)
        ),
        "metric": lambda: wait(fingerprints(batch, metric_plan)),
        "metric, two threads": lambda: both(fingerprints, parts, [metric_plan] * 2),
        "metric(crystals)": lambda: metric(batch),
        "powder lines": lambda: [powder_lines(one, PowderPattern()) for one in listed],
    }


def peers(cells):
    """Likewise; each with the number of crystals that it treats."""
    found = {}
    for make in (dscribe, mdescriptor, recp, average_minimum_distances, xrd_rust, midas):
        try:
            found |= make(cells)
        except ImportError as error:
            print(f"left out: {error}")
    return found


def ase_atoms(cells):
    return [Atoms(z, cell=m, scaled_positions=x, pbc=True) for m, x, z in cells]


def pymatgen_structures(cells):
    from pymatgen.core import Structure

    return [Structure(m, z, x) for m, x, z in cells]


def dscribe(cells):
    from dscribe.descriptors import SOAP

    atoms = ase_atoms(cells)
    soap = SOAP(species=["Si", "O"], r_cut=6, n_max=8, l_max=6, periodic=True, average="inner")
    return {
        "SOAP": (lambda: soap.create(atoms), N),
        "SOAP, two processes": (lambda: soap.create(atoms, n_jobs=2), N),
    }


def mdescriptor(cells):
    from mdescriptor import ExecutionOptions
    from mdescriptor.descriptors import SOAP

    atoms = ase_atoms(cells)

    def soap(threads):
        settings = {"species": [8, 14], "r_cut": 6.0, "n_max": 8, "l_max": 6, "average": "inner"}
        made = SOAP(**settings, execution=ExecutionOptions(num_threads=threads))
        return lambda: made.compute(atoms)

    return {
        "SOAP, MDescriptor": (soap(1), N),
        "SOAP, MDescriptor, two threads": (soap(2), N),
    }


def recp(cells):
    from pyxtal.reciprocal import RECP

    atoms = ase_atoms(cells[:4])
    made = RECP(dmax=10.0, nmax=10, lmax=10, rbasis="bessel")
    return {"RECP": (lambda: [made.compute(one) for one in atoms], 4)}


def average_minimum_distances(cells):
    import amd

    sets = [amd.PeriodicSet(one.positions, one.cell[:]) for one in ase_atoms(cells)]
    return {"AMD": (lambda: [amd.AMD(one, 100) for one in sets], N)}


def xrd_rust(cells):
    from xrd_rust_calculator import XRDCalculatorRust

    calculator = XRDCalculatorRust(wavelength="CuKa", symprec=0)
    structures = pymatgen_structures(cells)
    run = functools.partial(calculator.get_pattern, two_theta_range=(5, 90))
    return {"powder lines, xrd-rust": (lambda: [run(one) for one in structures], N)}


def midas(cells):
    import torch  # noqa: F401
    from ase.cell import Cell
    from ase.data import chemical_symbols
    from midas_hkls import Atom, Crystal, Lattice, SpaceGroup, generate_hkls, intensity_from_crystal

    made = []
    for matrix, frac, numbers in cells[:4]:
        atoms = [
            Atom(chemical_symbols[z], tuple(float(v) for v in x))
            for z, x in zip(numbers, frac, strict=True)
        ]
        lattice = Lattice(*Cell(matrix).cellpar())
        made.append(Crystal(lattice, SpaceGroup.from_number(1), atoms))

    def run():
        for one in made:
            reach = {"wavelength_A": 1.5406, "two_theta_max_deg": 90.0}
            lines = generate_hkls(one.space_group, one.lattice, **reach)
            intensity_from_crystal(one.to_torch(), lines, wavelength_A=1.5406)

    return {"powder lines, midas-hkls": (run, 4)}


def by_itself(python, name, cells):
    """Milliseconds a structure of each turn, the first one cold, and the version."""
    listed = json.dumps([[np.asarray(x).tolist() for x in cell] for cell in cells])
    command = [python, str(HERE / "throughput_peer.py"), name, str(TURNS + 1)]
    done = subprocess.run(command, input=listed, capture_output=True, text=True)
    if done.returncode:
        print(f"left out: {name}: {(done.stderr.splitlines() or ['crashed'])[-1]}")
        return None, None
    times, version = json.loads(done.stdout.splitlines()[-1])
    return [1e3 * t / N for t in times], version


def peak():
    """Largest memory of this process so far, GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def all_pairs(n, rng):
    vectors = rng.standard_normal((n, 300)).astype(np.float32)
    jxt.metric.all_pairs.nearest(vectors[:2000], vectors[:2000], k=10, skip_self=True)
    before, begin = peak(), time.perf_counter()
    jxt.metric.all_pairs.nearest(vectors, vectors, k=10, skip_self=True)
    return {
        "n": n,
        "seconds": time.perf_counter() - begin,
        "peak_gib": peak(),
        "before_gib": before,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--other", default=sys.executable, help="Python for BraggCalculator")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    cells = list(crystals(rng))
    table, first_s, start = {}, {}, peak()

    def called(name, function):
        begin = time.perf_counter()
        function()
        first_s[name] = time.perf_counter() - begin

    for name, function in ours(cells).items():
        called(name, function)
        table[name] = (function, N)
    compiled = peak()
    for function, _ in table.values():
        function()
    memory = {"before_gib": start, "compiled_gib": compiled, "after_gib": peak()}
    for name, (function, n) in peers(cells).items():
        called(name, function)
        table[name] = (function, n)
    times = {name: [] for name in table}
    for turn in range(TURNS):
        for name, (function, n) in table.items():
            if name in SLOW and turn > 2:
                continue
            begin = time.perf_counter()
            function()
            times[name].append(1e3 * (time.perf_counter() - begin) / n)
    versions = {}
    for python, name, row in (
        (sys.executable, "RINSE", "RINSE"),
        (options.other, "BraggCalculator", "powder lines, BraggCalculator"),
    ):
        found, versions[name] = by_itself(python, name, cells)
        if found:
            first_s[row], times[row] = 1e-3 * N * found[0], found[1:]
    rows = {
        name: {"median_ms": float(np.median(t)), "best_ms": min(t)} for name, t in times.items()
    }
    for name, row in rows.items():
        print(f"{name:44s}{row['median_ms']:9.3f}{row['best_ms']:9.3f} ms a structure")
    packages = ("jax", "jaxtal", "dscribe", "mdescriptor", "pyxtal")
    packages += ("average-minimum-distance", "xrd-rust", "midas-hkls")
    for package in packages:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = None
    result = {
        "rows": rows,
        "first_call_s": first_s,
        "memory": memory,
        "all_pairs": all_pairs(10_000, rng),
        "versions": versions,
        "device": str(jax.devices()[0]),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
    }
    print(json.dumps({k: result[k] for k in ("memory", "all_pairs")}))
    (HERE / "results" / "throughput.json").write_text(json.dumps(result, indent=1) + "\n")
    report.write()


if __name__ == "__main__":
    main()
